"""Declared schemas of the files of a run: nothing is inferred from rows.

Columns that came later stand at the end and may be null: files without them are read as if they were (`complete`).
"""

import json
from collections.abc import Collection
from typing import Any, TypeVar

import pyarrow as pa

from kg.records import Candidate, Generation, Prompt, Triple

CANDIDATES = pa.schema([
    pa.field("id", pa.string(), nullable=False),
    pa.field("head", pa.string(), nullable=False),
    pa.field("relation", pa.string(), nullable=False),
    pa.field("tail", pa.string(), nullable=False),
    pa.field("negated", pa.bool_(), nullable=False),
    pa.field("generation_id", pa.string(), nullable=False),
    pa.field("rule", pa.string(), nullable=False),
    pa.field("start", pa.int32(), nullable=False),
    pa.field("end", pa.int32(), nullable=False),
    pa.field("modality", pa.string()),
    pa.field("head_entity", pa.string()),
    pa.field("tail_entity", pa.string()),
])

VERDICTS = pa.schema([
    pa.field("candidate_id", pa.string(), nullable=False),
    pa.field("critic", pa.string(), nullable=False),
    pa.field("decision", pa.string(), nullable=False),  # keep, drop or abstain
    pa.field("score", pa.float64()),
    pa.field("reason", pa.string(), nullable=False),
])

NODES = pa.schema([
    pa.field("id", pa.string(), nullable=False),
    pa.field("kind", pa.string(), nullable=False),  # Event, Thing or State
    pa.field("text", pa.string(), nullable=False),  # the commonest of its surface forms
    pa.field("nothing", pa.list_(pa.string()), nullable=False),  # relations whose tail is "none"
    pa.field("entity", pa.string()),  # of a Thing: its commonest label by OntoNotes 5: GPE, ORG, ...
])

EDGES = pa.schema([
    pa.field("id", pa.string(), nullable=False),
    pa.field("head", pa.string(), nullable=False),  # node id
    pa.field("relation", pa.string(), nullable=False),
    pa.field("tail", pa.string(), nullable=False),  # node id
    pa.field("negated", pa.bool_(), nullable=False),
    pa.field("head_text", pa.string(), nullable=False),  # the head node's text
    pa.field("tail_text", pa.string(), nullable=False),  # the commonest wording of this edge's own sources
    pa.field("score", pa.float64()),
    pa.field("level", pa.string(), nullable=False),  # empty until a critic is calibrated
    pa.field("sources", pa.int32(), nullable=False),  # rows of provenance
    pa.field("modalities", pa.list_(pa.string())),  # of the sources that have one, a word each
])

PROVENANCE = pa.schema([
    pa.field("triple_id", pa.string(), nullable=False),  # edge id
    pa.field("generation_id", pa.string(), nullable=False),
    pa.field("rule", pa.string(), nullable=False),
    pa.field("start", pa.int32(), nullable=False),
    pa.field("end", pa.int32(), nullable=False),
    pa.field("run_id", pa.string(), nullable=False),
    pa.field("modality", pa.string()),  # how the source qualifies it (`kg.records.Modality`)
])

FILES = {
    f"{name}.parquet": schema for name, schema in (
        ("candidates", CANDIDATES), ("verdicts", VERDICTS), ("nodes", NODES), ("edges", EDGES),
        ("provenance", PROVENANCE),
    )
}
Rows = TypeVar("Rows", pa.Table, pa.RecordBatch)


def complete(rows: Rows, file: str, columns: Collection[str] | None = None) -> Rows:
    """Rows of the file of a run with all columns of its schema, or `columns` of them: what the file lacks is null."""
    for field in FILES.get(file, ()):
        if field.nullable and field.name not in rows.schema.names and (columns is None or field.name in columns):
            rows = rows.append_column(field, pa.nulls(rows.num_rows, field.type))
    return rows


def candidate_row(c: Candidate) -> dict[str, Any]:
    t = c.triple
    return {
        "id": c.id, "head": t.head, "relation": t.relation, "tail": t.tail, "negated": t.negated,
        "generation_id": c.generation_id, "rule": c.rule, "start": c.start, "end": c.end,
        "modality": c.modality, "head_entity": c.head_entity, "tail_entity": c.tail_entity,
    }


def candidate_from(row: dict[str, Any]) -> Candidate:
    triple = Triple(row["head"], row["relation"], row["tail"], row["negated"])
    return Candidate(
        triple, row["generation_id"], row["rule"], row["start"], row["end"], row["modality"], row["head_entity"],
        row["tail_entity"],
    )


def prompt_line(p: Prompt) -> str:
    """One line of prompts.jsonl, without the newline."""
    return _line({
        "id": p.id, "head": p.head, "relation": p.relation, "template": p.template,
        "text": p.text, "names": dict(p.names), "sample": p.sample,
    })


def prompt_from(row: dict[str, Any]) -> Prompt:
    return Prompt(
        row["head"], row["relation"], row["template"], row["text"],
        tuple(row["names"].items()), row["sample"],
    )


def generation_line(g: Generation) -> str:
    """One line of generations.jsonl, without the newline."""
    row: dict[str, Any] = {
        "id": g.id, "prompt_id": g.prompt_id, "teacher": g.teacher, "text": g.text,
        "log_probability": g.log_probability, "tokens": g.tokens,
    }
    if g.token_starts:
        row["token_starts"] = g.token_starts
        row["token_log_probabilities"] = g.token_log_probabilities
    if g.prompt_tokens:
        row["prompt_tokens"] = g.prompt_tokens
    return _line(row)


def generation_from(row: dict[str, Any]) -> Generation:
    return Generation(
        row["prompt_id"], row["teacher"], row["text"], row["log_probability"], row["tokens"],
        tuple(row.get("token_starts", ())), tuple(row.get("token_log_probabilities", ())),
        row.get("prompt_tokens", 0),
    )


def _line(row: dict[str, Any]) -> str:
    """JSON on one line; half surrogates are escaped, all else is written as it is."""
    text = json.dumps(row, ensure_ascii=False)
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        text = json.dumps(row, ensure_ascii=True)
    return text
