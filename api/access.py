"""Who may ask, and how often: API keys and a rate for each client.

A key comes as `Authorization: Bearer KEY` (RFC 6750), as the password of `Authorization: Basic` (RFC 7617), which
browsers and SPARQL clients know how to send, or in `X-API-Key`. `/health` is open, for what watches the server.
"""

import base64
import binascii
import hmac
import ipaddress
import math
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from hashlib import sha256

from starlette.types import ASGIApp, Receive, Scope, Send

from api.problems import ProblemError
from kg.errors import InputError

VARIABLE = "KG_API_KEY"
OPEN = frozenset({"/health"})
SHORTEST = 16  # characters of a key: what can be guessed is none
SAVED = 10.0  # seconds of its rate that a quiet client may use at once
CLIENTS = 100_000  # that are remembered
_CHALLENGES = {"WWW-Authenticate": 'Basic realm="distilkg", charset="UTF-8", Bearer realm="distilkg"'}


def keys_of(environment: Mapping[str, str]) -> list[str]:
    """The keys in KG_API_KEY, separated by commas; none where it is not set.

    Raises InputError for what cannot be sent in a header or could be guessed, an empty one above all.
    """
    if VARIABLE not in environment:
        return []
    keys = [key.strip() for key in environment[VARIABLE].split(",")]
    for key in keys:
        if len(key) < SHORTEST or not all("!" <= c <= "~" for c in key):
            raise InputError(
                f"{VARIABLE}: a key must be {SHORTEST} or more plain characters without spaces, several with commas "
                "between them: make one with `openssl rand -hex 24`, or unset the variable"
            )
    return keys


class KeyMiddleware:
    """Answers 401 to requests without one of the keys."""

    def __init__(self, app: ASGIApp, keys: Iterable[str]) -> None:
        self._app = app
        self._keys = [sha256(key.encode()).digest() for key in keys]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] in OPEN or self._knows(scope):
            await self._app(scope, receive, send)
            return
        problem = ProblemError(401, f"this server asks for a key: send it as {_HOW}", headers=_CHALLENGES)
        await problem.response(scope["path"])(scope, receive, send)

    def _knows(self, scope: Scope) -> bool:
        """Whether a header holds a key; how long that takes tells nothing about the keys."""
        sent = [sha256(key).digest() for name, value in scope["headers"] for key in _sent(name, value)]
        return any(hmac.compare_digest(one, known) for one in sent for known in self._keys)


_HOW = "`Authorization: Bearer KEY`, as the password of Basic authentication, or as `X-API-Key: KEY`"


def _sent(name: bytes, value: bytes) -> Iterable[bytes]:
    """The keys that a header holds: one or none."""
    if name == b"x-api-key":
        yield value.strip()
    elif name == b"authorization":
        scheme, _, credentials = value.strip().partition(b" ")
        if scheme.lower() == b"bearer":
            yield credentials.strip()
        elif scheme.lower() == b"basic":
            try:
                yield base64.b64decode(credentials.strip(), validate=True).partition(b":")[2]
            except binascii.Error:
                return


class Rates:
    """How often each client asks. A client has a rate and may save it up for ten seconds, or ten requests.

    The generic cell rate algorithm (ITU-T I.371): one number a client, the time at which it will have paid for all that
    it asked.
    """

    def __init__(self, rate: float, clock: Callable[[], float] = time.monotonic) -> None:
        """`rate` is in requests a second."""
        self._each = 1 / rate
        self._saved = max(SAVED, SAVED / rate) - self._each
        self._clock = clock
        self._paid: OrderedDict[str, float] = OrderedDict()

    def wait(self, client: str) -> float:
        """Seconds until the client may ask; 0 when it may, which counts as asking."""
        now = self._clock()
        paid = max(self._paid.get(client, now), now)
        if (too_early := paid - now - self._saved) > 0:
            return too_early
        self._paid[client] = paid + self._each
        self._paid.move_to_end(client)
        if len(self._paid) > CLIENTS:
            self._paid.popitem(last=False)
        return 0.0

    def __len__(self) -> int:
        """Clients that are remembered."""
        return len(self._paid)


class RateMiddleware:
    """Answers 429 with Retry-After to clients that ask too often."""

    def __init__(self, app: ASGIApp, rates: Rates) -> None:
        self._app = app
        self._rates = rates

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        limited = scope["type"] == "http" and scope["path"] not in OPEN
        wait = self._rates.wait(client_of(scope)) if limited else 0.0
        if not wait:
            await self._app(scope, receive, send)
            return
        headers = {"Retry-After": str(math.ceil(wait))}
        problem = ProblemError(429, f"too many requests: ask again in {math.ceil(wait)} s", headers=headers)
        await problem.response(scope["path"])(scope, receive, send)


def client_of(scope: Scope) -> str:
    """The client's address; of an IPv6 address the network, which one client has many addresses of."""
    host = str((scope.get("client") or ("unknown", 0))[0])
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return host
    if isinstance(address, ipaddress.IPv6Address):
        return str(address.ipv4_mapped or ipaddress.ip_network((int(address) >> 64 << 64, 64)))
    return host
