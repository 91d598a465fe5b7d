"""The pipeline over the smallest parts that fit its protocols."""

from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kg.errors import RunError
from kg.graph import GraphFiles
from kg.label_model import Calibration, LabelModel
from kg.levels import Levels
from kg.ontology import load_ontology
from kg.pipeline import Head, Parts, build, claims, merge
from kg.records import Answer, Candidate, Claim, Generation, Prompt, Triple, Verdict
from kg.run import Run, read_lines

HEADS = [f"PersonX does thing {i}" for i in range(7)]


@dataclass
class Source:
    version: str = "1"

    def head_prompts(self) -> list[Prompt]:
        return [Prompt("", "", "heads", "new heads:")]

    def heads(self, answers: Iterable[Answer]) -> Iterator[Head]:
        yield from map(Head, HEADS)
        for answer in answers:
            yield Head(answer.generation.text.split(";")[0])
            yield Head("junk", "too short")

    def prompts(self, heads: Iterable[str]) -> Iterator[Prompt]:
        used = list(heads)
        return (Prompt(h, r, f"t/{r}", f"{h} {r}") for r in ("xWant", "NotxWant") for h in used)


@dataclass
class Teacher:
    name: str = "echo"
    version: str = "1"
    batch_size: int | None = None
    backwards: bool = False
    break_after: int = 10**9
    asked: list[str] = field(default_factory=list)

    def generate(self, prompts: Sequence[Prompt]) -> Generator[Generation]:
        for prompt in reversed(prompts) if self.backwards else prompts:
            if len(self.asked) >= self.break_after:
                raise KeyboardInterrupt
            self.asked.append(prompt.id)
            yield Generation(prompt.id, self.name, f"to answer {prompt.text!r}; bad", -1.0, 3)


class Extractor:
    version = "1"

    def extract(self, answers: Iterable[Answer]) -> Iterator[Candidate]:
        relation = load_ontology()
        for answer in answers:
            found, negated = relation.resolve(answer.prompt.relation)
            start = 0
            for part in answer.generation.text.split("; "):
                triple = Triple(answer.prompt.head, found.name, part, negated)
                yield Candidate(triple, answer.generation.id, "split", start, start + len(part))
                start += len(part) + 2


class NoBad:
    name, version = "nobad", "1"

    def judge(self, claims: Iterable[Claim]) -> Iterator[Verdict]:
        for claim in claims:
            bad = claim.candidate.triple.tail == "bad"
            yield Verdict(claim.candidate.id, self.name, "drop" if bad else "keep", None if bad else 0.5, "bad word")


def parts(teacher: Teacher) -> Parts:
    return Parts(load_ontology(), Source(), teacher, Extractor(), [NoBad()])


def run_at(path: Path) -> Run:
    return Run.create(path, "fixed", {"name": "x"})


def stage_bytes(path: Path) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in path.iterdir() if p.suffix in (".jsonl", ".parquet")}


def test_a_build_goes_from_prompts_to_a_graph(tmp_path: Path) -> None:
    run = run_at(tmp_path / "r")
    counts = build(run, parts(Teacher()))
    assert counts == {"asked": 17, "reused": 0, "nodes": 8 + 16, "edges": 16, "provenance": 16}
    assert (run.stage("verdicts") or {})["drops"] == {"nobad": {"bad word": 16}}
    assert (run.stage("heads") or {})["drops"] == {"too short": 1}
    triples = list(GraphFiles(run).triples())
    assert {t.relation for t in triples} == {"xWant"}
    assert sum(t.negated for t in triples) == 8


def test_the_manifest_says_why_critics_drop_and_abstain(tmp_path: Path) -> None:
    class Unsure(NoBad):
        name = "unsure"

        def judge(self, claims: Iterable[Claim]) -> Iterator[Verdict]:
            for claim in claims:
                yield Verdict(claim.candidate.id, self.name, "abstain", None, "nothing known")

    run = run_at(tmp_path / "r")
    build(run, Parts(load_ontology(), Source(), Teacher(), Extractor(), [NoBad(), Unsure()]))
    stage = run.stage("verdicts") or {}
    assert stage["critics"] == {"nobad": {"drop": 16, "keep": 16}, "unsure": {"abstain": 32}}
    assert stage["drops"] == {"nobad": {"bad word": 16}}
    assert stage["abstentions"] == {"unsure": {"nothing known": 32}}


def test_a_calibration_gives_probabilities_and_levels(tmp_path: Path) -> None:
    run = run_at(tmp_path / "r")
    build(run, parts(Teacher()))
    assert {(e["score"], e["level"]) for e in GraphFiles(run).edges()} == {(0.5, "")}
    model = LabelModel(1.0, {"nobad": {"drop": -2.0, "abstain": 0.0, "score": 1.0}})
    Calibration(model, Levels({"rec_0.5": 0.9, "rec_0.9": 0.7}), 10).write(run.path)
    assert merge(run, load_ontology())["edges"] == 16
    for again in (run, run_at(tmp_path / "r")):
        build(again, parts(Teacher(break_after=0)))
        assert {(round(e["score"], 4), e["level"]) for e in GraphFiles(again).edges()} == {(0.7311, "rec_0.9")}
        assert (again.stage("graph") or {})["levels"] == {"rec_0.5": 0.9, "rec_0.9": 0.7}


