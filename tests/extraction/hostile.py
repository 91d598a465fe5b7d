"""Hostile texts for the extractor: python -m tests.extraction.hostile --count 10000

Each text is read by itself. It must not crash, must not take longer than the cap; what is read must lie in the
text and be writable as JSON. Prints the slowest text of each kind; exits with 1 when a text failed. A text that does
not come back at all ends the process with the place where it hangs.
"""

import argparse
import base64
import faulthandler
import json
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any

from extraction.answers import AnswerExtractor
from extraction.batch import extract_rows, make_extractor

CAP = 10.0  # processor seconds for a text of up to CAP_CHARACTERS; a longer one may take longer in proportion
CAP_CHARACTERS = 100_000
HANG = 600  # seconds after which the process is ended
HUGE_EVERY = 500  # one text of so many is huge
HUGE = 1_000_000  # characters
SENTENCES = (
    "When a person is accused of a crime, they often feel that they are innocent.",
    "Security guards can use revolving doors to prevent intruders from entering a building.",
    "PersonX wants to eat the cake because PersonX is hungry.",
    "The answers are: make money; gain experience; build a resume.",
    "1. Boil the water. 2. Pour it over the leaves. 3. Wait for five minutes.",
    "If you like learning about science, you are likely to be satisfied.",
    "A virus cannot reproduce without infecting a host cell, which is made of proteins.",
    '{"tails": ["to eat it", "to share it"]}',
    "Der Hund schläft gern auf dem Sofa, weil er müde ist.",
    "- to rest\n- to sleep\n* to dream",
)
PROMPTS = (
    {},
    {"prompt": "PersonX gets a job. What does PersonX want to do? Name three.", "head": "PersonX gets a job"},
    {"prompt": "How to: Make tea", "head": "Make tea"},
    {"prompt": "What is a dog capable of?", "head": "dog", "relation": "CapableOf"},
)
_MARKS = (
    "The answers are: ", "1. ", "- ", "Answer:", "so, ", "thus, ", "the ", "* ", "_", "#", ">", "\n", " ", "a) ", "; ",
)
_BRACKETS = ("(", "[", "{", "<", '{"a": ', '["', "([{", "“", "**")
_TAGS = ("<p>", "<div class='a b'>", "</p>", "<br/>", "&nbsp;", "<script>alert('x')</script>", "<!--", "]]>")
_DAMAGE = ("", "  ", "\n", ".", ",", ";", ":", "?", '"', "’", "—", "zz")
_LINKS = ("that ", "because ", "which is ", "and ", "of the ", "if you ", "very ", "not ", "to be ", "used to ", "who ")


