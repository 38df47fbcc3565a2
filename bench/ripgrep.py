"""The peer of the scan benches: ripgrep with the library's own expressions, one thread."""

import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from bench.measure import Command, Given, Result, Skipped, Taken, codes, environment, run, summed, turns

CHILD = Path(__file__).resolve().parent / "count_lines.py"
_LIMITS = ("--regex-size-limit=4G", "--dfa-size-limit=4G")


def contest(
    name: str, given: Given, ours: Command, file: Path, *, most: float, most_mib: float | None = None, options: str = ""
) -> Result | Skipped:
    """`ours` reads a file, ripgrep counts the lines in it on which any expression matches; both once for every pair.
    Which lines these are is compared once, outside the clock.
    """
    ripgrep = shutil.which("rg")
    if ripgrep is None:
        return Skipped(name, "ripgrep is not installed here (apt-get install ripgrep)")
    expressions = given.folder / "expressions.txt"
    with expressions.open("wb") as out:
        subprocess.run([sys.executable, str(CHILD)], stdout=out, check=True, env=environment(given.folder))
    base = [ripgrep, "-c", "-a", "--no-config", "--no-unicode", "-j1", *options.split(), *_LIMITS]
    peer = Command("ripgrep -j1", [*base, "-f", str(expressions), str(file)])
    pairs = list(turns(ours, peer, given.count(5), given.folder))
    wrong = codes(pairs, 1) or _other_lines(given, file, [b for _, b in pairs])
    return summed(name, ours, peer, pairs, most_ratio=most, most_mib=most_mib, wrong=wrong)


def _other_lines(given: Given, file: Path, peers: Sequence[Taken]) -> str:
    """What is wrong with the lines that were counted."""
    plain = file.with_suffix("") if file.suffix == ".zst" else file
    own = run(Command("count", [sys.executable, str(CHILD), str(plain)]), environment(given.folder))
    counted = {int(own.out or 0), *(int(b.out or 0) for b in peers)}
    return "" if len(counted) == 1 else f"the lines counted differ: {sorted(counted)}"
