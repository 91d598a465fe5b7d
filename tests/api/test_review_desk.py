"""Who is given what, on a page's routes, at the desk and in the terminal."""

import shutil
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from api.review_cards import Card
from api.review_desk import HELD, Desk
from api.review_server import create_review_app
from api.review_terminal import review_in_terminal
from kg.errors import InputError
from kg.ontology import load_ontology
from kg.reviews import FILE, ReviewLog
from kg.run import Run

ONTOLOGY = load_ontology()


@pytest.fixture
def copied(run: Run, tmp_path: Path) -> Run:
    """The small run in a folder of its own: ten triples to review."""
    shutil.copytree(run.path, tmp_path / "run")
    return Run.open(tmp_path / "run")


@pytest.fixture
def client(copied: Run) -> Iterator[TestClient]:
    with TestClient(create_review_app(Desk(copied, ONTOLOGY)), base_url="http://127.0.0.1") as made:
        yield made


def given(desk: Desk, who: str) -> Card:
    card = desk.next(who)
    assert card is not None
    return card


def label(desk: Desk, who: str, value: int = 1) -> str:
    """Labels the reviewer's next triple; returns its id."""
    card = given(desk, who)
    desk.take(uuid.uuid4().hex, who, "label", card.triple_id, value)
    return card.triple_id


def test_a_triple_in_hand_stays_there_and_others_get_the_next(copied: Run) -> None:
    now = [0.0]
    desk = Desk(copied, ONTOLOGY, clock=lambda: now[0])
    ann = given(desk, "ann").triple_id
    assert given(desk, "ann").triple_id == ann
    bob = given(desk, "bob").triple_id
    assert bob != ann
    now[0] = HELD + 1
    assert given(desk, "cy").triple_id == ann
    desk.take("late", "ann", "label", ann, 2)
    desk.take("too", "cy", "label", ann, 3)
    assert desk.progress("cy").all == 2


def test_each_triple_gets_its_number_of_reviewers_within_the_budget(copied: Run) -> None:
    desk = Desk(copied, ONTOLOGY, budget=5, per_triple=2)
    assert given(desk, "ann").triple_id == given(desk, "bob").triple_id
    assert given(desk, "cy").triple_id != given(desk, "ann").triple_id
    label(desk, "ann")
    label(desk, "bob")
    assert desk.progress("ann").left == 3
    label(desk, "cy")
    label(desk, "ann")
    label(desk, "ann")
    assert [desk.next(who) for who in ("ann", "bob", "cy")] == [None] * 3
    assert desk.progress("ann").left == 0
    given_labels = dict(ReviewLog(copied.path / FILE).labels())
    assert sorted(map(len, given_labels.values())) == [1, 2, 2]


def test_a_skipped_triple_goes_to_the_others_alone(copied: Run) -> None:
    desk = Desk(copied, ONTOLOGY)
    skipped = given(desk, "ann").triple_id
    desk.take("1", "ann", "skip", skipped)
    seen = set()
    while desk.next("ann"):
        seen.add(label(desk, "ann"))
    assert skipped not in seen
    assert given(desk, "bob").triple_id == skipped


def test_an_undone_triple_comes_back_at_once(copied: Run) -> None:
    desk = Desk(copied, ONTOLOGY)
    first, second = label(desk, "ann", 4), label(desk, "ann")
    for triple_id, left in ((second, 1), (first, 0)):
        last = desk.progress("ann").last
        assert last is not None
        desk.take(uuid.uuid4().hex, "ann", "undo", last.triple_id, undoes=last.id)
        assert given(desk, "ann").triple_id == triple_id
        assert desk.progress("ann").mine == left
    assert desk.progress("ann").last is None


def test_after_a_restart_all_is_as_it_was(copied: Run) -> None:
    desk = Desk(copied, ONTOLOGY)
    label(desk, "ann")
    waiting = [given(desk, who).triple_id for who in ("ann", "bob")]
    again = Desk(copied, ONTOLOGY)
    assert again.progress("ann").all == 1
    assert given(again, "cy").triple_id not in waiting
    assert [given(again, who).triple_id for who in ("bob", "ann")] == waiting[::-1]


