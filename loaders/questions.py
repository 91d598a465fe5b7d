"""Named questions to any graph, each a twin: one text in Cypher and one in SPARQL that give the same rows."""

import json
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Literal

from kg.errors import InputError, UnknownNameError, nearest
from loaders.sparql_text import bind

_NAME = re.compile(r"\$(\w+)")
Level = Literal["easy", "medium", "analytic"]
Value = str | int | float


@dataclass(frozen=True, slots=True)
class Parameter:
    """A value that a question leaves open; without a default it must be given, and `example` shows what it is like."""

    name: str
    meaning: str
    kind: Literal["text", "relation", "integer", "number"]
    default: int | float | None = None
    example: str = ""

    def read(self, given: Any) -> Value:
        """The value that a text, or a value from JSON, stands for. Raises InputError."""
        try:
            value = _number(self.kind, given) if self.kind in ("integer", "number") else given
        except (TypeError, ValueError, OverflowError):
            value = None
        if value is None or (self.kind in ("text", "relation") and not isinstance(value, str)):
            wanted = {"integer": "a whole number from 0 on", "number": "a number"}.get(self.kind, "a text")
            raise InputError(f"the parameter {self.name} ({self.meaning}) takes {wanted}, not {given!r}")
        found: Value = value
        return found


def _number(kind: str, given: Any) -> int | float | None:
    """The number that is given; None for a count below 0 and for what a store cannot hold."""
    value = int(given) if kind == "integer" else float(given)
    if isinstance(given, bool) or (isinstance(given, float) and value != given) or (kind == "integer" and value < 0):
        return None
    return value if abs(value) < 2**63 else None


@dataclass(frozen=True, slots=True)
class Question:
    """A question with its two texts; a parameter is `$name` in both."""

    name: str
    title: str
    level: Level
    cypher: str
    sparql: str
    parameters: tuple[Parameter, ...] = ()

    def values(self, given: Mapping[str, Any]) -> dict[str, Value]:
        """All parameters with the given values, or else their defaults.

        Raises InputError for one that is missing, unknown, or of the wrong kind.
        """
        known = [p.name for p in self.parameters]
        for name in given:
            if name not in known:
                raise InputError(f"the question {self.name} has no parameter {name!r}: {nearest(name, known)}")
        return {p.name: self._value(p, given) for p in self.parameters}

    def examples(self) -> dict[str, Value]:
        """A value for every parameter: its default or its example."""
        return {p.name: p.example if p.default is None else p.default for p in self.parameters}

    def filled(self, language: Literal["cypher", "sparql"], values: Mapping[str, Value]) -> str:
        """The text in one language with the values in it, to be asked without parameters."""
        if language == "sparql":
            return bind(self.sparql, values)
        return _NAME.sub(lambda m: json.dumps(values[m[1]], ensure_ascii=False), self.cypher)

    def _value(self, parameter: Parameter, given: Mapping[str, Any]) -> Value:
        if parameter.name in given:
            return parameter.read(given[parameter.name])
        if parameter.default is None:
            raise InputError(
                f"the question {self.name} needs {parameter.meaning}: --param {parameter.name}='{parameter.example}'"
            )
        return parameter.default


@cache
def load_questions() -> Mapping[str, Question]:
    """The shipped questions by name, in the order of the file."""
    text = (files("loaders") / "questions.toml").read_text(encoding="utf-8")
    return {row["name"]: _question(row) for row in tomllib.loads(text)["questions"]}


def question(name: str) -> Question:
    """The question called `name`. Raises UnknownNameError with the nearest names."""
    known = load_questions()
    if name not in known:
        raise UnknownNameError("question", name, known)
    return known[name]


def _question(row: Mapping[str, Any]) -> Question:
    parameters = (Parameter(name, **about) for name, about in row.get("parameters", {}).items())
    texts = {language: row[language].strip() for language in ("cypher", "sparql")}
    return Question(row["name"], row["title"], row["level"], **texts, parameters=tuple(parameters))
