"""Reading files of triples, good ones and bad ones."""

import gzip
import json
from pathlib import Path

import pytest

from kg.errors import InputError, UnknownNameError
from kg.graph import GraphFiles
from kg.ontology import load_ontology
from kg.records import Triple
from kg.run import Run
from loaders.imports import FORMATS, LONGEST_LINE, import_files

DATA = Path(__file__).parents[2].parent / "shared" / "data"
GOOD = "PersonX bakes a cake\txWant\tto eat it\n"


def imported(folder: Path, content: bytes | str, format: str = "tsv", name: str = "in.tsv") -> GraphFiles:
    """The graph of a file with this content."""
    file = folder / name
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    run = Run.create(folder / "run", "r", {})
    import_files([file], format, run, load_ontology())
    return GraphFiles(run)


@pytest.mark.parametrize("format", ["tsv", "atomic2019", "atomic2020"])
def test_rows_become_triples_with_their_file_and_line_as_source(tmp_path: Path, format: str) -> None:
    graph = imported(tmp_path, GOOD + "\nPersonX bakes a cake\tNotDesires\tto burn it\n", format)
    assert list(graph.triples()) == [
        Triple("PersonX bakes a cake", "xWant", "to eat it"),
        Triple("PersonX bakes a cake", "Desires", "to burn it", negated=True),
    ]
    assert [(p["rule"], p["start"], p["end"], p["generation_id"]) for p in graph.provenance()] == [
        (f"import:{format}:in.tsv", 1, 1, ""), (f"import:{format}:in.tsv", 3, 3, ""),
    ]


@pytest.mark.parametrize("content", [
    "\ufeff" + GOOD, GOOD.replace("\n", "\r\n"), GOOD.rstrip("\n"), "\n\n" + GOOD, "head\trelation\ttail\n" + GOOD,
    "\ufeffHead\tRelation\tTail\r\n" + GOOD, gzip.compress(GOOD.encode()),
], ids=["bom", "crlf", "no end", "blank lines", "header", "bom, header, crlf", "gzip"])
def test_the_same_rows_in_other_wrappings(tmp_path: Path, content: bytes | str) -> None:
    assert list(imported(tmp_path, content).triples()) == [Triple("PersonX bakes a cake", "xWant", "to eat it")]


@pytest.mark.parametrize("none", ["none", "None", " NONE "])
def test_the_tail_none_is_no_node(tmp_path: Path, none: str) -> None:
    graph = imported(tmp_path, f"PersonX sits\toWant\t{none}\n" * 2, "atomic2019")
    assert graph.counts() == {"nodes": 1, "edges": 0, "provenance": 0}
    assert list(graph.nothings()) == [Triple("PersonX sits", "oWant", "none")]


@pytest.mark.parametrize(("content", "message"), [
    (b"", "in.tsv holds no triples"),
    (b"\n\n", "in.tsv holds no triples"),
    (b"head\trelation\ttail\n", "in.tsv holds no triples"),
    (GOOD.encode() + b"a\tb\n", "in.tsv, line 2: 2 columns"),
    (b"a\txWant\tb\tc\n", "in.tsv, line 1: 4 columns"),
    (b"a,xWant,b\n", "line 1: 1 columns"),
    (b"a\txwant\tb\n", "line 1: unknown relation 'xwant': did you mean xWant"),
    (b"a\tHasSubevent\tb\n", "did you mean HasSubEvent"),
    (GOOD.encode() * 3 + b"caf\xe9\txWant\tb\n", "line 4: byte 4 is not UTF-8"),
    (b"a\0b\txWant\tc\n", "line 1: a NUL byte"),
    (GOOD.encode("utf-16"), "line 1: "),
    (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "line 1: byte 1 is not UTF-8"),
    (b"\x1f\x8b\x08\0\0\0broken", "cannot be read on"),
    (gzip.compress(GOOD.encode() * 9999)[:-20], "cannot be read on"),
    (b"a" * (LONGEST_LINE + 1), "line 1: longer than"),
])
def test_a_bad_file_is_refused_with_its_line_and_leaves_nothing(tmp_path: Path, content: bytes, message: str) -> None:
    with pytest.raises(InputError) as error:
        imported(tmp_path, content)
    assert message in str(error.value)
    assert "in.tsv" in str(error.value)
    assert sorted(p.name for p in (tmp_path / "run").iterdir()) == [".lock", "manifest.json"]


