"""What a user looks for: line by line, in linear time, and a bad expression is told with its place."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whyred.logs.sought import BadExpressionError, Sought

ROWS = st.lists(st.text("abAB \té-", max_size=6), max_size=8)
EXPRESSIONS = ["a", "^a", "b$", "^$", "a.*b", "[^a]", r"\s", r"\bab\b", "é", "a|^b", "x*"]
EXPRESSIONS += ["(?s)a.b", r"\Aa", r"b\z", "(?-m)^a$", "a\nb"]


def lines(sought: Sought, text: bytes) -> list[bytes]:
    return [text[start:end] for start, end in sought.lines(text)]


@given(ROWS, st.sampled_from(EXPRESSIONS), st.booleans(), st.booleans())
def test_it_finds_the_lines_that_match_by_themselves(
    rows: list[str], expression: str, ignore_case: bool, invert: bool
) -> None:
    text = "".join(row + "\n" for row in rows).encode()
    like = re.compile(expression.replace(r"\z", r"\Z").replace("(?-m)", ""), re.I if ignore_case else 0)
    wanted = [row.encode() for row in rows if (like.search(row) is not None and "\n" not in expression) is not invert]
    assert lines(Sought([expression], ignore_case=ignore_case, invert=invert), text) == wanted


def test_one_of_several_and_none_of_several() -> None:
    assert lines(Sought(["one", "two"]), b"one\ntwo\nthree") == [b"one", b"two"]
    assert lines(Sought(["one", "two"], invert=True), b"one\ntwo\nthree") == [b"three"]
    assert lines(Sought(["a|b", "c"]), b"ab\nc\nd\n") == [b"ab", b"c"]


def test_where_the_matches_are() -> None:
    assert Sought(["a+", "b"]).spans(b"xaab-b") == ((1, 3), (3, 4), (5, 6))
    assert Sought(["x*"]).spans(b"ab") == ()
    assert Sought(["a"], invert=True).spans(b"b") == ()


@pytest.mark.parametrize(
    ("expression", "why", "at"),
    [
        ("a(b", "a ( is not closed", 2),
        (r"\((b[(]", "a ( is not closed", 3),
        ("ab)", "a ) has no ( before it", 3),
        ("a)(b", "a ) has no ( before it", 2),
        ("ab[cd", "missing ] [cd", 3),
        ("x[z-a]", "invalid character class range z-a", 3),
        ("ab**", "bad repetition operator **", 3),
        ("*", "no argument for repetition operator *", 1),
        ("a(?=b)", "invalid perl operator (?=", 2),
        (r"(a)\1", r"invalid escape sequence \1", 4),
        ("a{1001}", "invalid repetition size {1001}", 2),
        ("ab\\", "trailing \\", 3),
    ],
)
def test_a_bad_expression_is_told_with_its_place(expression: str, why: str, at: int) -> None:
    with pytest.raises(BadExpressionError) as e:
        Sought(["fine", expression])
    assert (e.value.expression, e.value.why, e.value.at) == (expression, why, at)
    assert f"at character {at}" in str(e.value)


def test_nobody_can_write_to_the_terminal_by_a_bad_expression(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(BadExpressionError):
        Sought(["a("])
    assert capfd.readouterr() == ("", "")


def test_it_is_linear_where_backtracking_is_not() -> None:
    """Exponential in this many characters for an engine that tries again: it would not end."""
    assert lines(Sought(["(a|aa)+$"]), b"a" * 100_000 + b"b\n") == []
