"""A request to stop that wakes whoever waits for output, and the signals that make it."""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Cancel:
    """A request to stop. `by` says who asked (a signal's name, or the caller's words); None while nobody did.

    `fileno` is readable once somebody asked, so a poll can wait for it; `request` may be called from a signal handler
    or another thread. Close it after use.
    """

    def __init__(self) -> None:
        self.by: str | None = None
        self._reader, self._writer = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)

    def request(self, by: str) -> None:
        """Ask to stop; only the first request counts."""
        if self.by is None:
            self.by = by
            os.write(self._writer, b"!")

    def fileno(self) -> int:
        """The descriptor to wait for."""
        return self._reader

    def close(self) -> None:
        """Give the descriptors back."""
        os.close(self._reader)
        os.close(self._writer)


@contextmanager
def on_signals(cancel: Cancel) -> Iterator[None]:
    """While inside, SIGINT, SIGTERM and SIGHUP ask to stop instead of ending the program; ignored ones stay ignored.

    In another thread than the main one Python lets nobody set handlers; there the caller's `Cancel` is the only way.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def ask(number: int, _frame: FrameType | None) -> None:
        cancel.request(signal.Signals(number).name)

    before = {s: signal.signal(s, ask) for s in _SIGNALS if signal.getsignal(s) is not signal.SIG_IGN}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler if handler is not None else signal.SIG_DFL)
