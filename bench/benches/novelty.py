"""`whyred compare` of a log with two green ones, 500,000 lines each, against the plain way: seven regexes and a set."""

from bench.contest import contest
from bench.measure import Given, Result

MOST = 0.4
"""The plain way does 12 MB/s on the machine of the first measurements, and 30 are wanted: all three logs are read."""
MOST_MIB = 200.0


def bench(given: Given) -> Result:
    """Every planted line is to be found but those with a twin, and not more than 2 others in 10,000."""
    return contest("novelty", given, stored=False, most_ratio=MOST, most_mib=MOST_MIB)
