"""The text of a log as `logs` shows it: without the times before its lines, and without the marks of sections that
GitLab and Travis write.

A mark is no line of the job's. What stands behind one that begins a section is that section's title, and stays; a
section that was given none is shown by its name. Source: gitlab-runner helpers/build_section.go,
common/buildlogger/internal/timestamper.
"""

import re

from whyred.logs.formats.gitlab import STAGES

STAMP = re.compile(rb"\n(?:\xef\xbb\xbf)?\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?Z ?")
"""The time before a line, with the line feed that ends the line above."""
_STREAM = re.compile(rb"(\n\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z )[0-9a-f]{2}[OE][ +]")
"""Behind a time, the number of GitLab's stream, `O` or `E`, and `+` where the line goes on with the one before."""
_SAMPLE = 4096
"""Bytes in which such a line is looked for: it is every line, or none."""
_SECTION = b"section_"
_MARKED = re.compile(rb"^.*section_(?:start|end):\d{1,12}:.*\n?", re.M)
"""A line that may have a mark in it."""
_MARK = re.compile(
    rb"section_(?P<sort>start|end):\d{1,12}:(?P<name>[A-Za-z0-9_.-]{1,200})(?:\[[^\]\r\n]{0,1000}\])?(?:\r|(?=\n)|$)"
)
_FRONT = re.compile(rb"(?:\d{4}-\d\d-\d\dT[0-9:.]{8,18}Z ?)?(?:[0-9a-f]{2}[OE][ +])?")
"""What may stand before the first mark of a line."""
_STAGE = re.compile(STAGES.encode())
_TRAVIS = re.compile(rb"travis_(?:fold|time):[\w.:=,-]{1,400}\r")
"""A fold's or a command's beginning or end; what it is about stands behind it."""


def shown(text: bytes, *, starts: bool = True, timestamps: bool = False, numbered: bool = False) -> bytes:
    """The text for people. `starts`: whether it begins at a line's beginning; `timestamps`: whether times are kept;
    `numbered`: whether lines that were made of marks alone stay, as empty ones, so that the others keep their numbers.

    The script's own sections begin with `> `.
    """
    if _SECTION in text:
        text = _MARKED.sub(_emptied if numbered else _without_marks, text)
    if b"travis_" in text:
        text = _TRAVIS.sub(b"", text)
    if _STREAM.search(b"\n" + text[:_SAMPLE]):
        text = _at_starts(_STREAM, rb"\1", text, starts=starts)
    return text if timestamps else _at_starts(STAMP, b"\n", text, starts=starts)


def _without_marks(line: "re.Match[bytes]") -> bytes:
    """The line as a person reads it; nothing of one that was made of marks alone."""
    own = [mark["name"] for mark in _MARK.finditer(line[0]) if _is_own(mark)]
    left = _MARK.sub(b"", line[0])
    if left == line[0]:
        return left
    front = _FRONT.match(left)
    text = left[front.end() :] if front else left
    if own:
        return left[: len(left) - len(text)] + b"> " + (text if text.strip() else own[-1] + b"\n")
    return left if text.strip() else b""


def _emptied(line: "re.Match[bytes]") -> bytes:
    """The same; an empty line where nothing is left."""
    return _without_marks(line) or line[0][len(line[0].rstrip(b"\n")) :]


def _is_own(mark: "re.Match[bytes]") -> bool:
    """Whether a section of the script's own begins."""
    return mark["sort"] == b"start" and _STAGE.fullmatch(mark["name"]) is None


def _at_starts(regex: "re.Pattern[bytes]", by: bytes, text: bytes, *, starts: bool) -> bytes:
    first, newline, rest = (b"", b"\n", text) if starts else text.partition(b"\n")
    # With the line feed in front it is found three times as fast as by `^`.
    told = first + regex.sub(by, newline + rest)
    return told[1:] if starts else told
