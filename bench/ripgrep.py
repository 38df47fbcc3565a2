"""The peer of the scan benches: ripgrep with the library's own expressions, one thread.

With hundreds of expressions it reads some MiB a second: on the large inputs it would take an hour. There it reads the
small one, which is the same part of a log fewer times over, and its time per byte is reckoned up; what it takes to
compile the expressions counts once. The result says so.
"""

import shutil
import statistics
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from bench.inputs import RECIPES, make
from bench.measure import Command, Given, Result, Skipped, Taken, codes, environment, run, summed, turns

CHILD = Path(__file__).resolve().parent / "count_lines.py"
_LIMITS = ("--regex-size-limit=4G", "--dfa-size-limit=4G")
_SMALL = "scan-small"
_STARTS = 3


def contest(
    name: str,
    given: Given,
    ours: Callable[[str], Command],
    large: str,
    *,
    most: float,
    most_mib: float | None = None,
    zstd: bool = False,
) -> Result | Skipped:
    """`ours`, given a file, reads the input called `large`; ripgrep counts the lines of the small one on which any
    expression matches. Which lines these are is compared once, outside the clock.
    """
    ripgrep = shutil.which("rg")
    if ripgrep is None:
        return Skipped(name, "ripgrep is not installed here (apt-get install ripgrep)")
    expressions = given.folder / "expressions.txt"
    with expressions.open("wb") as out:
        subprocess.run([sys.executable, str(CHILD)], stdout=out, check=True, env=environment(given.folder))
    base = [ripgrep, "-c", "-a", "--no-config", "--no-unicode", "-j1", *(["-z"] if zstd else []), *_LIMITS]
    base += ["-f", str(expressions)]
    small, kept = make(_SMALL, given.folder), packed if zstd else Path
    own, peer = ours(str(kept(make(large, given.folder)))), Command("ripgrep -j1", [*base, str(kept(small))])
    pairs = list(turns(own, peer, given.count(5), given.folder))
    wrong = codes(pairs, 1) or _other_lines(given, small, [b for _, b in pairs])
    times = RECIPES[large][1] // RECIPES[_SMALL][1]
    if times > 1:
        start = _start([*base, "/dev/null"], given.folder)
        pairs = [(a, replace(b, seconds=reckoned(b.seconds, start, times))) for a, b in pairs]
    note = f"ripgrep read 1/{times} of it; its time per byte is reckoned up" if times > 1 else ""
    return summed(name, own, peer, pairs, most_ratio=most, most_mib=most_mib, wrong=wrong, note=note)


def reckoned(seconds: float, start: float, times: int) -> float:
    """The seconds that `times` as many bytes would take, of which `start` seconds are spent before the first byte."""
    return start + max(seconds - start, 0.0) * times


def packed(plain: Path) -> Path:
    """The file compressed by zstd at level 3, as logs are kept; made where it is missing."""
    file = plain.with_name(f"{plain.name}.zst")
    if not file.exists():
        subprocess.run(["zstd", "-3", "-q", str(plain), "-o", str(file)], check=True)
    return file


def _start(argv: Sequence[str], folder: Path) -> float:
    environ = environment(folder)
    return statistics.median(run(Command("start", argv), environ).seconds for _ in range(_STARTS))


def _other_lines(given: Given, plain: Path, peers: Sequence[Taken]) -> str:
    """What is wrong with the lines that were counted."""
    own = run(Command("count", [sys.executable, str(CHILD), str(plain)]), environment(given.folder))
    counted = {int(own.out or 0), *(int(b.out or 0) for b in peers)}
    return "" if len(counted) == 1 else f"the lines counted differ: {sorted(counted)}"
