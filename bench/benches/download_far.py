"""The same 500 logs from a server that begins to answer 20 ms later, against `curl -Z --parallel-max 4`."""

from bench.benches.download import contest
from bench.measure import Given, Result, Skipped

MOST = 1 / 0.85
"""At least 0.85 of curl's throughput."""


def bench(given: Given) -> Result | Skipped:
    """Whoever works while it could wait for the server loses here."""
    return contest("download-far", given, far=True, most=MOST)
