"""The masker: how a log is cut into chunks and blocks never shows, and nothing that is a secret comes through."""

import html
import json
import re
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Iterator
from functools import cache
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from whyred.library import read
from whyred.logs.blocks import SIZE, Block, blocks, plain
from whyred.logs.engines import Engine, Re2
from whyred.logs.expression import expression
from whyred.logs.mask import Masker, expressions
from whyred.logs.scanner import compile_engine
from whyred.model.pattern import Secret

SECRETS = read.secrets()
KEY = (
    b"-----BEGIN OPENSSH PRIVATE KEY-----\n"
    b"MadeUp0000MadeUp0001MadeUp0002MadeUp0003MadeUp0004MadeUp0005\n"
    b"MadeUp0006MadeUp0007MadeUp0008\n"
    b"-----END OPENSSH PRIVATE KEY-----\n"
)
KEY_PARTS = tuple(f"MadeUp{n:04d}".encode() for n in range(9))
TOKEN = b"ghp_MadeUpMadeUpMadeUpMadeUpMadeUp000001"
RELAXED = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@cache
def engine() -> Engine:
    """The scan of all kinds, compiled once."""
    return compile_engine(expressions(SECRETS))


def masker(values: tuple[str, ...] = ()) -> Masker:
    return Masker(SECRETS, engine(), values)


def cut(data: bytes, sizes: list[int]) -> Iterator[bytes]:
    """The data in chunks of these sizes, over and over."""
    at, n = 0, 0
    while at < len(data):
        yield data[at : at + sizes[n % len(sizes)]]
        at += sizes[n % len(sizes)]
        n += 1


def masked(data: bytes, sizes: list[int] | None = None, size: int = SIZE, longest: int = 1 << 20) -> list[Block]:
    """The masked blocks of a log that comes in chunks."""
    chunks = cut(data, sizes) if sizes else iter([data])
    return list(masker().blocks(blocks(chunks, size, longest)))


def text(parts: list[Block]) -> bytes:
    return b"".join(b.plain for b in parts)


def one_line(secret: Secret) -> list[tuple[bytes, bytes]]:
    """(example, what must not survive) of a kind that fits on one line."""
    if secret.until is not None:
        return []
    pairs = []
    for fire in secret.fires:
        match = re.search(secret.regex.encode(), fire.encode())
        assert match is not None
        pairs.append((fire.encode(), match["secret"] if "secret" in match.re.groupindex else match[0]))
    return pairs


EXAMPLES = [pair for secret in SECRETS for pair in one_line(secret)]
PROSE = st.sampled_from(
    [
        b"Compiling demo v0.1.0",
        b"",
        b"  at main.rs:4",
        b"error: boom",
        b"\xff\xfe no text",
        b"12 % done\r13 % done",
        "🏁  Job".encode(),
    ]
)
COLOUR = st.sampled_from([b"\x1b[31m", b"\x1b[0m", b"\x1b[1;38;5;208m", b"\x1b]8;;https://example.org\x07", b"\x1b[K"])
VALUES = st.sampled_from(["made-up-value", "made-up", "v" * 300])
SIZES = st.lists(st.integers(1, 400), min_size=1, max_size=5)


@st.composite
def logs(draw: st.DrawFn) -> tuple[bytes, tuple[bytes, ...]]:
    """A log and the secrets in it."""
    rows: list[bytes] = []
    hidden: list[bytes] = []
    for kind in draw(st.lists(st.sampled_from(["prose", "prose", "secret", "key"]), max_size=14)):
        if kind == "prose":
            rows.append(draw(PROSE))
        elif kind == "key":
            rows += KEY.rstrip(b"\n").split(b"\n")
            hidden += KEY_PARTS
        else:
            row, secret = draw(st.sampled_from(EXAMPLES))
            rows.append(draw(st.sampled_from([b"", b"2026-03-14T09:12:00.0000000Z "])) + row)
            hidden.append(secret)
    end = draw(st.sampled_from([b"\n", b"\r\n"]))
    return end.join([*rows, b"end of the log"]) + draw(st.sampled_from([b"", end])), tuple(hidden)


@st.composite
def coloured(draw: st.DrawFn) -> tuple[bytes, bytes]:
    """A line with a secret that has escape sequences inside, and the secret."""
    row, secret = draw(st.sampled_from(EXAMPLES))
    at = row.index(secret)
    for place in sorted(draw(st.sets(st.integers(at, at + len(secret)), min_size=1, max_size=5)), reverse=True):
        row = row[:place] + draw(COLOUR) + row[place:]
    return row, secret


@RELAXED
@given(log=logs(), sizes=SIZES, size=st.integers(1, 600))
def test_chunks_and_blocks_never_show(log: tuple[bytes, tuple[bytes, ...]], sizes: list[int], size: int) -> None:
    data, hidden = log
    whole, parts = masked(data), masked(data, sizes, size)
    assert text(parts) == text(whole)
    assert [h for h in hidden if h in text(parts)] == []


