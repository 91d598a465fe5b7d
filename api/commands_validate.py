"""kg validate."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from api.output import StderrProgress, emit
from kg.errors import InputError

if TYPE_CHECKING:
    from loaders.rdf_faults import Fault

_SHOWN = 20  # faults that are printed


@click.command()
@click.argument("target", type=click.Path(path_type=Path))
@click.option("--ontology", default="atomic2020", show_default=True, help="Of a file or a store; a run has its own.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON, with up to 1,000 faults.")
def validate(target: Path, ontology: str, as_json: bool) -> None:
    """Check a run's RDF, an RDF file, or an RDF store against SHACL shapes.

    Each fault is named with its thing, the property, the value, and what to do. With a run, its files and its graph in
    RUN/rdf must also be as they were made.

    \b
    Example:
      kg validate runs/demo-1a2b3c4d
      kg validate demo.ttl.gz
      kg validate /srv/rdf --ontology mine.toml  (a folder of kg load --rdf)
    """
    from api.assemble import ontology_of
    from kg.ontology import load_ontology
    from kg.run import Run
    from loaders.rdf_check import check_file, check_run, check_store

    progress = StderrProgress()
    if (target / "CURRENT").is_file():
        report = check_store(target, load_ontology(ontology), progress)
    elif target.is_dir():
        run = Run.open(target)
        report = check_run(run, ontology_of(run), progress)
    else:
        report = check_file(target, load_ontology(ontology), progress)
    emit(asdict(report), as_json, lambda: "\n".join([
        *map(_lines, report.faults[:_SHOWN]), f"{report.triples:,} triples, {_faults(report.count)}",
    ]))
    if report.count:
        more = f" (the first {_SHOWN} are shown, --json has more)" if report.count > _SHOWN and not as_json else ""
        raise InputError(f"{target} has {_faults(report.count)}{more}")


def _faults(count: int) -> str:
    return f"{count:,} fault{'' if count == 1 else 's'}"


def _lines(fault: "Fault") -> str:
    """A fault for people."""
    said = f"{_short(fault.path)} {_short(fault.value)}".strip()
    return "\n   ".join(filter(None, [_short(fault.focus), said, fault.message])) + "\n"


def _short(text: str) -> str:
    """An IRI with its known prefix, and of a long text the beginning."""
    from loaders.vocabulary import PREFIXES

    for prefix, iri in PREFIXES.items():
        if text.startswith(iri):
            return f"{prefix}:{text.removeprefix(iri)}"
    return text if len(text) <= 200 else text[:200] + "..."


commands = {"validate": validate}
