"""The OpenAI-compatible teacher against a real server that misbehaves."""

import gc
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from extraction.teacher_openai import OpenAITeacher
from kg.errors import BudgetError, RecipeError, TeacherError
from kg.ontology import load_ontology
from kg.pipeline import Head, Parts, build
from kg.recipe import parse
from kg.records import Answer, Candidate, Generation, Prompt
from kg.run import Run, read_lines
from kg.schemas import generation_from, generation_line
from tests.extraction.fake_openai import Behaviour, FakeOpenAI, Reply, Request, answer, fault


def prompts(count: int) -> list[Prompt]:
    return [Prompt(f"PersonX does {i}", "xWant", "t/1", f"question {i}") for i in range(count)]


def teacher(server: FakeOpenAI, seed: int = 0, **options: Any) -> OpenAITeacher:
    given = {"model": "tiny", "base_url": server.url, "backoff": 0.01, "timeout": 5.0, **options}
    return OpenAITeacher(OpenAITeacher.Options(**given), seed)


def outcome(t: OpenAITeacher, asked: list[Prompt]) -> tuple[list[Generation], TeacherError | None]:
    """What is yielded, and the error at the end."""
    got: list[Generation] = []
    try:
        got.extend(t.generate(asked))
    except TeacherError as error:
        return got, error
    return got, None


def first_time(reply: Reply) -> Behaviour:
    """`reply` for the first request of each prompt, then good answers."""
    return lambda request: reply if request.attempt == 0 else None


@pytest.mark.parametrize("mode", ["chat", "completion"])
def test_answers_every_prompt_once(mode: str) -> None:
    asked = prompts(40)
    with FakeOpenAI() as server:
        t = teacher(server, mode=mode, system="Be brief.", stop=["\n"], temperature=0.5, top_p=0.9, concurrency=4)
        got = list(t.generate([*asked, asked[0]]))
        before = "Be brief." if mode == "completion" else ""
        assert {g.prompt_id: g.text for g in got} == {p.id: f"answer to {before}{p.text}" for p in asked}
        assert len(got) == 40
        assert set(server.answered.values()) == {1}
        assert server.most_at_once <= 4
        assert t.tokens_used == 40 * 15
        assert t.cost == 0.0
        assert got[0].tokens == 5
        assert got[0].teacher == "openai:tiny"
        body = server.requests[0].body
    assert body["temperature"] == 0.5
    assert body["top_p"] == 0.9
    assert body["stop"] == ["\n"]
    assert body["max_tokens"] == 128
    assert (body["messages"][0] == {"role": "system", "content": "Be brief."}) if mode == "chat" else body["prompt"]
    assert len({r.body["seed"] for r in server.requests}) == 40


@pytest.mark.parametrize("bad", [
    fault(429, "slow down"), fault(500, "oops"), fault(503, "busy"), Reply(502, b"<html>Bad gateway</html>"),
    Reply(body=b'{"choices": [{"message": {"con'), Reply(body=b"", headers={"Content-Type": "text/html"}),
    Reply(body=answer("x").body, cut=20), Reply(body=b"", cut=0), Reply(body=b"[]"), Reply(body=b'{"choices": []}'),
    Reply(body=b'{"choices": [{"message": {"content": 5}}]}'), Reply(body=b"\xff\xfe"),
    Reply(body=b'{"error": {"message": "upstream failed"}}'), Reply(body=b"[" * 100_000),
    Reply(body=answer("late").body, delay=1.0),
], ids=lambda r: f"{r.status} {r.body[:30]!r} {r.cut} {r.delay}")
def test_passing_faults_are_asked_again(bad: Reply) -> None:
    asked = prompts(6)
    with FakeOpenAI(first_time(bad)) as server:
        got, error = outcome(teacher(server, timeout=0.5, concurrency=3), asked)
        assert error is None
        assert {g.prompt_id: g.text for g in got} == {p.id: f"answer to {p.text}" for p in asked}
        assert set(server.asked.values()) == {2}


def test_several_faults_in_a_row_on_each_prompt() -> None:
    faults = [fault(500, "a"), fault(429, "b"), Reply(body=b"{", cut=1), answer(None)]
    with FakeOpenAI(lambda r: faults[min(r.attempt, 3)]) as server:
        got, error = outcome(teacher(server), prompts(10))
        assert error is None
        assert [g.text for g in got] == [""] * 10
        assert set(server.asked.values()) == {4}


