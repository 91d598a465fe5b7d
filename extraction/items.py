"""Members of lists in the form that their relation asks for: "PersonX wants to rest" is "to rest" for xWant.

Only a subject and its verb are taken away from the front, whose hedges are noted; the words of the member stay as they
are.
"""

import re
from dataclasses import dataclass
from functools import lru_cache

from extraction.lists import Item
from extraction.modality import modality_of_words
from kg.ontology import Relation

_PERSON = r"(?:person[xyz]|they|he|she|you|one|someone|people|others?|other people|the (?:person|other person|others)) "
_HEDGES = (
    r"(?:(?:also|probably|likely|usually|often|then|now|really|just|simply|will|would|may|might|could|can|should) )*"
)
_NOT = (
    r"(?P<not>(?:do|does|did|will|would|may|might|is|are|was|can|could|feels?|felt)(?: not|n't) |not |"
    r"won't |cannot |can't |never )?"
)
_TO = (
    r"(?:wants?|wanted|needs?|needed|desires?|wish(?:es)?|hopes?|intends?|intended|plans?|tries|tried|aims?|likes?|love|"
    r"have|has|had|must|ought|going|able|likely|inclined|motivated|required) (?=to )"
)
_FEELS = r"(?:feels?|felt|feeling|is|are|was|be|becomes?|became|gets?|seen as|considered|described as|perceived as) "
_CAN = r"(?:(?:wants?|desires?|likes?) (?=to )|(?:is|are|be) (?:able (?=to )|used (?=to )|capable of |used for ))"
_FRONT = {
    "to V": rf"(?:and )?(?:{_PERSON})?{_HEDGES}{_NOT}{_HEDGES}(?:be |is |are )?{_TO}",
    "adjective": rf"(?:{_PERSON}{_HEDGES}{_NOT}{_HEDGES}(?:{_FEELS})*|(?:feels?|feeling) )"
    r"(?:as |like |that )?",
    "V-s": rf"{_PERSON}{_HEDGES}{_NOT}{_HEDGES}",
    "V": rf"(?:{_PERSON}|it |can ){_HEDGES}{_NOT}{_HEDGES}{_CAN}?",
}
_SUBJECT = re.compile(
    rf"{_PERSON}|(?:it|this|that|there|the|i|we)\b|if |when |because |by |after |before ", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Fitted:
    """A member in its relation's form.

    `denied` tells that the member itself says "not", `is_item` that it is no sentence of another form.
    """

    item: Item
    denied: bool
    is_item: bool


def fit(item: Item, relation: Relation) -> Fitted:
    """`item` without the subject and verb that `relation` already says."""
    pattern = _front(relation.form)
    match = pattern.match(item.text) if pattern else None
    if match is None or match.end() >= len(item.text):
        sentence = relation.form not in ("clause", "noun") and bool(_SUBJECT.match(item.text))
        return Fitted(item, False, not sentence)
    cut, said = match.end(), match["not"] or ""
    if said.startswith(("is ", "are ")) and relation.form == "V-s":
        cut, said = match.start("not"), ""  # "is not tired" has no form without its verb
    start = item.start + cut if item.end - item.start == len(item.text) else item.start
    return Fitted(Item(item.text[cut:], start, item.end, modality_of_words(item.text[:cut])), bool(said), True)


@lru_cache(maxsize=8)
def _front(form: str) -> re.Pattern[str] | None:
    front = _FRONT.get(form)
    return re.compile(front, re.IGNORECASE) if front else None
