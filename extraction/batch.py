"""`kg extract`: a file of texts into a file of triples, line by line, in one process or several."""

import json
import os
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from itertools import islice
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from extraction.answers import AnswerExtractor, distinct
from extraction.rows import answer_of, answer_rows
from kg.errors import InputError
from kg.ontology import Ontology, load_ontology
from kg.records import Answer, Candidate
from kg.run import Progress, silent

CHUNK = 256  # lines that one process reads at a time
_CHUNK_CHARACTERS = 500_000  # a chunk of long texts is cut at this size


def extract_file(
    path: Path, out: Path, jobs: int = 1, progress: Progress = silent, ontology: str | Path = "atomic2020"
) -> dict[str, int]:
    """Reads {"id", "prompt", "head", "text"} a line and writes {"id", "triples": [...]} a line, in the same order.

    `prompt` and `head` may be missing or null; a `relation` is used where there is one. A triple has head, relation,
    tail, negated, the characters `start` to `end` of the text, the rule, and how the text qualifies it (`modality`, or
    null). Memory is bounded; any number of `jobs` writes the same bytes. Returns {"texts", "triples"}. Raises
    InputError with the line of a bad row, and leaves `out` as it was.
    """
    load_ontology(ontology)
    part = out.with_name(out.name + ".part")
    counts = {"texts": 0, "triples": 0}
    try:
        with open(part, "w", encoding="utf-8", newline="\n") as handle:
            for line, triples in _results(_chunks(path), jobs, ontology):
                handle.write(line + "\n")
                counts["texts"] += 1
                counts["triples"] += triples
                progress("texts", counts["texts"], None)
        os.replace(part, out)
    except OSError as error:
        raise InputError(f"cannot write {out}: {error.strerror}") from None
    finally:
        part.unlink(missing_ok=True)
    return counts


def extract_rows(rows: Iterable[dict[str, Any]], extractor: AnswerExtractor) -> Iterator[dict[str, Any]]:
    """{"id", "triples"} for each row, streaming. The rows must be right (see `extraction.rows.check_row`)."""
    ids: list[Any] = []

    def answers() -> Iterator[Answer]:
        for row in rows:
            ids.append(row.get("id"))
            yield answer_of(row)

    for index, candidates in enumerate(extractor.extract_each(answers())):
        yield {"id": ids[index], "triples": [_triple(c) for c in distinct(candidates)]}


def _chunks(path: Path) -> Iterator[list[dict[str, Any]]]:
    """The rows of the file, some at a time."""
    chunk: list[dict[str, Any]] = []
    size = 0
    for row in answer_rows(path):
        chunk.append(row)
        size += len(row["text"])
        if len(chunk) == CHUNK or size > _CHUNK_CHARACTERS:
            yield chunk
            chunk, size = [], 0
    if chunk:
        yield chunk


def _results(chunks: Iterator[list[dict[str, Any]]], jobs: int, ontology: str | Path) -> Iterator[tuple[str, int]]:
    """A line and its number of triples for each row, in order."""
    if jobs <= 1:
        extractor = make_extractor(ontology)
        for chunk in chunks:
            yield from _read(chunk, extractor)
        return
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn"), initializer=_start, initargs=(ontology,)) as pool:
        waiting = [pool.submit(_work, chunk) for chunk in islice(chunks, 2 * jobs)]
        try:
            while waiting:
                yield from waiting.pop(0).result()
                waiting += [pool.submit(_work, chunk) for chunk in islice(chunks, 1)]
        finally:
            _cancel(waiting)


def _cancel(waiting: list[Future[list[tuple[str, int]]]]) -> None:
    for future in waiting:
        future.cancel()


class _Worker:
    """What a worker process keeps between chunks."""

    extractor: AnswerExtractor


def _start(ontology: str | Path) -> None:
    _Worker.extractor = make_extractor(ontology)


def _work(chunk: list[dict[str, Any]]) -> list[tuple[str, int]]:
    return list(_read(chunk, _Worker.extractor))


def _read(chunk: list[dict[str, Any]], extractor: AnswerExtractor) -> Iterator[tuple[str, int]]:
    for result in extract_rows(chunk, extractor):
        yield json.dumps(result, ensure_ascii=True), len(result["triples"])


def make_extractor(ontology: str | Path = "atomic2020") -> AnswerExtractor:
    """The extractor of `kg extract`, with an ontology by name or path."""
    known: Ontology = load_ontology(ontology)
    return AnswerExtractor(AnswerExtractor.Options(), known)


def _triple(candidate: Candidate) -> dict[str, Any]:
    t = candidate.triple
    return {
        "head": t.head,
        "relation": t.relation,
        "tail": t.tail,
        "negated": t.negated,
        "start": candidate.start,
        "end": candidate.end,
        "rule": candidate.rule,
        "modality": candidate.modality,
    }
