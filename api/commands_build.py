"""kg init, recipes, relations, build, status."""

import shutil
from importlib.resources import as_file, files
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from api.output import StderrProgress, emit, say, table
from kg.errors import InputError

if TYPE_CHECKING:
    from kg.recipe import Recipe
    from kg.run import Run

RUNS = Path("runs")


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def init(folder: Path, as_json: bool) -> None:
    """Write a recipe, an ontology and seeds of your own to start from.

    \b
    Example:
      kg init kitchen && kg build kitchen/recipe.toml --dry-run
    """
    names = ["recipe.toml", "ontology.toml", "seeds.txt"]
    for name in names:
        if (folder / name).exists():
            raise InputError(f"{folder / name} is there already: name another folder, or remove it")
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        with as_file(files("kg") / "starter" / name) as source:
            shutil.copyfile(source, folder / name)
    written = [str(folder / name) for name in names]
    emit({"written": written}, as_json, lambda: "\n".join(
        [f"wrote {w}" for w in written] + [f"next: kg build {folder / 'recipe.toml'} --dry-run"]
    ))


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def recipes(as_json: bool) -> None:
    """List the packaged recipes.

    \b
    Example:
      kg recipes
    """
    from kg.recipe import load_recipe, recipe_names

    rows = [(name, load_recipe(name).description) for name in recipe_names()]
    emit([{"name": n, "description": d} for n, d in rows], as_json,
         lambda: table(["recipe", "what it does"], rows, widest=120))


