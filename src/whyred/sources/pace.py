"""How fast a growing log is asked for: often while lines come, seldom while none does, and how long a silent server is
waited for.
"""

from collections.abc import Callable

QUICK, SLOW = 0.5, 1.8
"""Seconds between two questions: while lines come, and at most: a line is seen within two seconds."""
LATE = 1.2
"""Seconds after the end of a job within which its last rows arrive (reference, section 10)."""
PATIENCE = 600.0
"""Seconds without an answer after which a server that was restarted counts as gone."""


class Pace:
    """Call `moved` when something new came, `idle` between two questions."""

    def __init__(self, sleep: Callable[[float], None], clock: Callable[[], float]) -> None:
        self._sleep, self._clock = sleep, clock
        self._pause = QUICK
        self._answered = clock()

    def moved(self) -> None:
        """Something new came."""
        self._pause = QUICK
        self.answered()

    def answered(self) -> None:
        """The server answers, be it that there is nothing new."""
        self._answered = self._clock()

    def idle(self) -> None:
        """Waits for the next question, each time a little longer."""
        self._sleep(self._pause)
        self._pause = min(SLOW, self._pause * 1.3)

    def late(self) -> None:
        """Waits for the rows that come after the end."""
        self._sleep(LATE)

    @property
    def patient(self) -> bool:
        """Whether a server that does not answer is waited for still."""
        return self._clock() - self._answered < PATIENCE
