"""The tap lets everything through as it is, in both directions, and looks at the calls of runners alone."""

import asyncio
import gzip
import hashlib
import json
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from standin.servers import authority
from tap_upstream import SECONDS, Act, Forge, Line, client, forge

from whyred.app.tap import Call
from whyred.faces.tap.relay import Relay, Upstream
from whyred.faces.tap.serve import tls_to

CANARY = "canary-token-0123456789"
SERVICE = "/api/actions/runner.v1.RunnerService"


class Tapped:
    """A relay under way before a forge. `calls` is what it handed over, `troubles` what it said of the forge."""

    def __init__(self, root: str, ca: str | None = None) -> None:
        self.calls: list[Call] = []
        self.troubles: list[str | None] = []
        self.relay = Relay(Upstream(root, tls_to(root, ca)), self.calls.append, self.troubles.append)
        self.loop = asyncio.new_event_loop()
        self.broken: list[object] = []
        self.loop.set_exception_handler(lambda _, context: self.broken.append(context))
        self.server = self.loop.run_until_complete(asyncio.start_server(self.relay.serve, "127.0.0.1", 0))
        self.port: int = self.server.sockets[0].getsockname()[1]
        self.thread = threading.Thread(target=self.loop.run_forever)
        self.thread.start()

    def close(self) -> None:
        async def end() -> None:
            # asyncio forgets a connection that it has just accepted when the server is closed in the same turn.
            for _ in range(10):
                await asyncio.sleep(0)
            self.server.close()
            for _ in range(10):  # what was accepted is served some turns of the loop later
                await asyncio.sleep(0)
            while self.relay.open:
                await asyncio.wait(self.relay.open)
            await asyncio.sleep(0)

        asyncio.run_coroutine_threadsafe(end(), self.loop).result(SECONDS)
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()
        self.loop.close()
        assert not self.broken
        assert self.relay.busy == 0


@contextmanager
def tapped(act: Act, tls: ssl.SSLContext | None = None, ca: str | None = None) -> Iterator[tuple[Forge, Tapped]]:
    """A tap before a forge; at the end nobody may be left hanging."""
    with forge(act, tls) as there:
        tap = Tapped(f"http{'s' if tls else ''}://{'localhost' if tls else '127.0.0.1'}:{there.port}", ca)
        try:
            yield there, tap
        finally:
            tap.close()
        there.join()


def once(reply: bytes, end: bytes = b"\r\n\r\n") -> Act:
    """Answers one request that ends so, and closes."""

    def act(line: Line) -> None:
        line.until(end)
        line.send(reply)

    return act


def asked(port: int, request: bytes) -> bytes:
    """All that comes back for a request."""
    with client(port) as line:
        line.send(request)
        return line.rest()


def ours(request: bytes, port: int) -> bytes:
    return request.replace(b"127.0.0.1:9", f"127.0.0.1:{port}".encode())


BODY = bytes(range(256)) * 5
REQUESTS = {
    "get": b"GET /alice/pub?a=b%20c HTTP/1.1\r\nhOsT: 127.0.0.1:9\r\nX-Odd :\r\n".replace(b" :", b":") + b"\r\n",
    "length": b"POST / HTTP/1.1\r\nHost: 127.0.0.1:9\r\nContent-Length: %d\r\nB: 1\r\nA: 2\r\nA: 1\r\n\r\n%s"
    % (len(BODY), BODY),
    "chunked": b"PUT /x HTTP/1.1\r\nHost: 127.0.0.1:9\r\nTransfer-Encoding: chunked\r\n\r\n"
    + b"500;a=b\r\n%s\r\n0\r\nTrailer: t\r\n\r\n" % BODY[:0x500],
    "gzip": b"POST /g HTTP/1.1\r\nHost: 127.0.0.1:9\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n%s"
    % (len(gzip.compress(BODY, mtime=0)), gzip.compress(BODY, mtime=0)),
    "method": b"PROPFIND /dav HTTP/1.1\r\nHost: 127.0.0.1:9\r\n\r\n",
    "old": b"GET / HTTP/1.0\r\n\r\n",
    "no http": b"\x16\x03\x01 no http \r\n\r\n",
}
REPLIES = {
    "length": b"HTTP/1.1 200 Quite OK\r\nX-b: 1\r\nx-A: 2\r\nContent-Length: 3\r\nConnection: close\r\n\r\nabc",
    "chunked": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n0\r\nT: 1\r\n\r\n",
    "closed": b"HTTP/1.1 200 OK\r\n\r\n" + BODY,
    "gzip": b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 40\r\n\r\n"
    + gzip.compress(b"a" * 99, mtime=0)[:40],
    "cookies": b"HTTP/1.1 303 See Other\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\nContent-Length: 0\r\n\r\n",
    "empty": b"HTTP/1.1 204 No Content\r\n\r\n",
    "early": b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx",
    "cut": b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this",
    "no http": b"\0\xff\0 no http",
    "nothing": b"",
}


