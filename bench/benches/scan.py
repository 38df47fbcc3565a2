"""`whyred read` of 1 GiB against ripgrep with the library's own expressions: the whole program, masking on."""

from bench import ripgrep
from bench.inputs import make
from bench.measure import Given, Result, Skipped, whyred

MOST, MOST_MIB = 1 / 2.5, 60.0
"""At least 2.5 times as fast; at most 60 MiB."""


def bench(given: Given) -> Result | Skipped:
    """One log that is one file."""
    file = make("scan", given.folder)
    return ripgrep.contest("scan", given, whyred("read", str(file), "--json"), file, most=MOST, most_mib=MOST_MIB)
