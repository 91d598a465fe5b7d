"""Plain sentences of the prompted relation, for answers in which nothing else says it.

"The car is driven by a nurse" says `drivenBy` when its phrase is "is driven by"; so relations of a user's own are read
from sentences too. Hindrances and parts of an event have wordings of their own.
"""

import re
from collections.abc import Iterator
from dataclasses import replace

from extraction.lists import Item, split_joined
from extraction.modality import modality_of_words
from extraction.questions import Asked

_END = r"(?=(?:,? (?:because|so that|which|when|if|while)\b)|[.;!?](?:\s|$)|\n|$)"
_MAY = r"(?:could|can|may|might|would|will)"
_WORDINGS = {
    "HinderedBy": rf"\b(?:it|this|that|these|obstacles?) {_MAY} be (?P<tail>[^.;!?\n]+)",
    "HasSubEvent": (
        rf"\bwhile [^,.;!?\n]+, (?:you|one|they|people|PersonX|a person) {_MAY} (?:likely |probably )?"
        rf"(?:need to )?(?:be )?(?P<tail>[^.;!?\n]+)"
    ),
}


def prompted(text: str, asked: Asked) -> Iterator[Item]:
    """The tails that plain sentences give for the asked relation, with what a wording of ours takes for a hedge."""
    phrase = " ".join(asked.relation.phrase.split())
    wording = own = _WORDINGS.get(asked.relation.name)
    if wording is None:
        if len(phrase.split()) < 2 and not phrase.endswith("s"):
            return
        wording = rf"(?<!\w){re.escape(phrase)} (?P<tail>[^.;!?\n]+?){_END}"
    for match in re.finditer(wording, text, re.IGNORECASE):
        if "?" not in text[match.end() : match.end() + 1]:
            hedged = modality_of_words(text[match.start() : match.start("tail")]) if own else None
            yield from (replace(item, modality=hedged) for item in split_joined(text, *match.span("tail")))
