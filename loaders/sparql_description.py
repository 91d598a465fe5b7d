"""What a SPARQL endpoint says of itself, as RDF: Service Description, VoID, and its example queries in SHACL.

Sources: SPARQL 1.1 Service Description; Describing Linked Datasets with the VoID Vocabulary; SHACL, section 5.2.1, with
the classes sh:SPARQLSelectExecutable and others and schema:target, as the collections of examples of the SIB have them.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import quote

from pyoxigraph import BlankNode, Literal, NamedNode, RdfFormat, Triple, parse, serialize

from kg.protocols import SparqlRequest, SparqlStore
from loaders.sparql_results import GRAPHS
from loaders.vocabulary import NS, PREFIXES, TYPE

_PREFIXES = PREFIXES | {
    "sd": "http://www.w3.org/ns/sparql-service-description#", "void": "http://rdfs.org/ns/void#",
    "sh": "http://www.w3.org/ns/shacl#", "dct": "http://purl.org/dc/terms/", "schema": "https://schema.org/",
    "formats": "http://www.w3.org/ns/formats/",
}
_FORMATS = (
    "SPARQL_Results_JSON", "SPARQL_Results_XML", "SPARQL_Results_CSV", "SPARQL_Results_TSV", "Turtle", "N-Triples",
    "JSON-LD", "RDF_XML",
)
_LANGUAGES = ("sd:SPARQL10Query", "sd:SPARQL11Query")
_GRAPH_SIZES = """PREFIX void: <http://rdfs.org/ns/void#>
SELECT ?graph (SAMPLE(?size) AS ?triples) { GRAPH ?graph {} OPTIONAL { GRAPH ?graph { ?graph void:triples ?size } } }
GROUP BY ?graph ORDER BY ?graph"""
_DATA_SETS = """PREFIX void: <http://rdfs.org/ns/void#>
CONSTRUCT { ?set ?property ?value } { ?set a void:Dataset ; ?property ?value }"""
_MOST_GRAPHS = 10_000
_MOST_BYTES = 10_000_000
_VERB = re.compile(r"#[^\n]*|<[^>\s]*>|\b(?P<verb>SELECT|ASK|CONSTRUCT|DESCRIBE)\b", re.IGNORECASE)


def _term(name: str) -> NamedNode:
    prefix, _, local = name.partition(":")
    return NamedNode(_PREFIXES[prefix] + local)


_TITLE = _term("dct:title")


@dataclass(frozen=True, slots=True)
class Service:
    """An endpoint: its IRI, its named graphs with their numbers of triples where known, and its example queries."""

    endpoint: str
    graphs: Mapping[str, int | None]
    data_sets: Sequence[Triple]
    federated: bool

    @classmethod
    def of(cls, store: SparqlStore, endpoint: str, timeout: float) -> "Service":
        """The service that a store gives at `endpoint`. Raises StoreError, QueryTimeoutError."""
        sizes = store.query(_GRAPH_SIZES, timeout=timeout, limit=_MOST_GRAPHS).rows
        request = SparqlRequest(_DATA_SETS, ["application/n-triples"])
        document = store.document(request, timeout, _MOST_GRAPHS * 100, _MOST_BYTES)
        try:
            data = b"".join(document.chunks())
        finally:
            document.close()
        sets = [quad.triple for quad in parse(data, format=RdfFormat.N_TRIPLES)]
        return cls(endpoint, dict(sizes), sets, bool(store.services))

    @property
    def root(self) -> str:
        """The IRI of the server."""
        return self.endpoint.removesuffix("/sparql")


@dataclass(frozen=True, slots=True)
class Example:
    """A query with its name, the question that it answers, and a word about it."""

    name: str
    question: str
    keyword: str
    text: str


def description(service: Service) -> Iterator[Triple]:
    """The Service Description: what the endpoint can do, and its graphs.

    The default graph holds what the named graphs hold together.
    """
    me, data_set, default = NamedNode(service.endpoint), BlankNode(), BlankNode()
    yield Triple(me, TYPE, _term("sd:Service"))
    yield Triple(me, _term("sd:endpoint"), me)
    yield Triple(me, _TITLE, Literal("distilkg", language="en"))
    for language in _LANGUAGES:
        yield Triple(me, _term("sd:supportedLanguage"), _term(language))
    for name in _FORMATS:
        yield Triple(me, _term("sd:resultFormat"), _term(f"formats:{name}"))
    yield Triple(me, _term("sd:feature"), _term("sd:UnionDefaultGraph"))
    if service.federated:
        yield Triple(me, _term("sd:feature"), _term("sd:BasicFederatedQuery"))
    yield Triple(me, _term("sd:defaultEntailmentRegime"), NamedNode("http://www.w3.org/ns/entailment/Simple"))
    yield Triple(me, _term("sd:defaultDataset"), data_set)
    yield Triple(data_set, TYPE, _term("sd:Dataset"))
    yield Triple(data_set, _term("sd:defaultGraph"), default)
    yield Triple(default, TYPE, _term("sd:Graph"))
    for iri, size in service.graphs.items():
        yield from _named_graph(data_set, iri, size)


def void(service: Service) -> Iterator[Triple]:
    """The data set that the server offers, and those in it that runs describe."""
    me = NamedNode(f"{service.root}/.well-known/void")
    whole = NamedNode(f"{me.value}#dataset")
    yield Triple(me, TYPE, _term("void:DatasetDescription"))
    yield Triple(me, NamedNode("http://xmlns.com/foaf/0.1/primaryTopic"), whole)
    yield Triple(whole, TYPE, _term("void:Dataset"))
    yield Triple(whole, _TITLE, Literal("distilkg", language="en"))
    yield Triple(whole, _term("void:sparqlEndpoint"), NamedNode(service.endpoint))
    yield Triple(whole, _term("void:uriSpace"), Literal(PREFIXES["node"]))
    for vocabulary in (NS, PREFIXES["skos"], PREFIXES["prov"]):
        yield Triple(whole, _term("void:vocabulary"), NamedNode(vocabulary))
    for iri in service.graphs:
        yield Triple(whole, _term("void:subset"), NamedNode(iri))
        yield Triple(NamedNode(iri), TYPE, _term("void:Dataset"))
        yield Triple(NamedNode(iri), _term("void:sparqlEndpoint"), NamedNode(service.endpoint))
    yield from service.data_sets


def examples(service: Service, queries: Iterable[Example]) -> Iterator[Triple]:
    """Example queries as executables of SHACL."""
    root = f"{service.root}/.well-known/sparql-examples#"
    declared = NamedNode(f"{root}prefixes")
    yield Triple(declared, TYPE, _term("owl:Ontology"))
    for prefix, namespace in PREFIXES.items():
        declaration = BlankNode()
        yield Triple(declared, _term("sh:declare"), declaration)
        yield Triple(declaration, _term("sh:prefix"), Literal(prefix))
        yield Triple(declaration, _term("sh:namespace"), Literal(namespace, datatype=_term("xsd:anyURI")))
    for query in queries:
        me, verb = NamedNode(root + quote(query.name, safe="")), _verb(query.text)
        yield Triple(me, TYPE, _term("sh:SPARQLExecutable"))
        yield Triple(me, TYPE, _term(f"sh:SPARQL{verb.title()}Executable"))
        yield Triple(me, _term("rdfs:label"), Literal(query.name))
        yield Triple(me, _term("rdfs:comment"), Literal(query.question, language="en"))
        yield Triple(me, _term("schema:keywords"), Literal(query.keyword))
        yield Triple(me, _term("sh:prefixes"), declared)
        yield Triple(me, _term(f"sh:{verb}"), Literal(query.text))
        yield Triple(me, _term("schema:target"), NamedNode(service.endpoint))


def written(triples: Iterable[Triple], media_type: str) -> bytes:
    """The triples as a document of one of the media types in `loaders.sparql_results.GRAPHS`."""
    return serialize(triples, format=GRAPHS[media_type], prefixes=_PREFIXES) or b""


def _named_graph(data_set: BlankNode, iri: str, size: int | None) -> Iterator[Triple]:
    named, graph = BlankNode(), BlankNode()
    yield Triple(data_set, _term("sd:namedGraph"), named)
    yield Triple(named, TYPE, _term("sd:NamedGraph"))
    yield Triple(named, _term("sd:name"), NamedNode(iri))
    yield Triple(named, _term("sd:graph"), graph)
    yield Triple(graph, TYPE, _term("sd:Graph"))
    if size is not None:
        yield Triple(graph, _term("void:triples"), Literal(size))


def _verb(text: str) -> str:
    """The kind of a query: select, ask, construct or describe."""
    return next((m["verb"].lower() for m in _VERB.finditer(text) if m["verb"]), "select")
