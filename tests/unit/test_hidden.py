"""The quick question about a block is never falsely answered no, and several threads may ask at once."""

import threading
from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whyred.app.library import Library
from whyred.logs.blocks import plain
from whyred.logs.hidden import WORTH, may_hide
from whyred.logs.shown import shown

CLEAN = b"an ordinary line\twith a tab\n" * (WORTH // 20)


@pytest.mark.parametrize("byte", range(256))
def test_every_byte_that_a_person_may_not_see_is_seen(byte: int) -> None:
    text = CLEAN + bytes([byte]) + CLEAN
    assert may_hide(text) is (byte not in b"\t\n" and not 32 <= byte < 127)


@given(st.binary(max_size=40), st.integers(0, len(CLEAN)))
def test_what_hides_nothing_is_plain_already(data: bytes, at: int) -> None:
    text = CLEAN[:at] + data + CLEAN[at:]
    if not may_hide(text):
        assert data.isascii()
    assert plain(text) == CLEAN[:at] + plain(data + CLEAN[at:])


def test_short_texts_are_always_looked_through() -> None:
    assert may_hide(b"short")
    assert may_hide(b"")


@cache
def library() -> Library:
    return Library(None)


def test_several_threads_mask_at_once() -> None:
    """Each with a scratch of its own: one alone cannot be used by two scans."""
    secret = b"token: ghp_0123456789abcdefABCDEF0123456789abcd\n"
    text = CLEAN * 20 + secret + CLEAN * 20
    library().masker()
    found: list[bytes] = []
    begin = threading.Barrier(4)

    def work() -> None:
        begin.wait()
        for _ in range(20):
            found.append(library().masker().text(plain(text)))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 80
    assert set(found) == {text.replace(secret, b"token: ***\n")}


@pytest.mark.parametrize("starts", [True, False])
@pytest.mark.parametrize(
    ("text", "seen", "within"),
    [
        (b"2026-01-02T03:04:05.12Z a\n2026-01-02T03:04:06Z b\n", b"a\nb\n", b"2026-01-02T03:04:05.12Z a\nb\n"),
        (b"\xef\xbb\xbf2026-01-02T03:04:05Z one\nno time\n\n", b"one\nno time\n\n", None),
        (b"said 2026-01-02T03:04:05Z one\n2026-01-02T03:04:06Z", b"said 2026-01-02T03:04:05Z one\n", None),
        (b"2026-01-02T03:04:05Z 2026-01-02T03:04:06Z x", b"2026-01-02T03:04:06Z x", None),
        (b"", b"", None),
    ],
)
def test_times_are_taken_from_the_beginning_of_lines_alone(
    text: bytes, seen: bytes, within: bytes | None, starts: bool
) -> None:
    """A piece that begins within a line keeps that line as it is."""
    first, newline, rest = text.partition(b"\n")
    as_piece = within if within is not None else first + newline + shown(rest)
    assert shown(text, starts=starts) == (seen if starts else as_piece)
    assert shown(text, starts=starts, timestamps=True) == text
