"""Bytes -> blocks of whole lines: nothing is lost, whatever the chunks; lines end at LF only."""

import tracemalloc
from collections.abc import Iterator
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from whyred.logs.blocks import LONGEST, NEAR, Block, blocks, line_at, plain

# Texts that a log is made of, and those that are cut at bad places.
PIECES = (
    b"a",
    b"error: x",
    b"\n",
    b"\r\n",
    b"\r",
    b"\x00",
    b"\xff\xfe",
    b"\xc3",
    b"\x1b[31m",
    b"\x1b",
    b"\x1b]0;t\x07",
)
TEXTS = st.lists(st.sampled_from(PIECES), max_size=60).map(b"".join)


def cut(data: bytes, cuts: list[int]) -> list[bytes]:
    at = sorted({c % (len(data) + 1) for c in cuts} | {0, len(data)})
    return [data[a:b] for a, b in pairwise(at)]


def numbered(found: list[Block]) -> dict[int, bytes]:
    """The lines that the blocks number, put together from their pieces."""
    lines: dict[int, bytes] = {}
    for block in found:
        for offset, text in enumerate(block.raw.split(b"\n")):
            if text or offset < block.raw.count(b"\n"):
                lines[block.first + offset] = lines.get(block.first + offset, b"") + text
    return lines


def expected(data: bytes) -> dict[int, bytes]:
    rows = data.split(b"\n")
    if not rows[-1]:
        rows.pop()
    return dict(enumerate(rows, 1))


@given(TEXTS, st.lists(st.integers(0, 400)), st.integers(1, 40), st.integers(0, 40))
@example(b"ab\x1b[3", [3], 1, 0)
@example(b"\r", [], 1, 0)
def test_any_chunks_give_the_same_bytes_and_numbers(data: bytes, cuts: list[int], size: int, longest: int) -> None:
    found = list(blocks(cut(data, cuts), size, longest))
    assert b"".join(b.raw for b in found) == data
    assert numbered(found) == expected(data)


@given(TEXTS, st.lists(st.integers(0, 400)), st.integers(1, 40), st.integers(0, 40))
def test_edges_are_told(data: bytes, cuts: list[int], size: int, longest: int) -> None:
    starts = True
    for block in blocks(cut(data, cuts), size, longest):
        assert block.starts is starts
        assert block.ends is block.raw.endswith(b"\n")
        assert block.raw.count(b"\n") == block.plain.count(b"\n")
        starts = block.ends


@given(TEXTS, st.lists(st.integers(0, 400)), st.integers(1, 40))
def test_a_cut_inside_an_escape_sequence_or_a_crlf_changes_no_text(data: bytes, cuts: list[int], size: int) -> None:
    """With `longest` 0 every line is endless, so blocks are cut wherever a chunk ends."""
    assert b"".join(b.plain for b in blocks(cut(data, cuts), size, 0)) == plain(data)


@given(TEXTS)
def test_what_was_made_plain_stays_as_it_is(data: bytes) -> None:
    assert plain(plain(data)) == plain(data)
    assert b"\x1b" not in plain(data)


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (b"a\r\nb\rc\n", b"a\nb\rc\n"),
        (b"a\r\r\n", b"a\n"),
        (b"\x1b[1;31merror\x1b[0m: x\x1b[K\n", b"error: x\n"),
        (b"\x1b]8;;https://x/\x07link\x1b]8;;\x1b\\ end\n", b"link end\n"),
        (b"\x1b]0;never closed\n", b"0;never closed\n"),
        (b"no escapes \xff \xe2\x80\x99 \xc3\xa9\n", b"no escapes \xff \xe2\x80\x99 \xc3\xa9\n"),
        (b"gh\x00p_\x08ab\x7f\n", b"ghp_ab\n"),
        ("gh\u200bp\u00ad_\u202eab\u0085\U000e0041\n".encode(), b"ghp_ab\n"),
        (b"\x1b[31\nm\n", b"[31\nm\n"),
        (b"\x1b\x1b[31mghp_\n", b"ghp_\n"),
    ],
)
def test_plain(raw: bytes, text: bytes) -> None:
    assert plain(raw) == text


def test_only_crs_are_one_line() -> None:
    (block,) = blocks([b"a\rb\rc\r"])
    assert (block.first, block.starts, block.ends, block.raw) == (1, True, False, b"a\rb\rc\r")


def test_nothing_gives_no_block() -> None:
    assert list(blocks([])) == []
    assert list(blocks([b"", b""])) == []


def endless(megabytes: int) -> Iterator[bytes]:
    yield b"first\n"
    for _ in range(megabytes):
        yield b"x" * (1 << 20)
    yield b"\nlast"


def test_an_endless_line_comes_in_pieces_and_flat_memory() -> None:
    tracemalloc.start()
    lines, size, longest = 0, 0, 0
    for block in blocks(endless(50)):
        lines = block.first + block.raw.count(b"\n")
        size += len(block.raw)
        longest = max(longest, len(block.raw))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (lines, size) == (3, 6 + (50 << 20) + 5)
    assert longest <= (5 << 20)
    assert peak < 30 << 20


def test_many_small_chunks_are_put_together_once() -> None:
    found = list(blocks((b"12345678\n" for _ in range(200_000)), size=1 << 18, longest=LONGEST))
    assert [len(b.raw) for b in found[:-1]] == [len(found[0].raw)] * (len(found) - 1)
    assert found[-1].first + found[-1].raw.count(b"\n") == 200_001


@pytest.mark.parametrize(
    ("data", "at", "line"),
    [
        (b"one\ntwo\nthree", 0, b"one"),
        (b"one\ntwo\nthree", 3, b"one"),
        (b"one\ntwo\nthree", 4, b"two"),
        (b"one\ntwo\nthree", 12, b"three"),
        (b"\n\n", 1, b""),
    ],
)
def test_line_at(data: bytes, at: int, line: bytes) -> None:
    start, end = line_at(data, at)
    assert data[start:end] == line


@given(st.integers(0, 5 * NEAR), st.integers(0, 5 * NEAR), st.integers(0, 20 * NEAR))
def test_line_at_takes_whole_lines_or_what_is_near(before: int, length: int, at: int) -> None:
    data = b"a" * before + b"\n" + b"b" * length + b"\n" + b"c" * 10
    at %= len(data)
    start, end = line_at(data, at)
    first, last = data.rfind(b"\n", 0, at) + 1, data.find(b"\n", at)
    last = len(data) if last < 0 else last
    assert first <= start <= at <= end <= last
    assert end - start <= 2 * NEAR
    if last - first <= 2 * NEAR:
        assert (start, end) == (first, last)
    else:
        assert end - start >= min(NEAR, last - first) - 1