@pytest.mark.parametrize("date", [False, True])
def test_retry_after_is_honoured_by_all(date: bool) -> None:
    times: list[float] = []

    def behave(request: Request) -> Reply | None:
        times.append(time.monotonic())
        at = format_datetime(datetime.now(UTC) + timedelta(seconds=2), usegmt=True)  # whole seconds: 1 to 2 away
        return fault(429, "slow", Retry_After=at if date else "1") if request.number == 0 else None

    with FakeOpenAI(behave) as server:
        got, error = outcome(teacher(server, concurrency=2, requests_per_minute=600), prompts(8))
    assert error is None
    assert len(got) == 8
    pause = max(b - a for a, b in pairwise(times))
    assert 0.8 <= pause < 2.5


def test_retry_after_of_hours_ends_the_run() -> None:
    with FakeOpenAI(lambda r: fault(429, "daily limit", Retry_After="7200") if r.number else None) as server:
        got, error = outcome(teacher(server, concurrency=1), prompts(5))
    assert len(got) == 1
    assert "7200 seconds" in str(error)


def test_empty_answers_are_answers() -> None:
    with FakeOpenAI(lambda r: answer("" if r.number % 2 else None)) as server:
        got, error = outcome(teacher(server), prompts(6))
        assert error is None
        assert [g.text for g in got] == [""] * 6
        assert set(server.asked.values()) == {1}


@pytest.mark.parametrize("text", ["a\x00b\r\n\u2028", "\ud800 half", "😀 שלום", " " * 1000, "x" * 2_000_000])
def test_answers_are_verbatim(text: str) -> None:
    with FakeOpenAI(lambda r: answer(text)) as server:
        assert [g.text for g in teacher(server).generate(prompts(1))] == [text]


def test_half_surrogates_in_a_prompt_are_sent_as_replacement_characters() -> None:
    asked = [Prompt("h", "xWant", "t", "a \ud800 b 😀")]
    with FakeOpenAI() as server:
        got = list(teacher(server).generate(asked))
        assert got[0].prompt_id == asked[0].id
        assert server.requests[0].prompt == "a \ufffd b 😀"


def test_unknown_model_names_the_nearest() -> None:
    with FakeOpenAI() as server:
        got, error = outcome(teacher(server, model="tiny-chta"), prompts(50))
        assert not got
        assert "tiny-chta" in str(error)
        assert "did you mean tiny-chat" in str(error)
        assert len(server.requests) <= 8


@pytest.mark.parametrize(("status", "key", "says"), [(401, "", "is not set"), (403, "sk-1", "is set but refused")])
def test_wrong_key_is_said_once(monkeypatch: pytest.MonkeyPatch, status: int, key: str, says: str) -> None:
    monkeypatch.setenv("MY_KEY", key)
    with FakeOpenAI(lambda r: fault(status, "bad key")) as server:
        got, error = outcome(teacher(server, key_env="MY_KEY"), prompts(50))
        assert not got
        assert f"the key in $MY_KEY {says}" in str(error)
        assert len(server.requests) <= 8
        assert server.requests[0].headers["authorization"] == f"Bearer {key or 'none'}"
        assert not key or key not in str(error)


def test_a_stop_keeps_what_is_under_way() -> None:
    def behave(request: Request) -> Reply | None:
        reply = answer(f"answer {request.prompt}")
        reply.delay = 0.5
        return reply if request.number < 3 else fault(401, "key revoked")

    with FakeOpenAI(behave) as server:
        got, error = outcome(teacher(server, concurrency=4), prompts(20))
        assert "key revoked" in str(error)
        assert len(got) == sum(server.answered.values()) == 3


def test_one_prompt_that_always_fails_does_not_stop_the_others() -> None:
    with FakeOpenAI(lambda r: fault(500, "boom") if r.prompt == "question 3" else None) as server:
        got, error = outcome(teacher(server, retries=2), prompts(20))
        assert len(got) == 19
        assert "1 of 20 prompts are unanswered" in str(error)
        assert "boom" in str(error)
        assert server.asked["question 3"] == 3


