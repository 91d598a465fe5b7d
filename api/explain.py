"""Where a triple came from: the answers it was read from, the very characters, and what the critics said of it."""

import json
import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from api.triples import rows_where
from kg.errors import KGError, UnknownNameError
from kg.graph import FILES, node_id
from kg.ontology import KINDS
from kg.records import Answer, Candidate, Generation, Prompt, Triple, Verdict
from kg.run import Run
from kg.schemas import candidate_from, generation_from, prompt_from

SHOWN = 20  # sources that `render` shows
IMPORT = "import:"  # rule of an imported triple: import:<format>:<file name>
_ID = slice(8, 40)  # where the id stands in a line of prompts.jsonl and generations.jsonl


class UnknownTripleError(UnknownNameError):
    """An id that no triple of the run has."""

    def __init__(self, triple_id: str, run: Run) -> None:
        KGError.__init__(
            self, f"{run.id} has no triple {triple_id[:64]!r}: list ids with GET /v1/triples, or with"
            " `kg export RUN --format jsonl --out -`"
        )


@dataclass(frozen=True, slots=True)
class Opinion:
    """What one critic said of the candidate that a source is."""

    critic: str
    decision: str
    score: float | None
    reason: str


@dataclass(frozen=True, slots=True)
class Source:
    """One place that a triple was read from.

    For an answer: `start` and `end` are characters of `answer`, `head` and `tail` the words before
    nodes were merged, `modality` how the answer qualifies it. For an import `generation_id` is empty,
    and `start` is the line of `file`.
    """

    rule: str
    run_id: str
    start: int
    end: int
    generation_id: str = ""
    teacher: str = ""
    prompt: str = ""
    answer: str = ""
    head: str = ""
    tail: str = ""
    file: str = ""
    modality: str | None = None
    verdicts: tuple[Opinion, ...] = ()


@dataclass(frozen=True, slots=True)
class Explanation:
    """A triple of a graph with all its sources. `score` is in [0, 1] or None; `level` is empty until calibrated."""

    id: str
    head: str
    relation: str
    tail: str
    negated: bool
    score: float | None
    level: str
    sources: tuple[Source, ...]


def explain(run: Run, triple_id: str) -> Explanation:
    """Finds a triple's sources in the files of the run, which are read as streams.

    Raises UnknownTripleError for an id that is not in the graph, RunError for an unfinished run.
    """
    run.require("graph")
    wanted = [triple_id] if re.fullmatch(r"[0-9a-f]{32}", triple_id) else []
    edge = next(rows_where(run.path / FILES[1], {"id": wanted}), None)
    if edge is None:
        raise UnknownTripleError(triple_id, run)
    places = list(rows_where(run.path / FILES[2], {"triple_id": [triple_id]}))
    generations = _generations(run, {p["generation_id"] for p in places if p["generation_id"]})
    prompts = _prompts(run, {g.prompt_id for g in generations.values()})
    candidates = _candidates(run, edge, list(generations))
    opinions = _opinions(run, [c.id for c in candidates.values()])
    sources = []
    for place in places:
        key = (place["generation_id"], place["rule"], place["start"], place["end"])
        source = _source(key, place["run_id"], generations, prompts, candidates.get(key), opinions)
        sources.append(replace(source, modality=place["modality"]))
    return Explanation(
        edge["id"], edge["head_text"], edge["relation"], edge["tail_text"], edge["negated"], edge["score"],
        edge["level"], tuple(sources),
    )


def _source(
    key: tuple[str, str, int, int], run_id: str, generations: dict[str, Generation],
    prompts: dict[str, Prompt], candidate: Candidate | None, opinions: dict[str, list[Verdict]],
) -> Source:
    generation_id, rule, start, end = key
    generation = generations.get(generation_id)
    if generation is None:
        file = rule.split(":", 2)[-1] if rule.startswith(IMPORT) else ""
        return Source(rule, run_id, start, end, generation_id, file=file)
    prompt = prompts.get(generation.prompt_id)
    said = opinions.get(candidate.id, []) if candidate else []
    return Source(
        rule, run_id, start, end, generation_id, generation.teacher, prompt.text if prompt else "", generation.text,
        candidate.triple.head if candidate else "", candidate.triple.tail if candidate else "",
        verdicts=tuple(Opinion(v.critic, v.decision, v.score, v.reason) for v in said),
    )


def answers_of(run: Run, generation_ids: set[str]) -> dict[str, Answer]:
    """The answers with these ids, each with its prompt; an id that is not in the run is left out."""
    generations = _generations(run, generation_ids)
    prompts = _prompts(run, {g.prompt_id for g in generations.values()})
    return {i: Answer(prompts[g.prompt_id], g) for i, g in generations.items() if g.prompt_id in prompts}


