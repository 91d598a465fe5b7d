"""The command line: `kg COMMAND`. A command's module is imported when the command is used."""

import json
import os
import sys
from importlib import import_module
from typing import Any, NoReturn

import click

from kg import __version__
from kg.errors import KGError, nearest

# name -> (module, one line of help); a test holds the lines against the commands' own
COMMANDS = {
    "init": ("api.commands_build", "Write a recipe, an ontology and seeds of your own to start from."),
    "recipes": ("api.commands_build", "List the packaged recipes."),
    "relations": ("api.commands_build", "List the relations of an ontology."),
    "build": ("api.commands_build", "Ask a teacher, read its answers and judge them into a graph."),
    "status": ("api.commands_build", "Show what a run has done, or list the runs."),
    "calibrate": ("api.commands_levels", "Turn critics' verdicts into probabilities and levels, by people's labels."),
    "import": ("api.commands_graph", "Make a run from a file of triples."),
    "load": ("api.commands_graph", "Load a run's graph into Cypher and RDF stores."),
    "unload": ("api.commands_graph", "Withdraw a run, and its earlier builds, from Cypher and RDF stores."),
    "query": ("api.commands_query", "Ask the graph in Cypher, in SPARQL, or by a named question."),
    "ask": ("api.commands_ask", "Ask the graph a question in plain English."),
    "questions": ("api.commands_query", "List the named questions, or show one in Cypher and SPARQL."),
    "review": ("api.commands_review", "Let people judge triples, those first that the critics doubt."),
    "labels": ("api.commands_review", "Write the labels of a run's reviewers as examples for a critic."),
    "explain": ("api.commands_graph", "Show where a triple came from and what the critics said."),
    "report": ("api.commands_report",
               "Show what in a graph may do harm: offensive tails, and how groups of people are felt and thought of."),
    "export": ("api.commands_graph", "Write a run's graph to a file."),
    "validate": ("api.commands_validate", "Check a run's RDF, an RDF file, or an RDF store against SHACL shapes."),
    "extract": ("api.commands_text", "Read triples from texts."),
    "coverage": ("api.commands_text", "Tell which sentences of texts gave triples and which constructions gave none."),
    "rules": ("api.commands_rules", "Mine Horn rules from a graph, and complete it by them."),
    "eval": ("api.commands_eval", "Measure a part against what careful readers marked."),
    "train": ("api.commands_student", "Train a student on a run or a file of triples."),
    "train-critic": ("api.commands_critic", "Train a critic on triples that people judged."),
    "judge": ("api.commands_critic", "Let a trained critic judge the triples of a run or a file."),
    "complete": ("api.commands_complete", "Complete heads: by a student, or by a run with what is like it."),
    "serve": ("api.commands_serve", "Serve a run over HTTP: Cypher, SPARQL, completion, a page."),
    "bolt": ("api.commands_serve", "Show where Bolt tools reach the embedded Cypher engine, and keep it running."),
    "bench": ("api.commands_serve", "Measure a part against its limit, as a ratio in one run."),
}


class LazyGroup(click.Group):
    """A group that knows its commands' help lines without importing them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        module = import_module(COMMANDS[name][0])
        found: click.Command = module.commands[name]
        return found

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple[Any, Any, list[str]]:
        if args and args[0] not in COMMANDS:
            ctx.fail(f"there is no command {args[0]!r}: {nearest(args[0], COMMANDS)}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in COMMANDS.items()])


@click.command(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="kg")
def kg() -> None:
    """Turn what a language model knows into a knowledge graph you can query, audit and complete.

    \b
    Example:
      kg build demo              ask the packaged teacher, judge its answers
      kg load runs/demo-...      into the embedded Cypher engine and RDF
      kg query runs/demo-... --cypher 'MATCH (h:Event)-[r:X_WANT]->(t) RETURN h.text, t.text LIMIT 5'
    """


def main() -> NoReturn:
    """Entry point of the console script; exits 0, 1 (error), 2 (wrong usage) or 130 (interrupted)."""
    set_environment()
    try:
        code = kg.main(standalone_mode=False)
        sys.stdout.flush()
        sys.exit(code if isinstance(code, int) else 0)
    except KGError as error:
        _fail(str(error), 1)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (KeyboardInterrupt, click.Abort):
        _fail("interrupted: the same command goes on where it stopped", 130)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except OSError as error:
        _fail(f"{error.filename or 'system'}: {error.strerror or error}", 1)


def set_environment() -> None:
    """Settings of the libraries that must stand before they are imported, where the user's environment has none.

    Waiting threads of torch spin for a moment, then sleep. With libgomp's own, hundred times longer spin a completion
    took 15 s on a machine that did other work too, instead of under 1 s; without any the teacher is a third slower on a
    quiet one. Our own progress is enough: no bars and advice of the libraries.
    """
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", "3000")
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    os.environ.setdefault("TRANSFORMERS_NO_ADVISORY_WARNINGS", "1")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")


def _fail(message: str, code: int) -> NoReturn:
    """Says what went wrong on stderr, as JSON when --json was given."""
    text = json.dumps({"error": message}) if "--json" in sys.argv else f"error: {message}"
    print(text.encode("utf-8", "backslashreplace").decode(), file=sys.stderr)
    sys.exit(code)
