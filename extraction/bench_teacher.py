"""How many answers a second the local teacher gives, against `model.generate` prompt by prompt, in one run.

The baseline gets the number format that is fastest for it, its own key/value cache and the same stop rule as plain
end-of-text tokens, which is the cheapest way for `generate` to stop.
"""

import logging
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch

from extraction.teacher_local import LocalTeacher
from kg import models
from kg.errors import InputError
from kg.records import Generation, Prompt

log = logging.getLogger(__name__)
DTYPES = ("float32", "bfloat16")
TRIAL = 4  # prompts on which the baseline's number formats are compared
LIMIT = "the matrix products with the weights that the teacher's forward passes need, and nothing else"
REPEATS = 3  # of each matrix product; the fastest counts
NAMES = ("Robin", "Jordan")
EXAMPLES = (
    ("Casey plants tomatoes behind the shed", "to pick ripe tomatoes in August"),
    ("Riley forgets the umbrella on the tram", "to ask at the lost property office"),
    ("Morgan learns the alphabet of the deaf", "to talk with the new neighbour's son"),
    ("Taylor slips on the wet stairs", "to put some ice on the ankle"),
    ("Quinn is offered a job in another town", "to think it over with the family"),
    ("Jamie finishes the last exam", "to sleep until noon and then celebrate"),
    ("Avery breaks a friend's favourite mug", "to buy a new one and say sorry"),
    ("Skyler hears a noise in the attic", "to climb up with a torch and look"),
    ("Drew lends the bicycle to a colleague", "to get it back before the weekend"),
    ("Kerry burns the soup", "to order a pizza instead"),
)
EVENTS = (
    "bakes a cake", "loses the house keys", "wins a chess game", "adopts a puppy", "misses the last bus",
    "paints the fence", "breaks a tooth", "writes a love letter", "goes to the beach", "calls the doctor",
    "finds a wallet", "cleans the kitchen", "forgets the appointment", "learns to swim", "drops the phone",
    "visits an old aunt", "moves to another city", "fixes the bike", "gets a raise", "sees a spider",
    "cooks dinner for friends", "fails the driving test", "reads the newspaper", "buys a guitar",
    "argues with the boss", "takes a nap", "shovels the snow", "sells the car", "hears bad news",
    "joins a choir", "spills the milk", "plans a surprise party",
)


def bench_teacher(
    model: str = "gemma-3-270m", prompts: int = 64, batch_size: int = 64, max_tokens: int = 24,
    temperature: float = 1.0, top_p: float = 0.9,
) -> dict[str, Any]:
    """Times both ways on the same prompts and returns the figures; `ratio` is answers per second over the baseline's.

    `limit_fraction` tells how near the teacher is to its limit, the time of the bare matrix products with the weights
    that its forward passes need, timed on the same weights with as many rows. Needs a causal model.
    """
    if prompts < 1:
        raise InputError("the bench needs at least one prompt")
    options = LocalTeacher.Options(
        model=model, batch_size=batch_size, max_tokens=max_tokens, temperature=temperature, top_p=top_p
    )
    asked = bench_prompts(prompts)
    settings = {"model": model, "prompts": prompts, "batch_size": batch_size, "max_tokens": max_tokens,
                "temperature": temperature, "top_p": top_p, "threads": torch.get_num_threads()}
    teacher = _time_teacher(LocalTeacher(options, seed=0), asked)
    dtype, baseline = _time_baseline(options, [p.text for p in asked])
    ratio = baseline["seconds"] / teacher["seconds"]
    return {**settings, "ratio": ratio, **teacher, "limit": LIMIT, "baseline_dtype": dtype,
            **{f"baseline_{key}": value for key, value in baseline.items()}}


