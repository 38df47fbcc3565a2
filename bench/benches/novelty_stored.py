"""The same as `novelty` once the baselines are kept: only the failing log is read."""

from bench.contest import contest
from bench.measure import Given, Result

MOST = 0.2
MOST_MIB = 200.0


def bench(given: Given) -> Result:
    """Against the plain way, which reads all three each time."""
    return contest("novelty-stored", given, stored=True, most_ratio=MOST, most_mib=MOST_MIB)
