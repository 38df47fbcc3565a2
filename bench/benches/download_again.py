"""Downloading the same 500 logs a second time: conditional requests and the files that are there, against the first."""

import json
import shutil
import sys
from dataclasses import replace
from pathlib import Path

from bench.download import MissingToolError, Served, serving
from bench.measure import Command, Given, Result, Skipped, Taken, environment, run, summed

CHILD = Path(__file__).resolve().parent.parent / "collect_twice.py"
MOST = 0.1


def bench(given: Given) -> Result | Skipped:
    """Both times are taken inside one process, so that neither holds its start (the bench `help` tells of that)."""
    try:
        with serving(given) as forge:
            pairs = [_both(forge, given) for _ in range(given.count(5))]
            wrong = next((f"the child said: {b.err.decode()}" for _, b in pairs if b.code), "")
    except MissingToolError as e:
        return Skipped("download-again", str(e))
    ours, peer = Command("the second download", []), Command("the first download", [])
    return summed("download-again", ours, peer, pairs, most_ratio=MOST, wrong=wrong)


def _both(forge: Served, given: Given) -> tuple[Taken, Taken]:
    """The second time, and the first."""
    forge.clear()
    cache = forge.folder / "cache"
    shutil.rmtree(cache, ignore_errors=True)
    argv = [sys.executable, str(CHILD), forge.url, str(forge.ours), str(cache)]
    taken = run(Command("twice", argv), environment(given.folder))
    first, second = json.loads(taken.out) if taken.code == 0 else (taken.seconds, taken.seconds)
    return replace(taken, seconds=second), replace(taken, seconds=first)
