"""kg report."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from api.output import emit, table

if TYPE_CHECKING:
    from kg.harm import Found, Report


@click.command()
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--lexicon", type=click.Path(path_type=Path), help="TOML file of words  [default: the packaged one]")
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON, with the id of every triple found.")
def report(run: Path, lexicon: Path | None, as_json: bool) -> None:
    """Show what in a graph may do harm: offensive tails, and how groups of people are felt and thought of.

    Nothing is dropped or marked. Words are found, not meanings: read the examples.

    \b
    Example:
      kg report runs/demo-1a2b3c4d
    """
    from dataclasses import asdict

    from api.assemble import ontology_of
    from kg.graph import GraphFiles
    from kg.harm import load_lexicon
    from kg.harm import report as find
    from kg.run import Run

    opened = Run.open(run)
    found = find(GraphFiles(opened).edges(), ontology_of(opened), load_lexicon(lexicon))
    data = asdict(found)
    for axis, by_name in found.groups.items():
        for name, skew in by_name.items():
            data["groups"][axis][name]["is_skewed"] = skew.is_skewed
    emit(data, as_json, lambda: _show(found))


def _show(report: "Report") -> str:
    total = sum(found.count for found in report.offensive.values())
    lines = [f"{report.triples:,} triples; {total:,} findings of offensive words in tails", "", table(
        ["offensive", "triples", "denied", "commonest words"],
        [(name, f.count, f.denied, _commonest(f.words)) for name, f in report.offensive.items()],
    )]
    for name, found in report.offensive.items():
        lines += _examples(name, found)
    rows = [
        (axis, name, s.mentions.count, s.offensive, s.positive.count, s.negative.count, s.share,
         f"{s.interval[0]:.2f}-{s.interval[1]:.2f}" if s.share is not None else None, s.other_share,
         "yes" if s.share is not None and s.is_skewed else "")
        for axis, by_name in report.groups.items() for name, s in by_name.items() if s.mentions.count
    ]
    lines += ["", table(
        ["axis", "group", "mentions", "offensive", "good", "bad", "share good", "95%", "elsewhere", "skewed"], rows,
    ) if rows else "no group is mentioned"]
    for by_name in report.groups.values():
        for name, skew in by_name.items():
            if skew.share is not None and skew.is_skewed:
                lines += _examples(f"{name}, good", skew.positive) + _examples(f"{name}, bad", skew.negative)
    return "\n".join(lines)


def _examples(name: str, found: "Found") -> list[str]:
    if not found.examples:
        return []
    return ["", f"{name}, for example:", *(
        f"  {e['id']}  {e['head_text']}  --{'Not' if e['negated'] else ''}{e['relation']}->  {e['tail_text']}"
        for e in found.examples
    )]


def _commonest(words: dict[str, int]) -> str:
    return ", ".join(f"{word} {n}" for word, n in sorted(words.items(), key=lambda pair: (-pair[1], pair[0]))[:5])


commands = {"report": report}