def test_reviewers_at_once_get_different_triples(copied: Run) -> None:
    desk = Desk(copied, ONTOLOGY)

    def work(who: str) -> list[str]:
        found = []
        while desk.next(who):
            found.append(label(desk, who))
        return found

    with ThreadPoolExecutor(4) as pool:
        found = [t for some in pool.map(work, ["ann", "bob", "cy", "dee"]) for t in some]
    assert len(found) == len(set(found)) == 10


def test_a_triple_that_is_not_there_is_refused(copied: Run) -> None:
    with pytest.raises(InputError, match="load the page again"):
        Desk(copied, ONTOLOGY).take("1", "ann", "label", "nothing", 1)


# ------------------------------------------------------------------------------------------------------- routes


def test_the_routes_take_a_label_once_however_often_it_is_sent(client: TestClient, copied: Run) -> None:
    state = client.get("/review/next", params={"reviewer": " ann  lee "}).json()
    assert state["progress"] == {
        "run": "small-1", "reviewer": "ann lee", "mine": 0, "all": 0, "left": 10, "last": None,
    }
    act = {"id": "0123456789", "reviewer": "ann lee", "kind": "label", "triple_id": state["card"]["triple_id"],
           "label": 2, "outdated": True}
    for _ in range(3):
        after = client.post("/review/acts", json=act).json()
        assert after["progress"]["mine"] == 1
        assert after["card"]["triple_id"] != act["triple_id"]
    assert client.post("/review/acts", json={**act, "label": 3}).status_code == 422
    found = ReviewLog(copied.path / FILE).standing(str(act["triple_id"]))["ann lee"]
    assert (found.label, found.outdated, found.offensive) == (2, True, False)


@pytest.mark.parametrize("wrong", [
    {"label": 6}, {"label": 0}, {"id": "short"}, {"id": "x" * 65}, {"reviewer": ""}, {"reviewer": " "},
    {"reviewer": "a\x1b"}, {"kind": "praise"}, {"triple_id": "nothing"}, {"undoes": "x"}, {"more": 1},
])
def test_what_cannot_be_is_a_problem_and_writes_nothing(
    client: TestClient, copied: Run, wrong: dict[str, Any]
) -> None:
    triple_id = client.get("/review/next", params={"reviewer": "ann"}).json()["card"]["triple_id"]
    act = {"id": "0123456789", "reviewer": "ann", "kind": "label", "triple_id": triple_id, "label": 1}
    refused = client.post("/review/acts", json={**act, **wrong})
    assert refused.status_code == 422
    assert refused.headers["content-type"] == "application/problem+json"
    assert list(ReviewLog(copied.path / FILE).labels()) == []
    assert not (copied.path / FILE).exists() or (copied.path / FILE).stat().st_size == 0


def test_pages_of_strangers_cannot_ask(client: TestClient) -> None:
    assert client.get("/", headers={"Host": "evil.example"}).status_code == 400
    act = '{"id": "0123456789", "reviewer": "ann", "kind": "skip", "triple_id": "x"}'
    assert client.post("/review/acts", content=act, headers={"Content-Type": "text/plain"}).status_code == 415
    page = client.get("/")
    assert "default-src 'self'" in page.headers["content-security-policy"]
    assert "access-control-allow-origin" not in page.headers


# ----------------------------------------------------------------------------------------------------- terminal


def test_keys_in_the_terminal(copied: Run, capsys: pytest.CaptureFixture[str]) -> None:
    keys = iter("1x2uof4s5q")
    assert review_in_terminal(Desk(copied, ONTOLOGY), "ann", lambda: next(keys)) == 3
    log = ReviewLog(copied.path / FILE)
    assert sorted(a.label for _, by in log.labels() for a in by.values()) == [1, 4, 5]
    assert [a.label for _, by in log.labels() for a in by.values() if a.outdated and a.offensive] == [4]
    shown = capsys.readouterr().out
    assert "always or often" in shown
    assert "\x1b[31m;" not in shown  # a hostile text of the run
    assert review_in_terminal(Desk(copied, ONTOLOGY), "bob", lambda: "1") == 6  # one is still in ann's hand
    assert "Nothing is left" in capsys.readouterr().out
