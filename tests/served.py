"""`kg serve` as a process of its own, for tests that need the real server."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[1]


@contextmanager
def served(run: Path, *options: str) -> Iterator[str]:
    """The address of a `kg serve` over the run, without a slash at its end."""
    command = [sys.executable, "-c", "from api.cli import main; main()", "serve", str(run), "--port", "0", "--json"]
    with subprocess.Popen([*command, *options], cwd=ROOT, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        try:
            yield json.loads(server.stdout.readline())["url"].rstrip("/")
        finally:
            server.kill()
