"""Keys: what changes from attempt to attempt is no part of them, words are, and a key follows from its row alone."""

import random
from collections.abc import Iterable

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from whyred.compare import keys
from whyred.compare.keys import LONG, SIZE, Digests, Keys, rows, texts

DIGESTS = Digests(b"s" * 32)


def key(line: bytes) -> bytes:
    (found,) = texts(rows(line))
    return found


SAME = [
    (b"2026-05-04T10:00:00.1234567Z hello", b"2026-11-23T09:01:59.0000000Z hello"),
    (b"2026-05-04T10:00:00Z hello", b"hello"),
    (b"\xef\xbb\xbf2026-05-04T10:00:00.1Z hello", b"hello"),
    (b"took 3.14 s", b"took 950 ms"),
    (b"took 3.14s", b"took 950ms"),
    (b"took 1m 3s in all", b"took 59s in all"),
    (b"got 12 kB of 300 MB", b"got 1.5 MiB of 1,204 kB"),
    (b"[  4%] Building a.o", b"[100%] Building a.o"),
    (b"[12/4096] cc a.c", b"[4096/4096] cc a.c"),
    (b"commit 0123abc by x", b"commit fadedab by x"),
    (b"trace b94d4f93-0090-f931-8d28-0e76209c2cd8.", b"trace abcdefab-0bcd-1f0a-cafe-deadbeef0000."),
    (b"digest sha256:3b97ac01", b"digest sha256:00ffee11"),
    (b"ring at 0x7ffe12ab of pid 7", b"ring at 0x55d0ab12ff of pid 31337"),
    (b"127.0.0.1:8080 refused", b"10.1.2.3:65535 refused"),
    (b"in /tmp/rustcVAIpSt/x", b"in /tmp/rustcabcdef/x"),
    (b"in /tmp/tmp.Ab12Cd/x", b"in /tmp/tmp.abcdefghij/x"),
    (b"in /tmp/pytest-of-ci/pytest-0/x", b"in /tmp/pytest-of-ci/pytest-12/x"),
    (b"/home/runner/work/_temp/3f2c-11.sh: line 7", b"/home/runner/work/_temp/77aa-02.sh: line 12"),
    (b"/work/runs/4711/app/a.c", b"/work/runs/12/app/a.c"),
    (b"at Mon May  4 10:00:00 2026", b"at Tue Nov 24 09:59:59 2026"),
    (b"[======>     ] 50 of 100", b"[==========> ] 99 of 100"),
    (b"a\tb", b"a b"),
    (b"10%\r50%\rdone", b"12%\rdone"),
]
OTHER = [
    (b"service up", b"service dead up"),
    (b"test a ... ok", b"test a ... FAILED"),
    (b"cannot open /etc/a.conf", b"cannot open /etc/b.conf"),
    (b"in /tmp/build/x", b"in /tmp/cache/x"),
    (b"a == b", b"a != b"),
    (b"error: x", b"warning: x"),
    (b"added x", b"faded x"),
    (b"3 errors", b"3 warnings"),
    (b"took 3 m", b"took 3 mice"),
]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_what_changes_is_no_part_of_a_key(one: bytes, other: bytes) -> None:
    assert key(one) == key(other)


@pytest.mark.parametrize(("one", "other"), OTHER)
def test_words_are(one: bytes, other: bytes) -> None:
    assert key(one) != key(other)


def test_a_line_of_numbers_alone_has_an_empty_key() -> None:
    assert key(b"2026-05-04T10:00:00.1Z 12 34.5 ms") == key(b"") == b""


LINES = st.lists(
    st.one_of(
        st.binary(max_size=60).map(lambda b: b.replace(b"\n", b"")),
        st.text("ab fF0:.-/#[]%_T", max_size=50).map(str.encode),
        st.sampled_from([line for pair in (*SAME, *OTHER) for line in pair]),
    ),
    max_size=12,
)


