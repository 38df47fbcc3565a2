"""Rows of a running attempt by the test's own clock: one at a time, or one every so often while a client follows.

player = Player(scenarios.running(repo).jobs[0].attempts[0], ticks(60))
player.tick(3)                    # three rows now
with player.playing(every=0.05):  # the others by themselves; after the last one the attempt ends
    ...
"""

import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from standin.scenarios import close, opening
from standin.world import Attempt, Status

Script = Iterable[tuple[int | None, str]]
"""The step (from 0; None: set up) and the text of each row."""


def ticks(count: int) -> list[tuple[int | None, str]]:
    """The script of the recorded long run: a quick step, `count` rows in the second one, one more after it."""
    middle: list[tuple[int | None, str]] = [(1, f"tick {number}") for number in range(1, count + 1)]
    return [(0, "quick done"), *middle, (2, "after")]


class Player:
    """Plays a script into an attempt."""

    def __init__(self, attempt: Attempt, script: Script, end: Status = Status.SUCCESS) -> None:
        before: list[tuple[int | None, str]] = [(None, text) for text in opening(attempt)]
        self.attempt, self._left, self._end = attempt, iter([*before, *script]), end
        self.over = threading.Event()
        """Set once the attempt has ended."""

    def tick(self, count: int = 1) -> None:
        """The next rows; when none are left, the end."""
        for _ in range(count):
            following = next(self._left, None)
            if following is None:
                self._close()
                return
            step, text = following
            self.attempt.row(text, step)

    def finish(self) -> None:
        """All rows that are left, and the end."""
        while not self.over.is_set():
            self.tick()

    def _close(self) -> None:
        if not self.over.is_set():
            for number, step in enumerate(self.attempt.steps):
                if not step.status.done:
                    self.attempt.end_step(number)
            close(self.attempt, self._end)
            self.over.set()

    @contextmanager
    def playing(self, every: float) -> Iterator[None]:
        """A row every so many seconds while inside; leaving stops it where it is."""
        stop = threading.Event()

        def play() -> None:
            while not self.over.is_set() and not stop.wait(every):
                self.tick()

        thread = threading.Thread(target=play, daemon=True)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()
