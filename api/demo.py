"""The main job in front of the user: `make demo`.

A small language model is asked, its answers are judged into a graph, the graph answers in two query languages, and a
student trained on it completes heads that it has not seen. Every step is a command that can be run by itself.
"""

import json
import shlex
import sys
import time
from pathlib import Path

from api.assemble import (
    load_student,
    make_parts,
    make_student_options,
    open_cypher,
    open_rdf,
)
from api.cli import set_environment
from api.commands_student import show_log
from api.output import StderrProgress, say, table
from kg.errors import KGError
from kg.graph import GraphFiles
from kg.pipeline import build
from kg.recipe import Recipe, load_recipe
from kg.run import Run, read_lines

MINUTES = 2.0
STUDENT = Path("students/demo")
CYPHER = """
MATCH (event:Event {text: $event})-[r:X_WANT]->(want:Event) WHERE NOT r.negated
RETURN want.text AS want ORDER BY want
"""
SPARQL = """
PREFIX kg: <https://w3id.org/distilkg/ns#>
PREFIX skos: <http://www.w3.org/2004/02/skos/core#>
SELECT ?want WHERE { ?e a kg:Event ; skos:prefLabel ?event ; kg:xWant ?w . ?w skos:prefLabel ?want } ORDER BY ?want
"""


def main() -> None:
    """Runs the five steps; exits with 1 when one fails."""
    started = time.monotonic()
    set_environment()
    show_log()
    try:
        recipe = load_recipe("demo")
        run = Run.create(Path("runs") / recipe.run_id, recipe.run_id, recipe.model_dump(), recipe.seed)
        ask(run, recipe)
        event = load_and_query(run)
        train(run, recipe)
        summarise(run, event, time.monotonic() - started)
    except KGError as error:
        sys.exit(f"error: {error}")
    except KeyboardInterrupt:
        sys.exit("interrupted: `make demo` goes on where it stopped")


def ask(run: Run, recipe: Recipe) -> None:
    """Steps 1 and 2: the teacher answers, the answers become judged triples."""
    step(1, f"A teacher, {recipe.teacher.options.get('model')}, answers about everyday events")
    counts = build(run, make_parts(recipe), StderrProgress())
    if counts["asked"]:
        print(f"{counts['asked']:,} answers asked for, {counts['reused']:,} reused.")
    else:
        print(f"The teacher was asked nothing: all {counts['reused']:,} answers were on disk.")
    texts = {row["prompt_id"]: row["text"].strip() for row in read_lines(run.require("generations"))}
    shown = [(p["head"], p["relation"], texts[p["id"]]) for p in read_lines(run.require("prompts")) if p["id"] in texts]
    print(table(["event", "relation", "the teacher's answer"], shown[:: max(1, len(shown) // 6)][:6]))
    step(2, "Answers are parsed into triples, and critics judge each")
    print(drops(run))
    edges = list(GraphFiles(run).triples())
    print(table(["head", "relation", "tail"], [tuple(t) for t in edges[:: max(1, len(edges) // 6)][:6]]))


def load_and_query(run: Run) -> str:
    """Step 3: the graph goes into both stores, which answer one question alike; returns the event asked about."""
    step(3, "The graph is loaded into Cypher (embedded, over Bolt) and RDF; both answer one question")
    graph = GraphFiles(run)
    event = _busiest_head(graph)
    answers = {}
    for name, store, text in (("Cypher", open_cypher(run), CYPHER), ("SPARQL", open_rdf(run), SPARQL)):
        try:
            store.write(graph, run.id, StderrProgress())
            answers[name] = sorted(row[0] for row in store.query(text, {"event": event}).rows)
        finally:
            store.close()
    print(f"What does PersonX want after: {event}?")
    print(table(list(answers), [(a, b) for a, b in zip(*answers.values(), strict=False)]))
    if answers["Cypher"] != answers["SPARQL"] or not answers["Cypher"]:
        raise KGError(f"the two stores do not agree: {answers}")
    print(f"Equal: {len(answers['Cypher'])} rows from each.")
    return event


def train(run: Run, recipe: Recipe) -> None:
    """Step 4: a student learns from the graph and completes heads kept out of its training."""
    from kg.student import train_student

    step(4, f"A student is trained on the graph for {MINUTES:g} minutes")
    kind, options = make_student_options(recipe.student)
    facts = train_student(run.path, STUDENT, options, MINUTES, recipe.seed, kind=kind)
    print(f"Loss on heads that were kept out: {facts['loss_before']:.2f} before, {facts['loss_after']:.2f} after "
          f"{facts['examples']:,} examples ({facts['examples_per_second']} a second).")
    student = load_student(STUDENT)
    unseen = json.loads((STUDENT / "student.json").read_text(encoding="utf-8"))["heads_test"]
    queries = [(head, relation) for head in unseen[:3] for relation in ("xWant", "xReact")]
    rows = [
        (head, relation, "; ".join(f"{c.triple.tail} ({c.score:.2f})" for c in found))
        for (head, relation), found in zip(queries, student.complete(queries, k=3), strict=True)
    ]
    print("Heads that the student has never seen:")
    print(table(["head", "relation", "the student's completions (score)"], rows, widest=90))


def summarise(run: Run, event: str, seconds: float) -> None:
    """Step 5: counts, drops, where things are, what to type next."""
    step(5, f"Done in {seconds / 60:.1f} minutes")
    counts = GraphFiles(run).counts()
    print(", ".join(f"{n:,} {what}" for what, n in counts.items()))
    edge = next(iter(GraphFiles(run).edges()))["id"]
    path, head = shlex.quote(str(run.path)), shlex.quote(event)
    cypher = "MATCH (h:Event)-[r:X_NEED]->(t) RETURN h.text, t.text, r.score ORDER BY r.score DESC LIMIT 5"
    print(f"""
the run      {run.path}
the student  {STUDENT}

next, with .venv/bin on your PATH (source .venv/bin/activate):
  kg status {path}
  kg query {path} --cypher {shlex.quote(cypher)}
  kg explain {path} {edge}
  kg complete {STUDENT} --head {head} --relation xNeed
  kg serve {path} --student {STUDENT}
  jupyter execute notebooks/01_tour.ipynb      (or open it in your notebook editor)""")


def drops(run: Run) -> str:
    """What each critic dropped, and why."""
    found = (run.stage("verdicts") or {}).get("drops", {})
    rows = [(critic, reason, n) for critic, reasons in found.items() for reason, n in list(reasons.items())[:4]]
    kept = (run.stage("graph") or {})["counts"]["provenance"]
    total = (run.stage("candidates") or {})["rows"]
    return f"{total:,} candidates, {kept:,} kept.\n" + table(["dropped by", "because", "candidates"], rows)


def _busiest_head(graph: GraphFiles) -> str:
    """The event with the most wants; of several the first in code point order."""
    wants: dict[str, int] = {}
    for t in graph.triples():
        if t.relation == "xWant" and not t.negated:
            wants[t.head] = wants.get(t.head, 0) + 1
    if not wants:
        raise KGError("the graph has no wants to ask about: look at `kg status` for what was dropped")
    return min(wants, key=lambda head: (-wants[head], head))


def step(number: int, text: str) -> None:
    """A heading."""
    sys.stdout.flush()
    say(f"\n[{number}/5] {text}")


if __name__ == "__main__":
    main()
