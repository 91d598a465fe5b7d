"""The recorded teacher, and the prompts that its file holds."""

import csv
import gzip
import io
import json
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from extraction.teacher_recorded import RecordedTeacher
from kg.errors import InputError, RecipeError, TeacherError
from kg.ontology import load_ontology
from kg.recipe import parse
from kg.records import Prompt

DATA = Path(__file__).parents[2].parent / "shared" / "data"
GOOD = b'{"head": "PersonX runs", "relation": "NotxWant", "prompt": "Q?", "raw_answer": " to stop"}\n'
anyone = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)


def teacher(path: Path, **options: Any) -> RecordedTeacher:
    return RecordedTeacher(parse(RecordedTeacher.Options, {"file": str(path), **options}, "teacher"), load_ontology())


def written(path: Path, data: bytes | str) -> Path:
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    return path


def everything(t: RecordedTeacher) -> list[tuple[Prompt, str]]:
    """All prompts with their answers, through the source and the teacher."""
    source = t.source()
    prompts = list(source.prompts([h.text for h in source.heads([]) if not h.reason]))
    given = {g.prompt_id: g.text for g in t.generate(prompts)}
    assert len(given) == len(prompts)
    return [(p, given[p.id]) for p in prompts]


def as_csv(rows: list[dict[str, str]], delimiter: str = ",") -> bytes:
    buffer = io.StringIO(newline="")
    writer = csv.DictWriter(buffer, list(rows[0]), delimiter=delimiter)
    writer.writeheader()
    writer.writerows(rows)
    return buffer.getvalue().encode()


def test_the_recorded_gpt3_answers() -> None:
    path = DATA / "gpt3_atomic.jsonl"
    if not path.exists():
        pytest.skip(f"{path} is not there: the data sets lie beside the repository")
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    t = teacher(path)
    found = {(p.text, p.head, p.relation, answer) for p, answer in everything(t)}
    strangers = {f"{no}{r}" for no in ("", "Not") for r in ("Is", "WaitingFor")} | {"IsNot", "CanBe", "CannotBe"}
    assert found == {
        (r["prompt"], r["head"], r["relation"], r["raw_answer"]) for r in rows if r["relation"] not in strangers
    }
    assert len(everything(t)) == len(found)
    dropped = {h.reason for h in t.source().heads([]) if h.reason}
    assert dropped == {f"relation {r!r} is not in the ontology atomic2020" for r in strangers}


def test_repeated_rows_are_one_and_other_answers_are_samples(tmp_path: Path) -> None:
    other = GOOD.replace(b"to stop", b"to rest")
    t = teacher(written(tmp_path / "a.jsonl", GOOD * 3 + other + GOOD + other))
    assert [(p.sample, answer) for p, answer in everything(t)] == [(0, " to stop"), (1, " to rest")]
    prompt = everything(t)[0][0]
    assert prompt == Prompt("PersonX runs", "NotxWant", "recorded", "Q?")
    assert [h.text for h in t.source().heads([])] == ["PersonX runs"]
    assert t.source().head_prompts() == []
    assert t.name == "recorded:a.jsonl"


@pytest.mark.parametrize("name", ["a.jsonl", "a.csv", "a.tsv", "a.jsonl.gz", "a.csv.gz", "plain", "table"])
def test_formats(tmp_path: Path, name: str) -> None:
    answer = 'line\nline\rline, "x"'
    row = {"head": 'PersonX "runs",\r\nfast', "relation": "xWant", "prompt": "Q\t?", "answer": answer}
    lines = as_csv([row], "\t" if "tsv" in name else ",") if name[2:5] in ("csv", "tsv") or name == "table" else (
        b"\xef\xbb\xbf\r\n" + json.dumps(row).encode() + b"\r\n\r\n"
    )
    path = written(tmp_path / name, gzip.compress(lines) if name.endswith("gz") else lines)
    assert everything(teacher(path)) == [
        (Prompt(row["head"], "xWant", "recorded", row["prompt"]), row["answer"])
    ]


