"""What is said of a run as a whole: PROV-O for how it came about, VoID for its size and parts, DCAT for catalogues."""

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import quote

from pyoxigraph import Literal, NamedNode, Triple

from kg.run import Run
from loaders.vocabulary import BASE, NS, PREFIXES, TYPE, run_iri, term

_VOCABULARIES = (NS, PREFIXES["skos"], PREFIXES["prov"])


@dataclass(slots=True)
class Tally:
    """How many nodes of each kind, asserted edges of each relation and answers of each teacher a graph has."""

    kinds: Counter[str] = field(default_factory=Counter)
    relations: Counter[str] = field(default_factory=Counter)
    teachers: Counter[str] = field(default_factory=Counter)


def describe(run: Run, tally: Tally, count: int) -> list[Triple]:
    """The description of a run whose other RDF has `count` triples; it counts itself."""
    found = [*_dataset(run), *_partitions(run, tally), *_history(run, tally)]
    found.append(Triple(run_iri(run.id), term("void:triples"), Literal(count + len(found) + 1)))
    return found


def _dataset(run: Run) -> Iterator[Triple]:
    iri, recipe = run_iri(run.id), str(run.manifest["recipe"].get("name", "run"))
    for kind in ("kg:Run", "prov:Entity", "void:Dataset", "dcat:Dataset"):
        yield Triple(iri, TYPE, term(kind))
    for name in ("rdfs:label", "dct:title", "dct:identifier"):
        yield Triple(iri, term(name), Literal(run.id))
    about = f"Triples of the knowledge graph {run.id}, made by the recipe {recipe!r} of distilkg"
    yield Triple(iri, term("dct:description"), Literal(about, language="en"))
    yield Triple(iri, term("dct:language"), Literal("en"))
    yield Triple(iri, term("dcat:keyword"), Literal("commonsense knowledge graph", language="en"))
    yield Triple(iri, term("dcat:version"), Literal(str(run.manifest["recipe_hash"])))
    yield Triple(iri, term("void:uriSpace"), Literal(BASE))
    for vocabulary in _VOCABULARIES:
        yield Triple(iri, term("void:vocabulary"), NamedNode(vocabulary))


def _partitions(run: Run, tally: Tally) -> Iterator[Triple]:
    iri = run_iri(run.id)
    yield Triple(iri, term("void:entities"), Literal(tally.kinds.total()))
    for name, part, value, size, counts in (
        ("classPartition", "class", "void:class", "void:entities", tally.kinds),
        ("propertyPartition", "property", "void:property", "void:triples", tally.relations),
    ):
        for thing, number in sorted(counts.items()):
            partition = NamedNode(f"{iri.value}#{part}-{quote(thing, safe='')}")
            yield Triple(iri, term(f"void:{name}"), partition)
            yield Triple(partition, TYPE, term("void:Dataset"))
            yield Triple(partition, term(value), NamedNode(NS + quote(thing, safe="")))
            yield Triple(partition, term(size), Literal(number))


def _history(run: Run, tally: Tally) -> Iterator[Triple]:
    build, recipe = _iri("build", run.id), _iri("recipe", str(run.manifest["recipe_hash"]))
    yield Triple(run_iri(run.id), term("prov:wasGeneratedBy"), build)
    yield Triple(build, TYPE, term("prov:Activity"))
    yield Triple(build, term("rdfs:label"), Literal(f"build of {run.id}"))
    yield Triple(build, term("prov:used"), recipe)
    yield Triple(recipe, TYPE, term("prov:Plan"))
    yield Triple(recipe, term("prov:value"), Literal(json.dumps(run.manifest["recipe"], sort_keys=True)))
    for name in sorted(tally.teachers):
        teacher = _iri("teacher", name)
        yield Triple(teacher, TYPE, term("prov:SoftwareAgent"))
        yield Triple(teacher, term("rdfs:label"), Literal(name))
        yield Triple(build, term("prov:wasAssociatedWith"), teacher)
        yield Triple(run_iri(run.id), term("dct:creator"), teacher)
    for source in (run.stage("graph") or {}).get("source", []):
        file = _iri("file", source["file"])
        yield Triple(file, TYPE, term("prov:Entity"))
        yield Triple(file, term("rdfs:label"), Literal(source["file"]))
        yield Triple(file, term("kg:sha256"), Literal(source["sha256"]))
        yield Triple(build, term("prov:used"), file)


def _iri(kind: str, name: str) -> NamedNode:
    return NamedNode(f"{BASE}{kind}/{quote(name, safe='')}")
