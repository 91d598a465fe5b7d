"""One minute of the mixed load on a small graph: every answer is right, every bad request is refused as such."""

import asyncio
from pathlib import Path

from kg.graph import GraphFiles
from kg.ontology import load_ontology
from kg.run import Run
from loaders.bolt import connect
from loaders.imports import import_files
from loaders.rdf import RdfStore
from tests.mixed_load import MIX, Load, drive, report, serving

SECONDS, RATE = 60, 20


def test_a_minute_of_mixed_load_has_no_error(tmp_path: Path) -> None:
    relations = ("xWant", "xWant", "xReact")
    rows = (f"PersonX sees bird {i % 700}\t{relations[i % 3]}\tword {i % 101}\n" for i in range(4200))
    (tmp_path / "birds.tsv").write_text("".join(rows))
    run = Run.create(tmp_path / "run", "birds-1", {"name": "import"})
    import_files([tmp_path / "birds.tsv"], "tsv", run, load_ontology())
    for store in (RdfStore(run.path / "rdf", load_ontology()), connect(load_ontology(), run.path / "cypher")):
        store.write(GraphFiles(run), run.id)
        store.close()
    with serving(run.path) as (url, pid):
        load = asyncio.run(drive(url, GraphFiles(run), pid, SECONDS, RATE))
    assert load.errors == [], report(load, SECONDS / 60, 0)
    assert load.counts.total() == SECONDS * RATE
    assert load.counts.keys() == MIX.keys()
    assert min(size for _, size in load.memory) > 10


def test_growth_is_that_of_the_end_over_the_time_when_it_settled() -> None:
    load = Load(memory=[(float(i), 100.0 if i < 10 else 200.0 + i) for i in range(20)])
    assert load.growth(0) > 1
    assert 0.02 < load.growth(10) < 0.05
    assert load.growth(100) == 0
