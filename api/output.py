"""What commands print: results on stdout, progress and errors on stderr."""

import csv
import json
import math
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any, TextIO
from unicodedata import combining, east_asian_width

_EVERY = 0.2  # seconds between two redraws on a terminal
_EVERY_PLAIN = 10.0  # seconds between two lines in a log


class StderrProgress:
    """A kg.run.Progress: one line that redraws itself on a terminal, a line every ten seconds elsewhere."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stderr
        self._terminal = self._stream.isatty()
        self._stage = ""
        self._started = self._shown = 0.0
        self._first = 0

    def __call__(self, stage: str, done: int, total: int | None) -> None:
        now = time.monotonic()
        if stage != self._stage:
            self._stage, self._shown, self._first, self._started = stage, 0.0, done, 0.0
        if not self._started and done > self._first:  # what comes before the first one done is preparation
            self._started, self._first = now, done
        finished = total is not None and done >= total
        if finished or now - self._shown >= (_EVERY if self._terminal else _EVERY_PLAIN):
            self._shown = now
            self._draw(stage, done, total, now - self._started if self._started else 0.0, finished)

    def _draw(self, stage: str, done: int, total: int | None, seconds: float, finished: bool) -> None:
        rate = (done - self._first) / seconds if seconds > 0.5 else 0.0
        parts = [f"{stage}: {done:,}" + (f" of {total:,}" if total is not None else "")]
        if rate:
            parts.append(f"{rate:,.1f}/s" if rate < 100 else f"{rate:,.0f}/s")
        if rate and total is not None and not finished:
            parts.append(f"{(total - done) / rate:,.0f} s left")
        line = ", ".join(parts)
        if self._terminal:
            self._stream.write(f"\r\x1b[K{line}" + ("\n" if finished else ""))
        else:
            self._stream.write(line + "\n")
        self._stream.flush()


def say(text: str) -> None:
    """A line for people, on stderr."""
    print(text, file=sys.stderr, flush=True)


def emit(data: Any, as_json: bool, text: Callable[[], str]) -> None:
    """Prints the result on stdout: `data` as JSON, or else `text()`."""
    print(_json(data) if as_json else printable(text()))


def finite(content: Any) -> Any:
    """The content with "NaN", "Infinity" and "-Infinity" for the numbers that JSON cannot hold."""
    if isinstance(content, float) and not math.isfinite(content):
        return "NaN" if math.isnan(content) else "Infinity" if content > 0 else "-Infinity"
    if isinstance(content, dict):
        return {key: finite(value) for key, value in content.items()}
    if isinstance(content, (list, tuple)):
        return [finite(value) for value in content]
    return content


def print_csv(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Prints rows as CSV (RFC 4180) on stdout: numbers in full, no value as an empty field, lists and maps as JSON."""
    writer = csv.writer(sys.stdout)
    writer.writerow(columns)
    writer.writerows([["" if v is None else v if isinstance(v, str) else _json(v) for v in row] for row in rows])


def table(columns: Sequence[str], rows: Sequence[Sequence[Any]], widest: int = 60) -> str:
    """A plain table; cells are shortened to `widest` characters."""
    body = [[_shorten(_one_line(_cell(value)), widest) for value in row] for row in rows]
    cells = [list(map(_one_line, columns)), *body]
    widths = [max(_width(r[i]) for r in cells) for i in range(len(columns))]
    lines = ["  ".join(c + " " * (w - _width(c)) for c, w in zip(r, widths, strict=True)).rstrip() for r in cells]
    return "\n".join([lines[0], "  ".join("-" * w for w in widths), *lines[1:]])


def printable(text: str) -> str:
    """The text without what a terminal would obey or could not encode."""
    kept = "".join(c if c in "\n\t" or c.isprintable() else f"\\x{ord(c):02x}" for c in text)
    encoding = sys.stdout.encoding or "utf-8"
    return kept.encode(encoding, "backslashreplace").decode(encoding)


def _json(data: Any) -> str:
    """One line of JSON that every terminal and parser takes."""
    try:
        return json.dumps(data, ensure_ascii=True, allow_nan=False, default=str)
    except ValueError:
        return json.dumps(finite(data), ensure_ascii=True, allow_nan=False, default=str)


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, list | dict):
        return json.dumps(value, ensure_ascii=False, default=str)
    return str(value)


def _one_line(text: str) -> str:
    return text.replace("\n", "\\n").replace("\r", "\\r").replace("\t", "\\t")


def _width(text: str) -> int:
    """Columns of a terminal that a text takes."""
    if text.isascii():
        return len(text)
    return sum(0 if combining(c) else 2 if east_asian_width(c) in "WF" else 1 for c in text)


def _shorten(text: str, widest: int) -> str:
    return text if len(text) <= widest else text[: widest - 3] + "..."
