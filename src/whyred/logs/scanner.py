"""`Scanner`: the pattern library and the formats' marks as one compiled set; tells what each line matches."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from whyred.logs.blocks import line_at
from whyred.logs.engines import Engine, Hyperscan, Nothing, Places, Re2
from whyred.logs.format import Format, Mark, most_likely
from whyred.model.pattern import Pattern, Role

_LF = 10


@dataclass(frozen=True, slots=True)
class Place:
    """A line with something on it: offset of its first byte and after its last, and the expressions' indexes."""

    start: int
    end: int
    indexes: tuple[int, ...]


class Scanner:
    """Compiled once for a library; scans any number of logs. `engines`: those of its parts that a cache has (see
    `Engine.dump`).
    """

    PARTS = ("units", "benign", "signs")
    """What is compiled: the marks and patterns that are scanned for; the patterns that are asked only where one of
    those is; the signs of the formats."""

    def __init__(
        self, patterns: Sequence[Pattern], formats: Sequence[Format], engines: Mapping[str, Engine] | None = None
    ) -> None:
        self.formats = tuple(formats)
        self._signs = tuple(dict.fromkeys(sign for f in formats for sign in f.signs))
        marks = dict.fromkeys(m for f in formats for m in f.marks)
        # Benign lines are common (`0 errors`, `... ok`) and count only where something else matched: not scanned for.
        scanned = [p for p in patterns if p.role is not Role.BENIGN]
        benign = [p for p in patterns if p.role is Role.BENIGN]
        self.units: tuple[Pattern | Mark, ...] = (*marks, *scanned, *benign)
        self._scanned = len(self.units) - len(benign)
        self._regexes: list[re.Pattern[bytes] | None] = [None] * len(self.units)
        self.engines = dict(engines or {})
        for part in self.PARTS:
            if part not in self.engines:
                self.engines[part] = self._compiled(part)

    def _compiled(self, part: str) -> Engine:
        if part == "signs":
            return fastest(self._signs)
        units = self.units[: self._scanned] if part == "units" else self.units[self._scanned :]
        return compile_engine([u.regex for u in units])

    @property
    def engine(self) -> Engine:
        """What finds the units."""
        return self.engines["units"]

    def format_of(self, sample: bytes) -> Format:
        """The format of a log by its beginning."""
        seen = self.engines["signs"].scan(sample)
        return most_likely(self.formats, {self._signs[index] for _, index in seen})

    def places(self, data: bytes, found: Places | None = None) -> Iterator[Place]:
        """The lines of `data` on which an expression may match, in order. `found`: what the engine found in it, where
        that is known already."""
        start, end, indexes = 0, -1, set[int]()
        for at, index in sorted(self.engine.scan(data) if found is None else found):
            last = max(at - 1, 0)
            # A match may take the line feed at the line's end: it is still this line's.
            if last > end or (last == end and data[end] != _LF):
                if indexes:
                    yield Place(start, end, tuple(sorted(indexes)))
                    indexes.clear()
                start, end = line_at(data, last)
            indexes.add(index)
        if indexes:
            yield Place(start, end, tuple(sorted(indexes)))

    def confirm(self, index: int, text: bytes) -> re.Match[bytes] | None:
        """The match of one unit's own regex in the clean text of a line."""
        regex = self._regexes[index]
        if regex is None:
            regex = self._regexes[index] = re.compile(self.units[index].regex.encode())
        return regex.search(text)

    def benign(self, row: bytes) -> list[int]:
        """The benign patterns that may match a line on which something else did."""
        return sorted({self._scanned + index for _, index in self.engines["benign"].scan(row)})


def compile_engine(regexes: Sequence[str]) -> Engine:
    """The fastest engine that is installed, for these regexes."""
    from whyred.logs.expression import expression  # with a warm cache nothing is compiled

    return fastest([expression(r) for r in regexes])


def fastest(expressions: Sequence[bytes]) -> Engine:
    """The fastest engine that is installed, for these expressions as they stand."""
    if not expressions:
        return Nothing()
    try:
        return Hyperscan.compile(expressions)
    except ImportError:
        return Re2(expressions)
