"""The lines around matches: as many as were asked for, each once, never of another step."""

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whyred.app.log_choice import Last
from whyred.app.log_grep import Grep, Grepped, Match, Matches, Row, last_lines
from whyred.app.log_steps import Part, StepHead
from whyred.logs.blocks import Block, plain
from whyred.logs.sought import Sought
from whyred.model.run import Step

STEPS = st.lists(
    st.lists(st.sampled_from([b"hit", b"no", b"", b"\x1b[1mhit\x1b[0m"]), min_size=1, max_size=9), max_size=4
)


def parts(steps: list[list[bytes]], size: int) -> Iterator[Part]:
    """Each step's lines in blocks of so many."""
    number = 1
    for place, rows in enumerate(steps, 1):
        head: StepHead | None = StepHead(Step(f"step {place}"), place)
        for at in range(0, len(rows), size):
            raw = b"".join(row + b"\n" for row in rows[at : at + size])
            yield Part(Block(number, raw, plain(raw)), head)
            number += raw.count(b"\n")
            head = None


def model(steps: list[list[bytes]], before: int, after: int) -> list[tuple[int, int, bool]]:
    """(step, number, whether it matches) of every line that is to be shown."""
    shown, number = [], 0
    for place, rows in enumerate(steps, 1):
        hits = [i for i, row in enumerate(rows) if b"hit" in row]
        near = {i for hit in hits for i in range(hit - before, hit + after + 1) if 0 <= i < len(rows)}
        shown += [(place, number + i + 1, i in hits) for i in sorted(near)]
        number += len(rows)
    return shown


@given(STEPS, st.integers(0, 3), st.integers(0, 3), st.integers(1, 4), st.booleans())
def test_the_lines_around_every_match(steps: list[list[bytes]], before: int, after: int, size: int, raw: bool) -> None:
    grep = Grep(Sought(["^hit$"]), before, after)
    found: list[tuple[int, int, bool]] = []
    step, last = 0, 0
    flat = [row for rows in steps for row in rows]
    for piece in Grepped(grep, raw=raw).rows(parts(steps, size)):
        if isinstance(piece, StepHead):
            step = piece.number or 0
            continue
        found.append((step, piece.number, piece.spans is not None))
        stored = flat[piece.number - 1]
        assert piece.text == (stored if raw else plain(stored))
        assert piece.apart is (last != 0 and piece.number > last + 1)
        last = piece.number
    assert found == model(steps, before, after)


@given(STEPS, st.integers(0, 3), st.integers(0, 3))
def test_every_match_with_the_lines_around_it(steps: list[list[bytes]], before: int, after: int) -> None:
    grep = Grep(Sought(["hit"]), before, after)
    made, matches = Matches(grep), list[Match]()
    for piece in Grepped(grep).rows(parts(steps, 3)):
        matches += made.step(piece) if isinstance(piece, StepHead) else made.row(piece)
    matches += made.end()
    wanted, number = [], 0
    for place, rows in enumerate(steps, 1):
        for i, row in enumerate(rows):
            if b"hit" in row:
                near = range(max(0, i - before), min(len(rows), i + after + 1))
                wanted.append((place, number + i + 1, [number + k + 1 for k in near]))
        number += len(rows)
    assert [
        (m.step and m.step.number, m.row.number, [r.number for r in (*m.before, m.row, *m.after)]) for m in matches
    ] == wanted


@given(STEPS, st.integers(0, 12), st.integers(1, 4))
def test_the_last_lines_with_their_numbers_and_steps(steps: list[list[bytes]], count: int, size: int) -> None:
    everything = [
        (part.block.first + i, row)
        for part in parts(steps, size)
        for i, row in enumerate(part.block.plain.splitlines())
    ]
    kept = [part for part in last_lines(parts(steps, size), count) if part.block.plain]
    rows = [(part.block.first + i, row) for part in kept for i, row in enumerate(part.block.plain.splitlines())]
    assert rows == everything[max(0, len(everything) - count) :]
    if kept and count:
        assert kept[0].head is not None


def test_only_what_is_shown_is_searched() -> None:
    text = b"2026-01-01T10:00:00.0000000Z hit\n2026-01-01T10:00:00.0000000Z no 2026\n"
    part = Part(Block(1, text, text))
    assert [r.number for r in Grepped(Grep(Sought(["^hit"]))).rows([part]) if isinstance(r, Row)] == [1]
    assert [r.number for r in Grepped(Grep(Sought(["2026"]))).rows([part]) if isinstance(r, Row)] == [2]
    both = Grepped(Grep(Sought(["2026"])), timestamps=True)
    assert [r.number for r in both.rows([part]) if isinstance(r, Row)] == [1, 2]


def test_lines_made_of_marks_alone_keep_the_numbers_of_others() -> None:
    text = b"section_start:1700000000:prepare_script\r\x1b[0Ka\nsection_end:1700000000:prepare_script\r\x1b[0K\nhit\n"
    rows = list(Grepped(Grep(Sought(["hit"]))).rows([Part(Block(1, text, plain(text)))]))
    assert [(row.number, row.text) for row in rows if isinstance(row, Row)] == [(3, b"hit")]


@pytest.mark.parametrize("ends", [True, False])
@pytest.mark.parametrize("count", range(7))
def test_an_endless_line_is_one_of_the_last_lines(count: int, ends: bool) -> None:
    texts = [b"one\n\n", b"two\n", b"x" * 5, b"y" * 5, b"z\nfour\n" if ends else b"z"]
    told = zip(texts, [1, 3, 4, 4, 4], [True, True, True, False, False], strict=True)
    cut = [Part(Block(number, text, text, starts, text.endswith(b"\n"))) for text, number, starts in told]
    whole = b"".join(texts).splitlines(keepends=True)
    assert b"".join(part.block.raw for part in last_lines(cut, count)) == b"".join(whole[max(0, len(whole) - count) :])
    last = Last(count)
    for text in texts:
        last.take(text)
    assert last.text == b"".join(whole[max(0, len(whole) - count) :])
    assert last.count == len(whole)
