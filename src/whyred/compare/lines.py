"""Which lines of a failing attempt no green one had: the keys of a green log, and the new lines of the other.

A line is new when its key is in no green attempt at all. Of a line with the error scan on it, the key alone is not
enough: `exit code 1` has the key of `exit code 0`. It is new, too, when no green attempt had an error of that key
there.

Flat in memory: a digest for every different line, up to `MOST_KEYS`; the first and last new lines with what is around
them. Of both, others are counted.
"""

from bisect import bisect_right
from collections import deque
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from whyred.compare.keys import SIZE, Digests, Keys, rows, texts
from whyred.logs.blocks import Block
from whyred.logs.shown import STAMP
from whyred.logs.text import LONG, clean, last_state
from whyred.model.failure import Failure, Line, Reading, Section
from whyred.model.novelty import Baseline, NewLine, Sort
from whyred.model.pattern import Role

MOST_KEYS = 1 << 19
"""Different lines of one log that are kept: 4 MiB stored, about 60 MiB while they are gathered."""
AROUND = 3
"""Lines shown before and after a new one."""
_FIRST, _LAST = 1000, 1000
"""New lines that are kept from the beginning of a log, and from its end."""
_AGAIN = 8
"""Repeats of a new line whose numbers are kept, from the first on and from the last back."""
_SHORT = 512
"""Bytes kept of a line around."""
_TELLING = ("code", "signal", "errno")
"""Captures whose numbers say what happened."""
_NEAR = 40
"""Lines before the end of the failing step that are near it."""


class Said:
    """Gathers what one log says: `feed` it masked blocks, then take `keys`."""

    def __init__(self, digests: Digests) -> None:
        self._keys = Keys(digests)
        self._all: set[bytes] = set()
        self.whole = True

    def feed(self, block: Block) -> None:
        """Takes one block into account."""
        if not self.whole:
            return
        self._all.update(self._keys.fresh(set(rows_of(block)[1])).digests.values())
        self._keys.forget()
        self.whole = len(self._all) <= MOST_KEYS

    def keys(self) -> bytes:
        """The digests, in order."""
        return b"".join(sorted(self._all))


def rows_of(block: Block) -> tuple[int, list[bytes]]:
    """The rows of a block and the number of the first. What goes on with an endless line is no row."""
    found = rows(block.plain)
    return (block.first, found) if block.starts else (block.first + 1, found[1:])


def unpacked(joined: bytes) -> frozenset[bytes]:
    """The digests of a baseline as a set."""
    return frozenset(joined[at : at + SIZE] for at in range(0, len(joined), SIZE))


def hit_texts(reading: Reading) -> dict[int, bytes]:
    """Of the lines on which the error scan hit: the key's text with the numbers that say what happened."""
    benign = {hit.line for hit in reading.hits if hit.pattern.role is Role.BENIGN}
    said = [h for h in reading.hits if h.pattern.role in (Role.ERROR, Role.CONSEQUENCE) and h.line not in benign]
    numbers = dict.fromkeys(h.line for h in said if h.line in reading.window)
    told = {n: set[str]() for n in numbers}
    for hit in said:
        if hit.line in told:
            told[hit.line].update(f"{k}={hit.captures[k]}" for k in _TELLING if k in hit.captures)
    given = [reading.window[n].replace("\n", " ").encode("utf-8", "surrogatepass") for n in numbers]
    keys = texts(rows(b"\n".join(given))) if given else []
    return {n: b"\0".join([key, *(t.encode() for t in sorted(told[n]))]) for n, key in zip(numbers, keys, strict=True)}


def hit_keys(reading: Reading, digests: Digests) -> bytes:
    """The digests of these, in order."""
    return b"".join(sorted({digests(text) for text in hit_texts(reading).values()}))


def familiar(reading: Reading, baselines: Sequence[Baseline], digests: Digests) -> frozenset[int]:
    """The numbers of those lines with the error scan on them that a green attempt said as well."""
    known = frozenset[bytes]().union(*(unpacked(b.hits) for b in baselines))
    return frozenset(n for n, text in hit_texts(reading).items() if digests(text) in known)


