"""Which part of a log is meant: its steps by number or name, or its last lines."""

import sys
from collections import deque
from dataclasses import dataclass, field

from whyred.app.resolve import RED
from whyred.model.run import Attempt, numbered
from whyred.model.trouble import UserError


def wanted_steps(attempt: Attempt, step: str | None, *, failed: bool) -> frozenset[int | str] | None:
    """The wanted steps, by number or name; None for all, or where no route tells the steps. Raises UserError."""
    names = numbered(attempt.steps)
    if not names or (step is None and not failed):
        return None
    if step is not None:
        return frozenset({names[wanted_step(step, attempt)]})
    red = [(name, one) for name, one in zip(names, attempt.steps, strict=True) if one.conclusion in RED]
    own = frozenset(name for name, one in red if not one.aside)
    return own or frozenset(name for name, _ in red) or None


def wanted_step(wanted: str, attempt: Attempt) -> int:
    """The place of the step of this number or name. Raises UserError."""
    numbers = numbered(attempt.steps)
    if wanted.isdecimal() and int(wanted) in numbers:
        return numbers.index(int(wanted))
    names = [s.name for s in attempt.steps]
    hits = [i for i, name in enumerate(names) if name.lower() == wanted.lower()]
    hits = hits or [i for i, name in enumerate(names) if name.lower().startswith(wanted.lower())]
    if len(hits) != 1:
        told = ", ".join(n if n == name else f"{n} {name}" for n, name in zip(numbers, names, strict=True))
        raise UserError(f"no one step is {wanted!r}", f"the steps are: {told}", "Name one by number or name")
    return hits[0]


@dataclass
class Last:
    """The last lines of a text that comes in pieces; a bare CR ends none. The pieces of a line stay apart until it is
    shown: an endless one that grew by each of them would be copied as often.
    """

    most: int
    count: int = 0
    lines: deque[list[bytes]] = field(init=False)
    _open: bool = field(default=False, init=False)
    """Whether the last line goes on with the next piece."""

    def __post_init__(self) -> None:
        self.lines = deque(maxlen=min(self.most, sys.maxsize))

    def take(self, text: bytes) -> None:
        """The next piece."""
        rows = [row + b"\n" for row in text.split(b"\n")]
        rows[-1] = rows[-1][:-1]
        if not rows[-1]:
            rows.pop()
        if not rows:
            return
        ends = rows[-1].endswith(b"\n")
        if self._open:
            first = rows.pop(0)
            if self.lines:
                self.lines[-1].append(first)
        self.lines.extend([row] for row in rows)
        self.count += len(rows)
        self._open = not ends

    @property
    def text(self) -> bytes:
        """These lines."""
        return b"".join(piece for line in self.lines for piece in line)
