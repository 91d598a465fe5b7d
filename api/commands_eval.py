"""kg eval extraction, critic, links, review, student."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from api.output import StderrProgress, emit, table

if TYPE_CHECKING:
    from extraction.review_gain import Gain
    from extraction.scoring import Scores, Tally

GAIN_ROWS = 20  # of a table of what labels buy, at most


@click.group(name="eval")
def eval_() -> None:
    """Measure a part against what careful readers marked.

    \b
    Example:
      kg eval extraction gold.jsonl
      kg eval extraction gold.jsonl --predicted triples.jsonl --json
      kg eval critic labels.csv --critic critics/mine --out report
      kg eval review labels.csv --out report
      kg eval student students/mine --data dev.tsv --train train.tsv
      kg eval links runs/demo-1a2b3c4d --out models/links
    """


@eval_.command()
@click.argument("gold", type=click.Path(path_type=Path))
@click.option("--predicted", type=click.Path(path_type=Path), help='JSONL of {"id", "triples"}, as of kg extract.')
@click.option("--json", "as_json", is_flag=True, help="Print the scores as JSON.")
def extraction(gold: Path, predicted: Path | None, as_json: bool) -> None:
    """Score triples read from texts, by source, relation and rule.

    Prints precision, recall and F1, and the true and false alarms of each rule.

    GOLD has an object a line with "id", "source", "text", "triples" and "optional" triples, and
    "prompt" and "head" where they are known. Without --predicted its texts are read now.

    \b
    Example:
      kg eval extraction gold.jsonl
    """
    from extraction.scoring import score_files

    scores = score_files(gold, predicted)
    emit(scores.as_dict(), as_json, lambda: render(scores))


@eval_.command()
@click.argument("labels", type=click.Path(path_type=Path))
@click.option("--critic", "folder", required=True, type=click.Path(path_type=Path), help="Folder of the critic.")
@click.option("--out", type=click.Path(path_type=Path), help="Folder for report.json and the curves as PNG and SVG.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
def critic(labels: Path, folder: Path, out: Path | None, as_json: bool) -> None:
    """Measure a trained critic on triples that people judged.

    LABELS must be others than those that it was trained on. Prints AUC within each relation,
    calibration error, and what is kept at each level with 95% intervals.

    \b
    Example:
      kg eval critic reviews.jsonl --critic critics/mine --out report
    """
    from extraction.critic_report import draw, report
    from extraction.labels import read_labelled
    from extraction.plausibility_model import PlausibilityModel
    from kg.ontology import load_ontology
    from kg.run import write_atomically

    ontology = load_ontology()
    figures = report(PlausibilityModel.load(folder), read_labelled(labels, ontology), ontology, StderrProgress())
    if out is not None:
        draw(figures, out)
        write_atomically(out / "report.json", json.dumps(figures, indent=1) + "\n")
    emit(figures, as_json, lambda: render_critic(figures))


@eval_.command()
@click.argument("labels", type=click.Path(path_type=Path))
@click.option("--step", default=25, show_default=True, type=click.IntRange(min=5), help="Labels between trainings.")
@click.option("--most", default=2000, show_default=True, type=click.IntRange(min=10), help="Labels in all.")
@click.option("--keep", default=0.5, show_default=True, type=click.FloatRange(0, 1, True, True), help="Share kept.")
@click.option("--seeds", default=5, show_default=True, type=click.IntRange(min=1), help="Repetitions.")
@click.option("--out", type=click.Path(path_type=Path), help="Folder for gain.json and the curves (PNG, SVG).")
@click.option("--json", "as_json", is_flag=True, help="Print the figures as JSON.")
def review(labels: Path, step: int, most: int, keep: float, seeds: int, out: Path | None, as_json: bool) -> None:
    """Show what each label buys: asked for where the critic is in doubt, or at random.

    Replays LABELS that people gave (as for kg train-critic) in both orders, with a small critic that
    is trained again after every step. After each number of labels: the precision of the kept graph
    (with people's labels in it), the precision and the AUC on heads that nobody reviewed, and how many
    labels the order of doubt needs for what the random order has.

    \b
    Example:
      kg eval review labels.csv --out report
    """
    from extraction.labels import read_labelled
    from extraction.review_gain import review_gain
    from kg.ontology import load_ontology
    from kg.run import write_atomically

    gain = review_gain(read_labelled(labels, load_ontology()), step, most, keep, seeds, StderrProgress())
    if out is not None:
        gain.draw(out)
        write_atomically(out / "gain.json", json.dumps(gain.as_dict(), indent=1) + "\n")
    emit(gain.as_dict(), as_json, lambda: render_gain(gain))


def render_gain(gain: "Gain") -> str:
    """A table for each measure: both orders after n labels, and after how many the active one is as good."""
    from extraction.review_gain import MEASURES, TITLES

    every = -(-len(gain.labels) // GAIN_ROWS)
    shown = range((len(gain.labels) - 1) % every, len(gain.labels), every)  # the last one among them

    def rows(measure: str) -> Iterator[tuple[int, float, float, int | None, float | None]]:
        random, active, needed = gain.curves["random"][measure], gain.curves["active"][measure], gain.needed(measure)
        for i in shown:
            need, labels = needed[i], gain.labels[i]
            yield labels, random[i], active[i], need, need / labels if need else None

    return "\n\n".join(
        f"{TITLES[measure]} (best {gain.keep:.0%} kept, {gain.pool:,} triples to review)\n"
        + table(("labels", "random", "active", "active needs", "share"), list(rows(measure)))
        for measure in MEASURES
    )


def render_critic(figures: dict[str, Any]) -> str:
    """The figures of a critic as three tables: in all, levels, relations."""
    whole = [(name, figures[name]) for name in ("labels", "plausible", "auc", "auc_macro", "calibration_error")]
    levels = [
        (v["meant"], v["cut_off"], v["kept"], v["precision"], f"{v['low']:.3f} to {v['high']:.3f}", v["recall"])
        for v in figures["levels"]
    ]
    errors = figures["calibration_error_within"]
    names = sorted({*figures["auc_within"], *errors})
    return "\n\n".join([
        table(("figure", "value"), whole),
        table(("meant for", "cut-off", "kept", "precision", "95%", "recall"), levels),
        table(("relation", "AUC", "calibration error"),
              [(name, figures["auc_within"].get(name), errors.get(name)) for name in names]),
    ])


def render(scores: "Scores") -> str:
    """The scores as two tables: groups of texts and relations, then rules."""
    groups = [("all", scores.everything), *scores.ranked("sources"), *scores.ranked("relations")]
    rules = [(name, t.found, t.optional, t.false, _share(t.precision)) for name, t in scores.ranked("rules")]
    return "\n\n".join([
        table(("", "gold", "found", "false", "optional", "P", "R", "F1"), [_line(*group) for group in groups]),
        table(("rule", "true", "optional", "false", "P"), rules),
    ])


def _line(name: str, t: "Tally") -> tuple[str | int, ...]:
    return name, t.gold, t.found, t.false, t.optional, _share(t.precision), _share(t.recall), _share(t.f1)


def _share(value: float) -> str:
    return f"{value:.3f}"


@eval_.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--data", required=True, type=click.Path(path_type=Path), help="Triples of heads that it never saw.")
@click.option("--train", required=True, type=click.Path(path_type=Path), help="What it was trained on: run or TSV.")
@click.option("--unseen-only", is_flag=True, help="Leave out heads that the student learned from.")
@click.option("--plot", type=click.Path(path_type=Path), help="PNG file: BLEU-2 by relation.")
@click.option("--json", "as_json", is_flag=True, help="Print the scores as JSON.")
def student(
    folder: Path, data: Path, train: Path, unseen_only: bool, plot: Path | None, as_json: bool
) -> None:
    """Score a student on unseen heads, by relation, beside three baselines.

    The baselines are the constant "none" and the students "frequency" and "nearest" (see kg train). It
    does not score when a head of DATA is one that the student learned from, unless these are left out.

    \b
    Example:
      kg eval student students/mine --data dev.tsv --train train.tsv --plot bleu.png
    """
    from api.assemble import load_bare_student
    from kg.student_scores import plot_scores, score_student

    found = score_student(load_bare_student(folder), data, train, unseen_only, StderrProgress())
    if plot is not None:
        plot_scores(found, plot)
    emit(found, as_json, lambda: "\n\n".join(_student_tables(found)))


@eval_.command()
@click.argument("source", type=click.Path(path_type=Path))
@click.option("--model", default="ComplEx", show_default=True, help="A model of PyKEEN by name: TuckER, RotatE, ...")
@click.option("--dimension", default=256, show_default=True, type=click.IntRange(min=1), help="Size of embeddings.")
@click.option("--epochs", default=100, show_default=True, type=click.IntRange(min=1), help="At the most.")
@click.option("--seed", default=0, show_default=True, type=click.IntRange(min=0))
@click.option("--out", type=click.Path(path_type=Path), help="Folder for the model, which kg complete then takes.")
@click.option("--json", "as_json", is_flag=True, help="Print the figures as JSON.")
def links(source: Path, model: str, dimension: int, epochs: int, seed: int, out: Path | None, as_json: bool) -> None:
    """Train a link prediction model and rank held-out triples by it.

    SOURCE is a run, a TSV file (a tenth of the triples is held out to choose the best epoch, a tenth
    to measure), or a folder with train.txt, valid.txt and test.txt. Prints the filtered mean
    reciprocal rank (MRR) and Hits@1, 3 and 10 of both ends of the test triples. Needs PyKEEN:
    pip install 'distilkg[links]'.

    \b
    Example:
      kg eval links runs/demo-1a2b3c4d --out models/links
      kg complete models/links --head 'PersonX bakes a cake' --relation xWant
      kg complete models/links --tail 'to eat' --relation xWant
    """
    from api.assemble import ontology_of
    from kg.link_parts import read_parts
    from kg.links import LinkModel, LinkOptions
    from kg.ontology import load_ontology
    from kg.run import Run

    is_run = (source / "manifest.json").is_file()
    parts = read_parts(source, ontology_of(Run.open(source)) if is_run else load_ontology(), seed)
    options = LinkOptions(model=model, dimension=dimension, epochs=epochs, seed=seed)
    trained = LinkModel.train(parts, options, StderrProgress())
    if out is not None:
        trained.save(out)
    figures = {"model": model, **trained.settings["metrics"]}
    emit(figures, as_json, lambda: table(("figure", "value"), list(figures.items())))


def _student_tables(found: dict[str, Any]) -> list[str]:
    """All scores of each system, then BLEU-2 by relation; with `none` and without."""
    tables = [f"{found['queries']:,} queries; {found['seen_heads']:,} heads left out"]
    for part in ("with_none", "without_none"):
        systems = found[part]
        names = list(systems["student"]["all"])
        rows = [[name, *groups["all"].values()] for name, groups in systems.items()]
        relations = [[r, *(g[r]["bleu_2"] for g in systems.values())] for r in systems["student"]]
        title = part.replace("_", " ")
        tables += [table([title, *names], rows), table([f"BLEU-2 {title}", *systems], relations)]
    return tables


commands = {"eval": eval_}
