"""One run of the answers of several: all that was asked, said, read and judged, one run after the other."""

import time
from collections.abc import Mapping, Sequence
from typing import Any

from kg.errors import RunError
from kg.ontology import Ontology
from kg.pipeline import merge
from kg.records import digest
from kg.run import Progress, Run, read_parquet, silent, write_parquet
from kg.schemas import CANDIDATES, VERDICTS

LINES = ("prompts", "generations")
TABLES = {"candidates": CANDIDATES, "verdicts": VERDICTS}


def join(run: Run, runs: Sequence[Run], ontology: Ontology, progress: Progress = silent) -> dict[str, int]:
    """Makes `run` of the answers of `runs`, in their order, and of what was read from them; returns rows by file.

    What is in the files of all is merged as in one build: a triple that several runs have keeps the sources of all.
    Streams, but for the graph, which is in memory while it is made (`kg.graph.GraphBuilder`). Raises RunError for a run
    that is not built to its end.
    """
    if not runs:
        raise RunError(f"{run.path}: there are no runs to join")
    with run.lock():
        for stage in (*LINES, *TABLES):
            files = [one.require(stage) for one in runs]
            key = digest("join", stage, *(one.digest(stage) for one in runs))
            if run.is_done(stage, key):
                continue
            started = time.monotonic()
            name = f"{stage}.{'jsonl' if stage in LINES else 'parquet'}"
            rows = sum((one.stage(stage) or {})["rows"] for one in runs)
            if stage in LINES:
                with run.part(name).open("wb") as out:
                    for file in files:
                        with file.open("rb") as lines:
                            out.writelines(lines)
            else:
                write_parquet(run.part(name), TABLES[stage], (row for file in files for row in read_parquet(file)))
            run.finish(stage, key, [name], rows, started, **_facts(runs, stage))
    return merge(run, ontology, progress)


def _facts(runs: Sequence[Run], stage: str) -> dict[str, Any]:
    """The counts that the runs give of a stage, added up."""
    found = [one.stage(stage) or {} for one in runs]
    names = {"candidates": ("rules",), "verdicts": ("critics", "drops", "abstentions")}.get(stage, ())
    return {"joined": [one.id for one in runs]} | {name: _sum([f.get(name, {}) for f in found]) for name in names}


def _sum(counts: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Counts, or counts by name, added up.

    >>> _sum([{"a": 1}, {"a": 2, "b": 1}])
    {'a': 3, 'b': 1}
    """
    names = dict.fromkeys(name for one in counts for name in one)
    return {name: _added([one[name] for one in counts if name in one]) for name in names}


def _added(values: Sequence[Any]) -> Any:
    return _sum(values) if isinstance(values[0], Mapping) else sum(values)