def test_a_refused_prompt_is_not_asked_again() -> None:
    with FakeOpenAI(lambda r: fault(400, "too long") if r.prompt == "question 7" else None) as server:
        got, error = outcome(teacher(server, concurrency=2), prompts(20))
        assert len(got) == 19
        assert "too long" in str(error)
        assert server.asked["question 7"] == 1


def test_a_dead_server_ends_the_run() -> None:
    with FakeOpenAI(lambda r: fault(500, "boom")) as server:
        got, error = outcome(teacher(server, retries=1, concurrency=4), prompts(1000))
        assert not got
        assert "in a row" in str(error)
        assert len(server.requests) <= 16
    got, error = outcome(teacher(server, retries=1), prompts(1000))
    assert not got
    assert "is the server running" in str(error)


def test_parameters_that_a_server_refuses_are_left_out() -> None:
    def behave(request: Request) -> Reply | None:
        for name in ("logprobs", "seed"):
            if name in request.body:
                return fault(400, f"Unrecognized request argument: {name}")
        if "max_tokens" in request.body:
            return fault(400, "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead.")
        return None

    with FakeOpenAI(behave) as server:
        got, error = outcome(teacher(server, concurrency=4), prompts(30))
        assert error is None
        assert len(got) == 30
        assert set(server.answered.values()) == {1}
        assert len(server.requests) <= 30 + 3 * 4
        assert server.requests[-1].body["max_completion_tokens"] == 128


def test_log_probabilities() -> None:
    rows = [{"token": t, "logprob": -0.5, "bytes": list(t.encode())} for t in ("né", "e", "\n")]
    chat = answer("née", logprobs={"content": rows})
    old = answer("née", "completion", logprobs={"tokens": ["né", "e"], "token_logprobs": [-0.5, -1.0]})
    odd = answer("née", logprobs={"content": [{"token": "zz", "logprob": -2.0}]})
    for reply, total, starts in ((chat, -1.5, (0, 2)), (old, -1.5, (0, 2)), (odd, -2.0, ())):
        with FakeOpenAI(lambda r, reply=reply: reply) as server:
            got = next(teacher(server, mode="chat").generate(prompts(1)))
        assert got.log_probability == total
        assert got.token_starts == starts
        assert len(got.token_log_probabilities) == len(starts)


@pytest.mark.parametrize("broken", [
    {"content": [{"token": 5}]}, {"content": None}, [], {"tokens": ["a"], "token_logprobs": [None]},
    {"content": [{"token": "a", "logprob": float("nan")}]}, {"content": [{"token": "a", "logprob": 10**400}]},
    {"content": []}, {"content": [5]}, {"tokens": ["a", "b"], "token_logprobs": [-1]}, "text",
], ids=lambda b: str(b)[:40])
def test_broken_log_probabilities_are_left_out(broken: object) -> None:
    with FakeOpenAI(lambda r: answer("a", logprobs=broken)) as server:
        got = next(teacher(server).generate(prompts(1)))
        assert got.text == "a"
        assert got.log_probability is None
        assert got.token_starts == ()


@pytest.mark.parametrize("usage", [(10, 100), (40, 128), (3, 2), None])
@pytest.mark.parametrize("concurrency", [1, 8])
def test_budget_of_tokens_is_never_exceeded(usage: tuple[int, int] | None, concurrency: int) -> None:
    used = sum(usage) if usage else 0
    with FakeOpenAI(lambda r: answer("x", usage=usage)) as server:
        t = teacher(server, budget_tokens=1000, concurrency=concurrency)
        got, error = outcome(t, prompts(500))
        assert isinstance(error, BudgetError)
        assert "budget of 1000 tokens" in str(error)
        assert len(got) == sum(server.answered.values()) > 0
        assert t.tokens_used <= 1000
        assert t.tokens_used == len(got) * used or usage is None
        assert t.tokens_used > 1000 - 128 - 60  # it stops because the next one would not fit, not before
        assert t.budget.reserved == (0, 0)


def test_budget_of_money() -> None:
    with FakeOpenAI(lambda r: answer("x", usage=(10, 100))) as server:
        t = teacher(server, budget_money=0.01, price_in=1.0, price_out=2.0)
        got, error = outcome(t, prompts(500))
    assert isinstance(error, BudgetError)
    assert t.cost == pytest.approx(len(got) * 210 / 1e6)
    assert 0.009 < t.cost <= 0.01


