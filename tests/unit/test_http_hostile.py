"""A server that means harm, or is out of its mind: every answer ends, in bounded memory, with the right reason."""

import gzip
import tracemalloc
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from github_fake import Answer as Said
from github_fake import fake_github
from raw_server import Answer, Asked, Site, serving

from whyred.model.forge import Kind, Server
from whyred.model.run import Attempt, Job, Run
from whyred.model.source import Missing, MissingLogError
from whyred.sources import _github_api
from whyred.sources._cookies import keep, read_cookie
from whyred.sources._forge_api import open_log
from whyred.sources._github_stored import Stored
from whyred.sources.http import By, Http
from whyred.sources.reach import Reach
from whyred.sources.reasons import joined
from whyred.sources.web_login import csrf

TOKEN = "canary-token-1234567890"
OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"


class Ticking:
    """A clock on which each look takes a second."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        self.now += 1.0
        return self.now


def client(site: Site, **more: object) -> Http:
    waits: list[float] = []
    made = Http(site.url, token=TOKEN, sleep=waits.append, **more)  # type: ignore[arg-type]
    made.waits = waits  # type: ignore[attr-defined]
    return made


@contextmanager
def little_memory(most: int = 48 << 20) -> Iterator[None]:
    tracemalloc.start()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < most
    finally:
        tracemalloc.stop()


def refused(answer: Answer, ask: Callable[[Http], object], **more: object) -> MissingLogError:
    with serving(answer) as site, pytest.raises(MissingLogError) as told, little_memory():
        ask(client(site, **more))
    assert TOKEN not in str(told.value)
    assert len(str(told.value)) < 2000
    return told.value


def get(http: Http) -> bytes:
    return http.get("/x").body


def stream(http: Http) -> int:
    return sum(len(chunk) for chunk in http.open("GET", "/x").chunks())


BOTH = pytest.mark.parametrize("ask", [get, stream])


# --- how long ---------------------------------------------------------------------------------------------------------


def dripping(asked: Asked) -> None:
    asked.send(OK, b"Content-Length: 1000000000\r\n\r\n")
    asked.endless(b"[")


def test_a_small_answer_that_drips_is_given_up() -> None:
    told = refused(dripping, get, clock=Ticking())
    assert told.reason is Missing.UNREACHABLE
    assert "not come to its end" in told.help


def test_a_log_that_makes_progress_is_never_given_up() -> None:
    def answer(asked: Asked) -> None:
        asked.send(OK, b"Content-Length: 200000000\r\n\r\n")
        for _ in range(2000):
            asked.send(b"x" * 100_000)

    with serving(answer) as site:
        clock = Ticking()
        assert stream(client(site, clock=clock)) == 200_000_000
        assert clock.now > 1000


@BOTH
@pytest.mark.parametrize("head", [b"", OK, OK + b"X-Header: "])
def test_a_head_that_drips_is_given_up(ask: Callable[[Http], object], head: bytes) -> None:
    def answer(asked: Asked) -> None:
        asked.send(head or b"HTTP/1.1 ")
        asked.endless(b"2")

    told = refused(answer, ask, clock=Ticking())
    assert told.reason in (Missing.UNREACHABLE, Missing.REFUSED_CONTENT)


def test_the_text_of_a_refusal_that_drips_is_given_up() -> None:
    attempt = Attempt(Run("a/b#1", repo="a/b"), Job(None, "test", 1, 0))

    def answer(asked: Asked) -> None:
        asked.send(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 1000000\r\n\r\n")
        asked.endless(b"x")

    def ask(http: Http) -> None:
        open_log(Reach(Server(http.root, Kind.FORGEJO), http), attempt, "/log")

    assert refused(answer, ask, clock=Ticking()).reason is Missing.NO_PERMISSION
    assert refused(answer, lambda http: http.get("/x").json(), clock=Ticking()).reason is Missing.REFUSED_CONTENT


# --- how much ---------------------------------------------------------------------------------------------------------


def flood(head: bytes, *pieces: bytes) -> Answer:
    def answer(asked: Asked) -> None:
        asked.send(head)
        asked.endless(*pieces)

    return answer


def packed_nothing() -> Answer:
    """gzip members without content, one after the other."""
    return flood(OK + b"Content-Encoding: gzip\r\n\r\n", gzip.compress(b"") * 3000)


def packed_header() -> Answer:
    """A file name in a gzip header that never ends."""
    start = b"\x1f\x8b\x08\x08\0\0\0\0\0\0"

    def answer(asked: Asked) -> None:
        asked.send(OK, b"Content-Encoding: gzip\r\n\r\n", start)
        asked.endless(b"name" * 10_000)

    return answer


@BOTH
@pytest.mark.parametrize(
    "answer",
    [
        flood(OK, b"X-%d: y\r\n" * 1000),
        flood(OK + b"X: ", b"y" * 100_000),
        flood(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 1000),
        flood(b"", b"HTTP/1.1 100 Continue\r\nX: %s\r\n\r\n" % (b"y" * 60_000)),
        flood(CHUNKED + b"0\r\n", b"X-Trailer: y\r\n" * 1000),
        flood(CHUNKED + b"1;", b"y" * 10_000),
        packed_nothing(),
        packed_header(),
    ],
    ids=["headers", "a header", "100", "large 100", "trailers", "a chunk's extension", "empty gzip", "gzip header"],
)
def test_what_brings_nothing_ends(answer: Answer, ask: Callable[[Http], object]) -> None:
    assert refused(answer, ask).reason is Missing.REFUSED_CONTENT


@pytest.mark.parametrize("packed", [False, True])
def test_an_endless_body_is_no_list(packed: bool) -> None:
    packer = zlib.compressobj(wbits=31)
    body = packer.compress(b"\0" * (64 << 20)) + packer.flush()

    def answer(asked: Asked) -> None:
        asked.send(OK, b"Content-Encoding: gzip\r\n\r\n" if packed else b"\r\n")
        asked.endless(body if packed else b"x" * 100_000)

    told = refused(answer, lambda http: http.get("/x"))
    assert told.reason is Missing.REFUSED_CONTENT


def test_a_refusal_without_end_is_the_refusal_it_is() -> None:
    def answer(asked: Asked) -> None:
        asked.send(b"HTTP/1.1 500 X\r\n\r\n")
        asked.endless(b"x" * 100_000)

    with serving(answer) as site, little_memory(8 << 20):
        reply = client(site).get("/x")
    assert (reply.status, len(reply.body)) == (500, 1 << 16)


@pytest.mark.parametrize("size", [b"-5", b"zz", b"", b"0x", b"ffffffffffffffffffffffff\r\nxx", b"5\r\nabcdefgh"])
@BOTH
def test_chunks_that_are_none(size: bytes, ask: Callable[[Http], object]) -> None:
    def answer(asked: Asked) -> None:
        asked.send(CHUNKED, size, b"\r\nabc")

    assert refused(answer, ask).reason is Missing.UNREACHABLE


@pytest.mark.parametrize(
    ("length", "good"),
    [("10, 20", False), ("-1", True), ("9" * 5000, True), ("ten", True), ("3, 3", True)],
    ids=["two", "negative", "long", "word", "twice"],
)
def test_lengths_that_are_none(length: str, good: bool) -> None:
    def answer(asked: Asked) -> None:
        asked.send(OK, f"Content-Length: {length}\r\n\r\n".encode(), b"[1]")

    with serving(answer) as site:
        if good:
            assert client(site).get("/x").json() == [1]
        else:
            with pytest.raises(MissingLogError) as told:
                client(site).get("/x")
            assert told.value.reason is Missing.REFUSED_CONTENT


def test_a_length_that_is_too_small_cuts_and_the_rest_answers_nothing_else() -> None:
    def answer(asked: Asked) -> None:
        if asked.path == "/x":
            asked.give(200, b'{"a":1}HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil', length=7)
        else:
            asked.give(200, b"good")

    with serving(answer) as site:
        http = client(site)
        assert http.get("/x").json() == {"a": 1}
        assert http.get("/y").body == b"good"


@BOTH
def test_a_length_that_is_too_large(ask: Callable[[Http], object]) -> None:
    told = refused(lambda asked: asked.give(200, b"[1]", length=99), ask)
    assert told.reason is Missing.UNREACHABLE


@pytest.mark.parametrize("header", ["Content-Encoding: br", "Content-Encoding: gzip, gzip", "Transfer-Encoding: zip"])
@BOTH
def test_a_packing_that_nobody_asked_for(header: str, ask: Callable[[Http], object]) -> None:
    told = refused(lambda asked: asked.give(200, b"[1]", header), ask)
    assert told.reason is Missing.REFUSED_CONTENT


def test_a_refusal_in_a_packing_that_nobody_asked_for_is_a_refusal() -> None:
    with serving(lambda asked: asked.give(403, b"\x8b\x02\x80", "Content-Encoding: br")) as site:
        assert client(site).get("/x").status == 403


@BOTH
def test_gzip_that_is_damaged(ask: Callable[[Http], object]) -> None:
    body = bytearray(gzip.compress(b"[" + b"1," * 10_000 + b"1]"))
    body[-6] ^= 0xFF
    told = refused(lambda asked: asked.give(200, bytes(body), "Content-Encoding: gzip"), ask)
    assert told.reason is Missing.CORRUPT


@pytest.mark.parametrize("more", [b"", b"\0" * 100, gzip.compress(b"more")], ids=["no more", "zeros", "another"])
def test_gzip_in_several_members(more: bytes) -> None:
    text = bytes(range(256)) * 9000
    body = gzip.compress(text) + gzip.compress(text) + more
    with serving(lambda asked: asked.give(200, body, "Content-Encoding: gzip")) as site:
        got = client(site).get("/x").body
    assert got == text * 2 + (b"more" if more[:1] == b"\x1f" else b"")


# --- where to ---------------------------------------------------------------------------------------------------------

NOWHERE = ["http://[bad", "http://x:99999999/y", "http://x:-1/", "http://", "javascript:alert(1)", "ftp://x/", "//[::1",
           "http://a\u2100b/", "http://" + "a" * 70 + ".example/", "http:///x", "x" * 70_000]  # fmt: skip


@pytest.mark.parametrize("to", NOWHERE[:-1], ids=lambda to: to[:20])
def test_no_address_is_none(to: str) -> None:
    told = joined("https://forge.example/x", to)
    assert told is None or told.startswith(("http://aaa", "https://forge.example/"))


def led(to: str) -> Answer:
    return lambda asked: asked.send(b"HTTP/1.1 302 X\r\nContent-Length: 0\r\nLocation: ", to.encode(), b"\r\n\r\n")


@pytest.mark.parametrize("to", NOWHERE, ids=lambda to: to[:20])
def test_a_redirect_to_nowhere_is_a_refusal(to: str) -> None:
    told = refused(led(to), lambda http: http.open("GET", "/x", follow=True))
    assert told.reason in (Missing.REFUSED_CONTENT, Missing.UNREACHABLE)
    told = refused(led(to), lambda http: Stored(Reach(Server(http.root, Kind.GITHUB), http), "/x").open({}))
    assert told.reason in (Missing.REFUSED_CONTENT, Missing.UNREACHABLE)
    told = refused(led(to), lambda http: _github_api.get(Reach(Server(http.root, Kind.GITHUB), http), "/x"))
    assert told.reason is Missing.REFUSED_CONTENT


@pytest.mark.parametrize("to", ["http://[bad", "http://x:99999999/y", "javascript:alert(1)"])
def test_a_list_that_goes_on_nowhere_is_a_refusal(to: str) -> None:
    with fake_github() as fake:
        fake.api.rules["GET /api/v3/x"] = Said(200, [{"id": 1}], {"Link": f'<{to}>; rel="next"'})
        with pytest.raises(MissingLogError) as told:
            list(_github_api.pages(fake.reach(), "/x", None, {}, 10))
    assert told.value.reason is Missing.REFUSED_CONTENT


@pytest.mark.parametrize("path", ["/../../x", "/%2e%2e/%2E./x"])
def test_no_token_leaves_the_api_for_another_place_of_its_host(path: str) -> None:
    with fake_github() as fake:
        assert not _github_api.is_ours(fake.reach(), fake.reach().http.root + path)


def test_a_circle_over_two_hosts_ends() -> None:
    def to(site: str) -> Answer:
        return lambda asked: asked.give(302, b"", f"Location: {urls[site]}/")

    with serving(to("b")) as a, serving(to("a")) as b:
        urls = {"a": a.url, "b": b.url}
        with pytest.raises(MissingLogError) as told:
            client(a).open("GET", "/", follow=True)
        assert 2 < len(a.asked) + len(b.asked) < 10
    assert told.value.reason is Missing.REFUSED_CONTENT


def test_no_redirect_leads_to_where_everybody_can_read() -> None:
    told = refused(led("http://storage.example/log"), lambda http: http.open("GET", "/x", follow=True))
    assert told.reason is Missing.REFUSED_CONTENT
    assert "no HTTPS" in told.help


@pytest.mark.parametrize("by", [By.TOKEN, By.WEB])
def test_no_credential_comes_back_by_a_detour(by: By) -> None:
    """To another host, and back to the first: what was dropped on the way stays dropped."""

    def first(asked: Asked) -> None:
        asked.give(302, b"", f"Location: {other.url}/detour") if asked.path == "/x" else asked.give(200, b"log")

    def second(asked: Asked) -> None:
        asked.give(302, b"", f"Location: {site.url}/back", "Set-Cookie: evil=1")

    with serving(first) as site, serving(second) as other:
        http = client(site, jar={"session": "canary-cookie"})
        assert b"".join(http.open("GET", "/x", by, follow=True).chunks()) == b"log"
        assert "evil" not in http.jar
        assert {"authorization", "cookie"} & set(site.asked[0].headers)
        for asked in (*other.asked, site.asked[-1]):
            assert not {"authorization", "cookie"} & set(asked.headers)


# --- when -------------------------------------------------------------------------------------------------------------

DATE = "Date: Wed, 21 Oct 2026 07:28:00 GMT"


@pytest.mark.parametrize(
    ("header", "asks", "wait"),
    [
        ("9" * 30, 1, None),
        ("-5", 4, None),
        ("1e9", 4, None),
        ("", 4, None),
        ("Wed, 21 Oct 2026 07:28:10 GMT", 4, 10.0),
        ("Wed, 21 Oct 2026 07:27:10 GMT", 4, 0.0),
        ("Wed, 21 Oct 2099 07:28:00 GMT", 1, None),
        ("Wed, 99 Oct 99999999999 07:28:00 GMT", 4, None),
    ],
)
def test_what_a_server_asks_to_wait(header: str, asks: int, wait: float | None) -> None:
    with serving(lambda asked: asked.give(503, b"", f"Retry-After: {header}", DATE)) as site:
        http = client(site)
        assert http.get("/x").status == 503
        waits = http.waits  # type: ignore[attr-defined]
        assert len(site.asked) == asks
        assert len(waits) == asks - 1
        assert all(0 <= told <= 30 for told in waits)
        assert wait is None or waits == [wait] * 3


# --- what is kept and shown -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [401, 403])
def test_the_text_of_a_401_or_403_is_not_shown(status: int) -> None:
    body = b'{"message": "user does not exist: canary-password \x1b[31m"}'
    attempt = Attempt(Run("a/b#1", repo="a/b"), Job(None, "test", 1, 0))

    def ask(http: Http) -> None:
        open_log(Reach(Server(http.root, Kind.FORGEJO), http), attempt, "/log")

    told = refused(lambda asked: asked.give(status, body, "Content-Type: application/json"), ask)
    assert told.reason in (Missing.NEEDS_TOKEN, Missing.NO_PERMISSION)
    assert "canary" not in f"{told!r} {told} {told.__cause__!r} {told.__context__!r}"


@pytest.mark.parametrize(
    "line",
    [
        "a=" + "x" * 4096,
        "a" * 4097 + "=x",
        "a=x\x1by",
        "a=x\r\n y",
        "a\x00b=x",
        "a=x\x7f",
        "=x",
        "a=\tx\ty",
    ],
    ids=["long value", "long name", "escape", "folded", "zero", "delete", "no name", "tab"],
)
def test_cookies_that_are_none_are_not_kept(line: str) -> None:
    jar = {"b": "old"}
    keep(jar, [line])
    assert jar == {"b": "old"}


def test_no_more_cookies_than_a_browser_keeps() -> None:
    jar: dict[str, str] = {}
    keep(jar, [f"c{n}=x" for n in range(1000)])
    assert len(jar) == 50
    keep(jar, ["c7=new", "c8=; Max-Age=0", "more=y"])
    assert (jar["c7"], jar["more"], "c8" in jar, len(jar)) == ("new", "y", False, 50)
    assert read_cookie("a=" + "x" * 4095) == ("a", "x" * 4095, False)


def test_cookies_that_are_none_are_not_sent() -> None:
    lines = ["big=" + "x" * 60_000, "esc=\x1b[31m", "ok=1", "folded=a", " b"]

    def answer(asked: Asked) -> None:
        head = "".join(f"Set-Cookie: {line}\r\n" for line in lines[:-1]) + " b\r\n"
        asked.send(OK, head.encode("latin-1"), b"Content-Length: 0\r\n\r\n")

    with serving(answer) as site:
        http = client(site)
        http.get("/x", By.WEB)
        http.get("/x", By.WEB)
        assert site.asked[1].headers["cookie"] == "ok=1; folded=a b"


@pytest.mark.parametrize("value", ["%0d%0aX-Evil:%201", "%00", "%E2%82%AC", "%1b", "x%0A"])
def test_a_csrf_token_is_no_way_to_write_headers(value: str) -> None:
    with serving(lambda asked: asked.give(200)) as site:
        http = client(site, jar={"_csrf": value})
        assert csrf(http) == {}
        http.jar["_csrf"] = "abc%3D"
        assert csrf(http) == {"X-Csrf-Token": "abc="}


def test_folded_headers_are_one_line() -> None:
    def answer(asked: Asked) -> None:
        asked.send(OK, b'ETag: "a\r\n b"\r\nContent-Length: 0\r\n\r\n')

    with serving(answer) as site:
        assert client(site).get("/x").headers["etag"] == '"a b"'