@given(LINES)
@settings(max_examples=300)
def test_a_key_follows_from_its_row_alone(lines: list[bytes]) -> None:
    alone = [key(line) for line in lines]
    assert texts(rows(b"\n".join(lines))) == (alone or [b""])


@given(LINES)
@settings(max_examples=300)
@example([b"May\t1 Jan 2"])
@example([b"1 m h"])
@example([b"x ---- #- abcdefa"])
def test_the_key_of_a_key_is_itself(lines: list[bytes]) -> None:
    once = texts(rows(b"\n".join(lines)))
    assert texts(rows(b"\n".join(once))) == once


@given(
    st.lists(st.integers(0, 10**15), min_size=3, max_size=3), st.lists(st.integers(0, 10**15), min_size=3, max_size=3)
)
def test_numbers_never_matter(some: list[int], others: list[int]) -> None:
    form = b"step %d of job: got v%d.x, code=%d; ok"
    assert key(form % tuple(some)) == key(form % tuple(others))


@given(st.binary(max_size=400))
@settings(max_examples=300)
def test_any_bytes_have_keys_one_for_each_line(data: bytes) -> None:
    found = rows(data)
    assert len(found) == data.count(b"\n") + 1
    assert len(texts(found)) == len(found)


@pytest.mark.parametrize(
    "unit",
    [b"0", b"a", b"0-", b"a0:", b"/tmp/", b"#", b"0 ", b"-", b"=", b"May ", b"0 kB ", b"A", b"\r", b"\xff", b"ab:"],
)
def test_a_hostile_text_costs_linear_time(unit: bytes) -> None:
    """No clock: the number of regex steps cannot be seen, but a text that took quadratic time would never end here."""
    data = unit * ((4 << 20) // len(unit))
    assert len(texts(rows(data))) == 1
    whole = b"\n".join(data[at : at + LONG - 1] for at in range(0, 1 << 20, LONG))
    assert len(texts(rows(whole))) == whole.count(b"\n") + 1


def all_of(keys_: Keys, blocks: Iterable[list[bytes]]) -> set[bytes]:
    found: set[bytes] = set()
    for block in blocks:
        found |= set(keys_.fresh(set(block)).digests.values())
        keys_.forget()
    return found


@given(LINES, st.randoms(use_true_random=False), st.integers(1, 5))
def test_order_and_blocks_do_not_matter(lines: list[bytes], dice: random.Random, size: int) -> None:
    given_rows = rows(b"\n".join(lines))
    mixed = given_rows * 2
    dice.shuffle(mixed)
    blocks = [mixed[at : at + size] for at in range(0, len(mixed), size)]
    whole = Keys(DIGESTS).digests(given_rows)
    assert all_of(Keys(DIGESTS), blocks) == set(whole.values())
    assert all(len(digest) == SIZE for digest in whole.values())


def test_what_is_forgotten_is_found_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keys, "_REMEMBERED", 10)
    one = Keys(DIGESTS)
    block = {b"first row", b"second row"}
    first = one.fresh(block)
    assert len(first.rows) == 2
    assert not one.fresh(block).rows
    assert one.forget()
    again = one.fresh(block)
    assert again.digests == first.digests
    assert not Keys(DIGESTS).forget()


def test_digests_depend_on_the_secret() -> None:
    assert set(Keys(DIGESTS).digests([b"x"]).values()).isdisjoint(Keys(Digests(b"t" * 32)).digests([b"x"]).values())


def test_few_lines_of_unlike_text_are_hidden_behind_another() -> None:
    """On the standard library's own sources: digits alone hide 3 % there, most of it in tables of numbers."""
    import argparse
    import asyncio.base_events
    import http.client
    import inspect
    import subprocess

    modules = (argparse, asyncio.base_events, http.client, inspect, subprocess, random)
    lines = {line.strip().encode() for m in modules for line in inspect.getsource(m).splitlines()}
    assert len(set(texts(rows(b"\n".join(sorted(lines)))))) > 0.98 * len(lines)
