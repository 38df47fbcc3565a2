"""The shells that are open on one host: whoever asks takes one that waits, or opens another."""

from threading import Lock

from whyred.hosts._address import Address
from whyred.hosts._answers import Greeting, read_greeting
from whyred.hosts._channel import Channel
from whyred.hosts._connection import Connection
from whyred.model.evidence import Reason
from whyred.model.host import HostRefusedError


class Shells:
    """Safe for several threads: one that hangs holds up none but itself."""

    def __init__(self, connection: Connection, address: Address, connecting: float) -> None:
        """`connecting` bounds one connection, in seconds; a jump host on the way makes two."""
        self._connection = connection
        self._address = address
        self._connecting = connecting
        self._lock = Lock()
        self._idle: list[Channel] = []
        self._busy: list[Channel] = []
        self._closed = False
        self._lasting: Channel | None = None

    def take(self, *, for_good: bool = False) -> Channel:
        """A shell for one question, to be given back whatever happens; `for_good`: it will be closed then.

        Raises HostRefusedError.
        """
        with self._lock:
            waits = next((c for c in reversed(self._idle) if not (for_good and c is self._lasting)), None)
            if waits is not None:
                self._idle.remove(waits)
                self._busy.append(waits)
                return waits
        return self.start()[0]

    def start(self) -> tuple[Channel, Greeting]:
        """A new shell and who greets there. Raises HostRefusedError, with what to do."""
        with self._lock:
            if self._closed:
                raise HostRefusedError(Reason.NO_HOST, f"{self._address}: nothing is asked there any more")
            channel = self._connection.channel()
            self._busy.append(channel)
        greeting = None
        try:
            greeting = read_greeting(channel.greet(2 * self._connecting).body)
            channel.pid = greeting.pid
        finally:
            if greeting is None:
                self.put_back(channel)
        return channel, greeting

    def lasting(self) -> Channel:
        """A shell that is not closed for good while it answers: whyred's own process there. Raises HostRefusedError."""
        if self._lasting is None or not self._lasting.open:
            channel = self.take()
            self.put_back(channel)
            self._lasting = channel
        return self._lasting

    def put_back(self, channel: Channel) -> None:
        """It waits for the next question, unless it has come to its end."""
        with self._lock:
            self._busy.remove(channel)
            if channel.open:
                self._idle.append(channel)

    def close(self) -> None:
        """End them all, and the connection; whoever still waits for an answer hears that it is lost."""
        with self._lock:
            idle, self._idle, self._closed = self._idle, [], True
            for channel in self._busy:
                channel.hang_up()
        for channel in idle:
            channel.close()
        self._connection.close()
