"""`kg extract` over files."""

import json
from pathlib import Path
from typing import Any

import pytest

from extraction.batch import extract_file
from kg.errors import InputError

ROWS = [
    {
        "id": "a",
        "prompt": "PersonX sleeps. What does PersonX want to do?",
        "head": "PersonX sleeps",
        "text": "eat; rest.",
    },
    {"id": "b", "prompt": None, "head": None, "text": "Cats can climb trees."},
    {"id": 3, "text": ""},
    {"id": "d", "prompt": "How to: Make tea", "head": "Make tea", "text": "1. Boil water. 2. Pour it."},
]


def write(path: Path, rows: list[Any]) -> Path:
    path.write_text("".join(json.dumps(r) + "\n" for r in rows), encoding="utf-8")
    return path


def test_a_line_for_each_line_in_order(tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    counts = extract_file(write(tmp_path / "in.jsonl", ROWS), out)
    results = [json.loads(line) for line in out.read_text().splitlines()]
    assert [r["id"] for r in results] == ["a", "b", 3, "d"]
    assert results[0]["triples"][0] == {
        "head": "PersonX sleeps",
        "relation": "xWant",
        "tail": "eat",
        "negated": False,
        "start": 0,
        "end": 3,
        "rule": "list.semicolons@1",
        "modality": None,
    }
    assert [(t["head"], t["relation"], t["tail"]) for t in results[1]["triples"]] == [
        ("cat", "CapableOf", "climb trees")
    ]
    assert results[2]["triples"] == []
    assert counts == {"texts": 4, "triples": sum(len(r["triples"]) for r in results)}


def test_any_number_of_jobs_writes_the_same_bytes(tmp_path: Path) -> None:
    source = write(tmp_path / "in.jsonl", [{**row, "id": i} for i, row in enumerate(ROWS * 200)])
    one, two = tmp_path / "one.jsonl", tmp_path / "two.jsonl"
    assert extract_file(source, one) == extract_file(source, two, jobs=2)
    assert one.read_bytes() == two.read_bytes()


def test_progress_counts_texts(tmp_path: Path) -> None:
    seen: list[int] = []
    extract_file(write(tmp_path / "in.jsonl", ROWS), tmp_path / "o", progress=lambda _, done, __: seen.append(done))
    assert seen == [1, 2, 3, 4]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (b"{", "line 2: not JSON"),
        (b"[1]", "line 2: not an object"),
        (b'{"id": 1}', 'line 2: "text" is missing'),
        (b'{"id": 1, "text": 3}', 'line 2: "text" is missing or no string'),
        (b'{"id": 1, "text": "a", "prompt": 3}', 'line 2: "prompt" must be'),
        (b'{"id": 1, "text": "\xff"}', "line 2: not UTF-8"),
        (b"[" * 100_000, "line 2: not JSON"),
    ],
)
def test_a_bad_line_stops_with_its_number_and_leaves_no_file(tmp_path: Path, line: bytes, message: str) -> None:
    source, out = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    source.write_bytes(b'{"id": 0, "text": "a; b"}\n' + line + b"\n")
    with pytest.raises(InputError, match=message):
        extract_file(source, out)
    assert [p.name for p in tmp_path.iterdir()] == ["in.jsonl"]


def test_a_bad_line_stops_parallel_jobs(tmp_path: Path) -> None:
    source, out = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    write(source, [*({"id": i, "text": ""} for i in range(600)), 7])
    out.write_text("old")
    with pytest.raises(InputError, match="line 601"):
        extract_file(source, out, jobs=2)
    assert out.read_text() == "old"


def test_half_surrogates_control_characters_and_a_byte_order_mark(tmp_path: Path) -> None:
    source, out = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    source.write_bytes(b'\xef\xbb\xbf{"id": "\\ud800", "text": "\\ud800; \\u0000; a; b", "prompt": "How to: x"}\n\n')
    assert extract_file(source, out)["texts"] == 1
    json.loads(out.read_text(encoding="utf-8"))


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot read"):
        extract_file(tmp_path / "none.jsonl", tmp_path / "out.jsonl")
    with pytest.raises(InputError, match="cannot write"):
        extract_file(write(tmp_path / "in.jsonl", ROWS), tmp_path / "no" / "out.jsonl")
