"""`kill -9` of `kg build` at several moments; `python -m tests.kill_build` does it at many."""

import json
import random
import time
from pathlib import Path

import pytest

from tests.kill_build import answered, build, check_kill
from tests.tiny_models import write_model

RECIPE = """
name = "tiny"
[seeds]
events = ["PersonX bakes a cake", "PersonX loses the keys", "PersonX goes to the beach", "PersonX calls PersonY"]
[heads]
count = 2
[tails]
relations = ["xWant", "xReact", "HinderedBy"]
[teacher]
kind = "local"
model = "MODEL"
dtype = "float32"
batch_size = 3
max_tokens = 12
[critics.form]
[critics.likelihood]
"""


def recorded(folder: Path) -> list[str]:
    rows = [
        {"head": f"PersonX does {i}", "relation": "xWant", "prompt": f"PersonX does {i}. What does PersonX want to do?",
         "raw_answer": f"to rest for {i} hours; to eat {i} cakes\n"}
        for i in range(300)
    ]
    (folder / "answers.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rows))
    return ["recorded", "--set", f"teacher.file={folder / 'answers.jsonl'}"]


def local(folder: Path) -> list[str]:
    write_model("gemma", folder / "model")
    config = folder / "model" / "config.json"  # the tiny tokenizer cuts words small: prompts are long
    config.write_text(json.dumps({**json.loads(config.read_text()), "max_position_embeddings": 4096}))
    (folder / "tiny.toml").write_text(RECIPE.replace("MODEL", str(folder / "model")))
    return [str(folder / "tiny.toml")]


@pytest.mark.parametrize("make", [recorded, local])
def test_a_killed_build_resumes_to_the_same_bytes(tmp_path: Path, make: object) -> None:
    assert callable(make)
    arguments = make(tmp_path)
    whole = tmp_path / "whole" / "run"
    started = time.monotonic()
    build(arguments, whole)
    seconds = time.monotonic() - started
    assert answered(whole)
    for i, share in enumerate((0.5, 0.75, random.Random(make.__name__).uniform(0.3, 0.95))):
        assert check_kill(arguments, whole, tmp_path / str(i) / "run", share * seconds) == ""
