"""The part of a run that passes a level, and stores that hold it."""

import os
from pathlib import Path

from api.assemble import open_cypher, open_rdf
from api.output import StderrProgress
from kg.errors import InputError, RunError
from kg.graph import GraphFiles
from kg.levels import Levels, view
from kg.protocols import CypherStore, SparqlStore
from kg.run import Run


def level_of(run: Run, name: str) -> Run:
    """The run's view at a level. Raises RunError without calibration, UnknownNameError."""
    return view(run, name, levels_of(run))


def levels_of(run: Run) -> Levels:
    """The levels of a run. Raises RunError for one without any."""
    run.require("graph")
    cut_offs = (run.stage("graph") or {}).get("levels")
    if not cut_offs:
        raise RunError(f"{run.path} has no levels yet: make them with `kg calibrate {run.path} LABELS`")
    return Levels(cut_offs)


def open_level(
    run: Run, name: str, language: str, uri: str | None = None, folder: Path | None = None
) -> CypherStore | SparqlStore:
    """A store of the run's view at a level, in the view's own folder; loaded when it is not yet.

    Raises InputError for a store elsewhere, which holds the whole run.
    """
    if folder is not None or (language == "cypher" and (uri or os.environ.get("KG_BOLT_URI"))):
        names = ", ".join(f"'{level}'" for level in levels_of(run).within(name))
        raise InputError(f"a store elsewhere holds every level: ask it for r.level IN [{names}] (kg:level in SPARQL)")
    part = level_of(run, name)
    store = open_cypher(part) if language == "cypher" else open_rdf(part)
    graph = GraphFiles(part)
    if store.counts() != {k: n for k, n in graph.counts().items() if k in ("nodes", "edges")}:
        store.write(graph, part.id, StderrProgress())
    return store
