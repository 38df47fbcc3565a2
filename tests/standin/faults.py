"""What goes wrong between a forge and its client: each function makes one for `forge.fault(...)`.

A hostile server is one more fault: endless bodies, bombs, cursors that never end. All of it needs little memory here.
"""

import io
import json
import threading
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import replace

from standin.server import Fault
from standin.wire import Handler, Reply, Request, as_html, as_json

NGINX = "<html>\r\n<head><title>{0}</title></head>\r\n<body>\r\n<center><h1>{0}</h1></center>\r\n</body>\r\n</html>\r\n"
_HTML = ("Content-Type", "text/html")


def say(reply: Reply) -> Fault:
    """This reply, whatever was asked; the forge does not see the request."""
    return lambda _request, _answer: reply


def change(how: Callable[[Reply], Reply]) -> Fault:
    """The forge's own reply, changed."""
    return lambda request, answer: how(answer(request))


def status(code: int, *, retry_after: str = "") -> Fault:
    """A refusal of a proxy in front of the forge: a small HTML page."""
    names = {429: "429 Too Many Requests", 502: "502 Bad Gateway", 503: "503 Service Temporarily Unavailable"}
    page = NGINX.format(names.get(code, str(code))).encode()
    more = (("Retry-After", retry_after),) if retry_after else ()
    return say(Reply(code, page, (_HTML, *more)))


def html(code: int = 200) -> Fault:
    """A page where JSON or text belongs: an anti-bot gate or a captive portal."""
    return say(as_html("Making sure you are not a bot!", "<p>Please wait</p>", code))


def body(data: bytes, kind: str = "application/json;charset=utf-8", code: int = 200) -> Fault:
    """Exactly these bytes."""
    return say(Reply(code, data, (("Content-Type", kind),)))


def stop_after(count: int) -> Fault:
    """The connection is cut after `count` bytes of the body."""
    return change(lambda reply: replace(reply, stop_after=count))


def stop_for_good(count: int) -> Fault:
    """The connection is cut after `count` bytes of the first body, and before any byte of each later one."""
    left = iter((count,))
    return change(lambda reply: replace(reply, stop_after=next(left, 0)))


def no_answer() -> Fault:
    """The connection is cut before any byte of a body, after headers that promise one."""
    return say(Reply(200, b"x", (("Content-Type", "text/plain"),), length=1000, stop_after=1))


def hang(until: threading.Event) -> Fault:
    """Nothing comes before the test sets the event."""
    return change(lambda reply: replace(reply, wait_for=until))


def drip(piece: int, pause: float) -> Fault:
    """The body comes in small pieces with `pause` seconds after each."""

    def how(reply: Reply) -> Reply:
        whole = reply.whole()
        pieces = (whole[at : at + piece] for at in range(0, len(whole), piece))
        return replace(reply, body=pieces, length=len(whole), chunked=False, pause=pause)

    return change(how)


def wrong_length(more: int) -> Fault:
    """Content-Length is off by `more` bytes: the connection ends early (positive) or the body is longer (negative)."""

    def how(reply: Reply) -> Reply:
        whole = reply.whole()
        return replace(reply, body=whole, length=len(whole) + more, chunked=False)

    return change(how)


def endless(piece: bytes = b"2026-11-23T19:28:30.0000000Z endless\n", kind: str = "text/plain; charset=utf-8") -> Fault:
    """A body without end, until the client goes away."""

    def forever() -> Iterator[bytes]:
        block = piece * (65_536 // len(piece) + 1)
        while True:
            yield block

    return lambda _request, _answer: Reply(200, forever(), (("Content-Type", kind),))


def gzip_bomb(size: int = 10_000_000_000, kind: str = "text/plain; charset=utf-8") -> Fault:
    """`Content-Encoding: gzip`: a thousandth of `size` on the wire, all zeros when unpacked."""

    def packed() -> Iterator[bytes]:
        packer, block = zlib.compressobj(9, wbits=31), bytes(1 << 20)
        for _ in range(max(1, size >> 20)):
            if piece := packer.compress(block):
                yield piece
        yield packer.flush()

    headers = (("Content-Type", kind), ("Content-Encoding", "gzip"))
    return lambda _request, _answer: Reply(200, packed(), headers)


def zip_bomb(size: int = 1 << 30) -> Fault:
    """An archive of one member that unpacks to `size` zeros. It is made in memory: about a thousandth of that."""
    kept = io.BytesIO()
    with zipfile.ZipFile(kept, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("bomb.log", "w") as member:
        for _ in range(max(1, size >> 20)):
            member.write(bytes(1 << 20))
    return body(kept.getvalue(), "application/zip")


def zip_of(members: dict[str, bytes]) -> Fault:
    """An archive with these names as they are: `../`, absolute paths, control characters."""
    kept = io.BytesIO()
    with zipfile.ZipFile(kept, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(zipfile.ZipInfo(name), data)
    return body(kept.getvalue(), "application/zip")


def truncated(keep: float = 0.5) -> Fault:
    """Only the first part of the body, with a length that fits it: only the format itself shows that it is broken."""

    def how(reply: Reply) -> Reply:
        whole = reply.whole()
        return replace(reply, body=whole[: int(len(whole) * keep)], length=None, chunked=False)

    return change(how)


def redirect_loop(code: int = 302) -> Fault:
    """Redirects in a circle over two addresses."""

    def fault(request: Request, _answer: Handler) -> Reply:
        path = request.raw.partition("?")[0]
        turn = "1" if request.one("turn") != "1" else "2"
        return Reply(code, b"", (("Location", f"{path}?turn={turn}"),))

    return fault


def redirect_to(url: str, code: int = 302) -> Fault:
    """Sends the client to another host; `{path}` in `url` becomes the path asked for."""

    def fault(request: Request, _answer: Handler) -> Reply:
        return Reply(code, b"", (("Location", url.replace("{path}", request.raw)),))

    return fault


def cursor_loop() -> Fault:
    """State replies whose cursors never move although there are rows: a client that waits for the end never ends."""

    def how(reply: Reply) -> Reply:
        shape = json.loads(reply.whole())
        line = {"index": 1, "message": "again", "timestamp": 1_795_462_110.5}
        for log in shape["logs"]["stepsLog"]:
            log["cursor"], log["lines"] = 0, [line]
        shape["state"]["run"]["done"] = False
        return as_json(shape)

    return change(how)


def edit_json(how: Callable[[object], object]) -> Fault:
    """The forge's JSON, changed by a function."""
    return change(lambda reply: as_json(how(json.loads(reply.whole())), reply.status))
