"""A teacher behind an OpenAI-compatible endpoint: vLLM, Ollama, llama.cpp's server, or a hosted one."""

import asyncio
import json
import os
import random
import time
from collections.abc import Generator, Iterable, Sequence
from typing import Any, Self

from pydantic import Field, model_validator

from extraction.budget import NOTHING_USED, Budget, RateLimit, Usage
from extraction.openai_endpoint import AskAgainError, Endpoint, Mode, OtherParametersError, RefusedPromptError
from extraction.openai_wire import Reply, sendable
from extraction.outlet import Outlet, stream
from kg.errors import BudgetError, TeacherError
from kg.recipe import Section
from kg.records import Generation, Prompt, digest

_LONGEST_BACKOFF = 60.0  # seconds
_CHARACTERS_PER_TOKEN = 4  # of ASCII text; any other character counts as a token


class OpenAITeacher:
    """Asks an OpenAI-compatible endpoint, many prompts at a time.

    Rate limits, time-outs, server faults and cut-off answers are asked again, with exponential back-off and jitter.
    A wrong key or model, or a spent budget, ends the run; what is under way by then is still received. The key comes
    from the environment alone. Budget and `cost` count what an interrupted build has spent before (`count_paid`).
    """

    class Options(Section):
        """`key_env` names the environment variable with the key; a local server needs none.

        Zero is no limit for requests and tokens a minute and for the budgets. `timeout` (seconds) is for a whole
        answer. `retries` follow a first failure, `backoff` seconds after it and then twice as long each time.
        Prices are those of a million tokens, in the currency of `budget_money`. `logprobs` asks for the
        log-probability of the answers, for critics; servers that refuse it are asked without.
        """

        model: str = Field(min_length=1)
        base_url: str = Field("https://api.openai.com/v1", pattern=r"^https?://[^\s/]+\S*$")
        mode: Mode = "chat"
        system: str = ""
        key_env: str = "OPENAI_API_KEY"
        max_tokens: int = Field(128, ge=1)
        temperature: float | None = Field(None, ge=0)
        top_p: float | None = Field(None, gt=0, le=1)
        stop: list[str] = Field(default_factory=list)
        logprobs: bool = True
        concurrency: int = Field(8, ge=1, le=1000)
        requests_per_minute: float = Field(0, ge=0)
        tokens_per_minute: float = Field(0, ge=0)
        timeout: float = Field(60.0, gt=0)
        retries: int = Field(5, ge=0)
        backoff: float = Field(1.0, gt=0)
        budget_tokens: int = Field(0, ge=0)
        budget_money: float = Field(0.0, ge=0)
        price_in: float = Field(0.0, ge=0)
        price_out: float = Field(0.0, ge=0)

        @model_validator(mode="after")
        def _money_needs_prices(self) -> Self:
            if self.budget_money and not (self.price_in or self.price_out):
                raise ValueError("budget_money needs price_in and price_out (money a million tokens)")
            return self

    batch_size: int | None = None

    def __init__(self, options: Options, seed: int = 0) -> None:
        o = options
        self.options = o
        self.seed = seed
        self.name = f"openai:{o.model}"
        self.version = digest("openai 1", str(seed), json.dumps([
            o.base_url.rstrip("/"), o.model, o.mode, o.system, o.max_tokens, o.temperature, o.top_p, o.stop, o.logprobs,
        ]))
        self.key = os.environ.get(o.key_env, "").strip()
        if not (self.key.isascii() and self.key.isprintable()):
            raise TeacherError(f"the key in ${o.key_env} holds characters that no key has: set it again")
        self.budget = Budget(o.budget_tokens, o.budget_money, o.price_in, o.price_out)
        self.requests = RateLimit(o.requests_per_minute)
        self.tokens = RateLimit(o.tokens_per_minute)
        self.refused: set[str] = set()  # parameters that this server does not take
        self.is_calibrated = False
        self._margin = 0

    @property
    def cost(self) -> float:
        """Money spent so far, in the currency of the prices."""
        return self.budget.cost

    @property
    def tokens_used(self) -> int:
        """Tokens of prompts and answers so far. A request whose outcome is not known counts as its estimate."""
        return self.budget.used.total

    def count_paid(self, generations: Iterable[Generation]) -> None:
        """Counts answers of an earlier, interrupted build against the budget."""
        for g in generations:
            self.budget.settle(NOTHING_USED, Usage(g.prompt_tokens, g.tokens))

    def generate(self, prompts: Sequence[Prompt]) -> Generator[Generation]:
        """One generation a distinct prompt, each as soon as it is there.

        Raises BudgetError, and TeacherError for a fault that asking again does not cure or when prompts are left
        unanswered; both only after everything that was answered has been yielded.
        """
        distinct = list({p.id: p for p in prompts}.values())
        return stream(lambda outlet: _Session(self, distinct, outlet).run())

    def body(self, prompt: Prompt) -> dict[str, Any]:
        """The JSON that asks `prompt`."""
        o, text = self.options, sendable(prompt.text)
        seed = int(digest(prompt.id, str(self.seed))[:7], 16)
        given = {
            "max_completion_tokens" if "max_tokens" in self.refused else "max_tokens": o.max_tokens,
            "temperature": o.temperature, "top_p": o.top_p, "stop": o.stop or None, "seed": seed,
            "logprobs": (True if o.mode == "chat" else 1) if o.logprobs else None,
        }
        body = {"model": o.model, **{k: v for k, v in given.items() if v is not None and k not in self.refused}}
        if o.mode == "completion":
            return {**body, "prompt": sendable(o.system) + text}
        system = [{"role": "system", "content": sendable(o.system)}] if o.system else []
        return {**body, "messages": [*system, {"role": "user", "content": text}]}

    def estimate(self, prompt: Prompt) -> Usage:
        """The most that `prompt` should use: four letters a token, and what prompts so far had above that."""
        return Usage(self._plain_estimate(prompt) + self._margin, self.options.max_tokens)

    def learn(self, prompt: Prompt, used: Usage | None) -> None:
        """Corrects later estimates by what `prompt` used, when the server told."""
        self.is_calibrated = True
        if used is not None:
            self._margin = max(self._margin, used.prompt - self._plain_estimate(prompt))

    def _plain_estimate(self, prompt: Prompt) -> int:
        text = self.options.system + prompt.text
        ascii_only = len(text.encode("ascii", "ignore"))
        return ascii_only // _CHARACTERS_PER_TOKEN + len(text) - ascii_only + 1


