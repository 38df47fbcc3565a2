"""What every expression of the library must keep to, so that hyperscan, re2 and re read it alike and in linear time."""

import re
from collections.abc import Iterator
from functools import cache

import hyperscan
import re2

from whyred.app.library import Library

FORBIDDEN = {
    r"\(\?<?[=!]": "look-around",
    r"(?<!\\)(?:\\\\)*\\[1-9]|\(\?P=": "back-reference",
    r"(?<!\\)(?:\\\\)*\\[pPzZhHRXK]": r"\p, \P, \z, \Z, \h, \R, \X or \K",
    r"\(\?<\w+>": "a group written (?<name>: write (?P<name>",
    r"\(\?[imsxauL]+\)": "a flag for the whole expression: write (?i:...)",
    r"[*+?}]\+": "a possessive repeat",
    r"\(\?>": "an atomic group",
}
MOST_REPEATS = 1000


@cache
def library() -> Library:
    """The library of this checkout, compiled once a session."""
    return Library(cache=None)


def lint(regex: str) -> Iterator[str]:
    """What the house forbids in an expression."""
    for forbidden, name in FORBIDDEN.items():
        if re.search(forbidden, regex):
            yield f"uses {name}"
    for count in re.findall(r"\{(?:\d*,)?(\d+)(?:,)?\}", regex):
        if int(count) > MOST_REPEATS:
            yield f"repeats {count} times: at most {MOST_REPEATS}"
    if re.match(r"\^(?:\(\?P<\w+>|\(\?:|\()*(?:\[\^[^\]]*\]|\\[SDW]|\.)[+*]", regex):
        yield "begins with an open repeat after ^: every line of every log would be walked through"
    if re.match(r"(?:\(\?P<\w+>|\(\?:|\()*\.[*+]", regex):
        yield "begins with .* or .+"


def engines_that_find(regex: str, line: bytes) -> set[str]:
    """The names of the engines in which an expression matches a line."""
    found = set()
    if re.compile(regex.encode()).search(line):
        found.add("re")
    options = re2.Options()
    options.encoding = re2.Options.Encoding.LATIN1
    if re2.compile(regex.encode(), options).search(line):
        found.add("re2")
    if _hyperscan_finds(regex, line):
        found.add("hyperscan")
    return found


@cache
def _database(regex: str) -> "tuple[hyperscan.Database, hyperscan.Scratch]":
    database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
    database.compile(expressions=[regex.encode()], ids=[0], elements=1, flags=[hyperscan.HS_FLAG_MULTILINE])
    return database, hyperscan.Scratch(database)


def _hyperscan_finds(regex: str, line: bytes) -> bool:
    database, scratch = _database(regex)
    found: list[int] = []
    database.scan(line, match_event_handler=lambda *_: found.append(1), scratch=scratch)
    return bool(found)


ENGINES = {"re", "re2", "hyperscan"}


def disagreements(regex: str, fires: tuple[str, ...], quiet: tuple[str, ...]) -> Iterator[str]:
    """Where an engine does not do with an example what the example says."""
    for line in fires:
        missing = ENGINES - engines_that_find(regex, line.encode())
        if missing:
            yield f"does not fire in {', '.join(sorted(missing))}: {line!r}"
    for line in quiet:
        loud = engines_that_find(regex, line.encode())
        if loud:
            yield f"is not quiet in {', '.join(sorted(loud))}: {line!r}"
    if empty := engines_that_find(regex, b""):
        yield f"matches the empty string in {', '.join(sorted(empty))}"
