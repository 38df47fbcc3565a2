"""`whyred read` of 1 GiB that lies compressed by zstd on the disk against `rg -z` with the same expressions."""

import shutil
import subprocess

from bench import ripgrep
from bench.inputs import make
from bench.measure import Given, Result, Skipped, whyred

MOST, MOST_MIB = 1 / 1.2, 60.0
"""At least 1.2 times as fast; at most 60 MiB."""


def bench(given: Given) -> Result | Skipped:
    """Level 3, as logs are kept."""
    if shutil.which("zstd") is None:
        return Skipped("scan-zstd", "zstd, which `rg -z` calls, is not installed here (apt-get install zstd)")
    plain = make("scan", given.folder)
    packed = plain.with_name(f"{plain.name}.zst")
    if not packed.exists():
        subprocess.run(["zstd", "-3", "-q", str(plain), "-o", str(packed)], check=True)
    ours = whyred("read", str(packed), "--json")
    return ripgrep.contest("scan-zstd", given, ours, packed, most=MOST, most_mib=MOST_MIB, options="-z")
