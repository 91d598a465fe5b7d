"""Rounds of distillation: ask, judge, add to the graph, train a student, and let it answer in the next round.

    OUT/round-1, round-2 ...     the run of each round's own answers
    OUT/graph-1, graph-2 ...     the run of all rounds so far
    OUT/student-1, student-2 ... the student trained on that graph
    OUT/rounds.json              a row of figures for each round

Every step is one that goes on where it was interrupted, so the whole does.
"""

import json
import logging
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from api.assemble import load, make_parts, make_student_options
from kg.errors import RecipeError
from kg.graph import FILES, GraphFiles
from kg.joining import join
from kg.normal import normal_form
from kg.ontology import NOTHING, Ontology, load_ontology
from kg.pipeline import build
from kg.recipe import Part, Recipe, Rounds, Seeds
from kg.records import Triple
from kg.run import Progress, Run, read_lines, read_parquet, silent, write_atomically
from kg.splits import read_training_triples, split_heads

log = logging.getLogger(__name__)
FIGURES = "rounds.json"
MEASURED = 500  # held-out queries


@dataclass(frozen=True, slots=True)
class Round:
    """What one round did.

    `accepted` of its `candidates` were kept by every critic; of the `triples` that they make, `new` were not in the
    graph before, which then had `graph`. `loss` is the student's mean negative log-probability a token of the held-out
    tails, `bleu_2` that of its best answers, both None when nothing is held out.
    """

    round: int
    teacher: str
    minimum: float
    heads: int
    answers: int
    candidates: int
    accepted: int
    triples: int
    new: int
    graph: int
    loss: float | None
    bleu_2: float | None


def run_rounds(
    recipe: Recipe, out: Path, limit: int | None = None, progress: Progress = silent,
    tell: Callable[[Round], object] = lambda _: None,
) -> list[Round]:
    """Does the rounds of a recipe in the folder `out`; `tell` hears of each as it is done.

    `limit` caps the prompts for tails of each round. Raises RecipeError for rounds that do not fit the rest of the
    recipe, and what building and training raise.
    """
    rounds, ontology = _checked(recipe), load_ontology(recipe.ontology)
    done: list[Round] = []
    runs: list[Run] = []
    held_out: list[Triple] | None = None
    known: set[str] = set()
    for number in range(1, rounds.count + 1):
        heads = [] if number == 1 else _heads(runs, out / f"graph-{number - 1}", recipe, rounds, ontology)
        part = _recipe_of(recipe, rounds, number, heads, out)
        run = Run.create(out / f"round-{number}", part.run_id, part.model_dump(), part.seed)
        build(run, make_parts(part), progress, limit)
        runs.append(run)
        whole = Run.create(
            out / f"graph-{number}", f"{recipe.run_id}-graph-{number}", recipe.model_dump(), recipe.seed
        )
        join(whole, runs, ontology, progress)
        student = _train(whole.path, out / f"student-{number}", recipe, rounds, progress)
        if held_out is None:
            held_out = _held_out(whole, recipe, rounds, ontology)
        own = {edge["id"] for edge in read_parquet(run.path / FILES[1], ["id"])}
        loss, bleu_2 = _measure(student, held_out, whole, recipe, ontology)
        answers, candidates, graph = (run.stage(name) or {} for name in ("generations", "candidates", "graph"))
        done.append(Round(
            round=number, teacher=answers["teacher"], minimum=_minimum(rounds, number),
            heads=sum(not row["dropped"] for row in read_lines(run.require("heads"))), answers=answers["rows"],
            candidates=candidates["rows"], accepted=candidates["rows"] - graph["dropped"], triples=len(own),
            new=len(own - known), graph=GraphFiles(whole).counts()["edges"], loss=loss, bleu_2=bleu_2,
        ))
        known |= own
        write_atomically(out / FIGURES, json.dumps([asdict(r) for r in done], indent=1) + "\n")
        tell(done[-1])
        if _is_over(done, rounds.patience):
            log.info("the held-out BLEU-2 has not risen for %d rounds: stopping", rounds.patience)
            break
    return done


def _checked(recipe: Recipe) -> Rounds:
    rounds = recipe.rounds
    if rounds is None:
        raise RecipeError(f"recipe {recipe.name} has no [rounds]")
    if rounds.critic not in recipe.critics:
        names = ", ".join(recipe.critics)
        raise RecipeError(f"rounds.critic: {rounds.critic!r} is none of the recipe's critics ({names})")
    if rounds.minimum != sorted(rounds.minimum):
        raise RecipeError(f"rounds.minimum must not fall from round to round: {rounds.minimum}")
    return rounds


