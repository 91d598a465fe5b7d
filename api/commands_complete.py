"""kg complete."""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from api.output import StderrProgress, emit, say, table
from kg.errors import InputError, UnknownNameError
from kg.protocols import Student
from kg.records import Completion

if TYPE_CHECKING:
    from kg.constraints import Constraints
    from kg.knowledge_model import KnowledgeModel

Completer = Callable[[list[dict[str, Any]]], list[list[dict[str, Any]]]]
Find = Callable[[Sequence[tuple[str, str]], int], list[list[Completion]]]

# option that begins a part of the help of `kg complete` -> heading
_HEADINGS = {
    "head": "What is asked", "student": "Who is asked beside a run's graph", "k": "Which answers",
    "top_p": "How a language model finds tails", "out": "How it is written",
}


class _UnderHeadings(click.Command):
    """A command whose help has its options under headings."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        parts: dict[str, list[tuple[str, str]]] = {}
        heading = "Options"
        for option in self.get_params(ctx):
            heading = _HEADINGS.get(option.name or "", heading)
            record = option.get_help_record(ctx) if isinstance(option, click.Option) else None
            if record is not None:
                parts.setdefault(heading, []).append(record)
        for heading, records in parts.items():
            with formatter.section(heading):
                formatter.write_dl(records)


@click.command(cls=_UnderHeadings)
@click.argument("source", type=click.Path(path_type=Path))
@click.option("--head", help="One head: for its tails of any relation, or of --relation.")
@click.option("--relation", help="The relation; with the prefix Not for a denial.")
@click.option("--tail", help="One tail: for the heads that have it by --relation, or for the relations of --head.")
@click.option("--relations", help="Without --relation: only these, with commas between them.")
@click.option("--queries", type=click.Path(path_type=Path), help=(
    'JSONL file: "head" a line, with "relation" where not any will do; of a run "tail" too.'
))
@click.option("--student", type=click.Path(path_type=Path), help="A student.")
@click.option("--rules", type=click.Path(path_type=Path), help="A file of kg rules.")
@click.option("--links", type=click.Path(path_type=Path), help="A folder of kg eval links --out.")
@click.option("-k", default=5, show_default=True, type=click.IntRange(min=1), help="At most so many for each query.")
@click.option("--level", help="Of a run: only what passes this level: high, rec_0.7, prec_0.9, ...")
@click.option("--new-only", is_flag=True, help="Of a run: leave out what its graph has.")
@click.option("--top-p", type=click.FloatRange(0, 1, True), help=(
    "Draw k tails by nucleus sampling from this mass  [default: beam search for the most probable ones]"
))
@click.option("--seed", default=0, show_default=True, help="Of the draws.")
@click.option("--diversity", type=click.FloatRange(0, min_open=True), metavar="STRENGTH", help=(
    "Diverse beam search: what a token costs for each beam before that has it at the same place. Begin with 0.5: less "
    "finds fewer tails, more finds less probable ones."
))
@click.option("--beams", type=click.IntRange(1), metavar="N", help=(
    "Of the beam search; 1 is greedy decoding: faster, a little worse, one tail a query  [default: k + 3]"
))
@click.option("--must", multiple=True, metavar="WORD", help="Only tails with this word; may be given several times.")
@click.option("--must-not", multiple=True, metavar="WORD", help="No tails with this word; likewise.")
@click.option("--new-words", is_flag=True, help="No tails with two consecutive words of the head.")
@click.option("--out", type=click.Path(path_type=Path), help='JSONL file: the --queries with "completions" added.')
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def complete(
    source: Path, head: str | None, relation: str | None, tail: str | None, relations: str | None,
    queries: Path | None, student: Path | None, rules: Path | None, links: Path | None, k: int, level: str | None,
    new_only: bool, top_p: float | None, seed: int, diversity: float | None, beams: int | None, must: tuple[str, ...],
    must_not: tuple[str, ...], new_words: bool, out: Path | None, as_json: bool,
) -> None:
    """Complete heads: by a student, or by a run with what is like it.

    SOURCE is the folder of a student or of a link model, or a run. A run's graph, its near neighbours,
    --student, --rules and --links are merged into one list. What is left open of head, relation and tail
    is found: a head alone gets the best tails of all relations.

    \b
    Example:
      kg complete students/demo --head 'PersonX bakes a cake' --relation xWant -k 3
      kg complete students/demo --head 'PersonX bakes a cake' --relations xWant,xNeed,xReact
      kg complete students/demo --head 'PersonX bakes a cake' --relation xWant -k 10 --diversity 0.5
      kg complete students/demo --head 'PersonX bakes a cake' --relation xWant -k 10 --top-p 0.9
      kg complete students/demo --head 'PersonX bakes a cake' --relation xWant --must-not eat --new-words
      kg complete students/demo --head 'PersonX bakes a cake' --tail 'to eat it'
      kg complete students/demo --queries queries.jsonl --out answers.jsonl
      kg complete runs/demo-1a2b3c4d --student students/demo --head 'PersonX bakes a cake' --relation xWant
      kg complete runs/demo-1a2b3c4d --tail happy --relation xReact
      kg complete runs/demo-1a2b3c4d --rules rules.json --head 'PersonX bakes a cake'
    """
    one = (head, relation, tail) != (None, None, None)
    if one == (queries is not None) or (queries is None) != (out is None):
        raise click.UsageError("give --head or --tail (and perhaps --relation), or else --queries and --out")
    if one and ((head is None and tail is None) or None not in (head, relation, tail)):
        raise click.UsageError("give a head or a tail, and leave something open: head, relation or tail")
    if any(text is not None and not text.strip() for text in (head, relation, tail)):
        raise click.UsageError("--head, --relation and --tail must not be empty")
    if relation is not None:
        _refuse({"--relations": relations}, "for queries without --relation")
    if not source.is_dir():
        raise InputError(f"{source}: no such folder; give a student, a link model or a run")
    is_run = (source / "manifest.json").is_file()
    of_run = {"--student": student, "--rules": rules, "--links": links, "--level": level, "--new-only": new_only}
    ways = {"--top-p": top_p, "--diversity": diversity, "--beams": beams, "--must": must, "--must-not": must_not,
            "--new-words": new_words}
    wanted = [name.strip() for name in relations.split(",")] if relations else []
    if is_run:
        _refuse(ways, "for a student that is asked alone: give its folder in place of the run")
        complete_rows = _by_run(source, (student, rules, links), k, new_only, level, wanted)
    else:
        _refuse(of_run, f"for a run, which {source} is not")
        if tail is not None:
            _refuse(ways, "for tails: leave --tail out")
            if head is relation is None:
                raise click.UsageError("of a student, --tail needs --head or --relation beside it")
            complete_rows = _by_tail(source, k, wanted)
        else:
            if top_p is not None:
                _refuse({**ways, "--top-p": None}, "for beam search: leave --top-p out")
            bound = _constraints(must, must_not, new_words) if must or must_not or new_words else None
            complete_rows = _by_student(source, k, wanted, _Way(top_p, seed, diversity or 0.0, beams, bound))
    if queries is not None and out is not None:
        count = _complete_file(complete_rows, _read_queries(queries, is_run), out)
        emit({"queries": count, "out": str(out)}, as_json, lambda: f"{count:,} queries completed in {out}")
        return
    fields = {"head": head, "relation": relation, "tail": tail}
    given = {name: text for name, text in fields.items() if is_run or text is not None}
    rows = complete_rows([given])[0]
    columns = [*fields, "score", "source", "known"] if is_run else [*(f for f in fields if f not in given), "score"]
    cells = [[row[c] for c in columns] for row in rows]
    emit({**given, "completions": rows}, as_json, lambda: table(columns, cells, widest=100))


def _refuse(options: dict[str, Any], why: str) -> None:
    """Raises UsageError when one of the options, by name, is given."""
    given = [name for name, value in options.items() if value not in (None, False, ())]
    if given:
        raise click.UsageError(f"{', '.join(given)}: only {why}")


@dataclass(frozen=True, slots=True)
class _Way:
    """How a language model finds tails: by draws from the mass `top_p`, or else by beam search."""

    top_p: float | None
    seed: int
    diversity: float
    beams: int | None
    constraints: "Constraints | None"

    @property
    def is_plain(self) -> bool:
        """Whether it is that of every student."""
        return (self.top_p, self.diversity, self.beams, self.constraints) == (None, 0.0, None, None)

    def find(self, model: "KnowledgeModel", pairs: Sequence[tuple[str, str]], k: int) -> list[list[Completion]]:
        """At most `k` tails of each (head, relation), with the model's own scores."""
        if self.top_p is not None:
            return model.draw(pairs, k, top_p=self.top_p, seed=self.seed)
        if self.constraints is not None:
            return model.complete_within(pairs, k, self.constraints, self.diversity, self.beams)
        return model.complete(pairs, k, self.diversity, self.beams)


