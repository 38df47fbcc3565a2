"""A report laid out for a terminal: rows fitted to its width, a little colour. What is piped stays as it is."""

import re
import unicodedata
from typing import Any

import click

NARROW, WIDE = 40, 120
"""Columns below which nothing is fitted, and above which prose is not stretched: longer lines are hard to read."""

_QUOTE = re.compile(r"  [> ] +\d+ \||  > \d+ \||  also line \d+")
"""Rows that quote the log: cut, because a wrapped log line reads like two."""
_HANGS = re.compile(
    r" *(?:[+?-] |\d+\. |(?:remedy|prevent|verify|next|step|class|format|result) {2,}"
    r"|(?:wrong|unknown|fine) .*\S {2,}(?=\S))?"
)
"""What stands before the text of a row; where the text goes on in a second row, it begins below its own beginning."""
_CANDIDATE = re.compile(r"  (?:confirmed|likely|possible): ")
_WORD = re.compile(r"\[[^\]]*\]|(?:`[^`]*`|\S)+")
"""A word, an origin in brackets, or a command between backticks: one that is broken cannot be copied."""


def fit(text: str, width: int) -> str:
    """The text with every row at most `width` columns wide, as far as its words allow it."""
    if width < NARROW:
        return text
    return "\n".join(part for row in text.split("\n") for part in _rows(row, width))


def cells(text: str) -> int:
    """The columns a terminal needs for a text."""
    if text.isascii():
        return len(text)
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else not unicodedata.combining(c) for c in text)


def _rows(row: str, width: int) -> list[str]:
    if cells(row) <= min(width, WIDE):
        return [row]
    if _QUOTE.match(row):
        return [cut(row, width)]
    start = _HANGS.match(row)
    lead = start[0] if start else ""
    hang = 4 if _CANDIDATE.match(row) else len(lead) or 2
    if cells(lead.rstrip()) > width:
        return _wrapped("", row, 4, width)
    if hang > width // 2:
        return [lead.rstrip(), *_wrapped(" " * 4, row[len(lead) :], 4, width)]
    return _wrapped(lead, row[len(lead) :], hang, min(width, WIDE))


def _wrapped(lead: str, text: str, hang: int, width: int) -> list[str]:
    rows, row, empty = [], lead, True
    for word in _words(text, width - hang):
        if not empty and cells(row) + 1 + cells(word) > width:
            rows.append(row)
            row, empty = " " * hang, True
        row, empty = (row + word if empty else f"{row} {word}"), False
    return [*rows, row]


def _words(text: str, room: int) -> list[str]:
    """The words; a command that is wider than a whole row falls apart into its own words."""
    words: list[str] = []
    for word in _WORD.findall(text):
        words += word.split() if cells(word) > room else [word]
    return words


def cut(row: str, width: int) -> str:
    """The beginning of a row, with an ellipsis where something is missing."""
    if cells(row) <= width:
        return row
    kept, used = [], 1
    for c in row:
        used += cells(c)
        if used > width:
            break
        kept.append(c)
    return "".join(kept).rstrip() + "…"


_PAINT = (
    (re.compile(r"CONFIRMED\b.*"), {"fg": "green", "bold": True}),
    (re.compile(r"LIKELY\b.*"), {"fg": "yellow", "bold": True}),
    (re.compile(r"(?:POSSIBLE|UNEXPLAINED|CANCELLED|QUIET)\b.*"), {"fg": "cyan", "bold": True}),
    (re.compile(r"GREEN\b.*"), {"fg": "green", "bold": True}),
    (re.compile(r" {2}> .*"), {"fg": "red"}),
    (re.compile(r" {4}\+ .*"), {"fg": "green"}),
    (re.compile(r" {4}- .*"), {"fg": "red"}),
    (re.compile(r"wrong {2,}.*"), {"fg": "red"}),
    (re.compile(r"unknown {2,}.*"), {"fg": "yellow"}),
    (
        re.compile(
            r"(?:the error|ruled out|unknown|other candidates|questions|remedy|prevent|verify|next)\b(?= {2}|\W|$)"
        ),
        {"bold": True},
    ),
)
_GOES_ON = re.compile(r" {6,}\S")
"""A further row of a piece of evidence keeps its colour."""


def paint(text: str) -> str:
    """The text report with colour."""
    rows: list[str] = []
    style: dict[str, Any] | None = None
    for row in text.split("\n"):
        end = len(row)
        if style is None or not _GOES_ON.match(row) or "fg" not in style:
            found = next(((s, m) for regex, s in _PAINT if (m := regex.match(row))), None)
            style, end = (found[0], found[1].end()) if found else (None, 0)
        rows.append(click.style(row[:end], **style) + row[end:] if style and row else row)
    return "\n".join(rows)
