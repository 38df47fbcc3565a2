"""The scripts that a log prints before it runs them: all of a step at once (GitHub), or command by command (GitLab).

What is not surely whole is left out: a script that was cut could seem to let a command fail, and not do so.
Sources: actions/runner, ScriptHandler.PrintActionDetails; gitlab-runner, shells/bash.go and its `collapsed` note.
"""

import re
from collections import deque
from collections.abc import Callable, Iterator

from whyred.logs.text import LONG
from whyred.model.failure import Line

_MOST, _LONGEST, _ROWS = 200, 1 << 14, 400
"""Scripts that are kept, the newest, and bytes and lines of one of them."""
_CUT = "# collapsed multi-line command"


class Printed:
    """Collects the scripts of one log while it is read."""

    def __init__(self) -> None:
        self._found: deque[Line] = deque(maxlen=_MOST)

    @property
    def scripts(self) -> tuple[Line, ...]:
        """Each with the number of the line in which it begins, in their order."""
        return tuple(self._found)

    def command(self, number: int, text: str) -> None:
        """One command, printed just before it runs; of one that is printed in part nothing is known."""
        is_cut = len(text) > LONG or text.rstrip().endswith(_CUT)
        self._found.append(Line(number, "" if is_cut else text))

    def step(self, number: int, data: bytes, end: int, until: str, clean: Callable[[bytes], str]) -> None:
        """A step begins with a line that has its `end` there, and what follows may be its script, up to the line that
        is `until`."""
        rows: list[str] = []
        for row in _rows(data, end):
            text = clean(row)
            if text.startswith("##[") or len(text) > LONG:
                return
            if re.match(until, text):
                self._found.append(Line(number, "\n".join(rows)))
                return
            rows.append(text)


def _rows(data: bytes, at: int) -> Iterator[bytes]:
    """The lines behind the one that `at` is in, one by one: most steps end this at the first."""
    limit = min(len(data), at + _LONGEST)
    at = data.find(b"\n", at, limit)
    for _ in range(_ROWS):
        if at < 0:
            return
        end = data.find(b"\n", at + 1, limit)
        yield data[at + 1 : end if end >= 0 else limit]
        at = end
