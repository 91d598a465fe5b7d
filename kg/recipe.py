"""Recipes: one TOML file that says which ontology, prompts, teacher, critics and student make a graph."""

import json
import tomllib
from collections.abc import Iterable
from importlib.resources import files
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from kg.errors import InputError, RecipeError, UnknownNameError, nearest
from kg.records import digest

M = TypeVar("M", bound=BaseModel)


class Section(BaseModel):
    """A recipe section: immutable, and unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Part(BaseModel):
    """A replaceable part: `kind` names it, all other keys are its own options."""

    model_config = ConfigDict(extra="allow", frozen=True)
    kind: str

    @property
    def options(self) -> dict[str, Any]:
        return dict(self.model_extra or {})


class Seeds(Section):
    """Events to start from: a list, or a text file with one a line."""

    events: list[str] = Field(default_factory=list)
    file: str = ""


class Heads(Section):
    """New heads asked of the teacher before the tails. `count` 0 asks for none.

    Each prompt shows `shots` seed events drawn at random. An answer is kept when it begins with
    PersonX, has `min_words` to `max_words` words, only the characters of English prose, and a
    ROUGE-L F1 of at most `similarity` with every head so far (Self-Instruct's gate).
    """

    count: int = Field(0, ge=0)
    template: str = "heads"
    shots: int = Field(10, ge=1)
    min_words: int = Field(2, ge=1)
    max_words: int = Field(15, ge=1)
    similarity: float = Field(0.7, gt=0, le=1)


class Tails(Section):
    """Tails asked of the teacher: `samples` answers for each head and relation."""

    relations: list[str] = Field(default_factory=list)
    template: str = "tails"
    samples: int = Field(1, ge=1)


class Rounds(Section):
    """Rounds of distillation: the student of one round is the teacher of the next, with a rising threshold
    (multilevel distillation as in Referee, Sclar et al. 2022).

    Each round's answers are judged, with `minimum` of the round (the last one for all later rounds) as the lowest score
    that `critic` keeps, and added to the graph of the rounds before; a student is trained on that for `minutes`. From
    the second round on, the student is asked for its `samples` best tails of every head so far and of at most `heads`
    new ones: events that the graph has as tails, likeliest first. Students are measured on `held_out`, a TSV file of
    triples, or else on the heads of the first graph that none of them learns from; after `patience` rounds without a
    better BLEU-2 no more are begun.
    """

    count: int = Field(3, ge=1)
    critic: str = "likelihood"
    minimum: list[float] = Field([0.2, 0.25, 0.3], min_length=1)
    minutes: float = Field(2.0, gt=0)
    heads: int = Field(20, ge=0)
    samples: int = Field(3, ge=1)
    held_out: str = ""
    patience: int = Field(2, ge=1)


class Recipe(Section):
    """A whole recipe. `critics` keeps the order of the file."""

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")
    description: str = ""
    ontology: str = "atomic2020"
    seed: int = 0
    seeds: Seeds = Seeds()
    heads: Heads = Heads()
    tails: Tails = Tails()
    teacher: Part
    extractor: Part = Part(kind="answers")
    critics: dict[str, dict[str, Any]] = Field(default_factory=dict)
    student: Part | None = None
    rounds: Rounds | None = None

    @property
    def run_id(self) -> str:
        """`<name>-<hash>`: the name of the run and of its folder."""
        return f"{self.name}-{self.hash[:8]}"

    @property
    def hash(self) -> str:
        """BLAKE2b of the recipe's content in order, without its name and description."""
        without = {"name", "description", *(() if self.rounds else ("rounds",))}
        content = self.model_dump(exclude=without)
        return digest(json.dumps(content, ensure_ascii=True))


def recipe_names() -> list[str]:
    """Names of the packaged recipes."""
    return sorted(p.name[:-5] for p in (files("kg") / "recipes").iterdir() if p.name.endswith(".toml"))


def load_recipe(name: str | Path, overrides: Iterable[str] = ()) -> Recipe:
    """The packaged recipe `name`, or the one in a TOML file, with overrides `section.key=value`.

    Paths in a file are relative to its folder, paths in overrides to the working folder. Raises
    RecipeError for wrong keys and values, naming the nearest valid ones.
    """
    path = Path(name)
    if path.suffix == ".toml" or path.is_file():
        if not path.is_file():
            raise InputError(f"recipe {path}: no such file")
        text, base = path.read_text(encoding="utf-8"), path.parent
    else:
        if str(name) not in recipe_names():
            raise UnknownNameError("recipe", str(name), recipe_names())
        text, base = (files("kg") / "recipes" / f"{name}.toml").read_text(encoding="utf-8"), None
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise RecipeError(f"recipe {name}: not TOML: {error}") from None
    if base is not None:
        _resolve_paths(data, base)
    for text in overrides:
        set_value(data, text)
    return parse(Recipe, data, f"recipe {name}")


def parse(model: type[M], data: dict[str, Any], where: str) -> M:
    """Validates `data`; raises RecipeError with one line a fault, unknown keys with the nearest valid ones."""
    try:
        return model.model_validate(data)
    except ValidationError as error:
        faults = [_fault(model, e) for e in error.errors()]
    raise RecipeError(f"{where}: " + "; ".join(faults))


def _fault(model: type[BaseModel], error: Any) -> str:
    where = ".".join(str(p) for p in error["loc"])
    if error["type"] != "extra_forbidden":
        return f"{where}: {error['msg']}"
    owner = model
    for part in error["loc"][:-1]:
        owner = owner.model_fields[part].annotation  # type: ignore[assignment]
    return f"unknown key {where!r}: {nearest(str(error['loc'][-1]), owner.model_fields)}"


def _resolve_paths(data: dict[str, Any], base: Path) -> None:
    """Makes the values that are paths relative to the recipe's folder."""
    for key, value in data.items():
        if isinstance(value, dict):
            _resolve_paths(value, base)
        elif isinstance(value, str) and _is_path(key, value):
            data[key] = str(base / value)


def _is_path(key: str, value: str) -> bool:
    return key in ("file", "folder", "held_out") or (key in ("ontology", "template") and value.endswith(".toml"))


def set_value(data: dict[str, Any], text: str) -> None:
    """Applies one `section.key=value`; the value is read as TOML, or else taken as a string. Raises RecipeError."""
    path, equals, raw = text.partition("=")
    keys = path.strip().split(".")
    if not equals or not all(keys):
        raise RecipeError(f"override {text!r} must look like section.key=value")
    try:
        value = tomllib.loads(f"v = {raw}")["v"]
    except tomllib.TOMLDecodeError:
        value = raw
    at = data
    for key in keys[:-1]:
        at = at.setdefault(key, {})
        if not isinstance(at, dict):
            raise RecipeError(f"override {text!r}: {key!r} is a value, not a section")
    at[keys[-1]] = value
