"""Sockets: `standin(profile, world)` serves a forge on 127.0.0.1, keeps a log of requests and applies faults."""

import re
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socket import SHUT_RDWR, socket
from typing import Any, cast

from standin.forge import Forge
from standin.profiles import PROFILES, Profile
from standin.wire import Handler, Reply, Request
from standin.world import World

Fault = Callable[[Request, Handler], Reply]
"""Stands between a request and the forge: `fault(request, answer)` may call `answer(request)`, change it, or not."""


@dataclass(slots=True)
class Seen:
    """One request that arrived. `sent`: bytes of the reply's body; `headers`: names in lower case."""

    method: str
    path: str
    headers: tuple[str, ...]
    status: int = 0
    sent: int = 0
    values: dict[str, str] = field(default_factory=dict, repr=False)
    body: bytes = field(default=b"", repr=False)


@dataclass(slots=True)
class _Planned:
    fault: Fault
    path: re.Pattern[str]
    method: str
    times: int | None


class Served:
    """A running server. `url` has no slash at the end."""

    def __init__(self, handle: Handler, prefix: str = "", tls: ssl.SSLContext | None = None, port: int = 0) -> None:
        self.handle, self.prefix, self.tls = handle, prefix, tls
        self.requests: list[Seen] = []
        self.bugs: list[BaseException] = []
        self.latency = 0.0
        self.most_at_once = self._now = 0
        """`latency`: seconds before each answer. `most_at_once`: the most requests that were under way together."""
        self._planned: list[_Planned] = []
        self._lock = threading.Lock()
        self._open: set[socket] = set()
        self._server: _Server | None = None
        self.port = port
        self.start()

    @property
    def url(self) -> str:
        """Where clients find it."""
        return f"http{'s' if self.tls else ''}://127.0.0.1:{self.port}{self.prefix}"

    def start(self) -> None:
        """Listens, after a `stop` on the same port."""
        server = _Server(("127.0.0.1", self.port), _Exchange)
        server.served = self
        self.port = server.server_address[1]
        if self.tls is not None:
            server.socket = self.tls.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        self._server = server
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()

    def stop(self) -> None:
        """Stops listening and cuts every open connection; the world stays as it is."""
        if self._server is None:
            return
        self._server.shutdown()
        self._server.server_close()
        self._server = None
        with self._lock:
            for connection in self._open:
                _cut(connection)

    def restart(self) -> None:
        """Stops and starts again on the same port, data kept."""
        self.stop()
        self.start()

    @contextmanager
    def down(self) -> Iterator[None]:
        """Nobody listens within this block."""
        self.stop()
        yield
        self.start()

    def fault(self, fault: Fault, on: str = "", *, method: str = "", times: int | None = None) -> None:
        """Applies `fault` to requests whose path (with query) matches the regular expression `on`, at most `times`."""
        with self._lock:
            self._planned.append(_Planned(fault, re.compile(on), method, times))

    def heal(self) -> None:
        """Takes all faults away."""
        with self._lock:
            self._planned.clear()

    def saw(self, text: str) -> bool:
        """Whether any request carried this text, in its path, headers or body."""
        return any(
            text in seen.path or text.encode() in seen.body or any(text in v for v in seen.values.values())
            for seen in self.requests
        )

    @property
    def sent(self) -> int:
        """Bytes of bodies sent in all."""
        return sum(seen.sent for seen in self.requests)

    def answer(self, request: Request) -> Reply:
        """What goes out for a request."""
        with self._lock:
            planned = next((p for p in self._planned if self._fits(p, request)), None)
            if planned is not None and planned.times is not None:
                planned.times -= 1
        return planned.fault(request, self.handle) if planned else self.handle(request)

    def _fits(self, planned: _Planned, request: Request) -> bool:
        fits = planned.path.search(request.raw) and planned.method in {"", request.method}
        return bool(fits) and planned.times != 0

    @contextmanager
    def under_way(self) -> Iterator[None]:
        """Counts a request from its arrival to the end of its reply."""
        with self._lock:
            self._now += 1
            self.most_at_once = max(self.most_at_once, self._now)
        try:
            yield
        finally:
            with self._lock:
                self._now -= 1

    def arrived(self, connection: socket) -> None:
        """A connection was opened."""
        with self._lock:
            self._open.add(connection)

    def left(self, connection: socket) -> None:
        """A connection is over."""
        with self._lock:
            self._open.discard(connection)


