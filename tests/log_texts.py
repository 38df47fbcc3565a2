"""Reads a log's text as `whyred read` does: what the formats' tests ask."""

from functools import cache

from whyred.app.library import Library
from whyred.diagnosis.match import Matched, match
from whyred.logs.blocks import blocks
from whyred.logs.reading import read as read_blocks
from whyred.logs.scanner import Scanner
from whyred.model.failure import Reading


@cache
def library() -> Scanner:
    return Library(None).scanner


def reading(text: str, size: int = 1 << 20) -> Reading:
    return read_blocks(blocks([text.encode()], size), library())


def matched(text: str) -> Matched:
    return match(reading(text))


def first(found: Matched) -> tuple[str | None, str, str | None]:
    """The step, the words and the class of the first failure."""
    return found.step, found.failures[0].message, found.class_
