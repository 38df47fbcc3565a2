"""The scripts that a log prints before it runs them: all of a step at once (GitHub), or command by command (GitLab).

What is not surely whole is left out: a script that was cut could seem to let a command fail, and not do so.
Sources: actions/runner, ScriptHandler.PrintActionDetails; gitlab-runner, shells/bash.go and its `collapsed` note.
"""

import re
from collections import deque
from collections.abc import Callable

from whyred.model.failure import Line

LONGEST_SCRIPT = 1 << 14
_MOST, _ROWS = 200, 400
"""Scripts that are kept, the newest, and lines of one of them."""
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
        self._found.append(Line(number, "" if text.rstrip().endswith(_CUT) else text))

    def step(self, number: int, after: bytes, until: str, clean: Callable[[bytes], str]) -> None:
        """A step begins, and what is `after` that line may be its script, up to the line that is `until`."""
        rows: list[str] = []
        for row in after.split(b"\n", _ROWS + 1)[1 : _ROWS + 1]:
            text = clean(row)
            if text.startswith("##["):
                return
            if re.match(until, text):
                self._found.append(Line(number, "\n".join(rows)))
                return
            rows.append(text)