def _constraints(must: tuple[str, ...], must_not: tuple[str, ...], new_words: bool) -> "Constraints":
    from kg.constraints import Constraints

    return Constraints(must, must_not, new_words)


def _by_tail(folder: Path, k: int, wanted: list[str]) -> Completer:
    """The heads of a relation and a tail, or the relations between a head and a tail."""
    from api.assemble import load_student

    student: Any = load_student(folder)

    def complete_row(row: dict[str, Any]) -> list[dict[str, Any]]:
        what = "relation" if "head" in row else "head"
        if not hasattr(student, f"complete_{what}s"):
            raise InputError(f"{folder} gives no {what}s: give a student with a language model"
                             + (", or the folder of kg eval links --out" if what == "head" else ""))
        if what == "head":
            heads = student.complete_heads([(row["relation"], row["tail"])], k)[0]
            return [{"head": c.triple.head, "score": c.score} for c in heads]
        labels = _relations(student, wanted)
        relations = student.complete_relations([(row["head"], row["tail"])], len(student.relations))[0]
        found = [{"relation": list(c.triple)[1], "score": c.score} for c in relations]
        return [row for row in found if row["relation"] in labels][:k]

    return lambda rows: [complete_row(row) for row in rows]


def _by_student(folder: Path, k: int, wanted: list[str], way: _Way) -> Completer:
    """Tails of the rows' relations, or of any that the student knows, or that is wanted."""
    from api.completion import complete_any

    student, find = _tails_of(folder, way)
    labels = _relations(student, wanted)

    def complete_rows(rows: list[dict[str, Any]]) -> list[list[dict[str, Any]]]:
        if wanted and any("relation" in row for row in rows):
            raise InputError("relations are for queries without a relation")
        asked = [(row["head"], [row["relation"]] if "relation" in row else labels) for row in rows]
        found = complete_any(find, asked, k)
        return [[_tail(c, "relation" not in row) for c in part] for row, part in zip(rows, found, strict=True)]

    return complete_rows


