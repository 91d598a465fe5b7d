"""From prompts to a graph: heads, prompts, generations, candidates, verdicts, graph.

Data flows one way; every stage reads the files of the one before and writes its own. This module knows the parts only
by their protocols.
"""

import json
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import groupby, islice
from pathlib import Path
from typing import Protocol

from kg.errors import RunError
from kg.graph import FILES, GraphBuilder
from kg.label_model import FILE as CALIBRATION
from kg.label_model import Calibration
from kg.levels import Levels
from kg.ontology import Ontology
from kg.protocols import Critic, Extractor, PaidTeacher, Teacher
from kg.records import Answer, Candidate, Claim, Prompt, Verdict, digest
from kg.run import (
    Journal,
    Progress,
    Run,
    read_journal,
    read_lines,
    read_parquet,
    silent,
    write_lines,
    write_parquet,
)
from kg.schemas import (
    CANDIDATES,
    VERDICTS,
    candidate_from,
    candidate_row,
    generation_from,
    generation_line,
    prompt_from,
    prompt_line,
)

GRAPH_VERSION = "4"
CHUNK = 10_000  # prompts handed at a time to a teacher that takes any number


@dataclass(frozen=True, slots=True)
class Head:
    """A head with the reason why it is not used; the reason is empty for one that is."""

    text: str
    reason: str = ""


