"""Lines that every green attempt has and the failing one lacks: what did not come to pass any more."""

from collections.abc import Sequence

from whyred.compare.keys import Digests, Keys
from whyred.compare.lines import rows_of, shown, unpacked
from whyred.logs.blocks import Block
from whyred.model.failure import Line
from whyred.model.novelty import Baseline

MOST = 200
"""Lines that are named."""


class Gone:
    """Finds them in one green log: `feed` it masked blocks in order, then take `lines`."""

    def __init__(self, baselines: Sequence[Baseline], said: bytes, digests: Digests) -> None:
        self._keys = Keys(digests)
        every = [unpacked(baseline.keys) for baseline in baselines]
        empty = digests(b"")
        self._gone = set(every[0].intersection(*every[1:])) - unpacked(said) - {empty} if every else set()
        self._lines: list[Line] = []

    def feed(self, block: Block) -> None:
        """Takes one block into account."""
        if not self._gone or len(self._lines) >= MOST:
            return
        first, rows = rows_of(block)
        told = self._keys.digests(list(set(rows)))
        wanted = {row for row, digest in told.items() if digest in self._gone}
        if wanted:
            plain = block.plain.split(b"\n")[0 if block.starts else 1 :]
            for at, row in enumerate(rows):
                if row in wanted and told[row] in self._gone and len(self._lines) < MOST:
                    self._gone.discard(told[row])
                    self._lines.append(Line(first + at, shown(plain[at])))

    def lines(self) -> tuple[Line, ...]:
        """Each of them once, in the order of the log."""
        return tuple(self._lines)