@dataclass(slots=True)
class _Found:
    """A new line while the log is read: where, and what it and those around it are."""

    number: int
    text: bytes
    around: dict[int, bytes]
    wants: int
    """The number of the last line around it that is still to come."""
    count: int = 1
    first: list[int] = field(default_factory=list)
    last: deque[int] = field(default_factory=lambda: deque(maxlen=_AGAIN))


class New:
    """Finds the lines of one log that are in no baseline: `feed` it masked blocks in order, then take `lines`."""

    def __init__(self, baselines: Sequence[Baseline], digests: Digests) -> None:
        self._keys, self._digests = Keys(digests), digests
        empty = digests(b"")
        self._known = frozenset([empty]).union(*(unpacked(b.keys) for b in baselines))
        self._errors = frozenset[bytes]().union(*(unpacked(b.hits) for b in baselines))
        self._texts: dict[bytes, bytes] = {}
        self._rows: dict[bytes, bytes] = {}
        """Of the new lines that the keys remember: what the first regex made of them, and the rows -> digest."""
        self._found: dict[tuple[bytes, int], _Found] = {}
        self._late: deque[tuple[bytes, int]] = deque()
        self._open: list[_Found] = []
        self._tail: list[tuple[int, bytes]] = []
        """The last lines before the block, with their numbers."""
        self._section = 0
        self.different = 0
        """New lines of all steps, those that were not kept included."""

    def feed(self, block: Block, begun: Sequence[int] = ()) -> None:
        """Takes one block into account. `begun`: the numbers of those of its lines with which a step begins."""
        if not block.plain:
            self._section += len(begun)
            return
        first, found = rows_of(block)
        unique = set(found)
        fresh = self._keys.fresh(unique)
        self._texts.update((text, d) for text, d in fresh.digests.items() if d not in self._known)
        if self._texts:
            pairs = zip(fresh.rows, fresh.first, strict=True)
            self._rows.update((row, self._texts[text]) for row, text in pairs if text in self._texts)
        wanted = self._rows.keys() & unique
        if wanted or self._open:
            self._look(block, first, found, wanted, begun)
        self._section += len(begun)
        self._tail = [*self._tail, *_last_rows(block.plain, first + len(found) - 1)][-AROUND:]
        if self._keys.forget():
            self._texts.clear()
            self._rows.clear()

    def _look(
        self, block: Block, first: int, found: list[bytes], wanted: Collection[bytes], begun: Sequence[int]
    ) -> None:
        plain = block.plain.removesuffix(b"\n").split(b"\n")
        plain = plain if block.starts else plain[1:]
        for late in self._open:
            for n in range(max(first, late.number + 1), late.wants + 1):
                if n - first < len(plain):
                    late.around[n] = plain[n - first][:_SHORT]
        end = first + len(plain) - 1
        self._open = [late for late in self._open if late.wants >= end]
        places = [at for at, row in enumerate(found) if row in wanted]
        # Of a flood only the last can stay: the others are counted, and no more.
        flood = len(places) - _LAST if len(self._found) > _FIRST else 0
        for nth, at in enumerate(places):
            key = self._rows[found[at]], self._section + bisect_right(begun, first + at)
            known = self._found.get(key)
            if known is not None:
                known.count += 1
                (known.first if len(known.first) < _AGAIN else known.last).append(first + at)
                continue
            self.different += 1
            if nth >= flood:
                self._keep(key, first, plain, at)

    def _keep(self, key: tuple[bytes, int], first: int, plain: list[bytes], at: int) -> None:
        number = first + at
        around = {first + i: plain[i][:_SHORT] for i in range(max(0, at - AROUND), at)}
        around.update((n, row) for n, row in self._tail if n >= number - AROUND)
        around.update((first + i, plain[i][:_SHORT]) for i in range(at + 1, min(at + 1 + AROUND, len(plain))))
        one = _Found(number, plain[at][: 4 * LONG], around, number + AROUND)
        self._found[key] = one
        if at + AROUND >= len(plain) - 1:
            self._open.append(one)
        if len(self._found) > _FIRST:
            self._late.append(key)
            if len(self._late) > _LAST:
                self._found.pop(self._late.popleft(), None)

    def lines(self, reading: Reading, failures: Sequence[Failure], failing: Section | None) -> tuple[NewLine, ...]:
        """The new lines, the most telling first. `failures`: what was matched in the log, best first; `failing`: the
        step that failed.
        """
        patterns = {h.line: h.pattern.id for h in reading.hits if h.pattern.role in (Role.ERROR, Role.CONSEQUENCE)}
        lines = [_line(one, reading, patterns) for one in self._found.values()]
        listed = {n for line in lines for n in (line.number, *line.again)}
        lines += self._errors_here(reading, patterns, listed)
        order = _Order(reading, failures, failing, patterns)
        return tuple(sorted(lines, key=order.place))

    def _errors_here(self, reading: Reading, patterns: Mapping[int, str], listed: set[int]) -> Iterable[NewLine]:
        """Errors that are not among the lines that were kept, and that no green attempt had as errors."""
        taken: set[tuple[bytes, str | None]] = set()
        for number, text in hit_texts(reading).items():
            step = _step(reading, number)
            if number in listed or self._digests(text) in self._errors or (text, step) in taken:
                continue
            taken.add((text, step))
            there = self._digests(text.partition(b"\0")[0]) in self._known  # else it was one of a flood
            self.different += there
            around = range(number - AROUND, number + AROUND + 1)
            yield NewLine(
                number,
                reading.window[number],
                step,
                pattern=patterns.get(number),
                sort=Sort.OTHER_NUMBERS if there else Sort.NEW,
                around=tuple(Line(n, reading.window[n]) for n in around if n != number and n in reading.window),
            )