texts = st.text(st.characters(exclude_categories=["Cs"]))


@anyone
@given(rows=st.lists(st.tuples(st.text(), st.text(), st.text()), min_size=1), escaped=st.booleans())
def test_jsonl_round_trip(tmp_path: Path, rows: list[tuple[str, str, str]], escaped: bool) -> None:
    lines = [json.dumps({"prompt": p, "head": h, "raw_answer": a}, ensure_ascii=True) for p, h, a in rows]
    if escaped:
        lines = [json.dumps(json.loads(line), ensure_ascii=False).encode("utf-8", "replace").decode() for line in lines]
        rows = [tuple(json.loads(line).values()) for line in lines]
    path = written(tmp_path / "r.jsonl", "\n".join(lines))
    assert [(p.text, p.head, a) for p, a in everything(teacher(path))] == list(dict.fromkeys(rows))


@anyone
@given(rows=st.lists(st.tuples(texts, texts, texts), min_size=1), delimiter=st.sampled_from(",\t"))
def test_csv_round_trip(tmp_path: Path, rows: list[tuple[str, str, str]], delimiter: str) -> None:
    data = as_csv([{"prompt": p, "head": h, "answer": a} for p, h, a in rows], delimiter)
    path = written(tmp_path / "r", data)
    found = everything(teacher(path, format="csv" if delimiter == "," else "tsv"))
    assert [(p.text, p.head, a) for p, a in found] == list(dict.fromkeys(rows))


@anyone
@given(
    st.binary(max_size=300), st.sampled_from(["jsonl", "csv", "tsv", "auto"]),
    st.sampled_from([b"", GOOD, b"answer,head\n"]),
)
def test_any_bytes_work_or_are_a_clear_error(tmp_path: Path, data: bytes, format: str, before: bytes) -> None:
    path = written(tmp_path / "any", before + data)
    try:
        everything(teacher(path, format=format))
    except InputError as error:
        assert str(path) in str(error)  # noqa: PT017


@pytest.mark.parametrize(("data", "says"), [
    (b"", "no rows"), (b"\n \n", "no rows"), (b"\xef\xbb\xbf", "no rows"), (GOOD + b'{"raw_answer": "cut o', "line 2"),
    (GOOD + b"\n" + b"nonsense\n", "line 3"), (GOOD + b"\xff\xfe\n", "line 2: not UTF-8"), (b"[1]\n", "line 1"),
    (b'{"head": "x"}\n', "its columns are head"), (GOOD + b'{"head": "x"}\n', "line 2: the answer"),
    (GOOD + b'{"raw_answer": 5}\n', "line 2: the answer"),
    (GOOD + b'{"raw_answer": "x", "head": ["y"]}\n', "line 2: the head"),
    (GOOD + b'{"raw_answer": null}\n', "line 2"), (b"[" * 100_000, "line 1"), ("{}".encode("utf-16"), "not UTF-8"),
    (gzip.compress(GOOD * 100)[:-9], "gzip"), (b"\x1f\x8bjunk", "gzip"),
    (GOOD + b"1" * 5000, "line 2"), (b"\0" * 50, "line 1"),
])
def test_bad_jsonl(tmp_path: Path, data: bytes, says: str) -> None:
    with pytest.raises(InputError, match=says):
        everything(teacher(written(tmp_path / "bad.jsonl", data)))


@pytest.mark.parametrize(("data", "says"), [
    (b"", "no rows"), (b"head,answer\n", "no rows"),
    (b"head,answer\nx\n", "line 2: 1 fields"), (b"a,a\n1,2\n", "same name"),
    (b'head,answer\nx,"never closed\n', "line 2"), (b"head,answer\nx,\xff\n", "line 2: not UTF-8"),
    (b"head;answer\nx;y\n", "columns are head;answer"),
    (b'head,answer\nx,"a" b\n', "line 2"), (b'answer\n"a\nb"\n\n"c\n', "line"),
])
def test_bad_csv(tmp_path: Path, data: bytes, says: str) -> None:
    with pytest.raises(InputError, match=says):
        everything(teacher(written(tmp_path / "bad.csv", data)))


