"""Relations and the kinds of node they join. An ontology is a TOML file; nothing else knows a relation's name."""

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, fields
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal, get_args

from kg.errors import InputError, UnknownNameError, nearest

Kind = Literal["Event", "Thing", "State"]
Form = Literal["to V", "V", "V-s", "adjective", "noun", "clause"]
KINDS: tuple[Kind, ...] = get_args(Kind)
FORMS: tuple[Form, ...] = get_args(Form)
NOTHING = "none"  # ATOMIC's tail for "nothing applies": a property of head and relation, not a node
_IRI = re.compile(r'[a-z][a-z0-9+.-]*:(?:[^\x00-\x20<>"{}|^`\\%]|%[0-9A-Fa-f]{2})+')


@dataclass(frozen=True, slots=True)
class Relation:
    """One relation.

    `phrase` joins head and tail in a sentence, `question` asks a teacher for tails, `head` and
    `tail` are kinds of node, `subject` is the person slot that the tail is about, `form` how a
    tail looks. `negates` names the relation whose denial this one is (NotDesires, Desires).
    `exact` and `close` are IRIs of relations elsewhere that mean the same, or nearly the same.
    """

    name: str
    phrase: str
    question: str
    head: Kind = "Event"
    tail: Kind = "Event"
    subject: str = ""
    form: Form = "clause"
    negates: str = ""
    exact: tuple[str, ...] = ()
    close: tuple[str, ...] = ()

    @property
    def cypher_type(self) -> str:
        """Relationship type in Cypher: `xWant` is `X_WANT`."""
        return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", self.name).upper()


class Ontology:
    """An ordered set of relations."""

    def __init__(self, name: str, relations: list[Relation]) -> None:
        self.name = name
        self._relations = {r.name: r for r in relations}
        for r in relations:
            if r.negates and r.negates not in self._relations:
                raise InputError(f"ontology {name}: {r.name} negates {r.negates}, which it lacks")

    def __iter__(self) -> Iterator[Relation]:
        return iter(self._relations.values())

    def __contains__(self, name: object) -> bool:
        return name in self._relations

    def __getitem__(self, name: str) -> Relation:
        """The relation called `name`; raises UnknownNameError with the nearest names."""
        try:
            return self._relations[name]
        except KeyError:
            raise UnknownNameError("relation", name, self._relations) from None

    @property
    def asserted(self) -> list[Relation]:
        """The relations that triples have: those that are not the denial of another one."""
        return [r for r in self if not r.negates]

    def resolve(self, name: str) -> tuple[Relation, bool]:
        """(relation, negated) for a name that may be a denial: `NotxWant`, `NotDesires`."""
        relation = self._relations.get(name)
        if relation is not None:
            return (self[relation.negates], True) if relation.negates else (relation, False)
        if name.startswith("Not") and name[3:] in self._relations:
            return self._relations[name[3:]], True
        return self[name], False


@cache
def load_ontology(name: str | Path = "atomic2020") -> Ontology:
    """The packaged ontology called `name`, or the one in the TOML file at that path.

    A row may leave out everything but `name`, `phrase` and `question`; see `Relation`.
    Raises InputError for a file that is missing or wrong, with the row and the key.
    """
    path = Path(name)
    packaged = files("kg") / "ontologies"
    if path.suffix == ".toml":
        if not path.is_file():
            raise InputError(f"ontology {path}: no such file")
        text = path.read_text(encoding="utf-8")
    else:
        known = sorted(p.name[:-5] for p in packaged.iterdir() if p.name.endswith(".toml"))
        if str(name) not in known:
            raise UnknownNameError("ontology", str(name), known)
        text = (packaged / f"{name}.toml").read_text(encoding="utf-8")
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"ontology {name}: not TOML: {error}") from None
    relations: list[Relation] = []
    if base := data.get("extends"):
        relations.extend(load_ontology(base))
    rows = data.get("relations", [])
    own = [_relation(row, f"ontology {name}, relation {i + 1}") for i, row in enumerate(rows)]
    replaced = {r.name for r in own}
    return Ontology(data.get("name", path.stem), [r for r in relations if r.name not in replaced] + own)


def _relation(row: dict[str, Any], where: str) -> Relation:
    known = [f.name for f in fields(Relation)]
    for key in row:
        if key not in known:
            raise InputError(f"{where}: unknown key {key!r}: {nearest(key, known)}")
    for key in ("name", "phrase", "question"):
        if not isinstance(row.get(key), str) or not row[key].strip():
            raise InputError(f"{where}: {key!r} is missing or empty")
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9]*", row["name"]):
        raise InputError(f"{where}: the name {row['name']!r} must be letters and digits")
    for key, valid in (("head", KINDS), ("tail", KINDS), ("form", FORMS)):
        if key in row and row[key] not in valid:
            raise InputError(f"{where}: {key} {row[key]!r}: {nearest(str(row[key]), valid)}")
    matches: dict[str, Any] = {key: _iris(row[key], f"{where}: {key}") for key in ("exact", "close") if key in row}
    return Relation(**{**row, **matches})


def _iris(value: Any, where: str) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(i, str) and _IRI.fullmatch(i) for i in value):
        raise InputError(f'{where} must be a list of IRIs, such as ["http://conceptnet.io/r/UsedFor"], not {value!r}')
    return tuple(value)
