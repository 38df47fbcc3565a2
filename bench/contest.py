"""What both benches of novelty share: the two sides, and what counts as found, as noise and as wrong."""

import json
import sys
from pathlib import Path

from bench.inputs import make
from bench.measure import Command, Given, Result, Taken, codes, environment, run, summed, turns, whyred
from bench.novelty_logs import HARMLESS, PLANTED, TWINS

PLAIN = Path(__file__).resolve().parent / "plain_novelty.py"
NOISE = 2 / 10_000
"""Lines that may be listed and are neither planted nor harmless and new, of all lines."""
_ENDS = ("##[error]Process completed with exit code 1.",)
"""What the failing log has as well, and is no noise."""


def contest(name: str, given: Given, *, stored: bool, most_ratio: float, most_mib: float) -> Result:
    """Our side and the peer in turns; the note tells what both found, and how fast."""
    logs = [str(make(log, given.folder)) for log in ("red", "green-1", "green-2")]
    ours = whyred("compare", *logs, "--json", *([] if stored else ["--no-store"]))
    peer = Command("seven regexes + set", [sys.executable, str(PLAIN), *logs])
    run(ours, environment(given.folder))  # compiles the library and, where they are stored, makes the baselines
    pairs = list(turns(ours, peer, given.count(5), given.folder))
    data = json.loads(pairs[0][0].out)
    wrong = codes(pairs, 1) or judged(data) or ("the green logs were read again" if stored and read_again(data) else "")
    size = sum(Path(log).stat().st_size for log in logs)
    us, them = (speed(size, [pair[side] for pair in pairs]) for side in (0, 1))
    note = f"{quality(listed(data))}, {us}, against {quality(plain(pairs[0][1].out))}, {them}"
    return summed(name, ours, peer, pairs, most_ratio=most_ratio, most_mib=most_mib, wrong=wrong, note=note)


def listed(data: dict[str, list[dict[str, str]]]) -> list[str]:
    """The texts that we list."""
    return [line["text"] for line in data["lines"]]


def plain(out: bytes) -> list[str]:
    """The texts that the peer lists, without number and time."""
    return [line.partition(" ")[2].partition(" ")[2] for line in out.decode().splitlines()]


def missing(texts: list[str]) -> list[str]:
    """Planted lines without a twin that are not listed."""
    return [line for line in PLANTED if line not in TWINS and line not in texts]


def noise(texts: list[str]) -> list[str]:
    """Listed lines that nobody planted."""
    return [text for text in texts if text not in (*PLANTED, *HARMLESS, *_ENDS)]


def quality(texts: list[str]) -> str:
    """How many planted lines are found, and how many others are listed."""
    return f"{sum(line in texts for line in PLANTED)} of {len(PLANTED)} found, noise {len(noise(texts))}"


def speed(size: int, runs: list[Taken]) -> str:
    """Bytes of all logs by the median wall time."""
    seconds = sorted(taken.seconds for taken in runs)[len(runs) // 2]
    return f"{size / seconds / 1e6:.0f} MB/s"


def judged(data: dict[str, object]) -> str:
    """What is wrong with what we list."""
    lines = data["lines"]
    assert isinstance(lines, list)
    texts, total = [line["text"] for line in lines], data["log_lines"]
    assert isinstance(total, int)
    if lost := missing(texts):
        return f"{len(lost)} planted lines are missing, as {lost[0]!r}"
    if len(noise(texts)) > NOISE * total:
        return f"{len(noise(texts))} lines of noise, as {noise(texts)[0]!r}"
    return ""


def read_again(data: dict[str, list[dict[str, bool]]]) -> bool:
    """Whether a green log was read although its baseline is kept."""
    return not all(green["stored"] for green in data["green"])
