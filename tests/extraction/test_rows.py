"""Reading files of texts."""

from pathlib import Path

import pytest

from extraction.rows import answer_of, answer_rows, json_lines, text_rows
from kg.errors import InputError


def test_rows_of_jsonl(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"id": 1, "text": "x", "prompt": null}\n\n  \n{"text": "y", "head": "h", "relation": "xWant"}\n')
    rows = list(answer_rows(path))
    assert [row["text"] for row in rows] == ["x", "y"]
    assert answer_of(rows[0]).prompt.text == ""
    assert (answer_of(rows[1]).prompt.head, answer_of(rows[1]).prompt.relation) == ("h", "xWant")
    assert [n for n, _ in json_lines(path)] == [1, 4]


def test_any_other_file_has_a_text_a_line(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(b"\xef\xbb\xbfCats climb.\r\n\n[1] \x00 Dogs bark.\n")
    assert list(text_rows(path)) == [{"id": 1, "text": "Cats climb."}, {"id": 3, "text": "[1] \x00 Dogs bark."}]


@pytest.mark.parametrize("start", ["", "\ufeff", " \n"])
def test_a_first_line_with_a_brace_is_jsonl(tmp_path: Path, start: str) -> None:
    path = tmp_path / "a.txt"
    path.write_text(start + '{"text": "x"}\n')
    assert list(text_rows(path)) == [{"text": "x"}]


def test_jsonl_by_name_must_be_jsonl(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text("Cats climb.\n")
    with pytest.raises(InputError, match="line 1: not JSON"):
        list(text_rows(path))


@pytest.mark.parametrize("read", [text_rows, answer_rows])
def test_what_cannot_be_read_is_named(tmp_path: Path, read: object) -> None:
    assert callable(read)
    for path in (tmp_path, tmp_path / "none"):
        with pytest.raises(InputError, match="cannot read"):
            list(read(path))
    (tmp_path / "bad.txt").write_bytes(b"fine\n\xff\xfe\n")
    with pytest.raises(InputError, match=r"line [12]: not"):
        list(read(tmp_path / "bad.txt"))


def test_an_empty_file_has_no_rows(tmp_path: Path) -> None:
    (tmp_path / "e").write_text("")
    assert list(text_rows(tmp_path / "e")) == []
