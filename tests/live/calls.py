"""One HTTP call to a server on this machine: no proxy, no redirect, no repeated try."""

import http.client
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

SECONDS = 60.0
"""How long a server on this machine may be silent before a call is given up."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back. Names of headers are in small letters; of headers sent twice `cookies` keeps all."""

    status: int
    headers: Mapping[str, str]
    cookies: tuple[str, ...]
    body: bytes

    def json(self) -> Any:
        """The body read as JSON. Raises ValueError for anything else."""
        return json.loads(self.body)


def call(method: str, url: str, body: bytes | None = None, headers: Mapping[str, str] | None = None) -> Answer:
    """Sends one request. Raises OSError and http.client.HTTPException when there is no whole answer."""
    parts = urlsplit(url)
    assert parts.hostname is not None
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=SECONDS)
    try:
        path = parts.path + (f"?{parts.query}" if parts.query else "")
        connection.request(method, path or "/", body, dict(headers or {}))
        with connection.getresponse() as reply:
            names = {name.lower(): value for name, value in reply.getheaders()}
            cookies = tuple(value for name, value in reply.getheaders() if name.lower() == "set-cookie")
            return Answer(reply.status, names, cookies, reply.read())
    finally:
        connection.close()


def call_json(method: str, url: str, value: object = None, headers: Mapping[str, str] | None = None) -> Answer:
    """The same with a JSON body."""
    body = None if value is None else json.dumps(value).encode()
    return call(
        method, url, body, {"Content-Type": "application/json", "Accept": "application/json", **(headers or {})}
    )