class _Session:
    """One call of `generate`: `concurrency` workers that share the prompts, the limits and the first fatal error."""

    def __init__(self, teacher: OpenAITeacher, prompts: list[Prompt], outlet: Outlet[Generation]) -> None:
        self.teacher, self.options, self.budget = teacher, teacher.options, teacher.budget
        self.total = len(prompts)
        self.waiting = iter(prompts)
        self.outlet = outlet
        self.settled = asyncio.Condition()
        self.resume_at = 0.0
        self.answered = self.unanswered = self.failed_in_row = 0
        self.last_reason = ""
        self.error: Exception | None = None

    async def run(self) -> None:
        """Asks everything; raises the error that the run ends with."""
        o = self.options
        async with (
            Endpoint(o.base_url, o.model, o.mode, self.teacher.key, o.key_env, o.timeout) as endpoint,
            asyncio.TaskGroup() as group,
        ):
            for _ in range(min(o.concurrency, self.total)):
                group.create_task(self._work(endpoint))
        if self.error is not None:
            raise self.error
        if self.unanswered:
            raise TeacherError(
                f"{self.unanswered} of {self.total} prompts are unanswered ({self.last_reason}); the answers to the "
                "others are kept: run the same command again to ask only what is missing"
            )

    async def _work(self, endpoint: Endpoint) -> None:
        for prompt in self.waiting:
            try:
                generation = await self._ask(endpoint, prompt)
            except Exception as error:
                self._stop(error)
                return
            if generation is not None:
                await self.outlet.put(generation)
            if self.outlet.stopping.is_set():
                return

    async def _ask(self, endpoint: Endpoint, prompt: Prompt) -> Generation | None:
        """The answer to one prompt, asked as often as allowed; None when it got none."""
        attempt = 0
        while estimate := await self._reserve(prompt):
            try:
                return self._accept(prompt, await self._send(endpoint, prompt, estimate))
            except OtherParametersError as error:
                self.teacher.refused.update(error.names)
            except RefusedPromptError as error:
                self._give_up(str(error), self.answered == 0)
                return None
            except AskAgainError as error:
                if attempt == self.options.retries:
                    self._give_up(f"{error}, {attempt + 1} times", True)
                    return None
                await self._back_off(error, attempt)
                attempt += 1
        return None

    async def _reserve(self, prompt: Prompt) -> Usage | None:
        """Waits for the rate limits, then for room in the budget, and takes it; None when the run is stopping."""
        units = self.teacher.estimate(prompt).total
        await self._sleep(max(self.teacher.requests.take(1), self.teacher.tokens.take(units)))
        while (rest := self.resume_at - time.monotonic()) > 0 and not self.outlet.stopping.is_set():
            await self._sleep(rest)
        async with self.settled:
            while not self.outlet.stopping.is_set():
                estimate = self.teacher.estimate(prompt)
                if self._may_spend(estimate):
                    self.budget.reserve(estimate)
                    return estimate
                if self.budget.reserved == NOTHING_USED:
                    raise BudgetError(self._budget_message(estimate))
                await self.settled.wait()
        return None

    def _may_spend(self, estimate: Usage) -> bool:
        """Whether the budget has room; the first answer, which shows how good estimates are, is awaited alone."""
        alone = self.budget.reserved == NOTHING_USED
        return self.budget.fits(estimate) and (alone or self.teacher.is_calibrated or not self.budget.is_limited)

    async def _send(self, endpoint: Endpoint, prompt: Prompt, reserved: Usage) -> Reply:
        """Sends one request and settles what is reserved for it."""
        used = reserved  # what counts when it is not known whether the server did the work
        try:
            reply = await endpoint.ask(self.teacher.body(prompt))
            used = reply.usage or reserved
            self.teacher.learn(prompt, reply.usage)
            return reply
        except AskAgainError as error:
            used = reserved if error.unsure else NOTHING_USED
            raise
        except (RefusedPromptError, OtherParametersError, TeacherError):
            used = NOTHING_USED
            raise
        finally:
            self.budget.settle(reserved, used)
            self.teacher.tokens.give_back(reserved.total - used.total)
            async with self.settled:
                self.settled.notify_all()

    def _accept(self, prompt: Prompt, reply: Reply) -> Generation:
        self.answered += 1
        self.failed_in_row = 0
        used = reply.usage or Usage(self.teacher.estimate(prompt).prompt, len(reply.token_starts))
        return Generation(
            prompt.id, self.teacher.name, reply.text, reply.log_probability, used.completion,
            reply.token_starts, reply.token_log_probabilities, used.prompt,
        )

    def _give_up(self, reason: str, counts: bool) -> None:
        """Leaves one prompt unanswered; several in a row mean that the server is at fault, and end the run."""
        self.unanswered += 1
        self.last_reason = reason
        self.failed_in_row += counts
        if self.failed_in_row >= max(3, self.options.concurrency):
            self._stop(TeacherError(
                f"{self.failed_in_row} prompts in a row got no answer ({reason}); {self.answered} answers are kept: "
                "run the same command again when this is mended"
            ))

    async def _back_off(self, error: AskAgainError, attempt: int) -> None:
        longest = min(_LONGEST_BACKOFF, self.options.backoff * 2**attempt)
        wait = max(error.wait, random.uniform(longest / 2, longest))
        if error.everyone:
            self.resume_at = max(self.resume_at, time.monotonic() + wait)
        await self._sleep(wait)

    async def _sleep(self, seconds: float) -> None:
        """Waits, unless the run is stopping."""
        if seconds > 0:
            try:
                async with asyncio.timeout(seconds):
                    await self.outlet.stopping.wait()
            except TimeoutError:
                return

    def _stop(self, error: Exception) -> None:
        self.error = self.error or error
        self.outlet.stopping.set()

    def _budget_message(self, estimate: Usage) -> str:
        b = self.budget
        limit = f"{b.tokens} tokens" if b.tokens else ""
        limit += " and " if b.tokens and b.money else ""
        limit += f"{b.money:g} of money" if b.money else ""
        return (
            f"the budget of {limit} is spent: {b.used.total} tokens ({b.cost:.6g} of money) are used, and the next "
            f"request may take {estimate.total} tokens; the {self.answered} answers are kept: raise "
            "teacher.budget_tokens or teacher.budget_money and run the same command again"
        )