def _last_rows(plain: bytes, after: int) -> list[tuple[int, bytes]]:
    """The last whole lines of a block, with their numbers. `after`: the number of what follows its last line feed."""
    at = plain.rfind(b"\n")
    for _ in range(AROUND):
        at = plain.rfind(b"\n", 0, max(at, 0))
    ended = plain[at + 1 :].split(b"\n")[:-1]
    return [(after - len(ended) + i, row[:_SHORT]) for i, row in enumerate(ended)]


def shown(row: bytes) -> str:
    """A line for people, without the time before it."""
    match = STAMP.match(b"\n" + row)
    return clean(last_state(row[match.end() - 1 :] if match else row))


def _line(one: _Found, reading: Reading, patterns: Mapping[int, str]) -> NewLine:
    again = (*one.first, *one.last)
    pattern = next((patterns[n] for n in (one.number, *again) if n in patterns), None)
    around = tuple(Line(n, shown(one.around[n])) for n in sorted(one.around))
    return NewLine(one.number, shown(one.text), _step(reading, one.number), one.count, again, pattern, around=around)


def _section(reading: Reading, number: int) -> Section | None:
    at = bisect_right(reading.sections, number, key=lambda s: s.first) - 1
    return reading.sections[at] if at >= 0 and number <= reading.sections[at].last else None


def _step(reading: Reading, number: int) -> str | None:
    section = _section(reading, number)
    return (section.name or None) if section else None


@dataclass(frozen=True)
class _Order:
    """In which order new lines are listed: what states a failure; other errors where it failed; what stands before the
    end of what failed; errors elsewhere; the rest, from the end.
    """

    reading: Reading
    failures: Sequence[Failure]
    failing: Section | None
    patterns: Mapping[int, str]

    def place(self, line: NewLine) -> tuple[int, int, int]:
        """A sort key."""
        numbers = (line.number, *line.again)
        for at, failure in enumerate(self.failures):
            for first, last in failure.spans:
                inside = [n for n in numbers if first <= n <= last]
                if inside:
                    return 0, at, min(inside)
        end = self._end()
        first = self.failing.first if self.failing else 1
        here = [n for n in numbers if first <= n <= end]
        if line.pattern is not None and here:
            return 1, 0, here[0]
        if any(n > end - _NEAR for n in here):
            return 2, 0, here[-1]
        return (3 if line.pattern is not None else 4), 0, -line.number

    def _end(self) -> int:
        if self.failing is None:
            return self.reading.lines
        return self.failing.ended or self.failing.last
