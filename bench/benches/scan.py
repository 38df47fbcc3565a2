"""Our scanner over 256 MiB against `ripgrep -c` with the very same expressions, one thread each."""

import shutil
import subprocess
import sys
from pathlib import Path

from bench.inputs import make
from bench.measure import Command, Given, Result, Skipped, codes, environment, summed, turns

CHILD = Path(__file__).resolve().parent.parent / "count_lines.py"
MOST = 1.0
_LIMITS = ("--regex-size-limit=1G", "--dfa-size-limit=1G")


def bench(given: Given) -> Result | Skipped:
    """Both count the lines on which any expression of the library matches, in bytes, without Unicode classes."""
    ripgrep = shutil.which("rg")
    if ripgrep is None:
        return Skipped("scan", "ripgrep is not installed here (apt-get install ripgrep)")
    file, expressions = make("scan", given.folder), given.folder / "expressions.txt"
    ours = Command("whyred's scanner", [sys.executable, str(CHILD), str(file)])
    with expressions.open("wb") as out:
        subprocess.run([sys.executable, str(CHILD)], stdout=out, check=True, env=environment(given.folder))
    argv = [ripgrep, "-c", "-a", "--no-config", "--no-unicode", "-j1", *_LIMITS, "-f", str(expressions), str(file)]
    peer = Command("ripgrep", argv)
    pairs = list(turns(ours, peer, given.count(5), given.folder))
    counts = {(int(a.out or 0), int(b.out or 0)) for a, b in pairs}
    wrong = codes(pairs, 0) or "".join(f"we count {a} lines, ripgrep {b}" for a, b in counts if a != b)
    return summed("scan", ours, peer, pairs, most_ratio=MOST, wrong=wrong)
