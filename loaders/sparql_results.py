"""The forms of a SPARQL answer: which media types there are, and how rows are written in them, one at a time.

Sources: SPARQL 1.2 Query Results JSON, SPARQL 1.2 Query Results XML, SPARQL 1.1 Query Results CSV and TSV; a triple
term is written as they say. The engine has writers too, but they take all rows of an answer at once, so that nothing
could count them, and they write characters that no XML may hold. Imports nothing of ours: the query processes start
with it.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from json.encoder import encode_basestring as json_text
from typing import Any

from pyoxigraph import BlankNode, NamedNode, RdfFormat, Triple

Writer = Callable[[list[str], Iterable[Any]], Iterator[str]]

_XSD = "http://www.w3.org/2001/XMLSchema#"
_STRING = _XSD + "string"
_BARE = {  # literals that TSV may write without quotes
    _XSD + "integer": re.compile(r"[+-]?\d+"),
    _XSD + "decimal": re.compile(r"[+-]?\d*\.\d+"),
    _XSD + "double": re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)[eE][+-]?\d+"),
}
_XML_SPECIAL = re.compile(r'[&<>"\r\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]')
_XML_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "\r": "&#xD;"}
_CSV_SPECIAL = re.compile(r'[",\r\n]')


def json_rows(names: list[str], rows: Iterable[Any]) -> Iterator[str]:
    """SPARQL Query Results JSON."""
    keys = [json_text(name) + ":" for name in names]
    yield f'{{"head":{{"vars":[{",".join(map(json_text, names))}]}},"results":{{"bindings":['
    comma = ""
    for row in rows:
        bound = [key + json_term(value) for key, value in zip(keys, row, strict=True) if value is not None]
        yield f"{comma}{{{','.join(bound)}}}"
        comma = ",\n"
    yield "]}}"


def json_term(value: Any) -> str:
    """A term as a JSON object."""
    if isinstance(value, NamedNode):
        return f'{{"type":"uri","value":{json_text(value.value)}}}'
    if isinstance(value, BlankNode):
        return f'{{"type":"bnode","value":{json_text(value.value)}}}'
    if isinstance(value, Triple):
        s, p, o = map(json_term, value)
        return f'{{"type":"triple","value":{{"subject":{s},"predicate":{p},"object":{o}}}}}'
    if value.language:
        return f'{{"type":"literal","value":{json_text(value.value)},"xml:lang":{json_text(value.language)}}}'
    if (kind := value.datatype.value) != _STRING:
        return f'{{"type":"literal","value":{json_text(value.value)},"datatype":{json_text(kind)}}}'
    return f'{{"type":"literal","value":{json_text(value.value)}}}'


def xml_rows(names: list[str], rows: Iterable[Any]) -> Iterator[str]:
    """SPARQL Query Results XML."""
    head = "".join(f'<variable name="{xml_text(name)}"/>' for name in names)
    yield f'<?xml version="1.0"?>\n<sparql xmlns="{_SPARQL_XML}"><head>{head}</head><results>\n'
    tags = [f'<binding name="{xml_text(name)}">' for name in names]
    for row in rows:
        bound = [f"{tag}{xml_term(v)}</binding>" for tag, v in zip(tags, row, strict=True) if v is not None]
        yield f"<result>{''.join(bound)}</result>\n"
    yield "</results></sparql>"


def xml_term(value: Any) -> str:
    """A term as an XML element."""
    if isinstance(value, NamedNode):
        return f"<uri>{xml_text(value.value)}</uri>"
    if isinstance(value, BlankNode):
        return f"<bnode>{xml_text(value.value)}</bnode>"
    if isinstance(value, Triple):
        s, p, o = map(xml_term, value)
        return f"<triple><subject>{s}</subject><predicate>{p}</predicate><object>{o}</object></triple>"
    if value.language:
        return f'<literal xml:lang="{xml_text(value.language)}">{xml_text(value.value)}</literal>'
    if (kind := value.datatype.value) != _STRING:
        return f'<literal datatype="{xml_text(kind)}">{xml_text(value.value)}</literal>'
    return f"<literal>{xml_text(value.value)}</literal>"


def xml_text(text: str) -> str:
    """The text in XML 1.0; what that cannot hold (control characters, U+FFFE) becomes U+FFFD."""
    return _XML_SPECIAL.sub(lambda m: _XML_ENTITIES.get(m[0], "\ufffd"), text)


def csv_rows(names: list[str], rows: Iterable[Any]) -> Iterator[str]:
    """SPARQL Query Results CSV: values alone, without their kinds."""
    yield ",".join(names) + "\r\n"
    for row in rows:
        yield ",".join(["" if value is None else csv_term(value) for value in row]) + "\r\n"


def csv_term(value: Any) -> str:
    """The value of a term, in quotes where CSV asks for them."""
    text = str(value) if isinstance(value, BlankNode | Triple) else value.value
    return '"' + text.replace('"', '""') + '"' if _CSV_SPECIAL.search(text) else text


def tsv_rows(names: list[str], rows: Iterable[Any]) -> Iterator[str]:
    """SPARQL Query Results TSV: terms as in Turtle."""
    yield "\t".join(f"?{name}" for name in names) + "\n"
    for row in rows:
        yield "\t".join(["" if value is None else tsv_term(value) for value in row]) + "\n"


def tsv_term(value: Any) -> str:
    """A term in Turtle."""
    if not isinstance(value, NamedNode | BlankNode | Triple):
        bare = _BARE.get(value.datatype.value)
        if bare and bare.fullmatch(value.value):
            return str(value.value)
    return str(value)


def plain_xml(triples: Iterable[Triple]) -> Iterator[Triple]:
    """The triples with texts that XML can hold, as `xml_text`."""
    for triple in triples:
        value = triple.object
        if isinstance(value, NamedNode | BlankNode | Triple) or not _UNFIT.search(value.value):
            yield triple
            continue
        text = _UNFIT.sub("\ufffd", value.value)
        kind = {"language": value.language} if value.language else {"datatype": value.datatype}
        yield Triple(triple.subject, triple.predicate, type(value)(text, **kind))


_SPARQL_XML = "http://www.w3.org/2005/sparql-results#"
_UNFIT = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
_JSON_BOOLEAN = '{{"head":{{}},"boolean":{0}}}'
_XML_BOOLEAN = f'<?xml version="1.0"?>\n<sparql xmlns="{_SPARQL_XML}"><head/><boolean>{{0}}</boolean></sparql>'

# The media types in which rows are written, and how a yes or no is written in them; the preferred ones first.
ROWS: dict[str, tuple[Writer, str]] = {
    "application/sparql-results+json": (json_rows, _JSON_BOOLEAN),
    "application/sparql-results+xml": (xml_rows, _XML_BOOLEAN),
    "text/csv": (csv_rows, "{0}\r\n"),
    "text/tab-separated-values": (tsv_rows, "{0}\n"),
    "application/json": (json_rows, _JSON_BOOLEAN),
    "application/xml": (xml_rows, _XML_BOOLEAN),
    "text/xml": (xml_rows, _XML_BOOLEAN),
}
# The media types in which triples are written, likewise. JSON-LD in its streaming form: the other needs all at once.
GRAPHS: dict[str, RdfFormat] = {
    "text/turtle": RdfFormat.TURTLE,
    "application/n-triples": RdfFormat.N_TRIPLES,
    "application/ld+json": RdfFormat.STREAMING_JSON_LD,
    "application/rdf+xml": RdfFormat.RDF_XML,
    "application/json": RdfFormat.STREAMING_JSON_LD,
    "application/xml": RdfFormat.RDF_XML,
    "text/xml": RdfFormat.RDF_XML,
    "text/plain": RdfFormat.N_TRIPLES,
}
_ALIASES = ("application/json", "application/xml", "text/xml", "text/plain")
FORMS = (*(form for table in (ROWS, GRAPHS) for form in table if form not in _ALIASES), *_ALIASES)
