"""The scanned form of an expression lets through whatever the expression matches, in the same line."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from whyred.library import read
from whyred.logs.blocks import line_at, plain
from whyred.logs.engines import Engine, Hyperscan, Re2
from whyred.logs.expression import anchored, expression
from whyred.logs.format import all_formats
from whyred.logs.literals import from_literal

REGEXES = sorted(
    {str(t["regex"]) for kind in ("patterns", "secrets") for t in read.tables(kind).values()}
    | {m.regex for f in all_formats() for m in f.marks}
)


@pytest.mark.parametrize(
    ("alternative", "wanted"),
    [
        ("^BUILD FAILURE", None),  # nothing but common words
        (r"\d+ problems? found", " problems? found"),
        (r"(?:^|\s)rake aborted!", "rake aborted!"),
        (r"^\s*panicked at \S", r"panicked at \S"),
        (r"(?P<tool>[Cc]annot allocate|Out of memory)", "(?P<tool>[Cc]annot allocate|Out of memory)"),
        (r"\S+ (?:a|b)+yellow", "(?:a|b)yellow"),
        (r"x?yellow submarine", "yellow submarine"),
        (r"y{3}ellow", "yellow"),
        (r"\w+\.java:\d+", r"\.java:\d+"),
        (r"\w+\.js:\d+", None),
        (r"(?i:error in )\w+ (?i:migration)", " (?i:migration)"),
        (r"Error|failed", None),
        (r"^>>> \w+ (?:Extracting|Building)", r">>> \w+ (?:Extracting|Building)"),
        (r"^##\[error\](?P<message>.+)", r"##\[error\](?P<message>.+)"),
        (r"=> (?:Error|Failure)", None),
        ("", None),
    ],
)
def test_it_begins_at_the_first_good_literal(alternative: str, wanted: str | None) -> None:
    assert from_literal(alternative) == wanted


def test_a_class_never_leads_over_the_end_of_a_line() -> None:
    engine = Hyperscan.compile([expression(r"keyword [^\t]*end of \W+ it")])
    assert engine.scan(b"keyword a\nend of -- it\n") == []
    assert engine.scan(b"keyword a end of --\n-- it\n") == []
    assert engine.scan(b"keyword a end of -- it\n")


def test_what_can_be_empty_is_scanned_for_as_it_stands() -> None:
    assert expression("a*|yellow") == b"a*|yellow"


def test_the_authors_form_is_told_with_its_anchors_only() -> None:
    assert anchored(r"^boom \d+|bang") == r"(?:^|[\s|\]:>'\x22])boom \d+|bang"


def _line_holds_match(engine: Engine, data: bytes, start: int, end: int) -> bool:
    return any(start <= max(at - 1, 0) <= end for at, _ in engine.scan(data))


@pytest.mark.parametrize("regex", REGEXES)
@settings(max_examples=8, deadline=None, derandomize=True)
@given(data=st.data())
def test_whatever_matches_is_let_through(regex: str, data: st.DataObject) -> None:
    """A text that the regex matches, made at random, as a line between others: the engines point into that line."""
    text = data.draw(st.from_regex(re.compile(regex.encode()), fullmatch=False))
    row = plain(text.replace(b"\n", b" ").replace(b"\r", b" "))
    if not re.search(regex.encode(), row):
        return  # a line feed or a control character was part of what matched
    log = b"first line\n" + row + b"\nlast line\n"
    start, end = line_at(log, 11)
    for engine in (Hyperscan.compile([expression(regex)]), Re2([expression(regex)])):
        assert _line_holds_match(engine, log, start, end), (engine.name, row)
