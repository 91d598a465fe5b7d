"""Prompts in two stages: new heads from seed events, then tails for each head and relation.

After Symbolic Knowledge Distillation (West et al. 2022), with templates and examples of our own. All that is said to a
teacher is in the template files; a template is named with its version in every prompt.
"""

import json
import re
import tomllib
from collections.abc import Iterable, Iterator
from importlib.resources import files
from pathlib import Path
from random import Random
from typing import Annotated

from pydantic import Field

from extraction.heads import HeadGate, new_heads
from extraction.slots import pick_names, slots_of, verbalise
from kg.errors import KGError, RecipeError, nearest
from kg.ontology import Kind, Ontology, Relation
from kg.pipeline import Head
from kg.recipe import M, Recipe, Section, parse
from kg.records import Answer, Prompt, digest

VERSION = "1"
# Prompts asked for each new head that is wanted: a small teacher repeats itself, and the gates reject about half.
HEAD_PROMPTS = 3

_FIELD = re.compile(r"\{(\w+)\}")


class HeadTemplate(Section):
    """How new heads are asked for: the instruction, then a line for each seed, the last one cut before {head}."""

    name: str
    version: int
    instruction: str
    line: str = Field(pattern=r"\{head\}")


_Layout = Annotated[str, Field(pattern=r"(?s)\{(head|question)\}.*\{(head|question)\}.*\{answer\}")]


class Layout(Section):
    """How a question about a head of each kind is written, with its answer at the end."""

    Event: _Layout
    Thing: _Layout
    State: _Layout


class Examples(Section):
    """(question, head, answer) about events and about things."""

    Event: list[tuple[str, str, str]]
    Thing: list[tuple[str, str, str]]


class TailTemplate(Section):
    """How tails are asked for: the layout, and the examples that are shown: (head, answer) by relation, and those for
    relations that have none of their own."""

    name: str
    version: int
    layout: Layout
    examples: dict[str, list[tuple[str, str]]]
    other: Examples
    denied: Examples

    def shown(self, name: str, relation: Relation, denied: bool) -> list[tuple[str, str, str]]:
        """The (question, head, answer) shown before a question of the relation called `name`."""
        if own := self.examples.get(name):
            question = question_of(relation, denied)
            return [(question, head, answer) for head, answer in own]
        others = self.denied if denied else self.other
        return others.Event if relation.head == "Event" else others.Thing


class TemplateSource:
    """The prompts of a recipe. `version` changes with whatever changes a prompt.

    Raises RecipeError for a recipe without seeds or relations, or with names that do not exist.
    """

    def __init__(self, recipe: Recipe, ontology: Ontology) -> None:
        self._recipe = recipe
        self._seeds = _seeds(recipe)
        self._persons = any(slots_of(seed) for seed in self._seeds)
        self._relations = _relations(recipe, ontology)
        self._head_template = load_template(HeadTemplate, recipe.heads.template, "heads.template")
        self._template = load_template(TailTemplate, recipe.tails.template, "tails.template")
        self.version = digest(VERSION, json.dumps([
            self._seeds, recipe.seed, recipe.heads.model_dump(), recipe.tails.model_dump(),
            self._head_template.model_dump(), self._template.model_dump(),
            [(name, relation.head, question_of(relation, denied)) for name, relation, denied in self._relations],
        ]))

    def head_prompts(self) -> list[Prompt]:
        """Prompts that ask for new heads, each with other seeds; none when the recipe asks for none."""
        template, options = self._head_template, self._recipe.heads
        shots = min(options.shots, len(self._seeds))
        prompts = []
        for i in range(options.count * HEAD_PROMPTS):
            shown = Random(f"{self._recipe.seed} heads {i}").sample(self._seeds, shots)
            lines = [_fill(template.line, number=str(n + 1), head=_one_line(s)) for n, s in enumerate(shown)]
            last = _fill(template.line.partition("{head}")[0], number=str(shots + 1)).rstrip(" ")
            text = template.instruction + "".join(lines) + last
            prompts.append(Prompt("", "", f"{template.name}@{template.version}", text, sample=i))
        return prompts

    def heads(self, answers: Iterable[Answer]) -> Iterator[Head]:
        """The seeds, then the new heads of the answers up to the count wanted; each head that is not used with why."""
        gate = HeadGate(self._recipe.heads, self._persons)
        for seed in self._seeds:
            yield Head(seed, "" if gate.add(seed) else "is there already")
        texts = (answer.generation.text for answer in answers)
        for text, reason in new_heads(texts, gate, self._recipe.heads.count):
            yield Head(text, reason)

    def prompts(self, heads: Iterable[str]) -> Iterator[Prompt]:
        """The prompts about these heads, relation by relation; those of a relation differ only in their end."""
        template, given = self._template, list(heads)
        kinds = {relation.head for _, relation, _ in self._relations}
        for name, relation, denied in self._relations:
            layout: str = getattr(template.layout, relation.head)
            start = "".join(_example(layout, *shown, seed=i) for i, shown in enumerate(
                template.shown(name, relation, denied)))
            end, question = layout.partition("{answer}")[0].rstrip(" "), question_of(relation, denied)
            for head in given:
                if not _fits(head, relation, kinds):
                    continue
                for sample in range(self._recipe.tails.samples):
                    names = pick_names(head, self._recipe.seed + sample)
                    text = start + _fill(
                        end, head=verbalise(_one_line(head), names), question=verbalise(question, names))
                    yield Prompt(head, name, f"{template.name}@{template.version}/{name}", text, names, sample)


