"""The log of reviews: nothing lost, nothing doubled."""

import json
import multiprocessing
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kg.errors import InputError, RunError
from kg.records import Triple
from kg.reviews import Act, ReviewLog, is_valid

CAKE = Triple("PersonX bakes a cake", "xWant", "to eat it")


def act(id: str, label: int = 1, who: str = "ann", triple: str = "t", **more: object) -> Act:
    return Act(id, who, "label", triple, CAKE, label, **more)  # type: ignore[arg-type]


def undo(id: str, undoes: str, who: str = "ann") -> Act:
    return Act(id, who, "undo", "t", CAKE, undoes=undoes)


def test_an_act_that_is_sent_again_counts_once(tmp_path: Path) -> None:
    log = ReviewLog(tmp_path / "r.jsonl")
    assert log.append(act("1"))
    assert not log.append(act("1"))
    assert not ReviewLog(log.path).append(act("1"))
    with pytest.raises(InputError, match="another act"):
        log.append(act("1", label=2))
    assert len(log.path.read_text().splitlines()) == 1
    assert log.counts() == {"ann": 1}


def test_the_last_label_that_was_not_undone_counts(tmp_path: Path) -> None:
    log = ReviewLog(tmp_path / "r.jsonl")
    for one in (act("1", 1), act("2", 4, offensive=True), act("3", 3, "bob"), undo("4", "2")):
        log.append(one)
    assert {who: a.label for who, a in log.standing("t").items()} == {"ann": 1, "bob": 3}
    last = log.last("ann")
    assert last is not None
    assert last.id == "1"
    log.append(undo("5", "1"))
    assert log.last("ann") is None
    assert dict(log.labels())["t"].keys() == {"bob"}
    assert log.counts() == {"ann": 0, "bob": 1}
    for wrong in (undo("6", "1"), undo("7", "3"), undo("8", "nothing")):
        with pytest.raises(InputError, match="no such act"):
            log.append(wrong)
    assert ReviewLog(log.path).counts() == log.counts()


def test_half_a_line_of_a_killed_process_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    log = ReviewLog(path)
    log.append(act("1"))
    whole = path.read_bytes()
    for cut in range(1, len(whole)):
        path.write_bytes(whole + whole[:cut])
        after = ReviewLog(path)
        assert after.append(act("2", 3))
        assert [json.loads(line)["id"] for line in path.read_text().splitlines()] == ["1", "2"]


def test_a_damaged_line_is_named(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    ReviewLog(path).append(act("1"))
    with open(path, "a") as handle:
        handle.write('{"id": 3}\n')
    with pytest.raises(RunError, match=r"r\.jsonl, after byte"):
        ReviewLog(path)


def _write(path: Path, who: str) -> None:
    log = ReviewLog(path)
    for i in range(40):
        log.append(act(f"{who}{i // 2}", who=who, triple=str(i // 2)))  # each is sent twice


def test_processes_that_write_at_once_lose_and_double_nothing(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    names = ["ann", "bob", "cy"]
    context = multiprocessing.get_context("fork")
    writers = [context.Process(target=_write, args=(path, who)) for who in names]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    assert len(rows) == len({row["id"] for row in rows}) == 60
    assert ReviewLog(path).counts() == dict.fromkeys(names, 20)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["ann", "bob"]), st.integers(0, 5), st.integers(0, 2)), max_size=25))
def test_reading_again_gives_the_same_state(
    tmp_path_factory: pytest.TempPathFactory, acts: list[tuple[str, int, int]]
) -> None:
    """Label 0 stands for undoing the last act."""
    log = ReviewLog(tmp_path_factory.mktemp("log") / "r.jsonl")
    expected: dict[str, list[tuple[str, int]]] = {"ann": [], "bob": []}
    for i, (who, label, triple) in enumerate(acts):
        last = log.last(who)
        if label:
            log.append(act(str(i), label, who, str(triple)))
            expected[who].append((str(triple), label))
        elif last is not None:
            log.append(undo(str(i), last.id, who))
            expected[who].pop()
    again = ReviewLog(log.path)
    for state in (log, again):
        found = {(t, who): a.label for t, given in state.labels() for who, a in given.items()}
        assert found == {(t, who): label for who, given in expected.items() for t, label in given}


@pytest.mark.parametrize(("labels", "valid"), [
    ([1], True), ([2, 3, 1], True), ([3], False), ([4, 4, 1], False), ([1, 3], None), ([5, 5], None), ([5, 2], True),
    ([], None),
])
def test_valid_is_the_majority_of_1_and_2_against_3_and_4(labels: list[int], valid: bool | None) -> None:
    assert is_valid(labels) is valid


@pytest.mark.parametrize("wrong", [
    {"label": 6}, {"label": 0}, {"id": ""}, {"who": ""}, {"who": " ann"}, {"who": "a\nb"}, {"who": "\x1b[31m"},
])
def test_an_act_that_cannot_be_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(InputError):
        act(**{"id": "1", **wrong})  # type: ignore[arg-type]
