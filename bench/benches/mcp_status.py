"""`ci_status` on a warm cache, against the use-case and its reports alone: what the face adds."""

import json
import statistics
import sys
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

from bench.measure import Command, Given, Result, Skipped, environment, run, summed

CHILD = Path(__file__).resolve().parent.parent / "status_both.py"
MOST_ADDED = 0.030
"""Seconds that the face may add."""


def bench(given: Given) -> Result | Skipped:
    """Both in one process and in turns, so that neither holds its start."""
    if find_spec("mcp") is None:
        return Skipped("mcp-status", "the SDK is not installed: pip install 'whyred[mcp]'")
    count = given.count(15)
    taken = run(Command("both", [sys.executable, str(CHILD), str(count)]), environment(given.folder))
    if taken.code:
        wrong, seconds = f"the child said: {taken.err.decode()}", [[taken.seconds, taken.seconds]]
    else:
        wrong, seconds = "", json.loads(taken.out)
    added = statistics.median(tool - core for tool, core in seconds)
    if added > MOST_ADDED:
        wrong = wrong or f"the face adds {added * 1000:.1f} ms (goal <= {MOST_ADDED * 1000:.0f})"
    pairs = [(replace(taken, seconds=tool), replace(taken, seconds=core)) for tool, core in seconds]
    ours, peer = Command("ci_status", []), Command("its use-case alone", [])
    result = summed("mcp-status", ours, peer, pairs, wrong=wrong)
    return replace(result, note=f"the face adds {added * 1000:.1f} ms (goal <= {MOST_ADDED * 1000:.0f})")
