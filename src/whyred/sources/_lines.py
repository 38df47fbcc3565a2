"""The connections of one client, so that another thread can end what waits for a server that is silent."""

import socket
import threading
from contextlib import suppress
from weakref import WeakSet


class Lines:
    """Those that are open."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._open: WeakSet[socket.socket] = WeakSet()
        self._cut = False

    def add(self, line: socket.socket) -> None:
        """One more; where all were cut already, it is as well."""
        with self._guard:
            self._open.add(line)
            cut = self._cut
        if cut:
            _end(line)

    def cut(self) -> None:
        """Ends all of them, those included that are yet to come."""
        with self._guard:
            self._cut = True
            lines = list(self._open)
        for line in lines:
            _end(line)


def _end(line: socket.socket) -> None:
    """A thread that reads from it finds it at its end. Closing it would not wake that thread up (close(2))."""
    with suppress(OSError):  # it has ended by itself
        # Not what TLS has in its place: that changes the connection under the thread that reads.
        socket.socket.shutdown(line, socket.SHUT_RDWR)
