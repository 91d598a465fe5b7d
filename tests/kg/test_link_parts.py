from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kg.errors import InputError
from kg.link_parts import read_parts
from kg.ontology import load_ontology

ONTOLOGY = load_ontology()
names = st.sampled_from("abcdefgh")


def write(path: Path, rows: list[tuple[str, str, str]]) -> Path:
    path.write_text("".join("\t".join(row) + "\n" for row in rows))
    return path


@settings(deadline=None, max_examples=50)
@given(rows=st.lists(st.tuples(names, st.sampled_from(["r", "Notr", "s"]), names), min_size=1, max_size=60),
       seed=st.integers(0, 3))
def test_no_triple_is_lost_and_what_is_held_out_is_of_known_names(rows, seed, tmp_path_factory):
    path = write(tmp_path_factory.mktemp("parts") / "t.tsv", rows)
    parts = read_parts(path, ONTOLOGY, seed)
    assert parts == read_parts(path, ONTOLOGY, seed)
    assert sorted(tuple(t) for part in parts.values() for t in part) == sorted(set(rows))
    seen = {name for h, r, t in parts["train"] for name in (h, r, t)}
    assert all(set(t) <= seen for name in ("valid", "test") for t in parts[name])
    assert max(len(parts["valid"]), len(parts["test"])) <= len(set(rows)) // 10


def test_a_folder_has_its_own_parts(tmp_path: Path):
    for name in ("train.txt", "valid.tsv", "test.txt"):
        write(tmp_path / name, [(name, "r", "x"), (name, "r", "none")])
    found = read_parts(tmp_path, ONTOLOGY)
    assert {name: [t.head for t in part] for name, part in found.items()} == {
        "train": ["train.txt"], "valid": ["valid.tsv"], "test": ["test.txt"],
    }


def test_a_part_that_is_missing_is_named(tmp_path: Path):
    write(tmp_path / "train.txt", [("a", "r", "b")])
    with pytest.raises(InputError, match="valid, test"):
        read_parts(tmp_path, ONTOLOGY)


def test_a_file_without_links_is_refused(tmp_path: Path):
    with pytest.raises(InputError, match="nothing to learn"):
        read_parts(write(tmp_path / "t.tsv", [("a", "r", "none")]), ONTOLOGY)
