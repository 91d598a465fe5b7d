"""Who reviews what: hands triples to reviewers, one at a time, and takes what they say."""

import json
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from api.review_cards import Card, cards
from kg.errors import InputError
from kg.ontology import Ontology
from kg.records import Triple
from kg.review_queue import Item, queue
from kg.reviews import FILE, Act, Kind, ReviewLog
from kg.run import Run, write_atomically

HOLDS = "reviews.held.json"  # what each reviewer looks at, for a server that is killed and started again
HELD = 600.0  # seconds that a triple is kept for a reviewer who does nothing
_AHEAD = 50  # cards that are made at once


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a review stands. `mine` and `all` count labels; `left` is how many more are asked for, of all reviewers."""

    run: str
    reviewer: str
    mine: int
    all: int
    left: int
    last: Act | None


class Desk:
    """The open review of a run, for any number of reviewers and threads.

    A triple that a reviewer looks at is held: the others are given the next ones, so that each triple gets
    `per_triple` labels and all together get `budget`. Whoever labels a triple after it was given away is not refused.
    Other processes may review the same run: their labels are seen, what they hold is not.
    """

    def __init__(
        self, run: Run, ontology: Ontology, budget: int | None = None, per_triple: int = 1,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Raises RunError for a run without a graph, or with a damaged log."""
        self.run = run
        self._ontology = ontology
        self._items: Sequence[Item] = queue(run, ontology)
        self._place = {item.id: i for i, item in enumerate(self._items)}
        self._log = ReviewLog(run.path / FILE)
        self._budget = budget
        self._per_triple = per_triple
        self._clock = clock
        self._mutex = threading.RLock()
        self._held = self._read_held()
        self._cards: dict[str, Card] = {}

    def next(self, reviewer: str) -> Card | None:
        """What the reviewer looks at next: the same until it is labelled or skipped. None when nothing is left."""
        with self._mutex:
            self._log.refresh()
            now = self._clock()
            self._held = {who: held for who, held in self._held.items() if who == reviewer or now - held[1] < HELD}
            own = self._held.pop(reviewer, ("", 0.0))[0]
            found = own if own and reviewer not in self._log.standing(own) else self._first_for(reviewer)
            if found:
                self._held[reviewer] = (found, now)
            write_atomically(self.run.path / HOLDS, json.dumps(self._held, ensure_ascii=True))
            return self._card(found) if found else None

    def take(
        self, act_id: str, reviewer: str, kind: Kind, triple_id: str, label: int = 0, outdated: bool = False,
        offensive: bool = False, undoes: str = "",
    ) -> None:
        """Writes what a reviewer did; it is on the disk when this returns. The same act may be sent again.

        An undone triple is the reviewer's next one. Raises InputError for an act that cannot be.
        """
        last = self._log.last(reviewer)
        triple = last.triple if last and last.id == undoes else self._triple(triple_id)
        act = Act(act_id, reviewer, kind, triple_id, triple, label, outdated, offensive, undoes)
        with self._mutex:
            is_new = self._log.append(act)
            if kind != "undo" and self._held.get(reviewer, ("",))[0] == triple_id:
                del self._held[reviewer]
            elif kind == "undo" and is_new and triple_id in self._place:
                self._held[reviewer] = (triple_id, self._clock())

    def progress(self, reviewer: str) -> Progress:
        """Where the review stands for this reviewer."""
        with self._mutex:
            counts = self._log.counts()
            done = sum(counts.values())
            return Progress(
                self.run.id, reviewer, counts.get(reviewer, 0), done, self._left(done), self._log.last(reviewer)
            )

    def _read_held(self) -> dict[str, tuple[str, float]]:
        """By reviewer: the triple in hand, and since when (seconds since 1970)."""
        path = self.run.path / HOLDS
        held = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
        return {who: (triple_id, since) for who, (triple_id, since) in held.items() if triple_id in self._place}

    def _left(self, done: int) -> int:
        given = dict(self._log.labels())
        open_ = sum(max(self._per_triple - len(given.get(item.id, {})), 0) for item in self._items)
        return open_ if self._budget is None else min(open_, max(self._budget - done, 0))

    def _first_for(self, reviewer: str) -> str:
        """The first triple that still needs this reviewer, or an empty string."""
        held = [triple_id for triple_id, _ in self._held.values()]
        if self._budget is not None and sum(self._log.counts().values()) + len(held) >= self._budget:
            return ""
        for item in self._items:
            standing = self._log.standing(item.id)
            labels = sum(act.kind == "label" for act in standing.values())
            if reviewer not in standing and labels + held.count(item.id) < self._per_triple:
                return item.id
        return ""

    def _triple(self, triple_id: str) -> Triple:
        if triple_id not in self._place:
            raise InputError("this triple is not under review (any more): load the page again")
        return self._items[self._place[triple_id]].triple

    def _card(self, triple_id: str) -> Card:
        if triple_id not in self._cards:
            place = self._place[triple_id]
            ahead = [i for i in self._items[place : place + _AHEAD] if i.id not in self._cards]
            self._cards.update((card.triple_id, card) for card in cards(self.run, ahead, self._ontology))
        return self._cards[triple_id]