def test_answers_that_may_have_been_paid_count_against_the_budget() -> None:
    with FakeOpenAI(lambda r: Reply(body=b"{")) as server:
        t = teacher(server, budget_tokens=1000, retries=100, concurrency=2)
        got, error = outcome(t, prompts(2))
        assert not got
        assert isinstance(error, BudgetError)
        assert 800 < t.tokens_used <= 1000
    with FakeOpenAI(lambda r: fault(500, "x")) as server:
        t = teacher(server, budget_tokens=1000, retries=3)
        outcome(t, prompts(2))
        assert t.tokens_used == 0


def test_requests_a_minute() -> None:
    with FakeOpenAI() as server:
        started = time.monotonic()
        assert len(list(teacher(server, requests_per_minute=600).generate(prompts(11)))) == 11
        assert 0.9 < time.monotonic() - started < 3


def test_slow_answers_come_out_of_order_and_at_once() -> None:
    def behave(request: Request) -> Reply:
        reply = answer(request.prompt)
        reply.delay = 0.6 if request.prompt == "question 0" else 0.0
        return reply

    with FakeOpenAI(behave) as server:
        got = [g.text for g in teacher(server, concurrency=2).generate(prompts(8))]
    assert got[-1] == "question 0"
    assert sorted(got) == [p.text for p in prompts(8)]


def test_a_consumer_that_stops_leaves_nothing_behind() -> None:
    with FakeOpenAI() as server:
        answers = teacher(server, concurrency=4).generate(prompts(100))
        next(answers)
        assert any(t.name == "outlet" for t in threading.enumerate())
        answers.close()  # type: ignore[attr-defined]
        assert not any(t.name == "outlet" for t in threading.enumerate())
        assert len(server.requests) <= 8  # the next ones are asked only when answers are taken
    gc.collect()


