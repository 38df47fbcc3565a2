"""Waiting for what a server or a runner does by itself."""

import time
from collections.abc import Callable
from typing import TypeVar

SECONDS = 180.0
"""Far more than anything here takes; only what never happens is given up."""
_Found = TypeVar("_Found")


class LateError(Exception):
    """Something that had to happen did not."""


def wait_for(ask: Callable[[], _Found | None], what: str) -> _Found:
    """Asks until the answer is not None. Raises LateError, and whatever `ask` raises."""
    until = time.monotonic() + SECONDS
    while (found := ask()) is None:
        if time.monotonic() > until:
            raise LateError(f"no {what} within {SECONDS:g} s")
        time.sleep(0.1)
    return found
