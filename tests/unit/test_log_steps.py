"""Of a log with steps no more is read than the wanted ones, and no more is kept than can be shown."""

from collections.abc import Iterator

from hypothesis import given
from hypothesis import strategies as st

from whyred.app.log_grep import Passed, newest
from whyred.app.log_steps import Part, StepHead, listed, some
from whyred.logs.blocks import Block, blocks
from whyred.model.run import Step


def part(text: bytes, number: int | None = None, *may_be: int) -> Part:
    """A part, with whose lines a step begins."""
    head = StepHead(Step(f"step {number}"), number, frozenset(may_be)) if number or may_be else None
    return Part(Block(1, text, text), head)


def endless(*parts: Part) -> Iterator[Part]:
    """Parts after which nothing may be asked for."""
    yield from parts
    raise AssertionError("it was read on")


def test_nothing_is_read_after_the_last_wanted_step() -> None:
    log = endless(part(b"one", 1), part(b"two", 2), part(b"more of two"), part(b"three", 3))
    assert [p.block.raw for p in some(log, listed(frozenset({2})), 2)] == [b"two", b"more of two"]


def test_a_step_that_may_be_the_wanted_one_is_read() -> None:
    log = endless(part(b"two or three", None, 2, 3), part(b"four or five", None, 4, 5))
    assert [p.block.raw for p in some(log, listed(frozenset({3})), 3)] == [b"two or three"]


def test_a_step_of_the_runners_own_has_no_number_and_ends_nothing() -> None:
    log = endless(
        part(b"one", 1), Part(Block(1, b"own", b"own"), StepHead(Step("Post", aside=True), None)), part(b"3", 3)
    )
    assert [p.block.raw for p in some(log, listed(frozenset({1})), 1)] == [b"one"]


@given(st.lists(st.text("ab\n", max_size=12).map(str.encode), max_size=12), st.integers(1, 9))
def test_the_newest_lines_and_how_many_there_are_before_them(chunks: list[bytes], count: int) -> None:
    text = b"".join(chunks)
    rows = text.splitlines(keepends=True)
    passed, kept = newest(map(Part, blocks(chunks, 4, 6)), count)
    over = max(0, len(rows) - count)
    assert passed == (Passed(1, over) if over else None)
    assert b"".join(one.block.raw for one in kept) == b"".join(rows[over:])
    assert not rows or kept[0].block.first == over + 1