@RELAXED
@given(log=logs(), sizes=SIZES, size=st.integers(1, 600))
def test_the_number_of_lines_never_changes(log: tuple[bytes, tuple[bytes, ...]], sizes: list[int], size: int) -> None:
    data, _ = log
    parts = masked(data, sizes, size)
    assert text(parts).count(b"\n") == data.count(b"\n") == sum(b.raw.count(b"\n") for b in parts)
    line = 1
    for block in parts:
        assert block.first == line
        line += block.plain.count(b"\n")


@RELAXED
@given(log=logs())
def test_lines_without_a_secret_stay_as_they_are(log: tuple[bytes, tuple[bytes, ...]]) -> None:
    data, _ = log
    for old, new in zip(plain(data).split(b"\n"), text(masked(data)).split(b"\n"), strict=True):
        assert new == old or b"***" in new


@RELAXED
@given(line=coloured(), sizes=SIZES)
def test_colour_inside_a_secret_does_not_save_it(line: tuple[bytes, bytes], sizes: list[int]) -> None:
    row, secret = line
    parts = masked(b"before\n" + row + b"\nafter\n", sizes, size=64)
    assert secret not in text(parts)
    assert secret not in plain(b"".join(b.raw for b in parts))


@pytest.mark.parametrize(("row", "secret"), EXAMPLES)
def test_every_kind_is_masked_by_both_engines(row: bytes, secret: bytes) -> None:
    slow = Masker(SECRETS, Re2([expression(regex) for regex in expressions(SECRETS)]))
    assert slow.text(row) == masker().text(row)
    assert secret not in slow.text(row)


