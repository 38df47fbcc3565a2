"""`whyred read` of 1 GiB that lies compressed by zstd on the disk against `rg -z` with the same expressions."""

import shutil

from bench import ripgrep
from bench.benches.scan import ours
from bench.measure import Given, Result, Skipped

MOST, MOST_MIB = 1 / 1.2, 60.0
"""At least 1.2 times as fast; at most 60 MiB."""


def bench(given: Given) -> Result | Skipped:
    """Level 3, as logs are kept."""
    if shutil.which("zstd") is None:
        return Skipped("scan-zstd", "zstd, which `rg -z` calls, is not installed here (apt-get install zstd)")
    return ripgrep.contest("scan-zstd", given, ours, "scan", most=MOST, most_mib=MOST_MIB, zstd=True)
