"""What an answer may cost: the seconds and the bytes in which nothing useful comes.

A socket's own limit bounds only the time between two packets, and Python's reader of answers takes `100 Continue`,
trailers and the extensions of chunks for as long as they come (http.client): one byte a minute would be waited for, and
a flood read, for ever.
"""

import math
from collections.abc import Callable

from whyred.model.source import Missing

HEAD = 300 << 10
"""Bytes of an answer's status and headers, all of them together. Source: MAX_HTTP_RESP_HEADER_SIZE of curl."""
BARREN = 1 << 20
"""Bytes of a body that may come without one byte of content."""
SILENCE = 90.0
"""Seconds in which the head must have come, and then each next byte of content."""
SMALL = 120.0
"""Seconds for all of an answer that is read whole: a list, a page, a refusal. A log is never bounded so."""


class Overrun(Exception):  # noqa: N818 - it is no error of ours, and never leaves this room
    """An answer that costs more than it may; `reason` and `help` as in MissingLogError."""

    def __init__(self, reason: Missing, help_: str) -> None:
        super().__init__(help_)
        self.reason, self.help = reason, help_


class Meter:
    """Counts what one answer costs. `fed` is to be called whenever something useful came."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._left, self._what = HEAD, f"its headers have more than {HEAD >> 10} KiB"
        self._next = clock() + SILENCE
        self._end = math.inf

    def ends(self, at: float) -> None:
        """From this second on, by the clock, nothing more is read."""
        self._end = at

    def fed(self) -> None:
        """The head has come, or content, or it is asked for now."""
        self._left, self._what = BARREN, f"{BARREN >> 20} MiB of it held nothing"
        self._next = self._clock() + SILENCE

    def look(self) -> None:
        """Before more is read. Raises Overrun (unreachable): it has taken too long."""
        now = self._clock()
        if now > self._end:
            help_ = f"the answer had not come to its end after {SMALL:.0f} seconds: is the server overloaded?"
            raise Overrun(Missing.UNREACHABLE, f"{help_} Try again later")
        if now > self._next:
            help_ = f"nothing useful came in {SILENCE:.0f} seconds: is the server overloaded? Try again later"
            raise Overrun(Missing.UNREACHABLE, help_)

    def took(self, count: int) -> None:
        """So many bytes were read. Raises Overrun (refused-content): they are too many."""
        self._left -= count
        if self._left < 0:
            help_ = f"its answer is none that a forge gives: {self._what}. Check the URL's host and port"
            raise Overrun(Missing.REFUSED_CONTENT, help_)
