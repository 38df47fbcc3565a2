"""`whyred read` of 121,000 lines with the error at 60 % and 1,200 loud lines after the job, against ci-doctorr.

ci-doctorr is a program of PyPI for the same question (`pip install --pre ci-doctorr`). It is looked for on the PATH as
`ci-doctor`, and in a virtual environment that WHYRED_BENCH_CI_DOCTOR names the program of.
"""

import json
import os
import shutil

from bench.inputs import LATE_ERROR, make
from bench.measure import Command, Given, Result, Skipped, codes, summed, turns, whyred

MOST, MOST_MIB = 0.35, 64.0
"""At most 0.35 of its time; at most 64 MiB."""


def bench(given: Given) -> Result | Skipped:
    """The right line is the first goal."""
    program = os.environ.get("WHYRED_BENCH_CI_DOCTOR") or shutil.which("ci-doctor")
    if program is None:
        return Skipped("read-late-noise", "ci-doctorr is not installed here (pip install --pre ci-doctorr)")
    file = str(make("late-noise", given.folder))
    ours = whyred("read", file, "--json")
    # It writes a report into the folder that it is called in.
    peer = Command("ci-doctorr", ["env", "-C", str(given.folder), program, "analyze", file, "--format", "json"])
    pairs = list(turns(ours, peer, given.count(7), given.folder))
    wrong = codes(pairs, 1) or named(pairs[0][0].out, LATE_ERROR)
    return summed("read-late-noise", ours, peer, pairs, most_ratio=MOST, most_mib=MOST_MIB, wrong=wrong)


def named(out: bytes, line: int) -> str:
    """What is wrong with the line that is named first."""
    spans = json.loads(out)["error_lines"]
    return "" if spans and spans[0][0] == line else f"names {spans[:1]} first, not line {line}"