@click.command()
@click.option("--ontology", default="atomic2020", show_default=True, help="Packaged name or TOML file.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def relations(ontology: str, as_json: bool) -> None:
    """List the relations of an ontology.

    \b
    Example:
      kg relations --ontology kitchen/ontology.toml
    """
    from dataclasses import asdict

    from kg.ontology import load_ontology

    found = [{**asdict(r), "cypher_type": r.cypher_type} for r in load_ontology(ontology)]
    emit(found, as_json, lambda: table(
        ["relation", "in Cypher", "head", "tail", "phrase"],
        [(r["name"], r["cypher_type"], r["head"], r["tail"], r["phrase"]) for r in found],
    ))


@click.command()
@click.argument("recipe")
@click.option("--set", "overrides", multiple=True, metavar="SECTION.KEY=VALUE", help="Override a recipe's value.")
@click.option("--out", type=click.Path(path_type=Path), help="Folder of the run  [default: runs/RECIPE-HASH]")
@click.option("--limit", type=click.IntRange(min=1), help="Ask at most this many prompts for tails.")
@click.option("--dry-run", is_flag=True, help="Show prompts, counts and a token estimate; call nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def build(
    recipe: str, overrides: tuple[str, ...], out: Path | None, limit: int | None, dry_run: bool, as_json: bool
) -> None:
    """Ask a teacher, read its answers and judge them into a graph.

    RECIPE is a packaged name (see `kg recipes`) or a TOML file. An interrupted build goes on where it
    stopped, and no answer is asked for twice. With [rounds] in the recipe, students are trained on the
    graph and answer in the rounds that follow.

    \b
    Example:
      kg build recorded --set teacher.file=answers.jsonl --out runs/mine
      kg build demo --set teacher.model=google/gemma-3-1b-pt --set tails.samples=3
    """
    from api.assemble import make_parts
    from kg.pipeline import build as run_build
    from kg.recipe import load_recipe
    from kg.run import Run

    chosen = load_recipe(recipe, overrides)
    parts = make_parts(chosen)
    if dry_run:
        plan = _plan(parts.source, limit, chosen.heads.count)
        emit(plan, as_json, lambda: _show_plan(plan))
        return
    if chosen.rounds is not None:
        _build_rounds(chosen, out or RUNS / chosen.run_id, limit, as_json)
        return
    run = Run.create(out or RUNS / chosen.run_id, chosen.run_id, chosen.model_dump(), chosen.seed)
    counts = run_build(run, parts, StderrProgress(), limit)
    if not counts["asked"]:
        say(f"The teacher was asked nothing: all {counts['reused']:,} answers were on disk.")
    result = {"run": str(run.path), **counts, "drops": (run.stage("verdicts") or {}).get("drops", {})}
    emit(result, as_json, lambda: "\n".join([
        f"{counts['asked']:,} answers asked for, {counts['reused']:,} reused",
        f"{counts['nodes']:,} nodes, {counts['edges']:,} triples, {counts['provenance']:,} sources",
        f"run: {run.path}", f"next: kg load {run.path}",
    ]))


def _build_rounds(recipe: "Recipe", out: Path, limit: int | None, as_json: bool) -> None:
    from dataclasses import asdict

    from api.commands_student import show_log
    from api.rounds import run_rounds

    show_log()
    done = run_rounds(
        recipe, out, limit, StderrProgress(),
        lambda r: say(f"round {r.round}: {r.accepted:,} of {r.candidates:,} candidates kept, {r.new:,} new triples"),
    )
    last = done[-1].round
    emit({"out": str(out), "rounds": [asdict(r) for r in done]}, as_json, lambda: "\n".join([
        table(list(asdict(done[0])), [tuple(asdict(r).values()) for r in done], widest=100),
        f"next: kg load {out / f'graph-{last}'}, kg complete {out / f'student-{last}'} --head ... --relation ...",
    ]))


def _plan(source: Any, limit: int | None, new_heads: int) -> dict[str, Any]:
    """What a build would ask: counts by template, an example of each, and a token estimate (4 characters a token)."""
    first = source.head_prompts()
    prompts = list(islice(source.prompts(h.text for h in source.heads([]) if not h.reason), limit))
    examples: dict[str, str] = {}
    counts: dict[str, int] = {}
    for p in [*first, *prompts]:
        counts[p.template] = counts.get(p.template, 0) + 1
        examples.setdefault(p.template, p.text)
    characters = sum(len(p.text) for p in [*first, *prompts])
    return {
        "prompts": len(first) + len(prompts), "by_template": counts, "new_heads": new_heads,
        "prompt_tokens_estimate": characters // 4, "examples": examples,
    }


def _show_plan(plan: dict[str, Any]) -> str:
    parts = [f"--- {name} ({plan['by_template'][name]} prompts), for example:\n{text}"
             for name, text in plan["examples"].items()]
    note = f", and those for up to {plan['new_heads']} new heads" if plan["new_heads"] else ""
    parts.append(f"{plan['prompts']:,} prompts{note}, about {plan['prompt_tokens_estimate']:,} prompt tokens; "
                 "nothing was asked")
    return "\n".join(parts)


@click.command()
@click.argument("run", required=False, type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def status(run: Path | None, as_json: bool) -> None:
    """Show what a run has done, or list the runs.

    \b
    Example:
      kg status runs/demo-1a2b3c4d
    """
    from kg.run import Run

    if run is None:
        found = [Run.open(p.parent) for p in sorted(RUNS.glob("*/manifest.json"))]
        rows = [(str(r.path), ", ".join(r.manifest["stages"]) or "nothing yet") for r in found]
        emit([{"run": p, "stages": list(r.manifest["stages"])} for (p, _), r in zip(rows, found, strict=True)],
             as_json, lambda: table(["run", "stages done"], rows, widest=100) if rows else "no runs in ./runs yet")
        return
    opened = Run.open(run)
    reviews = _reviews(opened)
    emit({**opened.manifest, **({"reviews": reviews} if reviews else {})}, as_json,
         lambda: _show_status(opened.manifest) + _show_reviews(reviews))


def _show_status(manifest: dict[str, Any]) -> str:
    stages = manifest["stages"]
    lines = [f"run {manifest['run_id']}", table(
        ["stage", "rows", "seconds", "tokens", "cost"],
        [(n, s["rows"], s["seconds"], s.get("tokens"), s.get("cost")) for n, s in stages.items()],
    )]
    verdicts = stages.get("verdicts", {})
    if verdicts.get("critics"):
        lines += ["", table(["critic", "kept", "dropped", "abstained"], [
            (n, c.get("keep", 0), c.get("drop", 0), c.get("abstain", 0)) for n, c in verdicts["critics"].items()
        ])]
    reasons = [
        (critic, decision, reason, n)
        for decision, key in (("dropped", "drops"), ("abstained", "abstentions"))
        for critic, found in verdicts.get(key, {}).items() for reason, n in found.items()
    ]
    if reasons:
        lines += ["", table(["critic", "decision", "because", "candidates"], reasons)]
    if "graph" in stages:
        lines += ["", ", ".join(f"{n:,} {what}" for what, n in stages["graph"]["counts"].items())]
    return "\n".join(lines)


def _reviews(run: "Run") -> dict[str, Any]:
    """What people have said of the run's triples; empty where nobody was asked."""
    from kg.agreement import agreement
    from kg.reviews import FILE, ReviewLog, is_valid

    if not (run.path / FILE).is_file():
        return {}
    log = ReviewLog(run.path / FILE)
    judged = [is_valid([act.label for act in given.values()]) for _, given in log.labels()]
    return {
        "triples": len(judged), "valid": judged.count(True), "invalid": judged.count(False),
        "undecided": judged.count(None), "labels": log.counts(), "agreement": agreement(log),
    }


def _show_reviews(reviews: dict[str, Any]) -> str:
    if not reviews:
        return ""
    agreed = reviews["agreement"]
    lines = ["", "", table(["reviewer", "labels"], list(reviews["labels"].items()))]
    lines.append(", ".join(f"{reviews[key]:,} {what}" for key, what in (
        ("triples", "triples labelled"), ("valid", "valid"), ("invalid", "not valid"), ("undecided", "undecided"),
    )))
    if agreed["twice"]:
        rows = [("Krippendorff's alpha, ordinal", agreed["twice"], agreed["alpha"]),
                ("Fleiss' kappa, valid or not", agreed["twice"], agreed["fleiss"])]
        rows += [(f"Cohen's kappa, {' and '.join(c['reviewers'])}", c["triples"], c["kappa"]) for c in agreed["cohen"]]
        lines += ["", table(["agreement", "triples", "value"], rows)]
    return "\n".join(lines)


commands = {"init": init, "recipes": recipes, "relations": relations, "build": build, "status": status}
