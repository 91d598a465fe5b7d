"""Which of the media types that a resource has a client wants: the header Accept of RFC 9110, section 12.5.1."""

import re
from collections.abc import Sequence
from functools import lru_cache

_USUAL = 300  # characters of a header
_RANGE = re.compile(r"([\w!#$&^.+*-]+)/([\w!#$&^.+*-]+)")
_WEIGHT = re.compile(r"(?:0(?:\.\d{0,3})?|1(?:\.0{0,3})?)")


def acceptable(accept: str | None, offered: Sequence[str]) -> list[str]:
    """Those of `offered` that the header allows, the dearest first; of equal weight in the order of `offered`.

    A missing or empty header allows all. A range that is misspelt counts as absent, a weight that is misspelt as 1;
    parameters other than q are not looked at.
    """
    sort = _sorted if len(accept or "") < _USUAL else _sorted.__wrapped__  # what is remembered stays small
    return list(sort(accept or "*/*", tuple(offered)))


@lru_cache(256)
def _sorted(accept: str, offered: tuple[str, ...]) -> tuple[str, ...]:
    ranges = _ranges(accept)
    weights = {kind: _weight(kind, ranges) for kind in offered}
    return tuple(sorted((kind for kind in offered if weights[kind] > 0), key=lambda kind: -weights[kind]))


def _ranges(accept: str) -> dict[str, float]:
    """Each media range with its weight."""
    found = {}
    for part in accept.lower().split(","):
        kind, *parameters = (field.strip() for field in part.split(";"))
        if _RANGE.fullmatch(kind):
            found[kind] = _q(parameters)
    return found


def _q(parameters: list[str]) -> float:
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "q":
            return float(value) if _WEIGHT.fullmatch(value := value.strip()) else 1.0
    return 1.0


def _weight(kind: str, ranges: dict[str, float]) -> float:
    """The weight of the narrowest range that a media type is in; 0 when it is in none."""
    for name in (kind, kind.partition("/")[0] + "/*", "*/*"):
        if name in ranges:
            return ranges[name]
    return 0.0
