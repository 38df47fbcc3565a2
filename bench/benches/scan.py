"""`whyred read` of 1 GiB against ripgrep with the library's own expressions: the whole program, masking on."""

from bench import ripgrep
from bench.measure import Command, Given, Result, Skipped, whyred

MOST, MOST_MIB = 1 / 2.5, 60.0
"""At least 2.5 times as fast; at most 60 MiB."""


def bench(given: Given) -> Result | Skipped:
    """One log that is one file."""
    return ripgrep.contest("scan", given, ours, "scan", most=MOST, most_mib=MOST_MIB)


def ours(file: str) -> Command:
    """Our side."""
    return whyred("read", file, "--json")
