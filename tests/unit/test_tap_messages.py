"""HTTP/1.1 cut into messages: every byte comes out as it went in, wherever the stream is split, and bodies are told."""

from collections.abc import Iterable, Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whyred.faces.tap.messages import (
    MOST_HEAD,
    Body,
    Cutter,
    End,
    Head,
    Length,
    Wire,
    read_head,
    reply_body,
    request_body,
)

POST = b"POST /x HTTP/1.1\r\nHost: a.example\r\nContent-Length: 5\r\n\r\nhello"
CHUNKED = (
    b"PUT /y HTTP/1.1\r\nhost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"5\r\nhello\r\n0006;name=value\r\n world\r\n0\r\nX-Trailer: 1\r\n\r\n"
)
GET = b"GET /z HTTP/1.0\r\n\r\n"
BARE = b"GET /z HTTP/1.1\nHost: a\n\n"
MESSAGES = [(POST, b"hello"), (CHUNKED, b"hello world"), (GET, b""), (BARE, b""), (b"\r\n" + GET, b"")]


def cut(pieces: Iterable[bytes], cutter: Cutter | None = None) -> tuple[bytes, list[bytes], list[Head]]:
    """What came out in all, the bodies of complete messages, and the heads."""
    cutter = cutter or Cutter(request_body)
    out, bodies, heads, body = b"", [], [], b""
    for piece in pieces:
        for part in cutter.feed(piece):
            if isinstance(part, Head):
                out, body, cutter.wants = out + part.raw, b"", True
                heads.append(part)
            elif isinstance(part, Wire):
                out, body = out + part.raw, body + part.body
            else:
                bodies.append(body)
    return out + cutter.let_through(), bodies, heads


def pieces(data: bytes, at: Sequence[int]) -> list[bytes]:
    edges = [0, *sorted(a % (len(data) + 1) for a in at), len(data)]
    return [data[a:b] for a, b in pairwise(edges) if a < b]


@given(st.lists(st.sampled_from(MESSAGES), max_size=5), st.lists(st.integers(0, 2000), max_size=8))
def test_any_split_gives_the_same(messages: list[tuple[bytes, bytes]], at: list[int]) -> None:
    data = b"".join(message for message, _ in messages)
    out, bodies, heads = cut(pieces(data, at))
    assert out == data
    assert bodies == [body for _, body in messages]
    assert len(heads) == len(messages)


@given(st.lists(st.one_of(st.binary(max_size=30), st.sampled_from([m for m, _ in MESSAGES])), max_size=6))
def test_whatever_comes_goes_through(parts: list[bytes]) -> None:
    assert cut(parts)[0] == b"".join(parts)


@given(st.sampled_from([POST, CHUNKED]), st.integers(0, 500), st.binary(min_size=1, max_size=3))
def test_a_message_that_was_changed_anywhere_goes_through(message: bytes, at: int, other: bytes) -> None:
    at %= len(message)
    changed = message[:at] + other + message[at + len(other) :] + GET
    assert cut([changed])[0] == changed


@pytest.mark.parametrize(
    "data",
    [
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0\0\0\4\0",
        b"\x16\x03\x01\x02\0\x01\r\n\r\n\xff",
        b"GET / HTTP/1.1\r\nno colon\r\n\r\n",
        b"GET / HTTP/1.1\r\nA : b\r\n\r\n",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\nabc",
        b"POST / HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
        b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\nhello",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nx\r\nhello",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nabc",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n" + b"1" * 20_000,
        b"G" * (MOST_HEAD + 1),
    ],
)
def test_what_is_no_http_1_makes_it_blind(data: bytes) -> None:
    cutter = Cutter(request_body)
    assert cut([data], cutter)[0] == data
    assert cutter.blind
    assert list(cutter.feed(GET)) == [Wire(GET)]


def test_only_the_host_of_a_request_is_another() -> None:
    raw = b"GET /host: HTTP/1.1\r\nX-Host: a\r\nHOST:  tap:8377 \r\nCookie: b\r\nx-runner-token: c\r\nHost: d\r\n\r\n"
    head = read_head(raw)
    assert head is not None
    assert head.to("forge.example:3000") == raw.replace(b"tap:8377 ", b"forge.example:3000")
    assert "c" not in repr(head)
    without = read_head(GET)
    assert without is not None
    assert without.to("forge.example") == GET


@pytest.mark.parametrize(
    ("status", "headers", "method", "body"),
    [
        ("200 OK", "", "GET", Length.UNTIL_CLOSED),
        ("200 OK", "Content-Length: 7", "GET", 7),
        ("200 OK", "Content-Length: 7\r\nContent-Length: 7", "GET", 7),
        ("200", "Content-Length: 0", "POST", 0),
        ("200 OK", "Content-Length: 7", "HEAD", 0),
        ("204 No Content", "", "DELETE", 0),
        ("304 Not Modified", "Content-Length: 7", "GET", 0),
        ("100 Continue", "", "POST", 0),
        ("101 Switching Protocols", "Upgrade: websocket", "GET", Length.BLIND),
        ("200 OK", "", "CONNECT", Length.BLIND),
        ("403 Forbidden", "Content-Length: 3", "CONNECT", 3),
        ("200 OK", "Transfer-Encoding: gzip, chunked", "GET", Length.CHUNKED),
        ("200 OK", "Transfer-Encoding: Chunked\r\nContent-Length: 3", "GET", Length.CHUNKED),
    ],
)
def test_how_long_an_answer_is(status: str, headers: str, method: str, body: Body) -> None:
    head = read_head(f"HTTP/1.1 {status}\r\n{headers}{chr(13) + chr(10) if headers else ''}\r\n".encode())
    assert head is not None
    assert reply_body(head, method) == body
    assert head.status == int(status[:3])


@pytest.mark.parametrize("first", ["HTTP/1.1 99 x", "HTTP/1.1 abc", "HTTP/1.1", "HTTP/2 200"])
def test_no_answer(first: str) -> None:
    assert read_head(f"{first}\r\n\r\n".encode()) is None


def test_an_answer_until_the_connection_ends() -> None:
    cutter = Cutter(lambda head: reply_body(head, "GET"))
    data = b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 100
    parts = [part for piece in pieces(data, [25, 60]) for part in cutter.feed(piece)]
    assert b"".join(p.raw for p in parts if isinstance(p, Wire)) == b"x" * 100
    assert not any(isinstance(p, End) for p in parts)


def test_a_body_that_nobody_asked_for_is_not_held() -> None:
    cutter = Cutter(request_body)
    parts = list(cutter.feed(POST))
    assert [p for p in parts if isinstance(p, Wire)] == [Wire(b"hello", b"")]