def controls(random: Random, size: int) -> str:
    """Words with control and format characters between and in them."""
    return "".join(random.choice((chr(random.randrange(32)), "\x7f", "\u202e", "\ufeff", "the dog ", "can run ", ". "))
                   for _ in range(size // 3 + 1))


def spaceless(random: Random, size: int) -> str:
    """One word."""
    return random.choice(("a", "ab1", "é", ".", "PersonX", "-", "1.", "\\", "'")) * size


def brackets(random: Random, size: int) -> str:
    """Brackets that open and seldom close, around a sentence."""
    opening = "".join(random.choice(_BRACKETS) for _ in range(4)) * (size // 8 + 1)
    return opening + random.choice(SENTENCES) + random.choice(("", ")" * len(opening), "]}" * 50))


def surrogates(random: Random, size: int) -> str:
    """Sentences with half surrogates in them."""
    pieces = (*SENTENCES, "\ud800", "\udfff", "\ude00\ud83d", " ")
    return "".join(random.choice(pieces) for _ in range(size // 30 + 2))


def html(random: Random, size: int) -> str:
    """Tags around words and sentences."""
    return "".join(random.choice((*_TAGS, *SENTENCES)) for _ in range(size // 20 + 1))


def encoded(random: Random, size: int) -> str:
    """Base64, in one line or in several."""
    text = base64.b64encode(random.randbytes(size)).decode()
    return text if random.random() < 0.5 else "\n".join(text[i : i + 76] for i in range(0, len(text), 76))


def characters(random: Random, size: int) -> str:
    """Any characters."""
    top = random.choice((0x100, 0x3000, 0x110000))
    return "".join(chr(random.randrange(top)) for _ in range(size))


def damaged(random: Random, size: int) -> str:
    """Sentences with characters taken out, doubled and put in."""
    text = list(" ".join(random.choice(SENTENCES) for _ in range(size // 70 + 1)))
    for _ in range(len(text) // 8):
        text[random.randrange(len(text))] = random.choice(_DAMAGE)
    return "".join(text)


def markers(random: Random, size: int) -> str:
    """Beginnings of lists and nothing else."""
    few = random.sample(_MARKS, 3)
    return "".join(random.choice(few) for _ in range(size // 4 + 1))


def links(random: Random, size: int) -> str:
    """A sentence that goes on and on, for deep trees."""
    few = [*random.sample(_LINKS, 3), "dogs ", "sleep "]
    return "The dog " + "".join(random.choice(few) for _ in range(size // 5 + 1)) + "."


KINDS: tuple[Callable[[Random, int], str], ...] = (
    controls, spaceless, brackets, surrogates, html, encoded, characters, damaged, markers, links,
)


@dataclass(slots=True)
class Report:
    """What came of the texts: of each kind, how many, their triples and the slowest; and the failures in words."""

    texts: Counter[str] = field(default_factory=Counter)
    triples: Counter[str] = field(default_factory=Counter)
    slowest: dict[str, tuple[float, int]] = field(default_factory=dict)  # seconds, number of the text
    failures: list[str] = field(default_factory=list)


def hostile_row(number: int, seed: int = 0, huge_every: int = HUGE_EVERY) -> tuple[str, dict[str, Any]]:
    """The kind and the row of a text; a function of its arguments."""
    random = Random(f"{seed} {number}")
    is_huge = huge_every > 0 and number % huge_every == huge_every - 1
    kind = KINDS[(number // huge_every if is_huge else number) % len(KINDS)]
    text = kind(random, HUGE if is_huge else int(10 ** random.uniform(0, 3.3)))[:HUGE]
    asked = dict(random.choice(PROMPTS))
    if random.random() < 0.1:
        asked = {"prompt": random.choice(KINDS)(random, 100), "head": random.choice(KINDS)(random, 20)}
    return kind.__name__, {"id": number, "text": text, **asked}


def read(count: int, seed: int = 0, cap: float = CAP, huge_every: int = HUGE_EVERY) -> Report:
    """Reads `count` texts one by one."""
    extractor = make_extractor()
    list(extract_rows([{"text": "Dogs can run fast."}], extractor))  # loads the model
    report = Report()
    for number in range(count):
        kind, row = hostile_row(number, seed, huge_every)
        faulthandler.dump_traceback_later(HANG, exit=True)
        started = time.process_time()
        fault = _fault(row, extractor, report.triples, kind)
        seconds = time.process_time() - started
        faulthandler.cancel_dump_traceback_later()
        report.texts[kind] += 1
        report.slowest[kind] = max(report.slowest.get(kind, (0.0, 0)), (seconds, number))
        if fault or seconds > cap * max(1.0, len(row["text"]) / CAP_CHARACTERS):
            report.failures.append(f"text {number} ({kind}, {len(row['text']):,} characters): "
                                   + (fault or f"took {seconds:.1f} s, more than {cap:g} s"))
    return report


def _fault(row: dict[str, Any], extractor: AnswerExtractor, triples: Counter[str], kind: str) -> str:
    """What is wrong with what was read, or an empty string."""
    try:
        (result,) = extract_rows([row], extractor)
        json.dumps(result, ensure_ascii=True)
    except Exception:
        return traceback.format_exc()
    triples[kind] += len(result["triples"])
    for t in result["triples"]:
        if not (t["head"].strip() and t["tail"].strip() and 0 <= t["start"] <= t["end"] <= len(row["text"])):
            return f"{t!r} is no triple of the text"
    return ""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--cap", type=float, default=CAP, help="processor seconds for 100,000 characters")
    options = parser.parse_args()
    started = time.monotonic()
    report = read(options.count, options.seed, options.cap)
    print(f"{'kind':12s} {'texts':>6s} {'triples':>8s} {'slowest':>9s}  text")
    for kind, (seconds, number) in sorted(report.slowest.items(), key=lambda x: -x[1][0]):
        print(f"{kind:12s} {report.texts[kind]:6,} {report.triples[kind]:8,} {seconds:7.2f} s  {number}")
    for failure in report.failures:
        print(failure.encode("utf-8", "backslashreplace").decode())
    print(f"{options.count:,} texts in {time.monotonic() - started:.0f} s, {len(report.failures)} failed "
          f"(cap {options.cap:g} s for {CAP_CHARACTERS:,} characters)")
    return 1 if report.failures else 0


if __name__ == "__main__":
    sys.exit(main())