@settings(max_examples=25, deadline=None)
@given(at=st.integers(0, 3 << 20), sizes=st.lists(st.integers(1 << 12, 1 << 20), min_size=1, max_size=3))
@example(at=(1 << 20) - 20, sizes=[1 << 20])
@example(at=(2 << 20) + 3, sizes=[1 << 16])
def test_a_secret_in_a_line_of_3_mib_is_masked_wherever_it_is(at: int, sizes: list[int]) -> None:
    data = b"x " * (at // 2) + TOKEN + b" y" * (((3 << 20) - at) // 2) + b"\nafter\n"
    parts = masked(data, sizes, size=1 << 18, longest=1 << 18)
    assert text(parts) == data.replace(TOKEN, b"***")


@settings(max_examples=25, deadline=None)
@given(at=st.integers(0, 40), edge=st.integers(1, 3))
def test_colour_and_the_edge_of_a_piece_together_do_not_save_a_secret(at: int, edge: int) -> None:
    """The edge falls into an escape sequence, or right before or after it, in the middle of a token."""
    piece, token = 1 << 18, TOKEN[:20] + b"\x1b[31m" + TOKEN[20:]
    data = b"x " * ((edge * piece - at) // 2) + token + b" y" * piece + b"\nafter\n"
    parts = masked(data, [piece], size=piece, longest=piece - 1)
    assert TOKEN not in plain(text(parts))


@settings(max_examples=25, deadline=None)
@given(
    sizes=SIZES,
    size=st.integers(1, 400),
    values=st.lists(st.sampled_from(["made-up-value", "made-up", "v" * 300]), min_size=1),
)
def test_add_mask_values_are_masked_from_then_on(sizes: list[int], size: int, values: list[str]) -> None:
    rows = [f"::add-mask::{v}\nusing {v} here\n" for v in values]
    data = "".join(rows).encode() + b"the end\n"
    parts = masked(data, sizes, size)
    assert [v for v in values if v.encode() in text(parts)] == []
    assert text(parts) == text(masked(data))


@settings(max_examples=25, deadline=None)
@given(sizes=SIZES, size=st.integers(1, 400))
def test_add_mask_does_not_depend_on_blocks_for_what_stood_before(sizes: list[int], size: int) -> None:
    data = b"using made-up-value here\n" * 20 + b"::add-mask::made-up-value\n" + b"using made-up-value here\n" * 20
    assert text(masked(data, sizes, size)) == text(masked(data))


@pytest.mark.parametrize("value", ["1", "abc", "***", ""])
def test_add_mask_values_that_would_destroy_the_log_are_left_alone(value: str) -> None:
    data = f"::add-mask::{value}\nabc 1 abc\n".encode()
    assert text(masked(data)).endswith(b"\nabc 1 abc\n")


def test_values_from_outside_are_masked_from_the_first_line() -> None:
    assert masker(("made-up-value",)).text(b"using made-up-value here\n") == b"using *** here\n"


@settings(max_examples=25, deadline=None)
@given(at=st.integers(0, 1 << 19))
def test_a_value_in_an_endless_line_is_masked_wherever_it_is(at: int) -> None:
    data = b"::add-mask::made-up-value\n" + b"x " * (at // 2) + b"made-up-value" + b" y" * (1 << 18) + b"\n"
    parts = masked(data, [1 << 15], size=1 << 16, longest=1 << 16)
    assert b"made-up-value" not in text(parts)


@RELAXED
@given(sizes=SIZES, size=st.integers(1, 400), before=st.integers(0, 5), crlf=st.booleans())
def test_a_key_is_masked_across_block_edges(sizes: list[int], size: int, before: int, crlf: bool) -> None:
    data = b"a line\n" * before + KEY + b"the key is above\nerror: boom\n"
    parts = masked(data.replace(b"\n", b"\r\n") if crlf else data, sizes, size)
    assert [part for part in KEY_PARTS if part in text(parts)] == []
    assert text(parts).endswith(b"\nthe key is above\nerror: boom\n")


@RELAXED
@given(sizes=SIZES, size=st.integers(1, 400))
def test_every_line_of_a_key_may_have_a_time_stamp(sizes: list[int], size: int) -> None:
    stamp = b"2026-03-14T09:12:00.0000000Z "
    data = b"".join(stamp + row + b"\n" for row in [*KEY.rstrip(b"\n").split(b"\n"), b"the key is above"])
    parts = masked(data, sizes, size)
    assert [part for part in KEY_PARTS if part in text(parts)] == []
    assert text(parts).endswith(stamp + b"the key is above\n")


def test_a_second_key_begins_after_the_first_one() -> None:
    masked_text = text(masked(KEY + b"between\n" + KEY + b"after\n"))
    assert [part for part in KEY_PARTS if part in masked_text] == []
    assert masked_text.count(b"\n") == KEY.count(b"\n") * 2 + 2
    assert masked_text.endswith(b"\nafter\n")


def test_only_lines_with_a_secret_lose_their_colour() -> None:
    data = b"\x1b[32mfine\x1b[0m\n\x1b[31m" + TOKEN + b"\x1b[0m\n"
    assert b"".join(b.raw for b in masked(data)) == b"\x1b[32mfine\x1b[0m\n***\n"


PASSWORD = 'p@ss/wörd?&"quoted" <b>\'s $HOME'
WRITTEN = {
    "as it is": PASSWORD,
    "percent": quote(PASSWORD, safe=""),
    "percent, in a path": quote(PASSWORD),
    "percent, small letters": re.sub("%..", lambda m: m[0].lower(), quote(PASSWORD, safe="")),
    "a form": quote_plus(PASSWORD),
    "JSON": json.dumps(PASSWORD),
    "JSON, not only ASCII": json.dumps(PASSWORD, ensure_ascii=False),
    "Python": repr(PASSWORD),
    "HTML": html.escape(PASSWORD),
    "HTML text": html.escape(PASSWORD, quote=False),
    "a shell's backslashes": re.sub(r"([^\w@%+=:,./-])", r"\\\1", PASSWORD),
    "a shell's quotes": "'" + PASSWORD.replace("'", "'\\''") + "'",
    "base64": b64encode(PASSWORD.encode()).decode(),
    "base64 behind one byte": b64encode(b":" + PASSWORD.encode()).decode(),
    "base64 behind two bytes": b64encode(b"a:" + PASSWORD.encode() + b"\n").decode(),
    "base64 behind a user": b64encode(b"deploy:" + PASSWORD.encode()).decode(),
    "base64 for URLs": urlsafe_b64encode(PASSWORD.encode()).decode(),
}


@pytest.mark.parametrize("how", WRITTEN)
@pytest.mark.parametrize("colour", [False, True], ids=["plain", "coloured"])
def test_a_value_is_masked_however_it_is_written(how: str, colour: bool) -> None:
    form = WRITTEN[how]
    row = "\x1b[32m".join(form) if colour else form
    seen = b"".join(b.raw for b in masker((PASSWORD,)).blocks(blocks([f"before {row} after\n".encode()])))
    assert seen.startswith(b"before ")
    assert seen.endswith(b" after\n")
    assert b"***" in seen
    rest = plain(seen).removeprefix(b"before ").removesuffix(b" after\n").replace(b"***", b"")
    assert len(rest) <= 12, rest  # of base64 what is not the password's alone


@RELAXED
@given(sizes=st.lists(st.integers(1, 60), min_size=1, max_size=4), size=st.sampled_from([20, 200, SIZE]))
def test_a_token_that_was_seen_is_masked_in_other_forms_from_the_next_line_on(sizes: list[int], size: int) -> None:
    log = b"log in with %s\nas %s\nor %s\n" % (TOKEN, b64encode(b"x:" + TOKEN), TOKEN[::-1])
    seen = text(masked(log, sizes, size))
    assert seen.startswith(b"log in with ***\nas ")
    assert TOKEN not in seen
    assert b64encode(b"x:" + TOKEN)[4:-4] not in seen
    assert seen.endswith(b"or %s\n" % TOKEN[::-1])


def test_a_token_and_its_base64_across_the_edge_of_a_piece() -> None:
    for pad in range(8100, 8300, 7):
        log = TOKEN + b" " + b64encode(TOKEN) + b" " * pad
        seen = text(masked(log, [1 << 15], 1 << 14, 1 << 14))
        assert b64encode(TOKEN)[:20] not in seen
        assert b64encode(TOKEN)[20:40] not in seen


def test_short_or_common_words_of_a_secrets_line_are_no_values() -> None:
    seen = text(masked(b"https://user:master@example.com/x\ngit checkout master\n"))
    assert seen.endswith(b"git checkout master\n")