def _cut(connection: socket) -> None:
    try:
        connection.shutdown(SHUT_RDWR)
    except OSError:
        return  # it was over already


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 64
    served: Served

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away, or a handshake that failed, is no bug of the stand-in; others are kept."""
        import sys

        error = sys.exc_info()[1]
        if error is not None and not isinstance(error, OSError | ValueError):
            self.served.bugs.append(error)


class _Exchange(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version, sys_version = "standin", ""
    disable_nagle_algorithm = True  # else each small reply waits 40 ms for an acknowledgement

    @property
    def served(self) -> Served:
        return cast(_Server, self.server).served

    def setup(self) -> None:
        self.served.arrived(self.request)
        super().setup()

    def finish(self) -> None:
        try:
            super().finish()
        finally:
            self.served.left(self.request)

    def log_message(self, *args: object) -> None:
        """Silence: tests read `requests`."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("do_"):
            return self._counted
        raise AttributeError(name)

    def _counted(self) -> None:
        with self.served.under_way():
            self._exchange()

    def _exchange(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        values = {name.lower(): value for name, value in self.headers.items()}
        seen = Seen(self.command, self.path, tuple(values), values=values, body=body)
        self.served.requests.append(seen)
        if self.served.latency:
            time.sleep(self.served.latency)
        request = Request.read(self.command, self.path, self.headers, body, self.served.prefix)
        try:
            reply = self.served.answer(request)
        except Exception as bug:
            self.served.bugs.append(bug)
            raise
        seen.status = reply.status
        if reply.wait_for is not None:
            reply.wait_for.wait()
        self._send(reply, seen)

    def _send(self, reply: Reply, seen: Seen) -> None:
        self.send_response(reply.status)
        for name, value in reply.headers:
            self.send_header(name, value)
        chunked = reply.chunked or (not isinstance(reply.body, bytes) and reply.length is None)
        bodyless = reply.status in {204, 304} or self.command == "HEAD"
        if chunked and not bodyless:
            self.send_header("Transfer-Encoding", "chunked")
        elif reply.status not in {204, 304}:
            length = reply.length if reply.length is not None else len(reply.whole())
            self.send_header("Content-Length", str(length))
        self.end_headers()
        if not bodyless:
            self._send_body(reply, seen, chunked)

    def _send_body(self, reply: Reply, seen: Seen, chunked: bool) -> None:
        left = reply.stop_after
        for piece in [reply.body] if isinstance(reply.body, bytes) else reply.body:
            part = piece if left is None else piece[:left]
            if part:
                seen.sent += len(part)  # before the client can have it, so that a test sees it counted
                self.wfile.write(b"%x\r\n%s\r\n" % (len(part), part) if chunked else part)
            if left is not None:
                left -= len(part)
                if left <= 0:
                    self.close_connection = True
                    _cut(self.request)
                    return
            if reply.pause:
                time.sleep(reply.pause)
        if chunked:
            self.wfile.write(b"0\r\n\r\n")
        if reply.length is not None and not chunked and seen.sent < reply.length:
            self.close_connection = True  # a length that promises more: the client waits for a closed connection


class Standin(Served):
    """A forge that is being served: `world` and `forge` may be changed while it runs."""

    def __init__(self, forge: Forge, prefix: str, tls: ssl.SSLContext | None) -> None:
        self.forge, self.world = forge, forge.world
        super().__init__(forge.handle, prefix, tls)
        forge.root = self.url

    def drop_logins(self) -> None:
        """Every web login is gone: cookies that clients hold are worth nothing any more."""
        self.forge.logins.clear()


@contextmanager
def standin(
    profile: Profile | str,
    world: World | None = None,
    *,
    prefix: str = "",
    tls: ssl.SSLContext | None = None,
    signin: bool = False,
    captcha: bool = False,
    swagger: bool = True,
    internal_login: bool = True,
) -> Iterator[Standin]:
    """Serves a forge of this profile. The switches are those of `Forge`.

    At the end it raises what went wrong inside the stand-in itself, so that no test passes on a broken one.
    """
    from standin.scenarios import everyday

    chosen = PROFILES[profile] if isinstance(profile, str) else profile
    forge = Forge(chosen, world or everyday(), "", signin, captcha, swagger, internal_login)
    served = Standin(forge, prefix, tls)
    try:
        yield served
    finally:
        served.stop()
    if served.bugs:
        raise ExceptionGroup("the stand-in itself failed", [b for b in served.bugs if isinstance(b, Exception)])
