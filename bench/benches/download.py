"""500 logs of 1 MB from nginx on the loopback to files, masked on the way, against `curl -Z --parallel-max 4`."""

from bench.download import MissingToolError, serving
from bench.measure import Given, Result, Skipped, codes, summed, turns

MOST, MOST_MIB = 1 / 0.4, 76.0
"""At least 0.4 of the throughput of curl; at most 80 MB of memory."""


def bench(given: Given) -> Result | Skipped:
    """The whole program, start-up included."""
    return contest("download", given, far=False, most=MOST)


def contest(name: str, given: Given, *, far: bool, most: float) -> Result | Skipped:
    """Both sides in turns, each into an empty folder."""
    try:
        with serving(given, far=far) as forge:
            ours, peer = forge.whyred(), forge.curl()
            pairs = list(turns(ours, peer, given.count(7), given.folder, before=forge.clear))
            wrong = codes(pairs, 0) or forge.wrong()
    except MissingToolError as e:
        return Skipped(name, str(e))
    return summed(name, ours, peer, pairs, most_ratio=most, most_mib=MOST_MIB, wrong=wrong)