@pytest.mark.parametrize("reply", REPLIES.values(), ids=list(REPLIES))
@pytest.mark.parametrize("request_", REQUESTS.values(), ids=list(REQUESTS))
def test_byte_for_byte(request_: bytes, reply: bytes) -> None:
    port = [0]

    def act(line: Line) -> None:
        line.count(len(ours(request_, port[0])))
        line.send(reply)

    with tapped(act) as (there, tap):
        port[0] = there.port
        assert asked(tap.port, request_) == reply
    assert bytes(there.lines[0].seen) == ours(request_, there.port)
    assert tap.calls == []


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.binary(min_size=1, max_size=4000), min_size=1, max_size=6), st.binary(max_size=4000))
def test_chunks_are_not_made_anew(pieces: list[bytes], reply: bytes) -> None:
    body = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"
    request = b"POST / HTTP/1.1\r\nHost: 127.0.0.1:9\r\nTransfer-Encoding: chunked\r\n\r\n" + body
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s" % (len(reply), reply)

    def act(line: Line) -> None:
        line.count(len(ours(request, port[0])))
        line.send(answer)

    port = [0]
    with tapped(act) as (there, tap):
        port[0] = there.port
        with client(tap.port) as line:
            for at in range(0, len(request), 777):
                line.send(request[at : at + 777])
            assert line.rest() == answer
    assert bytes(there.lines[0].seen) == ours(request, there.port)