class PromptSource(Protocol):
    """Where prompts come from. `version` changes when the same heads give other prompts."""

    version: str

    def head_prompts(self) -> list[Prompt]:
        """Prompts that ask for new heads; none when the heads are given."""
        ...

    def heads(self, answers: Iterable[Answer]) -> Iterator[Head]:
        """The given heads and those in the answers, with the reason for those that are not used."""
        ...

    def prompts(self, heads: Iterable[str]) -> Iterator[Prompt]:
        """The prompts about these heads, those of one template together."""
        ...


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts of one build."""

    ontology: Ontology
    source: PromptSource
    teacher: Teacher
    extractor: Extractor
    critics: Sequence[Critic]


def build(run: Run, parts: Parts, progress: Progress = silent, limit: int | None = None) -> dict[str, int]:
    """Builds the run, doing only what is not done yet; returns {"asked", "reused", "nodes", "edges"}.

    `asked` counts answers that this call got from the teacher and `reused` those that were on disk.
    `limit` caps the prompts for tails.
    """
    asked = Counter[str]()
    source, teacher = parts.source, parts.teacher
    with run.lock():
        key = digest("head_prompts", source.version)
        if not run.is_done("head_prompts", key):
            _write_prompts(run, "head_prompts", key, source.head_prompts())
        _generate(run, "head_prompts", "head_generations", teacher, progress, asked)
        key = digest("heads", source.version, run.digest("head_prompts", "head_generations"))
        if not run.is_done("heads", key):
            _write_heads(run, key, source)
        key = digest("prompts", source.version, str(limit), run.digest("heads"))
        if not run.is_done("prompts", key):
            _write_prompts(run, "prompts", key, islice(source.prompts(_used_heads(run)), limit))
        if not (run.stage("prompts") or {})["rows"]:
            raise RunError("there is nothing to ask: the recipe gives no heads or relations")
        _generate(run, "prompts", "generations", teacher, progress, asked)
        key = digest("candidates", parts.extractor.version, run.digest("prompts", "generations"))
        if not run.is_done("candidates", key):
            _extract(run, key, parts.extractor, progress)
        key = digest("verdicts", *(f"{c.name} {c.version}" for c in parts.critics), run.digest("candidates"))
        if not run.is_done("verdicts", key):
            _judge(run, key, parts.critics, progress)
        _merge(run, parts.ontology, progress)
    graph = run.stage("graph") or {}
    return {"asked": asked["asked"], "reused": asked["reused"], **graph["counts"]}


def merge(run: Run, ontology: Ontology, progress: Progress = silent) -> dict[str, int]:
    """Makes the graph of a built run anew where its calibration has changed; returns rows by file."""
    with run.lock():
        _merge(run, ontology, progress)
    return dict((run.stage("graph") or {})["counts"])


def answers(run: Run, prompts: str = "prompts", generations: str = "generations") -> Iterator[Answer]:
    """The answers of a run in the order of its prompts, streaming."""
    asked = (prompt_from(row) for row in read_lines(run.require(prompts)))
    given = (generation_from(row) for row in read_lines(run.require(generations)))
    for generation in given:
        for prompt in asked:
            if prompt.id == generation.prompt_id:
                yield Answer(prompt, generation)
                break


def claims(run: Run) -> Iterator[Claim]:
    """The candidates of a run with their answers, streaming."""
    candidates = (candidate_from(row) for row in read_parquet(run.require("candidates")))
    found = answers(run)
    answer = next(found, None)
    for candidate in candidates:
        while answer is not None and answer.generation.id != candidate.generation_id:
            answer = next(found, None)
        if answer is None:
            raise RunError(f"{run.path}: candidate {candidate.id} has no answer: build the run again")
        yield Claim(candidate, answer)


def _write_prompts(run: Run, stage: str, key: str, prompts: Iterable[Prompt]) -> None:
    started, file = time.monotonic(), f"{stage}.jsonl"
    rows = write_lines(run.part(file), map(prompt_line, prompts))
    run.finish(stage, key, [file], rows, started)


def _write_heads(run: Run, key: str, source: PromptSource) -> None:
    started = time.monotonic()
    drops = Counter[str]()

    def lines() -> Iterator[str]:
        for head in source.heads(answers(run, "head_prompts", "head_generations")):
            if head.reason:
                drops[head.reason] += 1
            yield json.dumps({"head": head.text, "dropped": head.reason}, ensure_ascii=True)

    rows = write_lines(run.part("heads.jsonl"), lines())
    run.finish("heads", key, ["heads.jsonl"], rows, started, drops=dict(sorted(drops.items())))


def _used_heads(run: Run) -> Iterator[str]:
    return (row["head"] for row in read_lines(run.require("heads")) if not row["dropped"])


def _generate(
    run: Run, ask: str, stage: str, teacher: Teacher, progress: Progress, count: Counter[str]
) -> None:
    """Asks the teacher what no file answers yet; every answer is on disk before the next is read."""
    identity = digest(teacher.name, teacher.version)
    key = digest(stage, identity, run.digest(ask))
    total = (run.stage(ask) or {})["rows"]
    if run.is_done(stage, key):
        count["reused"] += total
        _count_paid(teacher, run.require(stage))
        return
    started, file = time.monotonic(), f"{stage}.jsonl"
    path = run.path / f"{stage}.{identity[:8]}.journal"
    _count_paid(teacher, path)
    with closing(Journal(path, "prompt_id")) as journal:
        _reuse(run, ask, stage, identity, journal)
        count["reused"] += len(journal)
        progress(stage, len(journal), total)
        for batch in _batches(_prompts(run, ask), journal, teacher.batch_size):
            with closing(teacher.generate(batch)) as generations:
                for generation in generations:
                    if generation.prompt_id not in journal:
                        journal.append(generation.prompt_id, generation_line(generation))
                        count["asked"] += 1
                        progress(stage, len(journal), total)
        tokens = 0

        def ordered() -> Iterator[str]:
            nonlocal tokens
            for prompt in _prompts(run, ask):
                if prompt.id in journal:
                    generation = generation_from(journal[prompt.id])
                    tokens += generation.tokens
                    yield generation_line(generation)

        rows = write_lines(run.part(file), ordered())
    cost = teacher.cost if isinstance(teacher, PaidTeacher) else 0.0
    run.finish(
        stage, key, [file], rows, started, teacher=teacher.name, identity=identity, tokens=tokens,
        unanswered=total - rows, cost=cost,
    )
    path.unlink()


def _prompts(run: Run, stage: str) -> Iterator[Prompt]:
    return (prompt_from(row) for row in read_lines(run.require(stage)))


def _reuse(run: Run, ask: str, stage: str, identity: str, journal: Journal) -> None:
    """Copies into the journal what the same teacher has answered before, in this run and in those beside it."""
    files = [p for p in sorted(run.path.parent.glob(f"*/{journal.path.name}")) if p != journal.path]
    for manifest in sorted(run.path.parent.glob("*/manifest.json")):
        found = Run.open(manifest.parent).stage(stage)
        if found is not None and found.get("identity") == identity:
            files.append(manifest.parent / f"{stage}.jsonl")
    wanted = {p.id for p in _prompts(run, ask)} if files else set()
    for generation in (generation_from(row) for file in files for row in read_journal(file)):
        if generation.prompt_id in wanted and generation.prompt_id not in journal:
            journal.append(generation.prompt_id, generation_line(generation))


def _count_paid(teacher: Teacher, path: Path) -> None:
    """Tells a teacher with a budget what this run has spent before."""
    if isinstance(teacher, PaidTeacher):
        teacher.count_paid(map(generation_from, read_journal(path)))


def _batches(prompts: Iterator[Prompt], journal: Journal, size: int | None) -> Iterator[list[Prompt]]:
    """What is still to be asked: whole batches of one template, or all that is missing, `CHUNK` at a time, when
    prompts are independent."""
    if size is None:
        missing = (p for p in prompts if p.id not in journal)
        while chunk := list(islice(missing, CHUNK)):
            yield chunk
        return
    for _, same in groupby(prompts, key=lambda p: p.template):
        while batch := list(islice(same, size)):
            if any(p.id not in journal for p in batch):
                yield batch


def _extract(run: Run, key: str, extractor: Extractor, progress: Progress) -> None:
    started, total = time.monotonic(), (run.stage("generations") or {}).get("rows")
    rules = Counter[str]()
    read = 0

    def watched() -> Iterator[Answer]:
        nonlocal read
        for answer in answers(run):
            yield answer
            read += 1
            progress("candidates", read, total)

    def found() -> Iterator[Candidate]:
        for candidate in extractor.extract(watched()):
            rules[candidate.rule] += 1
            yield candidate

    rows = write_parquet(run.part("candidates.parquet"), CANDIDATES, map(candidate_row, found()))
    run.finish("candidates", key, ["candidates.parquet"], rows, started, rules=dict(sorted(rules.items())))


def _judge(run: Run, key: str, critics: Sequence[Critic], progress: Progress) -> None:
    started, total = time.monotonic(), (run.stage("candidates") or {}).get("rows", 0) * len(critics)
    tally: dict[str, Counter[str]] = {c.name: Counter() for c in critics}
    reasons: dict[str, dict[str, Counter[str]]] = {
        decision: {c.name: Counter() for c in critics} for decision in ("drop", "abstain")
    }
    done = 0

    def verdicts() -> Iterator[Verdict]:
        nonlocal done
        for critic in critics:
            for verdict in critic.judge(claims(run)):
                tally[critic.name][verdict.decision] += 1
                if verdict.decision != "keep":
                    reasons[verdict.decision][critic.name][verdict.reason] += 1
                yield verdict
                done += 1
                progress("verdicts", done, total)

    rows = write_parquet(run.part("verdicts.parquet"), VERDICTS, (
        {
            "candidate_id": v.candidate_id, "critic": v.critic, "decision": v.decision,
            "score": v.score, "reason": v.reason,
        } for v in verdicts()
    ))
    run.finish(
        "verdicts", key, ["verdicts.parquet"], rows, started,
        critics={name: dict(sorted(c.items())) for name, c in tally.items()},
        drops={name: dict(c.most_common()) for name, c in reasons["drop"].items() if c},
        abstentions={name: dict(c.most_common()) for name, c in reasons["abstain"].items() if c},
    )


def _merge(run: Run, ontology: Ontology, progress: Progress) -> None:
    """Builds the graph from the candidates that no critic drops.

    A source's score is the probability that the run's calibration gives; without one, the mean of its critics' scores.
    """
    calibration = Calibration.read(run.path)
    about = [repr(calibration)] if calibration else []
    key = digest("graph", GRAPH_VERSION, run.id, run.digest("candidates", "verdicts"), *about)
    if run.is_done("graph", key):
        return
    if calibration and set(calibration.model.weights) != set((run.stage("verdicts") or {})["critics"]):
        raise RunError(f"{run.path / CALIBRATION} is of other critics: remove it, build, and `kg calibrate` again")
    started = time.monotonic()
    dropped, scores = _scores(run, calibration)
    builder = GraphBuilder(ontology)
    total = (run.stage("candidates") or {}).get("rows")
    for done, candidate in enumerate(map(candidate_from, read_parquet(run.require("candidates")))):
        if candidate.id not in dropped:
            c = candidate
            builder.add(
                c.triple, c.generation_id, c.rule, c.start, c.end, scores.get(c.id), c.modality, c.head_entity,
                c.tail_entity,
            )
        progress("graph", done + 1, total)
    levels = calibration.levels if calibration else Levels({})
    counts = builder.write(run, levels.of)
    run.finish(
        "graph", key, FILES, counts["edges"], started, counts=counts, dropped=len(dropped), levels=dict(levels.cut_offs)
    )


def _scores(run: Run, calibration: Calibration | None) -> tuple[set[str], dict[str, float]]:
    """(ids of the candidates that a critic drops, scores of candidates)."""
    dropped: set[str] = set()
    sums: dict[str, float] = {}
    counts = Counter[str]()
    for v in read_parquet(run.require("verdicts"), ["candidate_id", "critic", "decision", "score"]):
        i = v["candidate_id"]
        if v["decision"] == "drop":
            dropped.add(i)
        if calibration:
            sums[i] = sums.get(i, 0.0) + calibration.model.evidence(v["critic"], v["decision"], v["score"])
        elif v["score"] is not None:
            sums[i] = sums.get(i, 0.0) + v["score"]
            counts[i] += 1
    if calibration:
        return dropped, {i: calibration.model.probability(s) for i, s in sums.items()}
    return dropped, {i: s / counts[i] for i, s in sums.items()}
