"""Threads that do many alike things with a server, as many as pay: where it answers at once, more than two only stand
in each other's way; where it is far, those that wait for it must not be those that work.
"""

import threading
from collections.abc import Callable, Sequence
from queue import SimpleQueue
from time import monotonic
from types import TracebackType
from typing import Generic, Protocol, TypeVar

from whyred.sources.http import AT_ONCE

Task = TypeVar("Task", contravariant=True)
Done = TypeVar("Done", covariant=True)
T = TypeVar("T")
D = TypeVar("D")
_LEAST, _MOST = 2, AT_ONCE + 2
"""Threads: where the server answers at once, and where each answer is waited for."""
_PAUSE = 0.1
"""Seconds between two looks at what was done."""
_PATIENCE = 1.0
"""Seconds for which threads are waited for at the end, each to take its unfinished file away; they are not needed."""


class Work(Protocol[Task, Done]):
    """What is done in each thread. `stopped` is set when nobody wants more of it."""

    stopped: threading.Event

    def do(self, task: Task) -> tuple[float, Done]:
        """One task, and the seconds for which the server was waited for. What it raises ends all of it."""

    def close(self) -> None:
        """Everything has ended; what is unfinished is taken away."""


class _Handover:
    """Takes what a thread raises to the thread that waits for it, which raises it again."""

    def __init__(self, hand: Callable[[BaseException], None]) -> None:
        self._hand = hand

    def __enter__(self) -> None:
        return None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        if error is not None:
            self._hand(error)
        return True


class Crew(Generic[T, D]):
    """The threads, and what they bring: each thing that was done with its task's place."""

    def __init__(self, work: Work[T, D], tasks: Sequence[T]) -> None:
        self._work, self._tasks, self._lock = work, iter(enumerate(tasks)), threading.Lock()
        self._found: SimpleQueue[tuple[int, D] | BaseException] = SimpleQueue()
        self._over = threading.Event()
        self._threads: list[threading.Thread] = []
        self._busy = min(AT_ONCE, len(tasks))

    def start(self) -> None:
        """They begin."""
        for _ in range(self._busy):
            self._begin()
        if not self._threads:
            self._run()

    def _begin(self) -> None:
        # They are never waited for long: one may hang in a server that is silent for a minute.
        thread = threading.Thread(target=self._run, daemon=True)
        try:
            thread.start()
        except RuntimeError:
            self._left(0)  # this process may have no more threads: those that are there do it
        else:
            self._threads.append(thread)

    def _add(self) -> None:
        """One more, where it is not one too many."""
        with self._lock:
            if self._busy >= _MOST:
                return
            self._busy += 1
        self._begin()

    def _run(self) -> None:
        left = False
        with _Handover(self._hand):
            while not left and (task := self._next()) is not None:
                number, one = task
                begin = monotonic()
                waited, done = self._work.do(one)
                self._found.put((number, done))
                left = self._leaves(waited, monotonic() - begin - waited)
        if not left:
            self._left(0)

    def _next(self) -> tuple[int, T] | None:
        with self._lock:
            return None if self._work.stopped.is_set() else next(self._tasks, None)

    def _leaves(self, waited: float, worked: float) -> bool:
        """Whether this thread is one too many; or, where each waits far longer than it works, another one comes."""
        if waited < worked:
            return self._left(_LEAST)
        if waited > 2 * worked:
            self._add()
        return False

    def _left(self, least: int) -> bool:
        """One less, where more than so many are left."""
        with self._lock:
            if self._busy <= least:
                return False
            self._busy -= 1
            if not self._busy:
                self._over.set()
            return True

    def _hand(self, error: BaseException) -> None:
        self._found.put(error)
        self._over.set()

    def brought(self) -> list[tuple[int, D]]:
        """What was done since. Looked for now and then, for to wake up for every log would cost as much as it does to
        write one. Raises what a thread raised.
        """
        self._over.wait(_PAUSE)
        brought = []
        while not self._found.empty():
            found = self._found.get()
            if isinstance(found, BaseException):
                raise found
            brought.append(found)
        return brought

    def stop(self) -> None:
        """They end, and what they have not finished is taken away."""
        self._work.stopped.set()
        end = monotonic() + _PATIENCE
        for thread in list(self._threads):
            thread.join(max(0.0, end - monotonic()))
        self._work.close()
