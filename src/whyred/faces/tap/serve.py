"""Listens, serves every connection until a signal comes, and ends in order."""

import asyncio
import signal
import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field

from whyred.app.tap import Call
from whyred.faces.tap.relay import PIECE, Relay, Upstream, why
from whyred.model.trouble import UserError

_BACKLOG = 512
_PATIENCE = 5.0
"""Seconds in which calls under way may end when the tap is to stop; a second signal ends them at once."""
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@dataclass(frozen=True, slots=True)
class Listen:
    """Where the tap listens. Port 0: any that is free."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass
class Tap:
    """A tap that can be served. `take` gets every call that was looked into, `trouble` what is wrong with the forge
    (None: it is over), `ready` where the tap listens, once it does.
    """

    listen: Listen
    upstream: Upstream
    take: Callable[[Call], None]
    trouble: Callable[[str | None], None]
    ready: Callable[[Listen], None]
    bug: Exception | None = field(default=None, init=False)
    """What went wrong in a connection and was not foreseen."""
    calls: int = field(default=0, init=False)
    """Requests that were let through."""

    def run(self) -> int:
        """Serves until a signal comes; its number. Raises UserError: it cannot listen there."""
        return asyncio.run(self._run())

    async def _run(self) -> int:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(self._failed)
        relay = Relay(self.upstream, self.take, self._once(self.trouble))
        stop: asyncio.Queue[int] = asyncio.Queue()
        for each in _SIGNALS:
            if signal.getsignal(each) is not signal.SIG_IGN:  # under nohup, SIGHUP stays ignored
                loop.add_signal_handler(each, stop.put_nowait, int(each))
        server = await self._server(relay)
        at = Listen(*server.sockets[0].getsockname()[:2])
        await self._refuse_itself(at)
        await self._try(relay)
        self.ready(at)
        number = await stop.get()
        server.close()
        await self._finish(relay, stop)
        self.calls = relay.calls
        return number

    async def _server(self, relay: Relay) -> asyncio.Server:
        try:
            return await asyncio.start_server(
                relay.serve,
                self.listen.host,
                self.listen.port,
                limit=PIECE,
                backlog=_BACKLOG,
                family=_family(self.listen),
            )
        except (OSError, OverflowError) as e:
            reason = why(e) if isinstance(e, OSError) else str(e)
            raise UserError(f"cannot listen at {self.listen}", reason, "Name another address: --listen") from e

    async def _refuse_itself(self, at: Listen) -> None:
        """Raises UserError where the forge would be the tap itself."""
        if at.port != self.upstream.port:
            return
        try:
            found = await asyncio.get_running_loop().getaddrinfo(self.upstream.host, at.port, type=socket.SOCK_STREAM)
        except OSError:
            return  # who has no address is not here
        if at.host in {str(address[0]) for *_, address in found}:
            what = f"the tap itself listens at {at}"
            raise UserError(f"{self.upstream.root} is no forge", what, "Name the forge's own address: --upstream")

    async def _try(self, relay: Relay) -> None:
        """Finds out now whether the forge can be reached. Raises UserError where it never will, as things are set."""
        try:
            _, writer = await self.upstream.connect()
        except ssl.SSLCertVerificationError as e:
            how = "Give its CA with --ca or SSL_CERT_FILE"
            raise UserError(f"cannot use {self.upstream.root}", why(e), how) from None
        except ssl.SSLError as e:
            how = "Is this port really HTTPS? Write http:// where it is not"
            raise UserError(f"cannot use {self.upstream.root}", why(e), how) from None
        except OSError as e:
            relay.trouble(why(e))
        else:
            writer.close()

    async def _finish(self, relay: Relay, stop: "asyncio.Queue[int]") -> None:
        """Lets calls under way end, then ends every connection."""
        loop = asyncio.get_running_loop()
        end = loop.time() + _PATIENCE
        while relay.busy and loop.time() < end and stop.empty():
            await asyncio.sleep(0.02)
        for task in relay.open:
            task.cancel()
        if relay.open:
            await asyncio.wait(relay.open)

    def _failed(self, _: asyncio.AbstractEventLoop, context: dict[str, object]) -> None:
        error = context.get("exception")
        if isinstance(error, Exception) and not isinstance(error, OSError):  # being cancelled at the end is none
            self.bug = self.bug or error

    @staticmethod
    def _once(say: Callable[[str | None], None]) -> Callable[[str | None], None]:
        """Says what changed and nothing twice."""
        told: list[str | None] = [None]

        def changed(trouble: str | None) -> None:
            if (trouble is None) != (told[0] is None):
                told[0] = trouble
                say(trouble)

        return changed


def _family(listen: Listen) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in listen.host else socket.AF_INET


def tls_to(root: str, ca: str | None) -> ssl.SSLContext | None:
    """How the forge at this URL is spoken to; None: plain HTTP. Raises UserError: no such file of CAs."""
    if not root.startswith("https:"):
        return None
    try:
        context = ssl.create_default_context(cafile=ca)
    except (OSError, ssl.SSLError) as e:
        raise UserError(f"cannot read the CA file {ca}", str(e), "Name a PEM file with --ca") from None
    context.set_alpn_protocols(["http/1.1"])
    return context