def _tail(c: Completion, with_relation: bool) -> dict[str, Any]:
    relation = {"relation": list(c.triple)[1]} if with_relation else {}
    return {**relation, "tail": c.triple.tail, "score": c.score}


def _tails_of(folder: Path, way: _Way) -> tuple[Student, Find]:
    """A student, and what finds its tails, with calibrated scores."""
    from api.assemble import load_bare_student, load_student
    from kg.score_calibration import calibrated

    if way.is_plain:
        plain = load_student(folder)
        return plain, plain.complete
    from kg.student import LanguageModelStudent

    student = None if (folder / "links.json").is_file() else load_bare_student(folder)
    if not isinstance(student, LanguageModelStudent):
        raise InputError(f"{folder} has no language model: only such a student draws, diversifies or steers its tails")

    def find(pairs: Sequence[tuple[str, str]], k: int) -> list[list[Completion]]:
        return calibrated(way.find(student, pairs, k), student.settings.get("calibration"))

    return student, find


def _relations(student: Student, wanted: list[str]) -> list[str]:
    """The relations that a student knows, or those of them that are wanted. Raises UnknownNameError."""
    for name in wanted:
        if name not in student.relations:
            raise UnknownNameError("relation (of this student)", name, student.relations)
    return wanted or list(student.relations)


def _by_run(
    path: Path, models: tuple[Path | None, Path | None, Path | None], k: int, new_only: bool, level: str | None,
    relations: list[str],
) -> Completer:
    """`models` are student, rules and links."""
    from api.assemble import load_student, ontology_of, open_inference
    from api.completion import read_query
    from api.sources import Sources
    from kg.run import Run

    run = Run.open(path)
    ontology = ontology_of(run)
    student, *inference = models
    learned, more = load_student(student) if student else None, open_inference(run, *inference)
    sources = Sources(run, ontology, learned, progress=StderrProgress(), more=more)

    def complete_rows(rows: list[dict[str, Any]]) -> list[list[dict[str, Any]]]:
        asked = [read_query(ontology, r.get("head"), r.get("relation"), r.get("tail"), relations) for r in rows]
        found, notes = sources.complete(asked, k, new_only, level)
        for note in dict.fromkeys(note for own in notes for note in own):
            say(note)
        return [[asdict(merged) for merged in part] for part in found]

    return complete_rows


def _complete_file(complete_rows: Completer, rows: list[dict[str, Any]], out: Path, batch: int = 256) -> int:
    """Writes the rows with their completions as JSONL, `batch` at a time, in order; returns how many."""
    progress = StderrProgress()
    part = out.with_name(out.name + ".part")
    with open(part, "w", encoding="utf-8") as handle:
        for start in range(0, len(rows), batch):
            chunk = rows[start : start + batch]
            for row, found in zip(chunk, complete_rows(chunk), strict=True):
                handle.write(json.dumps({**row, "completions": found}, ensure_ascii=True) + "\n")
            progress("complete", start + len(chunk), len(rows))
    part.replace(out)
    return len(rows)


def _read_queries(path: Path, is_run: bool) -> list[dict[str, Any]]:
    """The rows of a JSONL file: with head or tail for a run, with a head for a student; the relation may be missing."""
    rows: list[dict[str, Any]] = []
    with open(path, encoding="utf-8", errors="replace") as handle:
        for number, line in enumerate(handle, 1):
            if not line.strip():
                continue
            try:
                row = json.loads(line)
            except ValueError as error:
                raise InputError(f"{path}, line {number}: not JSON ({error})") from None
            named = [f for f in ("head", "relation", "tail") if isinstance(row, dict) and f in row]
            fields = named if is_run else ["head", *(f for f in named if f == "relation")]
            if not isinstance(row, dict) or not fields or not all(isinstance(row.get(f), str) for f in fields):
                needed = '"head" or "tail"' if is_run else '"head"'
                raise InputError(f'{path}, line {number}: a query needs {needed} and may have "relation", as strings')
            rows.append(row)
    return rows


commands = {"complete": complete}