@pytest.mark.parametrize("make", [lambda p: None, lambda p: p.mkdir()], ids=["missing", "folder"])
def test_a_path_that_is_no_file_is_refused(tmp_path: Path, make: object) -> None:
    make(tmp_path / "x")  # type: ignore[operator]
    with pytest.raises(InputError, match="x: "):
        import_files([tmp_path / "x"], "tsv", Run.create(tmp_path / "run", "r", {}), load_ontology())


def test_an_unknown_format_names_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match="did you mean atomic20"):
        imported(tmp_path, GOOD, "atomic2021")


def test_rows_without_a_head_or_tail_are_counted(tmp_path: Path) -> None:
    (tmp_path / "a").write_text(GOOD + "PersonX sits\txWant\t\n  \txWant\tb\n")
    run = Run.create(tmp_path / "run", "r", {})
    counts = import_files([tmp_path / "a"], "atomic2019", run, load_ontology())
    assert counts == {"rows": 3, "nodes": 2, "edges": 1, "provenance": 1, "empty": 2}


def test_several_files_are_told_apart_and_read_once(tmp_path: Path) -> None:
    paths = [tmp_path / "a" / "x.tsv", tmp_path / "b" / "x.tsv"]
    for path in paths:
        path.parent.mkdir()
        path.write_text(GOOD)
    run = Run.create(tmp_path / "run", "r", {})
    first = import_files(paths, "tsv", run, load_ontology())
    assert first["edges"] == 1
    assert {p["rule"] for p in GraphFiles(run).provenance()} == {f"import:tsv:{p}" for p in paths}
    before = (run.path / "edges.parquet").stat().st_mtime_ns
    assert import_files(paths, "tsv", run, load_ontology()) == first
    assert (run.path / "edges.parquet").stat().st_mtime_ns == before
    paths[1].write_text(GOOD + GOOD)
    assert import_files(paths, "tsv", run, load_ontology())["provenance"] == 3


def skd(**changes: object) -> str:
    row = {
        "head": "PersonX bakes", "relation": "xWant", "tail": "to eat", "inference": "...", "split": "train",
        "rec_0.5": False, "rec_0.9": True, "p_valid_model": 0.75, "valid": None,
    }
    return json.dumps({**row, **changes}) + "\n"


def test_skd_scores_are_the_critics_probability(tmp_path: Path) -> None:
    lines = skd() + skd(tail="to sleep", p_valid_model=None) + skd(head='PersonX "x"\n\\ 😀', p_valid_model=1)
    for name, content in (("a.jsonl", lines.encode()), ("a.jsonl.gz", gzip.compress(lines.encode()))):
        graph = imported(tmp_path, content, "skd", name)
        assert [(e["head_text"], e["tail_text"], e["score"]) for e in graph.edges()] == [
            ("PersonX bakes", "to eat", 0.75), ("PersonX bakes", "to sleep", None),
            ('PersonX "x"\n\\ 😀', "to eat", 1.0),
        ]


@pytest.mark.parametrize(("line", "message"), [
    ("{", "not JSON"), ("[]", "not an object"), ("7", "not an object"), ("{}", "not an object"),
    ("[" * 100_000, "not JSON"),
    (skd(tail=7), "tail is no text"), (skd(head=None), "head is no text"), (skd(tail="\ud800"), "tail holds half"),
    (skd(p_valid_model=1.5), "p_valid_model"), (skd(p_valid_model="0.5"), "p_valid_model"),
    (skd(p_valid_model=float("nan")), "p_valid_model"), (skd(p_valid_model=True), "p_valid_model"),
    (skd(relation="want"), "unknown relation"), (skd(relation=["xWant"]), "relation is no text"),
])
def test_a_bad_skd_line_is_refused(tmp_path: Path, line: str, message: str) -> None:
    with pytest.raises(InputError) as error:
        imported(tmp_path, skd() + line, "skd")
    assert "in.tsv, line 2: " in str(error.value)
    assert message in str(error.value)


def test_every_format_has_a_reader_that_refuses_nonsense(tmp_path: Path) -> None:
    for format in FORMATS:
        with pytest.raises(InputError):
            imported(tmp_path, "nonsense\n", format)


@pytest.mark.data
def test_real_files_import(tmp_path: Path) -> None:
    if not DATA.is_dir():
        pytest.skip(f"{DATA} is not there")
    run = Run.create(tmp_path / "run", "r", {})
    files = sorted((DATA / "atomic2020_sample").glob("*.tsv"))
    counts = import_files(files, "atomic2020", run, load_ontology())
    lines = [line.split("\t") for file in files for line in file.read_text(encoding="utf-8").splitlines()]
    assert counts["rows"] == len(lines)
    assert counts["provenance"] == sum(tail.strip().lower() != "none" for _, _, tail in lines)
