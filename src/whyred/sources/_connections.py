"""How the one client connects: proxies of the environment, TLS, and answers that are read by a meter.

Loaded when the first request is made, for it takes time to load.
"""

import http.client
import io
import ssl
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from whyred.model.trouble import UserError
from whyred.sources._lines import Lines
from whyred.sources._meter import Meter

_BUFFER = 1 << 16
"""Bytes that are taken from a connection at once, where more are there."""


class _Metered(io.RawIOBase):
    """The bytes of a connection, counted as they come."""

    def __init__(self, raw: io.RawIOBase, meter: Meter) -> None:
        self._raw, self._meter = raw, meter

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        self._meter.look()
        count = self._raw.readinto(buffer)
        self._meter.took(count or 0)
        return count

    def close(self) -> None:
        if not self.closed:
            self._raw.close()
        super().close()


class _Response(http.client.HTTPResponse):
    """An answer that is read by a meter."""

    def __init__(self, meter: Meter, sock: Any, debuglevel: int = 0, method: str | None = None) -> None:
        super().__init__(sock, debuglevel, method)
        self.fp: io.BufferedReader = io.BufferedReader(_Metered(self.fp.detach(), meter), _BUFFER)

    def _read_next_chunk_size(self) -> int:
        """As the base class reads it, which takes `-5` for a size and then reads without any."""
        size: int = super()._read_next_chunk_size()  # type: ignore[misc]
        if size < 0:
            raise ValueError("a chunk of a negative size")
        return size


def manager(root: str, ca: str | None, at_once: int, clock: Callable[[], float], lines: Lines) -> urllib3.PoolManager:
    """The connections to the server of this root URL, each among these `lines`. Raises UserError: the CA file cannot be
    read.
    """
    context = None
    parts = urlsplit(root)
    if parts.scheme == "https":
        try:
            context = ssl.create_default_context(cafile=ca)
        except (OSError, ssl.SSLError) as e:
            raise UserError(f"cannot read the CA file {ca}", str(e), "Name a PEM file with --ca") from None
    made: urllib3.PoolManager
    proxy = getproxies().get(parts.scheme)
    if proxy and not proxy_bypass(parts.hostname or ""):
        if "://" not in proxy:
            proxy = f"http://{proxy}"
        given = urlsplit(proxy)
        said = (
            urllib3.make_headers(proxy_basic_auth=f"{given.username}:{given.password or ''}")
            if given.username
            else None
        )
        made = urllib3.ProxyManager(proxy, proxy_headers=said, maxsize=at_once, block=True, ssl_context=context)
    else:
        made = urllib3.PoolManager(maxsize=at_once, block=True, ssl_context=context)
    made.pool_classes_by_scheme = _pools(clock, lines)
    return made


def _pools(clock: Callable[[], float], lines: Lines) -> dict[str, type[HTTPConnectionPool]]:
    """The classes of pools whose connections have a meter for each answer, by this clock."""

    class Reads:
        _meter: Meter
        _begun: _Response
        sock: Any

        def connect(self) -> None:
            super().connect()  # type: ignore[misc]
            lines.add(getattr(self.sock, "socket", self.sock))  # TLS within TLS has the connection inside

        def response_class(self, sock: Any, debuglevel: int = 0, method: str | None = None) -> _Response:
            self._meter = Meter(clock)
            self._begun = _Response(self._meter, sock, debuglevel, method)
            return self._begun

        def getresponse(self) -> urllib3.HTTPResponse:
            try:
                response: urllib3.HTTPResponse = super().getresponse()  # type: ignore[misc]
            except urllib3.exceptions.InvalidHeader:
                self._begun.close()  # urllib3 leaves it open
                raise
            self._meter.fed()
            response.meter = self._meter  # type: ignore[attr-defined]
            return response

    class Plain(Reads, HTTPConnection):  # type: ignore[misc]
        pass

    class Tls(Reads, HTTPSConnection):  # type: ignore[misc]
        pass

    class PlainPool(HTTPConnectionPool):
        ConnectionCls = Plain

    class TlsPool(HTTPSConnectionPool):
        ConnectionCls = Tls

    return {"http": PlainPool, "https": TlsPool}


def meter_of(response: urllib3.BaseHTTPResponse) -> Meter:
    """The meter that an answer is read by."""
    meter: Meter = response.meter  # type: ignore[attr-defined]
    return meter