def load_template(model: type[M], name: str, where: str) -> M:
    """The packaged template called `name`, or the one in the TOML file at that path. Raises RecipeError."""
    folder = files("extraction") / "templates"
    if name.endswith(".toml"):
        text = _read(Path(name), where)
    else:
        known = sorted(p.name[:-5] for p in folder.iterdir() if p.name.endswith(".toml"))
        if name not in known:
            raise RecipeError(f"{where}: unknown template {name!r}: {nearest(name, known)}")
        text = (folder / f"{name}.toml").read_text(encoding="utf-8")
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise RecipeError(f"{where}: template {name} is not TOML: {error}") from None
    return parse(model, data, f"{where}: template {name}")


def question_of(relation: Relation, denied: bool) -> str:
    """The relation's question, or its denial: "What does PersonX want?" -> "What does PersonX not want?"."""
    if not denied:
        return relation.question
    for pattern, replacement in _DENIALS:
        question, count = pattern.subn(replacement, relation.question, count=1)
        if count:
            return question
    return f"What would be a wrong answer? {relation.question}"


# Where "not" goes: after the subject that follows the auxiliary, else after the auxiliary, else with a "does" before
# the verb that follows the question word.
_AUXILIARY = r"do|does|did|is|are|was|were|can|could|will|would|should|might"
_DENIALS = (
    (re.compile(rf"\b({_AUXILIARY}) (Person[XYZ]|it|they|this|that|others|someone|people)\b"), r"\1 \2 not"),
    (re.compile(rf"\b({_AUXILIARY})\b"), r"\1 not"),
    (re.compile(r"\A(What|Who|Which) (\w{2,})s\b"), r"\1 does not \2"),
)


def _example(layout: str, question: str, head: str, answer: str, seed: int) -> str:
    """One example, with names that depend on nothing but the example, so that the beginning of prompts is shared."""
    names = pick_names(head, seed)
    return _fill(layout, head=verbalise(head, names), question=verbalise(question, names),
                 answer=verbalise(answer, names))


def _fits(head: str, relation: Relation, kinds: set[Kind]) -> bool:
    """Whether the relation is asked of the head: where relations of several kinds are, people's events are told
    from things by their person slots."""
    if slots_of(head):
        return relation.head == "Event"
    return relation.head != "Event" or kinds == {"Event"}


def _fill(layout: str, **values: str) -> str:
    """The layout with its fields filled in; braces in the values mean nothing."""
    return _FIELD.sub(lambda m: values.get(m[1], m[0]), layout)


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _seeds(recipe: Recipe) -> list[str]:
    """The recipe's seed events, those of the list before those of the file, without exact repeats."""
    events = list(recipe.seeds.events)
    if recipe.seeds.file:
        events += _read(Path(recipe.seeds.file), "seeds.file").splitlines()
    seeds = list(dict.fromkeys(stripped for event in events if (stripped := event.strip())))
    if not seeds:
        source = f"the file {recipe.seeds.file} is empty" if recipe.seeds.file else "seeds.events is empty"
        raise RecipeError(f"there are no seed events: {source} (give one event a line, such as 'PersonX bakes a cake')")
    return seeds


def _relations(recipe: Recipe, ontology: Ontology) -> list[tuple[str, Relation, bool]]:
    """(name, relation that is asked, whether its denial is) for the recipe's relations."""
    if not recipe.tails.relations:
        raise RecipeError("tails.relations is empty: name the relations to ask about (`kg relations` lists them)")
    found = []
    for name in dict.fromkeys(recipe.tails.relations):
        try:
            relation, denied = ontology.resolve(name)
        except KGError as error:
            raise RecipeError(f"tails.relations: {error}") from None
        if name in ontology:  # a denial with a row and a question of its own, such as NotDesires
            relation, denied = ontology[name], False
        found.append((name, relation, denied))
    return found


def _read(path: Path, where: str) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise RecipeError(f"{where}: cannot read {path}: {error.strerror or error}") from None
    except ValueError:
        raise RecipeError(f"{where}: {path} is not UTF-8 text") from None