@pytest.mark.parametrize("name", ["missing.jsonl", ".", "nul\0.jsonl", "x" * 5000])
def test_files_that_cannot_be_read(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match="cannot read"):
        teacher(tmp_path / name)


def test_columns_by_the_recipe(tmp_path: Path) -> None:
    path = written(tmp_path / "a.csv", "event,said,rel\nPersonX runs,to rest,xWant\n")
    t = teacher(path, columns={"head": "event", "answer": "said", "relation": "rel"})
    assert everything(t) == [(Prompt("PersonX runs", "xWant", "recorded", ""), "to rest")]
    with pytest.raises(InputError, match=r"no column 'sayed' .*columns\.answer\): its columns are event, said, rel"):
        teacher(path, columns={"answer": "sayed"})
    with pytest.raises(InputError, match=r"teacher\.columns\.answer"):
        teacher(path)
    with pytest.raises(RecipeError, match="did you mean answer"):
        teacher(path, columns={"raw_answer": "said"})


def test_relations_that_the_ontology_lacks(tmp_path: Path) -> None:
    odd = GOOD.replace(b"NotxWant", b"xWnat")
    t = teacher(written(tmp_path / "a.jsonl", odd + GOOD))
    assert [(h.text, bool(h.reason)) for h in t.source().heads([])] == [("PersonX runs", True), ("PersonX runs", False)]
    assert [p.relation for p, _ in everything(t)] == ["NotxWant"]
    with pytest.raises(InputError, match=r"line 1: unknown relation 'xWnat': did you mean xWant"):
        everything(teacher(tmp_path / "a.jsonl", unknown_relations="error"))
    with pytest.raises(InputError, match="no row to use: relation 'xWnat'"):
        everything(teacher(written(tmp_path / "b.jsonl", odd)))


def test_a_prompt_without_an_answer(tmp_path: Path) -> None:
    t = teacher(written(tmp_path / "a.jsonl", GOOD))
    answers = t.generate([Prompt("PersonX runs", "NotxWant", "recorded", "Q?"), Prompt("h", "xWant", "t", "other")])
    assert next(answers).text == " to stop"
    with pytest.raises(TeacherError, match="no answer for 1 of 2 prompts, such as 'other'"):
        next(answers)


def test_version_is_that_of_content_and_columns(tmp_path: Path) -> None:
    a, b, c = (written(tmp_path / n, d) for n, d in (("a.jsonl", GOOD), ("b.jsonl", GOOD), ("c.jsonl", GOOD * 2)))
    assert teacher(a).version == teacher(b).version != teacher(c).version
    assert teacher(a).version != teacher(a, columns={"answer": "raw_answer"}).version
    assert teacher(a).source().version != teacher(a, unknown_relations="error").source().version


def test_a_line_of_ten_megabytes_and_control_characters(tmp_path: Path) -> None:
    long = "x\0\u2028é" * 2_000_000
    files = {
        "a.jsonl": json.dumps({"answer": long}), "a.csv": f'answer\n"{long}"\n',
        "b.jsonl": f'{{"answer": "{long}\x01"}}',
    }
    for name, data in files.items():
        [(_, answer)] = everything(teacher(written(tmp_path / name, data)))
        assert answer.rstrip("\x01") == long


def test_memory_does_not_grow_with_the_texts(tmp_path: Path) -> None:
    with open(tmp_path / "a.jsonl", "w") as handle:
        handle.writelines(json.dumps({"prompt": f"q{i}", "answer": "x" * 2000}) + "\n" for i in range(10_000))
    t = teacher(tmp_path / "a.jsonl")
    tracemalloc.start()
    assert sum(1 for _ in t.recorded()) == 10_000
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 10_000 * 400 + 1_000_000  # the file is 20 MB
