"""How many words a second the whole extraction reads, against the parser alone on the same texts, in one run.

Both go over the same texts with the same model, batch size and process, one after the other and several times; the
fastest pass of each counts, so that what else the machine does weighs little.
"""

import time
from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path
from typing import Any

from extraction.answers import AnswerExtractor
from extraction.batch import extract_rows
from extraction.rows import text_rows
from extraction.sentences import load_model
from kg.errors import InputError
from kg.ontology import load_ontology

PASSES = 3
LIMIT = 200_000  # words; more of a file is not read
_WARM_UP = 64  # texts
# Statements such as a teacher writes; a text is one of the first kind and one of the second.
_THINGS = (
    "A ferry is a boat that carries people and cars across a river.",
    "Beehives are usually found in gardens, orchards and at the edge of a forest.",
    "Rubber boots are made of a material that water cannot pass through.",
    "Bakers get up early in order to have fresh bread when the shop opens.",
    "A lighthouse can help ships to find their way at night.",
    "Most libraries have a reading room, a catalogue and many shelves.",
    "Umbrellas are used to keep dry when it rains.",
    "Goats are able to climb steep rocks because their hooves are soft and rough.",
    "Copper is a metal which is often used for wires.",
    "A good knife should be sharp, light and easy to clean.",
    "Snow causes accidents on roads that are not cleared.",
    "Old letters may be kept in a box in the attic.",
    "Gardeners need patience, a spade and a little luck with the weather.",
    "Penguins cannot fly, but they swim very well.",
    "Bicycles are cheaper than cars and do not need petrol.",
    "Trains that leave late often arrive late as well.",
)
_EVENTS = (
    "If someone loses their keys, they will probably have to call a locksmith.",
    "People who sleep badly tend to be tired and impatient on the next day.",
    "When you are invited to a wedding, you want to bring a gift.",
    "She felt proud after she had repaired the radio by herself.",
    "Before a person goes on a long walk, they need to fill a bottle with water.",
    "Losing a game can make a child angry or sad.",
    "PersonX waters the plants so that they do not dry out.",
    "A student who studies hard is likely to pass the exam.",
    "He did not answer the phone because he was in the bath.",
    "Eating too much cake leads to stomach ache.",
    "Learning a language requires practice and gives a feeling of success.",
    "Someone who is hungry wants to eat something, for example an apple.",
    "The neighbours were annoyed by the noise of the party.",
    "To make tea, boil water, pour it over the leaves and wait for some minutes.",
    "After the concert the audience wanted to hear another song.",
    "You should check the tyres before you drive to the mountains.",
    "PersonX forgot the appointment and apologised to PersonY.",
    "If the bridge is closed, drivers have to take the longer road.",
)


def bench_extraction(file: Path | None = None) -> dict[str, Any]:
    """Times both and returns the figures; `ratio` is the extraction's words per second over the parser's.

    `file` has the texts (see `extraction.rows.text_rows`); otherwise they are statements of our own. A word is what
    stands between spaces. Raises InputError for a file without words.
    """
    rows = list(_limited(text_rows(file))) if file is not None else bench_rows()
    words = sum(len(row["text"].split()) for row in rows)
    if not words:
        raise InputError(f"{file} has no words to read")
    options = AnswerExtractor.Options()
    extractor = AnswerExtractor(options, load_ontology())
    nlp = load_model(options.model)
    texts = [row["text"] for row in rows]

    def parse(texts: list[str]) -> int:
        return sum(1 for _ in nlp.pipe(texts, batch_size=options.batch_size))

    def extract(rows: list[dict[str, Any]]) -> int:
        return sum(len(result["triples"]) for result in extract_rows(rows, extractor))

    parse(texts[:_WARM_UP])
    extract(rows[:_WARM_UP])
    parser_seconds = extraction_seconds = float("inf")
    triples = 0
    for _ in range(PASSES):
        parser_seconds = min(parser_seconds, _timed(lambda: parse(texts))[0])
        seconds, triples = _timed(lambda: extract(rows))
        extraction_seconds = min(extraction_seconds, seconds)
    return {
        "model": options.model, "texts": len(rows), "words": words, "triples": triples, "passes": PASSES,
        "ratio": parser_seconds / extraction_seconds,
        "words_per_second": words / extraction_seconds, "parser_words_per_second": words / parser_seconds,
    }


def bench_rows() -> list[dict[str, Any]]:
    """Texts of two statements each, every pair once."""
    return [{"id": i, "text": " ".join(pair)} for i, pair in enumerate(product(_THINGS, _EVENTS))]


def _limited(rows: Iterator[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Rows until they have LIMIT words."""
    words = 0
    for row in rows:
        yield row
        words += len(row["text"].split())
        if words >= LIMIT:
            return


def _timed(work: Callable[[], int]) -> tuple[float, int]:
    started = time.perf_counter()
    result = work()
    return time.perf_counter() - started, result
