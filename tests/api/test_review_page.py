"""The review page in a real browser, against the real command: no label is lost or doubled."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kg.records import Triple
from kg.reviews import FILE, ReviewLog
from kg.run import Run
from tests.graphs import many, write_graph

LABELS = 20


class Server:
    """`kg review` as a process of its own, always at the same address."""

    def __init__(self, run: Path, *options: str) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self._command = [sys.executable, "-c", "from api.cli import main; main()", "review", str(run), "--port",
                         str(port), "--json", *options]
        self.url = f"http://127.0.0.1:{port}/"
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
        self._process = subprocess.Popen(self._command, stdout=subprocess.PIPE, text=True, env=environment)
        assert self._process.stdout is not None
        assert json.loads(self._process.stdout.readline())["url"].startswith(self.url)

    def kill(self) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL)
            self._process.communicate()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    rows = [(t, i / 60) for i, (t, _) in enumerate(many(60))]
    write_graph(tmp_path / "run", [*rows, (Triple("PersonX sings", "xWant", "<b>to stop</b>", negated=True), None)])
    return tmp_path / "run"


@pytest.fixture
def server(folder: Path) -> Iterator[Server]:
    made = Server(folder)
    made.start()
    yield made
    made.kill()


class Reviewer:
    """A page in a browser of its own."""

    def __init__(self, browser: Any, url: str, name: str) -> None:
        self.context = browser.new_context()
        self.url = f"{url}?reviewer={name}"
        self.page = self.context.new_page()
        self.problems: list[str] = []
        self.open()

    def open(self) -> None:
        self.page.on("pageerror", lambda error: self.problems.append(str(error)))
        self.page.goto(self.url)
        self.page.locator("#card").wait_for()

    def press(self, key: str) -> None:
        self.page.keyboard.press(key)

    def counted(self, labels: int) -> None:
        """Waits until the page says that so many labels are this reviewer's."""
        self.page.locator("#counts", has_text=f"{labels} label{'s' if labels != 1 else ''} of yours").wait_for()

    def sentence(self) -> str:
        return str(self.page.inner_text("#sentence"))


def labels(folder: Path) -> list[tuple[str, str, int]]:
    """(reviewer, triple id, label) for each label that stands."""
    log = ReviewLog(folder / FILE)
    return [(who, t, act.label) for t, given in log.labels() for who, act in given.items()]


def test_twenty_labels_by_keyboard_and_undo(browser: Any, server: Server, folder: Path) -> None:
    ann = Reviewer(browser, server.url, "ann")
    first = ann.sentence()
    assert "<b>to stop</b>" in first
    assert ann.page.locator("#denied").is_visible()
    ann.press("4")
    ann.counted(1)
    ann.press("u")
    ann.counted(0)
    assert ann.sentence() == first
    ann.press("s")
    ann.page.locator("#status", has_text="Skipped").wait_for()
    for i in range(LABELS):
        ann.press("o" if i % 2 else "f")
        ann.press(str(i % 5 + 1))
        ann.counted(i + 1)
    found = labels(folder)
    assert Counter(label for _, _, label in found) == {1: 4, 2: 4, 3: 4, 4: 4, 5: 4}
    assert len({t for _, t, _ in found}) == LABELS
    acts = [act for _, given in ReviewLog(folder / FILE).labels() for act in given.values()]
    assert [(a.offensive, a.outdated) for a in acts] == [(i % 2 == 0, i % 2 == 1) for i in range(LABELS)]
    assert ann.problems == []


def test_two_reviewers_at_once_and_a_server_that_is_killed(browser: Any, server: Server, folder: Path) -> None:
    both = [Reviewer(browser, server.url, name) for name in ("ann", "bob")]
    for i in range(LABELS):
        if i == 11:
            server.kill()
        for reviewer in both:
            reviewer.press(str(i % 4 + 1))
        if i == 5:  # perhaps before the labels are written, perhaps after
            server.kill()
        if i == 11:
            for reviewer in both:
                reviewer.press("1")  # one label at a time: this one is not taken
        if i in (5, 11):
            server.start()
        for reviewer in both:
            reviewer.counted(i + 1)
    found = labels(folder)
    assert Counter(who for who, _, _ in found) == {"ann": LABELS, "bob": LABELS}
    assert len({t for _, t, _ in found}) == 2 * LABELS
    for name in ("ann", "bob"):
        assert [label for who, _, label in found if who == name] == [i % 4 + 1 for i in range(LABELS)]
    assert len((folder / FILE).read_text().splitlines()) == 2 * LABELS
    assert [r.problems for r in both] == [[], []]


def test_a_page_that_is_closed_while_the_server_is_away_sends_its_label_later(
    browser: Any, server: Server, folder: Path
) -> None:
    ann = Reviewer(browser, server.url, "ann")
    ann.press("1")
    ann.counted(1)
    server.kill()
    ann.press("2")
    ann.page.locator("#status", has_text="cannot be reached").wait_for()
    ann.page.close()
    server.start()
    ann.page = ann.context.new_page()
    ann.open()
    ann.counted(2)
    assert [label for _, _, label in labels(folder)] == [1, 2]
    assert Run.open(folder).id == "demo-1"
