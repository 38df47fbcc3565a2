"""What a user looks for in a log: expressions of RE2, whose time is linear in the text whatever they are.

A match never goes beyond its line. Of a line above `blocks.LONGEST` each piece is searched by itself.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Any

_BY_LINE = re.compile(r"\\[Az]|\(\?[A-Za-z]*-")
"""In an expression, what means the edges of a text or takes a flag back: then each line is searched as a text of its
own."""


class BadExpressionError(ValueError):
    """An expression that RE2 does not take: what is wrong with it, and at which character (from 1), where told."""

    def __init__(self, expression: str, why: str, at: int | None) -> None:
        place = f" at character {at}" if at is not None else ""
        super().__init__(f"{expression!r} is no expression of RE2: {why}{place}")
        self.expression, self.why, self.at = expression, why, at


class Sought:
    """Lines that match any of these expressions, or with `invert` none of them. Raises BadExpressionError."""

    def __init__(self, expressions: Sequence[str], *, ignore_case: bool = False, invert: bool = False) -> None:
        self._invert = invert
        self._by_line = any(_BY_LINE.search(one) for one in expressions)
        for one in expressions:
            _compiled(one, ignore_case=ignore_case)
        whole = "|".join(f"(?:{one})" for one in expressions)
        self._any: Any = _compiled(whole, ignore_case=ignore_case)

    def lines(self, text: bytes) -> Iterator[tuple[int, int]]:
        """Where each line that is sought begins and ends (before its LF), in order."""
        if not self._invert:
            yield from self._matching(text)
            return
        at = 0
        for start, end in self._matching(text):
            yield from _lines(text, at, start)
            at = end + 1
        yield from _lines(text, at, len(text))

    def spans(self, line: bytes) -> tuple[tuple[int, int], ...]:
        """Where in a line the matches are, without those that are empty; none where lines without one are sought."""
        if self._invert:
            return ()
        return tuple(match.span() for match in self._any.finditer(line) if match.end() > match.start())

    def _matching(self, text: bytes) -> Iterator[tuple[int, int]]:
        if self._by_line:
            yield from ((start, end) for start, end in _lines(text, 0, len(text)) if self._any.search(text[start:end]))
            return
        at = 0
        while at < len(text) and (match := self._any.search(text, at)):
            start = text.rfind(b"\n", 0, match.start()) + 1
            if start == len(text):
                return  # after the last line feed no line begins
            end = text.find(b"\n", match.start())
            end = len(text) if end < 0 else end
            yield start, end
            at = end + 1


def _lines(text: bytes, at: int, stop: int) -> Iterator[tuple[int, int]]:
    while at < stop:
        end = text.find(b"\n", at, stop)
        end = stop if end < 0 else end
        yield at, end
        at = end + 1


def _compiled(expression: str, *, ignore_case: bool) -> Any:
    import re2

    options = re2.Options()
    options.case_sensitive = not ignore_case
    options.log_errors = False
    options.never_capture = True
    options.never_nl = True
    written = expression.encode("utf-8", "surrogateescape")
    try:
        re2.compile(written, options)  # as it is written: `a)(b` would be none only without a group around it
        # RE2's own `^` and `$` mean the edges of the text: those of each line are what a person means.
        return re2.compile(b"(?m:" + written + b")", options)
    except re2.error as e:
        raise _bad(expression, e) from None


def _bad(expression: str, error: Exception) -> BadExpressionError:
    said = error.args[0] if error.args else b""
    text = said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said)
    why, _, part = text.partition(": ")
    if why == "missing )":
        return BadExpressionError(expression, "a ( is not closed", _unclosed(expression))
    if why == "unexpected )":
        return BadExpressionError(expression, "a ) has no ( before it", _unopened(expression))
    at = expression.find(part) + 1 if part else len(expression) if why.startswith("trailing") else 0
    return BadExpressionError(expression, f"{why} {part}".strip(), at or None)


_PART = re.compile(r"\\.|\[\^?\]?(?:\\.|\[:\w+:\]|[^\]\\])*\]|.", re.S)
"""An escape, a class, one other character."""


def _groups(expression: str) -> tuple[list[int], int | None]:
    """The places (from 1) of the ( that are open at the end, and of the first ) that closes none."""
    opened: list[int] = []
    for part in _PART.finditer(expression):
        if part[0] == "(":
            opened.append(part.start() + 1)
        elif part[0] == ")":
            if not opened:
                return opened, part.start() + 1
            opened.pop()
    return opened, None


def _unclosed(expression: str) -> int | None:
    opened, _ = _groups(expression)
    return opened[-1] if opened else None


def _unopened(expression: str) -> int | None:
    return _groups(expression)[1]
