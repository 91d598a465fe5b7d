"""Several processes train what one trains with as many times the accumulation."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from kg.parallel import Workers
from tests.tiny_models import one_thread, write_model

ROOT = Path(__file__).parents[2]


def test_alone_nothing_is_shared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    workers = Workers.start()
    assert workers.is_first
    assert (workers.share([1, 2, 3]), workers.sum(2.5), workers.agree(1.5)) == ([1, 2, 3], 2.5, 1.5)


def test_each_batch_is_computed_once() -> None:
    batches = list(range(7))
    shares = [Workers(rank, 3).share(batches) for rank in range(3)]
    assert sorted(batch for share in shares for batch in share) == batches


def train(folder: Path, out: str, accumulation: int, launcher: list[str]) -> tuple[dict[str, torch.Tensor], str]:
    options = ["epochs=4", "learning_rate=3e-3", "dtype=float32", "device=cpu", "batch_tokens=40", "cut=false",
               f"accumulation={accumulation}"]
    done = subprocess.run(
        [*launcher, str(Path(sys.executable).parent / "kg"), "train", str(folder / "triples.tsv"), "--student",
         str(folder / "base"), "--out", str(folder / out), *(p for o in options for p in ("--set", o)), "--json"],
        cwd=ROOT, capture_output=True, text=True, timeout=300,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return load_file(folder / out / "model.safetensors"), done.stdout


def test_two_processes_are_one_with_twice_the_accumulation(tmp_path: Path) -> None:
    rows = [f"PersonX bakes {n} cakes\t{r}\t{t}\n" for n in range(14)
            for r, t in (("xWant", "to eat the cake"), ("xReact", "happy"))]
    (tmp_path / "triples.tsv").write_text("".join(rows))
    with one_thread():
        write_model("gemma", tmp_path / "base")
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "--no-python"]
    two, said = train(tmp_path, "two", 1, launcher)
    one, _ = train(tmp_path, "one", 2, [])
    assert set(two) == set(one)
    for name, tensor in one.items():
        assert torch.allclose(tensor, two[name], atol=1e-4), name
    facts = json.loads(said)  # told once
    assert facts["steps"] == json.loads((tmp_path / "one" / "student.json").read_text())["metrics"]["steps"]
    assert facts["loss_after"] < facts["loss_before"]
