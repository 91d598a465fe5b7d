"""One request to an OpenAI-compatible endpoint, and what its failure means."""

import asyncio
import json
from types import TracebackType
from typing import Any, Literal, Self

from openai import APIConnectionError, APIStatusError, APITimeoutError, AsyncOpenAI, OpenAIError

from extraction.openai_wire import Reply, fault_text, read_reply, retry_after
from kg.errors import TeacherError, nearest

Mode = Literal["chat", "completion"]
_LONGEST_RETRY_AFTER = 600.0  # seconds; a server that asks for more is not waited for
_OPTIONAL = ("logprobs", "seed")  # parameters that are left out for servers that refuse them


class AskAgainError(Exception):
    """A failure that may pass. `wait` is what the server asks for (seconds).

    `everyone` tells that all requests should wait, `unsure` that the server may have done the work nevertheless.
    """

    def __init__(self, reason: str, wait: float = 0.0, everyone: bool = False, unsure: bool = False) -> None:
        super().__init__(reason)
        self.wait, self.everyone, self.unsure = wait, everyone, unsure


class RefusedPromptError(Exception):
    """The server refuses this one prompt; asking again would give the same."""


class OtherParametersError(Exception):
    """The server does not take the parameters `names`, which it can do without."""

    def __init__(self, names: list[str]) -> None:
        super().__init__(", ".join(names))
        self.names = names


class Endpoint:
    """A connection pool to one model of one server. `timeout` (seconds) is for a whole answer."""

    def __init__(self, base_url: str, model: str, mode: Mode, key: str, key_env: str, timeout: float) -> None:
        self.base_url, self.model, self.mode = base_url, model, mode
        self.key_env, self.has_key, self.timeout = key_env, bool(key), timeout
        self._client = AsyncOpenAI(base_url=base_url, api_key=key or "none", timeout=timeout, max_retries=0)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._client.close()

    async def ask(self, body: dict[str, Any]) -> Reply:
        """The answer to one request.

        Raises AskAgainError, RefusedPromptError, OtherParametersError, and TeacherError where nothing would help.
        """
        api: Any = self._client.chat.completions if self.mode == "chat" else self._client.completions
        try:
            async with asyncio.timeout(self.timeout):
                response = await api.with_raw_response.create(**body)
            return read_reply(response.content)
        except APIStatusError as error:
            raise await self._meaning(error, body) from None
        except (APITimeoutError, TimeoutError) as error:
            raise AskAgainError(f"no answer within {self.timeout:g} seconds", unsure=_was_sent(error)) from None
        except APIConnectionError as error:
            reason = f"no connection to {self.base_url} ({error.__cause__ or error}): is the server running?"
            raise AskAgainError(reason, unsure=_was_sent(error)) from None
        except ValueError as error:
            raise AskAgainError(f"the answer of {self.base_url} {error}", unsure=True) from None

    async def _meaning(self, error: APIStatusError, body: dict[str, Any]) -> Exception:
        """What an answer with an error status means for the run."""
        status, said = error.status_code, fault_text(error.body)
        where = f"{self.base_url} says {status} ({said})"
        if status in (401, 403):
            key = "is set but refused" if self.has_key else "is not set"
            return TeacherError(f"{where}: the key in ${self.key_env} {key}; check it, and what it may use")
        if status == 404:
            return TeacherError(f"{where}: {await self._what_is_missing()}")
        if status == 429 and error.code == "insufficient_quota":
            return TeacherError(f"{where}: the account has no quota left; add to it and run again")
        if status in (408, 409, 425, 429) or status >= 500:
            wait = retry_after(error.response.headers) or 0.0
            if wait > _LONGEST_RETRY_AFTER:
                return TeacherError(f"{where} and asks to wait {wait:.0f} seconds: run again after that")
            return AskAgainError(where, wait, everyone=status == 429 or wait > 0)
        if names := _can_do_without(f"{error.param or ''} {said}", body):
            return OtherParametersError(names)
        return RefusedPromptError(where)

    async def _what_is_missing(self) -> str:
        """Which model names of the server are nearest, when it tells them."""
        try:
            async with asyncio.timeout(min(self.timeout, 10.0)):
                response = await self._client.models.with_raw_response.list()
            models = [str(row["id"]) for row in json.loads(response.content)["data"]]
        except (OpenAIError, TimeoutError, ValueError, KeyError, TypeError):
            return f"is {self.model!r} a model of this server, and should the address end in /v1?"
        if self.model in models:
            return f"it has the model {self.model!r}, but perhaps no {self.mode} mode: try the other teacher.mode"
        return f"unknown model {self.model!r}: {nearest(self.model, models)}"


def _can_do_without(said: str, body: dict[str, Any]) -> list[str]:
    """The parameters in `body` that the complaint names and that can be left out or go by another name."""
    names = [name for name in _OPTIONAL if name in said and name in body]
    if "max_completion_tokens" in said and "instead" in said and "max_tokens" in body:
        names.append("max_tokens")
    return names


def _was_sent(error: Exception) -> bool:
    """Whether the request may have reached the server."""
    return not type(error.__cause__).__name__.startswith(("Connect", "Pool"))
