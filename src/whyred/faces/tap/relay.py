"""Lets the bytes of every connection through in both directions, and looks at the calls among them.

Each connection of a runner has one to the forge, which lives as long. What comes goes on at once, byte by byte as it
came, but for the `Host` of requests, which names the forge. Looking costs no call its way: answers are looked at after
they were sent on, and whatever cannot be read goes through all the same.
"""

import asyncio
import contextlib
import os
import socket
import ssl
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

from whyred.app.tap import Call
from whyred.faces.tap.exchange import Exchange, begun
from whyred.faces.tap.messages import Body, Cutter, End, Head, Wire, reply_body, request_body

PIECE = 1 << 18
"""Bytes that are read at once, and held of either direction."""
_CONNECT = 10.0
"""Seconds in which the forge must take a connection."""
_LINGER = 1.0
"""Seconds in which a client that still sends may read the end of an answer."""
_LOST = (OSError, ssl.SSLError, asyncio.IncompleteReadError)
_UNREACHABLE = b"whyred tap: the forge cannot be reached from here\n"
_REFUSAL = (
    b"HTTP/1.1 502 Bad Gateway\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n"
    b"Content-Length: %d\r\n\r\n%s" % (len(_UNREACHABLE), _UNREACHABLE)
)


@dataclass(frozen=True, slots=True)
class Upstream:
    """The forge. `tls` None: plain HTTP."""

    root: str
    tls: ssl.SSLContext | None = None

    @property
    def host(self) -> str:
        """Its name or address."""
        return urlsplit(self.root).hostname or ""

    @property
    def port(self) -> int:
        """Its port."""
        return urlsplit(self.root).port or (443 if self.tls else 80)

    @property
    def authority(self) -> str:
        """What requests for it say in `Host`."""
        return urlsplit(self.root).netloc

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A connection to it. Raises OSError (also for TLS and time)."""
        opened = asyncio.open_connection(
            self.host, self.port, ssl=self.tls, server_hostname=self.host if self.tls else None, limit=PIECE
        )
        return await asyncio.wait_for(opened, _CONNECT)


class Relay:
    """Serves every connection. `take` gets each call that was looked into; `trouble` what went wrong with the forge
    (None: nothing any more).
    """

    def __init__(self, upstream: Upstream, take: Callable[[Call], None], trouble: Callable[[str | None], None]) -> None:
        self.upstream, self.take, self.trouble = upstream, take, trouble
        self.open: set[asyncio.Task[None]] = set()
        self.busy = 0
        """Requests without a complete answer."""
        self.calls = 0
        """Requests that came."""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection of a client, to its end."""
        task = asyncio.current_task()
        assert task is not None
        self.open.add(task)
        connection = _Connection(self, reader, writer)
        try:
            await connection.run()
        except (*_LOST, asyncio.CancelledError):
            return  # one side is gone, or the tap stops: who is left sees the end of the connection
        finally:
            await connection.close()
            self.open.discard(task)


