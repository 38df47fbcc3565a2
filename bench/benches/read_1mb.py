"""`whyred read` of a log of one MiB against `whyred --help`."""

from bench.inputs import make
from bench.measure import Given, Result, codes, summed, turns, whyred

MOST = 3.0


def bench(given: Given) -> Result:
    """What reading costs beyond starting, with a warm library."""
    ours, peer = whyred("read", str(make("one-mib", given.folder))), whyred("--help")
    pairs = list(turns(ours, peer, given.count(15), given.folder))
    wrong = codes(pairs, 1) or ("" if b"error[E0308]" in pairs[0][0].out else "the planted error was not found")
    return summed("read-1mb", ours, peer, pairs, most_ratio=MOST, wrong=wrong)