def _recipe_of(recipe: Recipe, rounds: Rounds, number: int, heads: Sequence[str], out: Path) -> Recipe:
    """The recipe of one round: its threshold, and from the second on its heads and the student as the teacher."""
    critic = recipe.critics[rounds.critic] | {"minimum": _minimum(rounds, number)}
    critics = recipe.critics | {rounds.critic: critic}
    changes: dict[str, Any] = {"name": f"{recipe.name}-round-{number}", "critics": critics, "rounds": None}
    if number > 1:
        folder = str(out / f"student-{number - 1}")
        changes |= {
            "teacher": Part(kind="student", folder=folder, k=max(5, rounds.samples)),
            "seeds": Seeds(events=list(heads)),
            "heads": recipe.heads.model_copy(update={"count": 0}),
            "tails": recipe.tails.model_copy(update={"samples": rounds.samples}),
        }
    return recipe.model_copy(update=changes)


def _minimum(rounds: Rounds, number: int) -> float:
    return rounds.minimum[min(number, len(rounds.minimum)) - 1]


def _heads(runs: Sequence[Run], graph: Path, recipe: Recipe, rounds: Rounds, ontology: Ontology) -> list[str]:
    """The heads of the rounds so far, and new ones from the graph: tails that say what PersonX does."""
    gate = load("extraction.heads:HeadGate")(recipe.heads, True)
    old = [row["head"] for run in runs for row in read_lines(run.require("heads")) if not row["dropped"]]
    found = [head for head in old if gate.add(head)]
    edges = (e for e in GraphFiles(Run.open(graph)).edges() if not e["negated"])
    clauses = (e for e in edges if ontology[e["relation"]].form == "clause")
    likely = sorted(clauses, key=lambda e: (-(e["score"] or 0.0), e["tail_text"]))
    new = (e["tail_text"] for e in likely if not gate.reason(e["tail_text"]))
    return found + [head for head, _ in zip(new, range(rounds.heads), strict=False)]


def _train(graph: Path, out: Path, recipe: Recipe, rounds: Rounds, progress: Progress) -> Any:
    """The student of a round, trained unless it is there already."""
    from kg.student import LanguageModelStudent, train_student

    _, options = make_student_options(recipe.student)
    train_student(graph, out, options, rounds.minutes, recipe.seed, progress)
    return LanguageModelStudent.load(out)


def _fractions(recipe: Recipe) -> dict[str, float]:
    """The shares of the heads that the recipe's student learns from and does not."""
    shares: dict[str, float] = make_student_options(recipe.student)[1].fractions
    return shares


def _held_out(first: Run, recipe: Recipe, rounds: Rounds, ontology: Ontology) -> list[Triple]:
    """The triples that all students are measured on: those of the file, or of the heads that none learns from."""
    if rounds.held_out:
        return read_training_triples(Path(rounds.held_out), ontology)
    return split_heads(read_training_triples(first.path, ontology), _fractions(recipe), recipe.seed)["test"]


def _measure(
    student: Any, held_out: Sequence[Triple], graph: Run, recipe: Recipe, ontology: Ontology
) -> tuple[float | None, float | None]:
    """(mean loss a token, BLEU-2 of the best answers) on held-out triples whose heads the student did not learn from.

    `none` is no reference and no answer here.
    """
    from kg.text_metrics import bleu

    learned = split_heads(read_training_triples(graph.path, ontology), _fractions(recipe), recipe.seed)
    seen = {normal_form(t.head) for part in ("train", "dev") for t in learned[part]}
    wanted: dict[tuple[str, str], list[str]] = {}
    kept = []
    for triple in student.known(held_out):
        head, label, tail = triple
        if tail != NOTHING and normal_form(head) not in seen and (len(wanted) < MEASURED or (head, label) in wanted):
            wanted.setdefault((head, label), []).append(tail)
            kept.append(triple)
    if not wanted:
        return None, None
    examples, scores = student.examples(kept), student.score(kept)
    lengths = [len(example.target) for example in examples]
    loss = -sum(score * n for score, n in zip(scores, lengths, strict=True)) / sum(lengths)
    answers = [
        next((c.triple.tail for c in found if c.triple.tail != NOTHING), "")
        for found in student.complete(list(wanted), 2)
    ]
    return loss, bleu(answers, list(wanted.values()))[1]


def _is_over(done: Sequence[Round], patience: int) -> bool:
    """Whether the last `patience` rounds have brought no better BLEU-2 than one before them."""
    values = [r.bleu_2 or 0.0 for r in done]
    return len(values) > patience and max(values[-patience:]) <= max(values[:-patience])