class _Connection:
    """A client's connection and the forge's."""

    def __init__(self, relay: Relay, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.relay, self.reader, self.writer = relay, reader, writer
        self.to: asyncio.StreamWriter | None = None
        self.waiting: deque[Exchange] = deque()
        self.idle = asyncio.Event()
        self.requests, self.replies = Cutter(request_body), Cutter(self._body_of)
        _stay_alive(writer)

    async def run(self) -> None:
        """Lets everything through until one side has ended."""
        data = await self.reader.read(PIECE)
        if not data:
            return
        try:
            source, self.to = await self.relay.upstream.connect()
        except OSError as e:
            self.relay.trouble(why(e))
            await self._refuse(data)
            return
        self.relay.trouble(None)
        _stay_alive(self.to)
        up, down = asyncio.ensure_future(self._up(data, self.to)), asyncio.ensure_future(self._down(source))
        try:
            await asyncio.wait((up, down), return_when=asyncio.FIRST_COMPLETED)
            if down.done():
                up.cancel()
                await asyncio.wait((up,))
                await self._linger()
            elif self.to.can_write_eof():
                await asyncio.wait((down,))
            else:
                await self._answered(down)
        finally:
            for pump in (up, down):
                pump.cancel()
            for ended in await asyncio.gather(up, down, return_exceptions=True):
                if isinstance(ended, BaseException) and not isinstance(ended, (*_LOST, asyncio.CancelledError)):
                    raise ended

    async def _answered(self, down: "asyncio.Future[None]") -> None:
        """Waits for the answers due to a client that sends no more; TLS cannot end one direction alone."""
        idle = asyncio.ensure_future(self.idle.wait())
        if self.waiting:
            await asyncio.wait((down, idle), return_when=asyncio.FIRST_COMPLETED)
        idle.cancel()

    async def _linger(self) -> None:
        """Reads what a client still sends, so that it can read the end of its answer before the connection is reset."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_LINGER):
                while await self.reader.read(PIECE):
                    pass

    async def _up(self, data: bytes, to: asyncio.StreamWriter) -> None:
        """From the client to the forge."""
        while data:
            for part in self.requests.feed(data):
                to.write(self._request(part))
            await to.drain()
            data = await self.reader.read(PIECE)
        to.write(self.requests.let_through())
        if to.can_write_eof():
            to.write_eof()
        await to.drain()

    def _request(self, part: Head | Wire | End) -> bytes:
        """Notes a part of a request; the bytes that go on to the forge."""
        if isinstance(part, Head):
            exchange = begun(part)
            self.requests.wants = exchange.call is not None
            self.waiting.append(exchange)
            self.idle.clear()
            self.relay.busy += 1
            self.relay.calls += 1
            return part.to(self.relay.upstream.authority)
        if isinstance(part, Wire):
            if part.body and self.waiting:
                self.waiting[-1].add(part.body)
            return part.raw
        if self.waiting:
            self.waiting[-1].sent = True
        return b""

    async def _down(self, source: asyncio.StreamReader) -> None:
        """From the forge to the client."""
        while data := await source.read(PIECE):
            self.writer.write(data)
            await self.writer.drain()
            for part in self.replies.feed(data):
                self._reply(part)
            if self.replies.blind and not self.requests.blind and self.to is not None:
                self.to.write(self.requests.let_through())
                self._give_up()
        if self.writer.can_write_eof():
            self.writer.write_eof()
        await self.writer.drain()

    def _body_of(self, head: Head) -> Body:
        return reply_body(head, self.waiting[0].verb if self.waiting else "GET")

    def _reply(self, part: Head | Wire | End) -> None:
        """Notes a part of an answer."""
        exchange = self.waiting[0] if self.waiting else None
        if exchange is None:
            return  # an answer that nobody asked for, as to a connection that was idle for too long
        if isinstance(part, Head):
            exchange.answered(part)
            self.replies.wants = exchange.call is not None
        elif isinstance(part, Wire):
            if part.body:
                exchange.add_reply(part.body)
        elif exchange.status is not None and exchange.status >= 200:
            exchange.complete = True
            self._over(self.waiting.popleft())

    def _over(self, exchange: Exchange) -> None:
        self.relay.busy -= 1
        if not self.waiting:
            self.idle.set()
        if exchange.call is not None and exchange.sent:
            self.relay.take(exchange.read())

    def _give_up(self) -> None:
        """Nothing more is known of what is under way: a request that is complete is handed over without an answer."""
        while self.waiting:
            self._over(self.waiting.popleft())

    async def _refuse(self, data: bytes) -> None:
        """Says that the forge cannot be reached; a call is read before, so that what it tells can be kept."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_CONNECT):
                while data:
                    for part in self.requests.feed(data):
                        self._request(part)
                    looked_into = bool(self.waiting) and self.waiting[-1].call is not None
                    if self.requests.blind or not looked_into or self.waiting[-1].sent:
                        break
                    data = await self.reader.read(PIECE)
        self.writer.write(_REFUSAL)
        self.writer.write_eof()
        await self.writer.drain()
        await self._linger()

    async def close(self) -> None:
        """Ends both sides; what one of them does not take within a moment is dropped."""
        self._give_up()
        writers = [writer for writer in (self.to, self.writer) if writer is not None]
        for writer in writers:
            writer.close()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_LINGER):
                await asyncio.gather(*(writer.wait_closed() for writer in writers), return_exceptions=True)
        for writer in writers:
            writer.transport.abort()


def _stay_alive(writer: asyncio.StreamWriter) -> None:
    """Lets the kernel find out when the other side is gone without a word."""
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)


def why(error: OSError) -> str:
    """Why the forge cannot be reached, in words."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted ({error.verify_message})"
    if isinstance(error, ssl.SSLError):
        return "TLS failed"
    if isinstance(error, TimeoutError):
        return "no connection in time"
    if error.errno is not None and error.errno > 0:
        return os.strerror(error.errno)  # asyncio puts addresses in place of the words
    return error.strerror or str(error) or type(error).__name__
