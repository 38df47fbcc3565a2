"""A forge of raw sockets for the tests of the tap: it notes every byte that it gets and gives exact bytes back."""

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

Act = Callable[["Line"], None]
SECONDS = 60.0
"""How long anything may take; only what never comes is given up."""


@dataclass
class Line:
    """One connection; what came over it is in `seen`."""

    socket: socket.socket
    seen: bytearray = field(default_factory=bytearray)

    def until(self, end: bytes) -> bytes:
        """Reads until these bytes came; what came since the last call."""
        before = len(self.seen)
        while end not in self.seen[before:]:
            self._more()
        return bytes(self.seen[before:])

    def count(self, size: int) -> bytes:
        """Reads until so many bytes came in all."""
        while len(self.seen) < size:
            self._more()
        return bytes(self.seen)

    def rest(self) -> bytes:
        """Everything up to the other side's end."""
        while data := self.socket.recv(1 << 16):
            self.seen += data
        return bytes(self.seen)

    def send(self, data: bytes) -> None:
        """Sends all of it."""
        self.socket.sendall(data)

    def _more(self) -> None:
        data = self.socket.recv(1 << 16)
        assert data, f"the other side has ended after {bytes(self.seen)!r}"
        self.seen += data


@dataclass
class Forge:
    """Where it listens, and its connections so far."""

    port: int
    lines: list[Line]
    failed: list[BaseException]
    threads: list[threading.Thread]

    def join(self) -> None:
        """Waits until every connection was served, and raises what went wrong there."""
        for thread in self.threads:
            thread.join(SECONDS)
            assert not thread.is_alive(), "a connection never ended"
        if self.failed:
            raise self.failed[0]


@contextmanager
def forge(act: Act, tls: ssl.SSLContext | None = None) -> Iterator[Forge]:
    """Serves each connection by `act`, in a thread of its own."""
    listener = socket.create_server(("127.0.0.1", 0))
    found = Forge(listener.getsockname()[1], [], [], [])

    def serve(connection: socket.socket) -> None:
        try:
            connection.settimeout(SECONDS)
            with connection if tls is None else tls.wrap_socket(connection, server_side=True) as opened:
                line = Line(opened)
                found.lines.append(line)
                act(line)
        except BaseException as e:  # noqa: BLE001 - raised again where the test waits
            found.failed.append(e)

    def accept() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            thread = threading.Thread(target=serve, args=(connection,), daemon=True)
            found.threads.append(thread)
            thread.start()

    accepting = threading.Thread(target=accept, daemon=True)
    accepting.start()
    try:
        yield found
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        accepting.join()
        listener.close()


@contextmanager
def client(port: int) -> Iterator[Line]:
    """A client's connection."""
    with socket.create_connection(("127.0.0.1", port), SECONDS) as opened:
        yield Line(opened)