def test_one_connection_stays_one() -> None:
    """Keep-alive, and requests that are sent before the answer to the first."""
    answers = [b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n%d" % n for n in range(5)]

    def act(line: Line) -> None:
        for answer in answers[:3]:
            line.until(b"\r\n\r\n")
            line.send(answer)
        line.until(b"last")
        line.send(b"".join(answers[3:]))

    with tapped(act) as (there, tap), client(tap.port) as line:
        for number in range(3):
            line.send(b"GET /%d HTTP/1.1\r\nHost: x\r\n\r\n" % number)
            assert line.until(b"%d" % number).endswith(answers[number][-20:])
        line.send(b"GET /3 HTTP/1.1\r\nHost: x\r\n\r\nPOST /4 HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nlast")
        assert line.rest() == b"".join(answers)
    assert len(there.lines) == 1
    assert bytes(there.lines[0].seen).count(f"Host: 127.0.0.1:{there.port}\r\n".encode()) == 5


def test_both_directions_stream_at_once() -> None:
    """A request whose end waits for the beginning of its answer, as of git over HTTP; and `100 Continue` before it."""

    def act(line: Line) -> None:
        line.until(b"\r\n\r\n")
        line.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        line.until(b"first\r\n")
        line.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n6\r\nhalf-1\r\n")
        line.until(b"0\r\n\r\n")
        line.send(b"6\r\nhalf-2\r\n0\r\n\r\n")

    with tapped(act) as (_, tap), client(tap.port) as line:
        line.send(b"POST /a HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nTransfer-Encoding: chunked\r\n\r\n")
        assert line.until(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        line.send(b"5\r\nfirst\r\n")
        line.until(b"half-1\r\n")
        line.send(b"0\r\n\r\n")
        assert line.rest().endswith(b"6\r\nhalf-2\r\n0\r\n\r\n")


def test_a_websocket_is_a_plain_tunnel() -> None:
    frames = bytes(range(256)) * 3

    def act(line: Line) -> None:
        line.until(b"\r\n\r\n")
        line.send(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\nserver first")
        got = line.count(len(line.seen) + 4 + len(frames) if len(line.seen) < 200 else 0)
        line.send(hashlib.sha256(got[-len(frames) :]).digest())
        line.rest()

    with tapped(act) as (_, tap), client(tap.port) as line:
        line.send(b"GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n")
        line.until(b"server first")
        line.send(b"GET " + frames)
        assert line.count(len(line.seen) + 32)[-32:] == hashlib.sha256(frames).digest()


def test_a_client_that_only_ends_its_sending_gets_its_answer() -> None:
    def act(line: Line) -> None:
        assert line.rest().endswith(b"\r\n\r\n"), "the end came through"
        line.send(REPLIES["length"])

    with tapped(act) as (_, tap), client(tap.port) as line:
        line.send(REQUESTS["get"])
        line.socket.shutdown(1)
        assert line.rest() == REPLIES["length"]


def test_an_answer_to_a_body_that_is_still_sent_arrives() -> None:
    """As when a forge refuses an upload: the client reads why, and no reset."""
    reply = b"HTTP/1.1 413 Too Large\r\nContent-Length: 9\r\nConnection: close\r\n\r\ntoo large"

    with tapped(once(reply)) as (_, tap), client(tap.port) as line:
        line.send(b"PUT /artifact HTTP/1.1\r\nHost: x\r\nContent-Length: 100000000\r\n\r\n")
        line.send(bytes(1000))
        assert line.until(b"too large").startswith(b"HTTP/1.1 413")
        line.send(bytes(1000))
        assert line.rest()[-9:] == b"too large"


# --- what is looked at ------------------------------------------------------------------------------------------------


def call(method: str, body: bytes, kind: str = "application/json", more: str = "", prefix: str = "") -> bytes:
    return (
        f"POST {prefix}{SERVICE}/{method} HTTP/1.1\r\nHost: x\r\nContent-Type: {kind}\r\n"
        f"x-runner-uuid: uuid-1\r\nx-runner-token: {CANARY}\r\n{more}Content-Length: {len(body)}\r\n\r\n"
    ).encode() + body


def reply(body: bytes, status: str = "200 OK", more: str = "") -> bytes:
    head = f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\n{more}Content-Length: {len(body)}\r\n"
    return f"{head}Connection: close\r\n\r\n".encode() + body


def test_a_call_and_its_answer_are_handed_over() -> None:
    packed = gzip.compress(b'{"ackIndex": "3"}')
    body = json.dumps({"taskId": "9", "secret": CANARY}).encode()
    with tapped(once(reply(packed, more="Content-Encoding: GZIP\r\n"), body)) as (_, tap):
        request = call("UpdateLog", body, "application/json; charset=utf-8", prefix="/git")
        assert asked(tap.port, request) == reply(packed, more="Content-Encoding: GZIP\r\n")
    (seen,) = tap.calls
    assert (seen.method, seen.kind, seen.encoding, seen.body) == ("UpdateLog", "application/json", "", body)
    assert (seen.status, seen.reply_kind, seen.reply_encoding, seen.reply) == (200, "application/json", "gzip", packed)
    assert CANARY not in repr(seen)
    assert CANARY.encode() not in seen.caller
    assert len(seen.caller) == 16


def test_a_chunked_call_is_handed_over_without_its_chunks() -> None:
    request = (
        f"POST {SERVICE}/UpdateTask?x=1 HTTP/1.1\r\nHost: x\r\nContent-Type: application/proto\r\n"
        "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
    ).encode()
    answer = (
        b"HTTP/1.1 200 OK\r\nContent-Type: application/proto\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n"
    )
    with tapped(once(answer, b"0\r\n\r\n")) as (_, tap):
        assert asked(tap.port, request) == answer
    assert [(c.method, c.body, c.reply) for c in tap.calls] == [("UpdateTask", b"abcde", b"x")]


@pytest.mark.parametrize(
    "request_",
    [
        call("Register", b"{}"),
        call("UpdateLogs", b"{}"),
        call("UpdateLog/", b"{}"),
        call("UpdateLog", b"{}", "application/grpc"),
        call("UpdateLog", b"{}").replace(b"POST", b"PUT", 1),
        call("UpdateLog", b"{}").replace(b"runner.v1", b"runner.v2", 1),
        b"POST /login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}",
    ],
)
def test_nothing_else_is_looked_at(request_: bytes) -> None:
    with tapped(once(reply(b"{}"), request_[-4:])) as (_, tap):
        assert asked(tap.port, request_) == reply(b"{}")
    assert tap.calls == []


def test_callers_are_told_apart_by_both_of_their_credentials() -> None:
    def act(line: Line) -> None:
        for _ in range(3):
            line.until(b"{}")
            line.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")

    first = call("FetchTask", b"{}")
    with tapped(act) as (_, tap), client(tap.port) as line:
        for request in (first, first.replace(b"uuid-1", b"uuid-2"), first.replace(CANARY.encode(), b"other" * 4)):
            line.send(request)
            line.until(b"{}")
        line.rest()
    assert len({c.caller for c in tap.calls}) == 3


CUTS: dict[str, tuple[Callable[[Line], None], int | None]] = {
    "no answer": (lambda line: None, None),
    "half an answer": (lambda line: line.send(b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{"), None),
    "no http": (lambda line: line.send(b"\0\0\0\0\r\n\r\n"), None),
    "an error": (lambda line: line.send(reply(b"{}", "409 Conflict")), 409),
}


@pytest.mark.parametrize(("answer", "status"), CUTS.values(), ids=list(CUTS))
def test_a_call_without_a_whole_answer_is_handed_over_without_one(
    answer: Callable[[Line], None], status: int | None
) -> None:
    def act(line: Line) -> None:
        line.until(b"rows")
        answer(line)

    with tapped(act) as (_, tap):
        asked(tap.port, call("UpdateLog", b"rows"))
    assert [(c.method, c.body, c.status) for c in tap.calls] == [("UpdateLog", b"rows", status)]


def test_a_call_that_is_not_complete_is_not_handed_over() -> None:
    def act(line: Line) -> None:
        line.rest()

    with tapped(act) as (_, tap), client(tap.port) as line:
        line.send(call("UpdateLog", b"rows and more")[:-4])
    assert tap.calls == []


# --- the forge --------------------------------------------------------------------------------------------------------


def test_a_forge_that_is_away_is_told_to_the_runner_and_the_call_is_kept() -> None:
    with socket.socket() as held:  # bound, so that nobody else takes the port, and not listening
        held.bind(("127.0.0.1", 0))
        gone = Tapped(f"http://127.0.0.1:{held.getsockname()[1]}")
        try:
            for request in (
                call("UpdateLog", b"rows"),
                REQUESTS["get"],
                b"PUT / HTTP/1.1\r\nContent-Length: 10\r\n\r\nabc",
            ):
                answer = asked(gone.port, request)
                assert answer.startswith(b"HTTP/1.1 502 Bad Gateway\r\n")
                assert answer.endswith(b"\r\n\r\nwhyred tap: the forge cannot be reached from here\n")
        finally:
            gone.close()
    assert [(c.method, c.body, c.status) for c in gone.calls] == [("UpdateLog", b"rows", None)]
    assert set(gone.troubles) == {"Connection refused"}


def test_over_tls_with_an_authority_of_ones_own(tmp_path: Path) -> None:
    own = authority(tmp_path, host="localhost")
    with tapped(once(REPLIES["length"]), own.server, str(own.ca)) as (there, tap):
        assert asked(tap.port, REQUESTS["get"]) == REPLIES["length"]
    assert bytes(there.lines[0].seen) == REQUESTS["get"].replace(b"127.0.0.1:9", f"localhost:{there.port}".encode())


def test_a_certificate_that_is_not_trusted_stops_everything(tmp_path: Path) -> None:
    with forge(lambda line: None, authority(tmp_path, host="localhost").server) as there:
        tap = Tapped(f"https://localhost:{there.port}")
        try:
            assert asked(tap.port, call("UpdateLog", b"rows")).startswith(b"HTTP/1.1 502")
        finally:
            tap.close()
    assert tap.troubles
    assert "certificate is not trusted" in (tap.troubles[0] or "")
    assert all(b"rows" not in line.seen for line in there.lines)


def test_over_tls_a_client_that_ends_its_sending_gets_its_answer(tmp_path: Path) -> None:
    own = authority(tmp_path, host="localhost")
    keep_open = threading.Event()

    def act(line: Line) -> None:
        line.until(b"\r\n\r\n")
        line.send(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc")
        assert line.socket.recv(1) == b"", "the tap ends the connection, not the forge"
        keep_open.set()

    with tapped(act, own.server, str(own.ca)) as (_, tap), client(tap.port) as line:
        line.send(REQUESTS["get"])
        line.socket.shutdown(1)
        assert line.rest().endswith(b"\r\n\r\nabc")
        assert keep_open.wait(SECONDS)
