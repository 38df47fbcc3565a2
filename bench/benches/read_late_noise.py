"""`whyred read` of 121,000 lines with the error at 60 % and 1,200 loud lines after the job, against `wc -l`."""

import json

from bench.inputs import LATE_ERROR, make
from bench.measure import Command, Given, Result, codes, summed, turns, whyred


def bench(given: Given) -> Result:
    """The right line is the goal; time and memory are told."""
    file = str(make("late-noise", given.folder))
    ours, peer = whyred("read", file, "--json"), Command("wc -l", ["wc", "-l", file])
    pairs = list(turns(ours, peer, given.count(7), given.folder))
    return summed("read-late-noise", ours, peer, pairs, wrong=codes(pairs, 1) or named(pairs[0][0].out, LATE_ERROR))


def named(out: bytes, line: int) -> str:
    """What is wrong with the line that is named first."""
    spans = json.loads(out)["error_lines"]
    return "" if spans and spans[0][0] == line else f"names {spans[:1]} first, not line {line}"