def _generations(run: Run, ids: set[str]) -> dict[str, Generation]:
    return {row["id"]: generation_from(row) for row in _lines(run, "generations", ids)}


def _prompts(run: Run, ids: set[str]) -> dict[str, Prompt]:
    return {row["id"]: prompt_from(row) for row in _lines(run, "prompts", ids)}


def _lines(run: Run, stage: str, ids: Iterable[str]) -> Iterator[dict[str, Any]]:
    """The records of a JSONL stage with these ids. A line's own id stands first, so that few lines are parsed."""
    wanted = {i.encode() for i in ids}
    if not wanted:
        return
    with open(run.require(stage), "rb") as handle:
        for line in handle:
            if line[_ID] in wanted:
                wanted.remove(line[_ID])
                yield json.loads(line)
                if not wanted:
                    return


def _candidates(
    run: Run, edge: dict[str, Any], generation_ids: list[str]
) -> dict[tuple[str, str, int, int], Candidate]:
    """The candidates that were merged into the edge, by generation, rule and characters."""
    if not generation_ids:
        return {}
    rows = rows_where(run.require("candidates"), {"generation_id": generation_ids})
    read = (candidate_from(row) for row in rows)
    return {(c.generation_id, c.rule, c.start, c.end): c for c in read if _is_merged(c.triple, edge)}


def _is_merged(triple: Triple, edge: dict[str, Any]) -> bool:
    return (
        triple.relation == edge["relation"]
        and triple.negated == edge["negated"]
        and any(node_id(triple.head, kind) == edge["head"] for kind in KINDS)
        and any(node_id(triple.tail, kind) == edge["tail"] for kind in KINDS)
    )


def _opinions(run: Run, candidate_ids: list[str]) -> dict[str, list[Verdict]]:
    found: dict[str, list[Verdict]] = {}
    if candidate_ids:
        for row in rows_where(run.require("verdicts"), {"candidate_id": candidate_ids}):
            found.setdefault(row["candidate_id"], []).append(Verdict(**row))
    return found


def render(explanation: Explanation) -> str:
    """The explanation as text for a terminal: the characters that a triple was read from stand between « and »."""
    e = explanation
    score = "no score" if e.score is None else f"score {e.score:.3f}"
    lines = [
        f"{'NOT ' if e.negated else ''}{visible(e.head)}  --{e.relation}->  {visible(e.tail)}",
        f"id {e.id}   {score}{'   level ' + e.level if e.level else ''}   {_count(len(e.sources), 'source')}",
    ]
    for number, source in enumerate(e.sources[:SHOWN], 1):
        lines += ["", *_source_lines(number, source)]
    if len(e.sources) > SHOWN:
        lines += ["", f"... and {len(e.sources) - SHOWN:,} more; --json shows them all"]
    return "\n".join(lines) + "\n"


def _source_lines(number: int, s: Source) -> Iterator[str]:
    if not s.generation_id:
        yield f"{number}. line {s.start} of {visible(s.file) or 'a file'}, read by {visible(s.rule)} (run {s.run_id})"
        return
    yield f"{number}. {visible(s.teacher)}, generation {s.generation_id}, read by {s.rule} (run {s.run_id})"
    yield from _block("asked", s.prompt)
    marked = f"{s.answer[:s.start]}«{s.answer[s.start:s.end]}»{s.answer[s.end:]}"
    yield from _block(f"said [{s.start}:{s.end}]", marked if s.answer else "(the answer is not in this run)")
    if s.head:
        yield from _block("read", f"{s.head} / {s.tail}")
    if s.modality:
        yield f"   modality: {s.modality}"
    for v in s.verdicts:
        score = "" if v.score is None else f" {v.score:.3f}"
        yield f"   {v.critic}: {v.decision}{score}{'  ' + visible(v.reason) if v.reason else ''}"


def _block(name: str, text: str) -> Iterator[str]:
    """Lines of `text` under its name, indented."""
    yield f"   {name}:"
    for line in text.splitlines() or [""]:
        yield f"      {visible(line)}"


def visible(text: str) -> str:
    """The text with control, format and surrogate characters as escapes, so that it cannot steer a terminal."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(_escape(c) if unicodedata.category(c) in ("Cc", "Cf", "Cs") and c != "\u200d" else c for c in text)


def _escape(character: str) -> str:
    return character.encode("unicode_escape", "surrogatepass").decode()


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