def test_a_calibration_of_other_critics_is_an_error(tmp_path: Path) -> None:
    run = run_at(tmp_path / "r")
    Calibration(LabelModel(1.0, {"other": {}}), Levels({}), 10).write(run.path)
    with pytest.raises(RunError, match="other critics"):
        build(run, parts(Teacher()))


def test_a_second_build_asks_nothing(tmp_path: Path) -> None:
    teacher = Teacher()
    build(run_at(tmp_path / "r"), parts(teacher))
    before = len(teacher.asked)
    again = build(run_at(tmp_path / "r"), parts(teacher))
    assert len(teacher.asked) == before
    assert (again["asked"], again["reused"]) == (0, 17)


def test_the_order_of_answers_does_not_change_a_byte(tmp_path: Path) -> None:
    build(run_at(tmp_path / "1" / "r"), parts(Teacher()))
    build(run_at(tmp_path / "2" / "r"), parts(Teacher(backwards=True)))
    assert stage_bytes(tmp_path / "1" / "r") == stage_bytes(tmp_path / "2" / "r")


@settings(max_examples=20, deadline=None)
@given(st.lists(st.integers(0, 17), max_size=4), st.booleans(), st.sampled_from([None, 1, 3]))
def test_interrupted_builds_give_the_same_bytes_and_ask_once(
    tmp_path_factory: pytest.TempPathFactory, breaks: list[int], backwards: bool, batch_size: int | None
) -> None:
    folder = tmp_path_factory.mktemp("runs")
    build(run_at(folder / "whole" / "r"), parts(Teacher(batch_size=batch_size)))
    teacher = Teacher(backwards=backwards and batch_size is None, batch_size=batch_size)
    for after in breaks:
        teacher.break_after = len(teacher.asked) + after
        try:
            build(run_at(folder / "broken" / "r"), parts(teacher))
        except KeyboardInterrupt:
            continue
    teacher.break_after = 10**9
    build(run_at(folder / "broken" / "r"), parts(teacher))
    assert stage_bytes(folder / "whole" / "r") == stage_bytes(folder / "broken" / "r")
    if batch_size in (None, 1):
        assert len(teacher.asked) == len(set(teacher.asked)) == 17


def test_a_changed_recipe_asks_only_what_is_new(tmp_path: Path) -> None:
    teacher = Teacher()
    build(run_at(tmp_path / "a"), parts(teacher), limit=5)
    counts = build(run_at(tmp_path / "b"), parts(teacher))
    assert counts["reused"] == 6
    assert len(teacher.asked) == len(set(teacher.asked)) == 17


def test_another_teachers_answers_are_not_reused(tmp_path: Path) -> None:
    build(run_at(tmp_path / "a"), parts(Teacher()))
    assert build(run_at(tmp_path / "b"), parts(Teacher(version="2")))["asked"] == 17


def test_a_batch_teacher_gets_whole_batches_of_one_template(tmp_path: Path) -> None:
    sizes: list[tuple[str, int]] = []

    class Watched(Teacher):
        def generate(self, prompts: Sequence[Prompt]) -> Generator[Generation]:
            sizes.append((prompts[0].template, len(prompts)))
            assert len({p.template for p in prompts}) == 1
            return super().generate(prompts)

    build(run_at(tmp_path / "r"), parts(Watched(batch_size=3)))
    assert sizes == [("heads", 1), *[("t/xWant", n) for n in (3, 3, 2)], *[("t/NotxWant", n) for n in (3, 3, 2)]]


def test_claims_join_candidates_with_their_answers(tmp_path: Path) -> None:
    run = run_at(tmp_path / "r")
    build(run, parts(Teacher()))
    found = list(claims(run))
    assert len(found) == 32
    for claim in found:
        c, text = claim.candidate, claim.answer.generation.text
        assert text[c.start : c.end] == c.triple.tail
        assert claim.answer.prompt.head == c.triple.head


def test_tokens_and_answers_are_in_the_manifest(tmp_path: Path) -> None:
    run = run_at(tmp_path / "r")
    build(run, parts(Teacher()))
    stage = run.stage("generations") or {}
    assert (stage["rows"], stage["tokens"], stage["unanswered"]) == (16, 48, 0)
    assert [r["prompt_id"] for r in read_lines(run.require("generations"))] == [
        r["id"] for r in read_lines(run.require("prompts"))
    ]


def test_nothing_to_ask_is_an_error(tmp_path: Path) -> None:
    class Empty(Source):
        def prompts(self, heads: Iterable[str]) -> Iterator[Prompt]:
            return iter(())

    with pytest.raises(RunError, match="nothing to ask"):
        build(run_at(tmp_path / "r"), Parts(load_ontology(), Empty(), Teacher(), Extractor(), []))
