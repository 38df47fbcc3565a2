"""A server of bare sockets on the loopback: it sends exactly the bytes that a test says, right or wrong."""

import contextlib
import re
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

Answer = Callable[["Asked"], None]


@dataclass
class Asked:
    """One request: its first line, its headers by lower-case name, and the connection to answer on."""

    line: str
    headers: dict[str, str]
    connection: socket.socket = field(repr=False)

    @property
    def path(self) -> str:
        return self.line.split(" ")[1]

    @property
    def start(self) -> int:
        """The first byte of the range that is asked for; 0 without one."""
        told = re.fullmatch(r"bytes=(\d+)-\d*", self.headers.get("range", ""))
        return int(told[1]) if told else 0

    def send(self, *pieces: bytes) -> None:
        for piece in pieces:
            self.connection.sendall(piece)

    def give(self, status: int, body: bytes = b"", *headers: str, length: int | None = None) -> None:
        """A whole answer; `length`: another Content-Length than the right one."""
        told = [f"HTTP/1.1 {status} X", f"Content-Length: {len(body) if length is None else length}", *headers, "", ""]
        self.send("\r\n".join(told).encode("latin-1"), body)

    def endless(self, *pieces: bytes) -> None:
        """These pieces for ever, until the client goes away."""
        while True:
            self.send(*pieces)


class Site:
    """`asked`: every request that came, in order."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self.asked: list[Asked] = []
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listening.getsockname()[1]}"
        self._open: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):  # closed by `stop`
            while True:
                connection = self._listening.accept()[0]
                self._open.append(connection)
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError), connection, connection.makefile("rb") as lines:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            head = iter(lambda: lines.readline().decode("latin-1").strip(), "")
            first = next(head, "")
            if first:
                headers = {k.lower(): v.strip() for k, _, v in (line.partition(":") for line in head)}
                lines.read(int(headers.get("content-length", "0")))
                asked = Asked(first, headers, connection)
                self.asked.append(asked)
                self.answer(asked)
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_WR)
                    connection.recv(1)  # until the client has read it all: a reset would take bytes away

    def stop(self) -> None:
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        for connection in self._open:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


@contextlib.contextmanager
def serving(answer: Answer) -> Iterator[Site]:
    """A server of one behaviour. It closes each connection after its answer."""
    site = Site(answer)
    try:
        yield site
    finally:
        site.stop()