@pytest.fixture
def _interruptible() -> Iterator[None]:
    """SIGINT raises KeyboardInterrupt even where the shell that started the tests has it ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("_interruptible")
def test_an_interrupt_still_receives_what_is_under_way() -> None:
    def behave(request: Request) -> Reply:
        reply = answer("x")
        reply.delay = 0.5
        return reply

    got: list[Generation] = []
    with FakeOpenAI(behave) as server:
        threading.Timer(0.7, signal.pthread_kill, [threading.get_ident(), signal.SIGINT]).start()
        with pytest.raises(KeyboardInterrupt):  # noqa: PT012
            for generation in teacher(server, concurrency=3).generate(prompts(100)):
                got.append(generation)  # noqa: PERF402  (kept although the loop ends with an error)
        assert len(got) == len(server.requests) == sum(server.answered.values()) == 6


class Source:
    version = "1"

    def __init__(self, count: int) -> None:
        self.count = count

    def head_prompts(self) -> list[Prompt]:
        return []

    def heads(self, answers: Iterable[Answer]) -> Iterator[Head]:
        return iter([Head("PersonX does 0")])

    def prompts(self, heads: Iterable[str]) -> Iterator[Prompt]:
        return iter(prompts(self.count))


class NoTriples:
    version = "1"

    def extract(self, answers: Iterable[Answer]) -> Iterator[Candidate]:
        return iter(())


def build_with(path: Path, t: OpenAITeacher, count: int, stop_after: int = 10**9) -> dict[str, int]:
    """A build that an exception interrupts after `stop_after` answers."""
    def progress(stage: str, done: int, total: int | None) -> None:
        if stage == "generations" and done > stop_after:
            raise ZeroDivisionError

    parts = Parts(load_ontology(), Source(count), t, NoTriples(), [])
    return build(Run.create(path, "r", {"name": "r"}), parts, progress)


def test_an_interrupted_build_asks_nothing_twice(tmp_path: Path) -> None:
    with FakeOpenAI(lambda r: fault(500, "x") if r.number % 7 == 3 else None) as server:
        for stop in (10, 25):
            with pytest.raises(ZeroDivisionError):
                build_with(tmp_path / "r", teacher(server, concurrency=4), 60, stop)
            gc.collect()
        counts = build_with(tmp_path / "r", teacher(server, concurrency=4), 60)
        assert counts["asked"] + counts["reused"] == 60
        assert counts["reused"] >= 25
        assert len(server.answered) == 60
        assert sum(server.answered.values()) <= 60 + 2 * 4
        assert build_with(tmp_path / "r", teacher(server), 60)["asked"] == 0


def test_a_build_stopped_by_its_budget_goes_on(tmp_path: Path) -> None:
    with FakeOpenAI(lambda r: answer("x", usage=(5, 20))) as server:
        with pytest.raises(BudgetError):
            build_with(tmp_path / "r", teacher(server, budget_tokens=800), 60)
        answered = sum(server.answered.values())
        counts = build_with(tmp_path / "r", teacher(server), 60)
        assert counts["reused"] == answered
        assert set(server.answered.values()) == {1}
        assert len(server.answered) == 60


def test_killed_builds_ask_only_what_was_under_way(tmp_path: Path) -> None:
    def behave(request: Request) -> Reply:
        reply = answer(f"answer to {request.prompt}")
        reply.delay = 0.02
        return reply

    script = (
        "import sys; from pathlib import Path; from tests.extraction import test_teacher_openai as t\n"
        "from extraction.teacher_openai import OpenAITeacher as T\n"
        "t.build_with(Path(sys.argv[1]), T(T.Options(model='tiny', base_url=sys.argv[2], concurrency=4)), 300)\n"
    )
    run = tmp_path / "r"
    command = [sys.executable, "-c", script, str(run)]
    kills = 0
    with FakeOpenAI(behave) as server:
        for goal in (60, 140):
            process = subprocess.Popen([*command, server.url], cwd=Path(__file__).parents[2])
            while sum(server.answered.values()) < goal and process.poll() is None:
                time.sleep(0.005)
            kills += process.poll() is None
            os.kill(process.pid, signal.SIGKILL)
            process.wait()
            time.sleep(0.2)
        assert subprocess.run([*command, server.url], cwd=Path(__file__).parents[2], timeout=60).returncode == 0
        assert kills == 2
        assert len(server.answered) == 300
        assert sum(server.answered.values()) <= 300 + 4 * kills
    rows = list(read_lines(run / "generations.jsonl"))
    assert [row["text"] for row in rows] == [f"answer to question {i}" for i in range(300)]


def test_version_changes_with_what_changes_answers() -> None:
    def version(seed: int = 0, **options: Any) -> str:
        return OpenAITeacher(OpenAITeacher.Options(model="m", **options), seed).version

    assert version() == version(concurrency=1, retries=0, timeout=1, budget_tokens=5, price_in=1, key_env="K")
    others = [
        version(1), version(mode="completion"), version(system="s"), version(temperature=0), version(top_p=0.5),
        version(max_tokens=5), version(stop=["a"]), version(base_url="http://localhost:1/v1"), version(logprobs=False),
    ]
    assert len({version(), *others}) == 10


@pytest.mark.parametrize("options", [
    {}, {"model": ""}, {"base_url": "localhost:11434"}, {"budget_money": 1.0}, {"temprature": 1}, {"api_key": "sk-1"},
    {"concurrency": 0}, {"mode": "text"},
])
def test_wrong_options(options: dict[str, Any]) -> None:
    with pytest.raises(RecipeError):
        parse(OpenAITeacher.Options, ({"model": "m"} if options else {}) | options, "teacher")


def test_a_key_that_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-é\n1")
    with pytest.raises(TeacherError, match="OPENAI_API_KEY"):
        OpenAITeacher(OpenAITeacher.Options(model="m"))


def test_nothing_asked() -> None:
    with FakeOpenAI() as server:
        assert list(teacher(server).generate([])) == []
        assert json.dumps(server.asked) == "{}"


def test_what_an_interrupted_build_has_paid_counts_against_the_budget() -> None:
    asked = prompts(30)
    with FakeOpenAI() as server:
        first = teacher(server, budget_tokens=400, concurrency=1)
        paid, error = outcome(first, asked)
        assert isinstance(error, BudgetError)
        second = teacher(server, budget_tokens=400, concurrency=1)
        second.count_paid(generation_from(json.loads(generation_line(g))) for g in paid)
        assert second.tokens_used == first.tokens_used
        more, error = outcome(second, asked[len(paid):])
        assert more == []
        assert isinstance(error, BudgetError)
        assert len(server.requests) == len(paid)
