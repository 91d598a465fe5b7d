"""Kills `kg build` with SIGKILL at random moments, resumes it, and compares every stage file with an unbroken run.

    python -m tests.kill_build --kills 25 -- recorded --set teacher.file=answers.jsonl
    python -m tests.kill_build --kills 25 -- demo --limit 48

Exits with 1 when a byte differs, an answer that was on disk is asked for again, or a prompt is answered twice.
"""

import argparse
import json
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path


def build(arguments: Sequence[str], out: Path, kill_after: float | None = None) -> dict[str, int] | None:
    """Runs `kg build`; returns its counts, or None when it was killed before its end."""
    code = "from api.cli import main; main()"
    command = [sys.executable, "-c", code, "build", *arguments, "--out", str(out), "--json"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        output, errors = process.communicate(timeout=kill_after)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        return None
    if process.returncode:
        raise SystemExit(f"kg build failed: {errors.decode(errors='replace')[-2000:]}")
    counts: dict[str, int] = json.loads(output)
    return counts


def stage_files(out: Path) -> dict[str, bytes]:
    """The bytes of every stage file of a run."""
    return {p.name: p.read_bytes() for p in sorted(out.iterdir()) if p.suffix in (".jsonl", ".parquet")}


def answered(out: Path) -> list[str]:
    """Ids of the prompts whose answers are on disk, from whole lines of journals and stage files."""
    lines: list[bytes] = []
    for path in [*out.glob("*.journal"), *out.glob("*generations.jsonl")]:
        lines += [line for line in path.read_bytes().splitlines(keepends=True) if line.endswith(b"\n")]
    return [json.loads(line)["prompt_id"] for line in lines]


def check_kill(arguments: Sequence[str], whole: Path, out: Path, moment: float) -> str:
    """Kills one build after `moment` seconds and resumes it; returns what went wrong, or an empty string."""
    killed = build(arguments, out, moment) is None
    before = answered(out) if out.exists() else []
    counts = build(arguments, out)
    assert counts is not None
    after = answered(out)
    if killed and counts["asked"] != len(after) - len(set(before)):
        return f"asked {counts['asked']} with {len(set(before))} of {len(after)} answers on disk"
    if len(set(after)) != len(after):
        return "a prompt has two answers"
    one, two = stage_files(whole), stage_files(out)
    differing = [name for name in one if one[name] != two.get(name)]
    return f"other bytes in {', '.join(differing)}" if differing else ""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=25)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("arguments", nargs="+", help="arguments of kg build")
    options = parser.parse_args()
    moments = random.Random(options.seed)
    failures = 0
    with tempfile.TemporaryDirectory() as folder:
        whole = Path(folder) / "whole" / "run"
        started = time.monotonic()
        build(options.arguments, whole)
        seconds = time.monotonic() - started
        print(f"unbroken: {seconds:.1f} s, {len(answered(whole))} answers", flush=True)
        for i in range(options.kills):
            moment = moments.uniform(0.05, seconds)
            fault = check_kill(options.arguments, whole, Path(folder) / str(i) / "run", moment)
            failures += bool(fault)
            print(f"killed at {moment:.2f} s: {fault or 'same bytes, nothing asked twice'}", flush=True)
    print(f"{options.kills - failures} passed, {failures} failed")
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