def bench_prompts(count: int) -> list[Prompt]:
    """Few-shot prompts of one template, of about 220 tokens that are all the same but for the last dozen."""
    shown = "".join(f"Situation: {event}. So the person wants {want}.\n" for event, want in EXAMPLES)
    start = f"What do people want to do next, after something has happened to them?\n\n{shown}"
    found = []
    for number in range(count):
        event = EVENTS[number % len(EVENTS)]
        name = NAMES[number // len(EVENTS) % len(NAMES)]
        text = f"{start}Situation: {name} {event}. So the person wants"
        found.append(Prompt(f"PersonX {event}", "xWant", "bench 1", text, (("PersonX", name),), number))
    return found


def _time_teacher(teacher: LocalTeacher, prompts: list[Prompt]) -> dict[str, Any]:
    log.info("loading %s", teacher.name)
    model = teacher.load()
    list(teacher.generate(prompts))  # warms up
    with _counted(model) as passes:
        started = time.perf_counter()
        answers = list(teacher.generate(prompts))
        seconds = time.perf_counter() - started
    limit = _limit(model, passes)
    steps = sum(n for (part, _), n in passes.items() if part == "head")
    figures = _figures(seconds, len(answers), sum(g.tokens for g in answers))
    return {**figures, "dtype": str(model.dtype).removeprefix("torch."), "steps": steps, "limit_seconds": limit,
            "limit_fraction": limit / seconds, "mean_log_probability": _mean(answers)}


def _figures(seconds: float, answers: int, tokens: int) -> dict[str, float]:
    return {"seconds": seconds, "answers_per_second": answers / seconds, "tokens": tokens}


def _mean(answers: Sequence[Generation]) -> float:
    tokens = sum(g.tokens for g in answers)
    return sum(g.log_probability or 0.0 for g in answers) / max(tokens, 1)


def _time_baseline(options: LocalTeacher.Options, texts: list[str]) -> tuple[str, dict[str, float]]:
    """The faster number format, and the time of all prompts in it."""
    tokenizer = models.load_tokenizer(options.model)
    trials = {}
    for dtype in DTYPES:
        run = _one_by_one(models.load_model(options.model, dtype, options.device), tokenizer, options)
        run(texts[:1])
        started, tokens = time.perf_counter(), run(texts[:TRIAL])
        trials[dtype] = (time.perf_counter() - started) / tokens
        log.info("generate prompt by prompt in %s: %.3f s a token", dtype, trials[dtype])
    best = min(trials, key=trials.__getitem__)
    run = _one_by_one(models.load_model(options.model, best, options.device), tokenizer, options)
    run(texts[:1])
    log.info("generate prompt by prompt in %s: %d prompts", best, len(texts))
    started, tokens = time.perf_counter(), run(texts)
    return best, _figures(time.perf_counter() - started, len(texts), tokens)


def _one_by_one(model: Any, tokenizer: Any, options: LocalTeacher.Options) -> Callable[[Sequence[str]], int]:
    """Answers prompts by `model.generate`, one at a time; the function returns how many tokens it made."""
    if model.config.is_encoder_decoder:
        raise InputError(f"{options.model}: the bench compares causal models")
    pieces = tokenizer.batch_decode([[i] for i in range(len(tokenizer))])
    ends = [i for i, piece in enumerate(pieces) if any(s in piece for s in options.stop)]
    ends.append(tokenizer.eos_token_id)
    how: dict[str, Any] = {"do_sample": False}
    if options.temperature:
        how = {"do_sample": True, "temperature": options.temperature, "top_p": options.top_p, "top_k": 0}
    torch.manual_seed(0)

    def run(texts: Sequence[str]) -> int:
        made = 0
        with torch.inference_mode():
            for text in texts:
                inputs = tokenizer(text, return_tensors="pt").to(model.device)
                found = model.generate(**inputs, max_new_tokens=options.max_tokens, eos_token_id=ends,
                                       pad_token_id=ends[-1], use_cache=True, **how)
                made += found.shape[1] - inputs.input_ids.shape[1]
        return made

    return run


@contextmanager
def _counted(model: Any) -> Iterator[Counter[tuple[str, int]]]:
    """Counts forward passes by (part of the model, number of token rows) while the block runs."""
    passes = Counter[tuple[str, int]]()

    def count(part: str) -> Callable[..., None]:
        def hook(_module: Any, _args: Any, kwargs: dict[str, Any]) -> None:
            passes[part, kwargs["input_ids"].numel()] += 1
        return hook

    hooks = [model.base_model.register_forward_pre_hook(count("body"), with_kwargs=True),
             model.register_forward_pre_hook(count("head"), with_kwargs=True)]
    try:
        yield passes
    finally:
        for hook in hooks:
            hook.remove()


@torch.inference_mode()
def _limit(model: Any, passes: Counter[tuple[str, int]]) -> float:
    """Seconds of the matrix products alone that these forward passes need."""
    head = model.get_output_embeddings().weight
    body = [m.weight for m in model.base_model.modules() if isinstance(m, torch.nn.Linear)]
    weights = {"body": body, "head": [head]}
    return sum(number * _product_time(weights[part], rows) for (part, rows), number in passes.items())


def _product_time(weights: Sequence[torch.Tensor], rows: int) -> float:
    inputs = {w.shape[1]: torch.randn(rows, w.shape[1], dtype=w.dtype, device=w.device) for w in weights}
    times = []
    for _ in range(REPEATS):
        started = time.perf_counter()
        for weight in weights:
            torch.nn.functional.linear(inputs[weight.shape[1]], weight)
        if weights[0].device.type == "cuda":
            torch.cuda.synchronize()
        times.append(time.perf_counter() - started)
    return min(times)
