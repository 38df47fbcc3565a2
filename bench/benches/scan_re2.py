"""`whyred read` of 64 MiB where hyperscan cannot be had, by google-re2, against ripgrep with the same expressions."""

import sys

from bench import ripgrep
from bench.measure import Command, Given, Result, Skipped

MOST = 1 / 0.8
"""At least 0.8 times as fast: what is left where no wheel exists."""
_WITHOUT = "import sys; sys.modules['hyperscan'] = None; from whyred.faces.cli.main import main; sys.exit(main())"


def bench(given: Given) -> Result | Skipped:
    """The import of hyperscan fails as it does where it is not installed."""
    return ripgrep.contest("scan-re2", given, _ours, "scan-small", most=MOST)


def _ours(file: str) -> Command:
    return Command("whyred read, google-re2", [sys.executable, "-c", _WITHOUT, "read", file, "--json"])
