"""How fast a student completes, against `generate` of `transformers` called query by query, in one run.

Both have the same weights in memory, in the same arithmetic, and the same number of beams; they take turns, and of each
the fastest pass counts. The queries are those of the heads that the student never saw. Then eight clients ask
`/v1/complete` of a server of the student, one query a request.
"""

import json
import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import cycle
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from torch import Tensor

from api.bench_client import drive, percentile
from kg.decoding import MAX_TAIL
from kg.errors import InputError
from kg.knowledge_model import MAX_BEAMS, SPARE_BEAMS
from kg.student import LanguageModelStudent
from loaders.bench_load import made_graph

QUERIES = 128
PASSES = 2
CLIENTS = 8
SECONDS = 20.0  # that the clients ask
K = 5
_ROOT = Path(__file__).parents[1]


def bench_complete(student: Path | None = None, run: Path | None = None) -> dict[str, Any]:
    """Returns {"load_seconds", "queries", "k 1", "k 5", "server"}: of each k completed queries a second, ours and by
    `generate`, their ratio, and for what share of queries the texts are the same; of the server requests a second and
    latencies. `run` is served, or else a graph of our own. Raises InputError without a student or queries for it.
    """
    if student is None:
        raise InputError("this bench asks your student: give --student DIR")
    started = time.perf_counter()
    loaded = LanguageModelStudent.load(student)
    figures: dict[str, Any] = {"load_seconds": time.perf_counter() - started}
    heads = loaded.settings.get("heads_test") or []
    queries = [(head, relation) for head in heads for relation in loaded.wordings]
    queries = random.Random(0).sample(queries, min(QUERIES, len(queries)))
    if not queries:
        raise InputError(f"{student} kept no heads out of its training: there is nothing to ask it")
    figures["queries"] = len(queries)
    for k in (1, K):
        figures[f"k {k}"] = _compared(loaded, queries, k)
    with TemporaryDirectory() as scratch:
        figures["server"] = _served(run or made_graph(Path(scratch) / "run", 1000).path, student, queries)
    return figures


def _compared(student: LanguageModelStudent, queries: Sequence[tuple[str, str]], k: int) -> dict[str, float]:
    """Both ways with the beams that `student.complete` takes for k completions."""
    layout, beams = student.layout, min(k + SPARE_BEAMS, MAX_BEAMS)
    prompts = layout.prompts([(head, student.wordings[relation].phrase) for head, relation in queries])
    ways: dict[str, Callable[[], list[list[str]]]] = {
        "ours": lambda: [[w.text for w in written] for written in layout.write(prompts, beams)],
        "generate": lambda: [_generated(student, prompt, beams) for prompt in prompts],
    }
    seconds = dict.fromkeys(ways, float("inf"))
    said: dict[str, list[list[str]]] = {}
    for _ in range(PASSES):
        for name, way in ways.items():
            started = time.perf_counter()
            said[name] = way()
            seconds[name] = min(seconds[name], time.perf_counter() - started)
    same = sum(a[:k] == b[:k] for a, b in zip(said["ours"], said["generate"], strict=True)) / len(queries)
    return {
        "beams": beams, "ours /s": len(queries) / seconds["ours"], "generate /s": len(queries) / seconds["generate"],
        "ratio": seconds["generate"] / seconds["ours"], "same": same,
    }


@torch.inference_mode()
def _generated(student: LanguageModelStudent, prompt: list[int], beams: int) -> list[str]:
    """The texts of one query by `generate`, best first."""
    layout = student.layout
    ids = torch.tensor([prompt], device=layout.device)
    with layout.autocast():
        out: Tensor = layout.model.generate(
            input_ids=ids, attention_mask=torch.ones_like(ids), do_sample=False, num_beams=beams,
            num_return_sequences=beams, min_new_tokens=1, max_new_tokens=MAX_TAIL, early_stopping=beams > 1,
            pad_token_id=layout._filler, eos_token_id=layout._end, forced_eos_token_id=None,
        )
    start = 1 if layout.model.config.is_encoder_decoder else len(prompt)
    texts: list[str] = layout.tokenizer.batch_decode(out[:, start:], skip_special_tokens=True)
    return texts


def _served(run: Path, student: Path, queries: Sequence[tuple[str, str]]) -> dict[str, float]:
    """Requests a second and latencies of `/v1/complete`."""
    with _server(run, student) as url:
        requests = cycle([_request(url, head, relation) for head, relation in queries])
        drive(url, requests, CLIENTS, 2.0)
        took, seconds = drive(url, requests, CLIENTS, SECONDS)
    return {
        "clients": CLIENTS, "requests /s": len(took) / seconds,
        **{f"p{share} ms": 1000 * percentile(took, share / 100) for share in (50, 99)},
    }


def _request(url: str, head: str, relation: str) -> bytes:
    body = json.dumps({"head": head, "relation": relation, "k": K}).encode()
    host = url.split("/")[2]
    start = f"POST /v1/complete HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n"
    return f"{start}Content-Length: {len(body)}\r\n\r\n".encode() + body


@contextmanager
def _server(run: Path, student: Path) -> Iterator[str]:
    """The address of a server of its own, which is ended after."""
    command = [sys.executable, "-c", "from api.cli import main; main()", "serve", str(run.absolute()),
               "--student", str(student.absolute()), "--port", "0", "--json"]
    with subprocess.Popen(command, cwd=_ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            if not line:
                raise InputError(f"`kg serve {run} --student {student}` does not start: try it by itself")
            yield json.loads(line)["url"].rstrip("/")
        finally:
            process.terminate()
