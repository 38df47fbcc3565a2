"""A window of a log is what the whole masked log has there, whatever stands before it, and no more of it is read."""

from collections.abc import Iterator
from functools import cache
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whyred.app.library import Library
from whyred.library import read
from whyred.logs.blocks import blocks
from whyred.logs.window import Watch, Window, window
from whyred.model.run import Step

CANARY = b"MadeUpCanaryMadeUpCanaryMadeUpCanaryMadeUpCanaryMadeUpCanaryMade"
KEY = [b"-----BEGIN RSA PRIVATE KEY-----", *[CANARY] * 3, b"-----END RSA PRIVATE KEY-----"]
COLOURED = [b"-----BEGIN \x1b[31mRSA\x1b[0m PRIV\x00ATE KEY-----", CANARY, b"-----END RSA PRIVATE KEY-----"]
OPEN = [b"-----BEGIN PRIVATE KEY-----", *[CANARY] * 9]
PUTTY = [b"Private-Lines: 2", CANARY, CANARY, b"Private-MAC: 00"]
ASKED = [b"::add-mask::hidden-word", b"says hidden-word", b"\x1b[1m::add\x1b[0m-mask::other-word"]
TOKEN = [b"token ghp_0123456789abcdefABCDEF0123456789abcd"]
PLAIN = [b"plain", b"", b"it went well there.", b"hidden-word", b"an other-word", b"10%\r100%\r", b"\xff\xfe", CANARY]
ROWS = st.one_of(
    *(st.just(part) for part in (KEY, COLOURED, OPEN, PUTTY, ASKED, TOKEN)),
    st.lists(st.sampled_from(PLAIN), max_size=4),
)
LOGS = st.lists(ROWS, max_size=12).map(lambda parts: [row for part in parts for row in part])


@cache
def library() -> Library:
    return Library(None)


def cut(data: bytes, places: list[int]) -> list[bytes]:
    """The bytes in chunks, cut at these places."""
    edges = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    return [data[a:b] for a, b in pairwise(edges) if a < b]


def whole(data: bytes) -> list[bytes]:
    """All masked lines."""
    text = b"".join(block.raw for block in library().masker().blocks(blocks([data])))
    rows = text.split(b"\n")
    return rows[:-1] if rows[-1] == b"" else rows


def shown(chunks: list[bytes], wanted: Window) -> tuple[int | None, list[bytes]]:
    found = list(window(iter(chunks), wanted, library().masker(), library().watch))
    text = b"".join(block.raw for block in found)
    return (found[0].first if found else None), text.removesuffix(b"\n").split(b"\n") if text else []


@given(LOGS, st.integers(1, 40), st.one_of(st.none(), st.integers(0, 20)), st.lists(st.integers(0, 9999), max_size=5))
def test_a_window_is_what_the_whole_masked_log_has_there(
    rows: list[bytes], first: int, more: int | None, places: list[int]
) -> None:
    data = b"".join(row + b"\n" for row in rows)
    last = None if more is None else first + more
    begins, found = shown(cut(data, places), Window(first, last))
    assert found == whole(data)[first - 1 : last]
    assert begins == (first if found else None)


@pytest.mark.parametrize("secret", [KEY, COLOURED, OPEN, PUTTY])
@pytest.mark.parametrize("before", [0, 5, 200_000])
def test_a_key_that_begins_before_the_window_is_masked_in_it(secret: list[bytes], before: int) -> None:
    data = b"".join(row + b"\n" for row in [b"plain line"] * before + secret + [b"it went well there.", b"end"])
    chunks = [data[at : at + 65536] for at in range(0, len(data), 65536)]
    for first in range(before + 1, before + len(secret) + 3):
        _, found = shown(chunks, Window(first, first + 1))
        assert CANARY not in b"\n".join(found)
        assert found == whole(data)[first - 1 : first + 1]


@pytest.mark.parametrize("asks", [b"::add-mask::canary-value", b"\x1b[1m::add\x1b[0m-mask::canary-value"])
def test_a_value_that_was_asked_to_be_masked_long_before_is(asks: bytes) -> None:
    rows = [b"plain line"] * 100_000
    data = b"\n".join([b"first", asks, *rows, b"it is canary-value here", b"end"]) + b"\n"
    _, found = shown([data[at : at + 4096] for at in range(0, len(data), 4096)], Window(100_003, 100_003))
    assert found == [b"it is *** here"]


def test_a_line_without_end_before_the_window_and_in_it() -> None:
    line = b"x" * 3_000_000 + b" ghp_0123456789abcdefABCDEF0123456789abcd " + b"y" * 1_000_000
    data = b"a\n" + line + b"\nb\n" + line + b"\nc\n"
    chunks = [data[at : at + 70_000] for at in range(0, len(data), 70_000)]
    for first in (1, 2, 3, 4, 5):
        begins, found = shown(chunks, Window(first, first))
        assert (begins, b"ghp_" in found[0]) == (first, False)
        assert found == whole(data)[first - 1 : first]


@pytest.mark.parametrize(("first", "last"), [(1, 10), (5_000, 5_010)])
def test_nothing_after_the_window_is_read(first: int, last: int) -> None:
    given_ = 0

    def chunks() -> Iterator[bytes | Step]:
        nonlocal given_
        while True:  # a log that never ends
            given_ += 1
            yield b"a line of text that is not long\n" * 1024

    found = list(window(chunks(), Window(first, last), library().masker(), library().watch))
    assert sum(block.plain.count(b"\n") for block in found) == last - first + 1
    assert given_ <= last // 1024 + 4


def test_steps_that_began_before_come_first() -> None:
    one, two, three = Step("one"), Step("two"), Step("three")
    chunks: list[bytes | Step] = [one, b"1\n2", two, b"3\n4\n", three, b"5\n"]
    found = list(window(iter(chunks), Window(4, 4), library().masker(), library().watch))
    assert [(block.first, block.step and block.step.name, block.raw) for block in found if block.raw or block.step] == [
        (4, "one", b""),
        (4, "two", b"4\n"),
    ]


def test_what_opens_a_secret_is_known_by_what_it_begins_with() -> None:
    watch = library().watch
    assert watch.sees(b"\n".join(KEY)) == (True, False)
    assert watch.sees(b"\n".join(PUTTY)) == (True, False)
    assert watch.sees(b"-----BEGIN CERTIFICATE-----\nPrivate-Lines: many\n") == (False, False)
    assert watch.sees(b"::add-mask::x\n") == (False, True)
    assert watch.sees(b"plain\n") == (False, False)


def test_the_quick_look_at_coloured_text_misses_nothing() -> None:
    watch = Watch(read.secrets())
    watch._left = 0  # from the first byte on
    parts = [KEY, COLOURED, PUTTY, ASKED[:1], ASKED[2:], [b"Private\x1b]0;title\x07-Lin\xe2\x80\x8bes: 1"]]
    for part in parts:
        text = b"\n".join([b"\x1b[32mok\x1b[0m \xc3\xa9", *part, b"\x1b[0m"])
        assert any(watch.sees(text)), part
        assert watch.sees(text) == library().watch.sees(text)
    assert watch.sees(b"\x1b[32m-----BEGIN\x1b[0m CERTIFICATE-----\n" * 100) == (False, False)


def test_every_secret_of_several_lines_is_watched_for() -> None:
    several = [secret for secret in read.secrets() if secret.until is not None]
    assert several
    for secret in several:
        for fires in secret.fires:
            if "\n" in fires.strip():
                assert library().watch.sees(fires.encode())[0], secret.id
