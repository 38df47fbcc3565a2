"""The server over HTTP: a token for every request, requests of this host's own origin alone."""

import hmac
import os
import sys
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from pathlib import Path
from typing import Any

from whyred.faces.mcp.serving import Serving
from whyred.model.credential import Hidden
from whyred.model.trouble import UserError

VARIABLE = "WHYRED_MCP_TOKEN"
PATH = "/mcp"
_LEAST = 16
"""Characters that a token has."""
_LARGEST = 256 << 10
"""Bytes of a request."""
_SESSIONS = 200
_SWITCH = 0.0005
"""Seconds for which a thread that works may keep Python's lock while others wait for it. A small call wants it some
hundred times, each time after all threads that read large logs.
"""
Scope = MutableMapping[str, Any]
App = Callable[[Scope, Callable[[], Awaitable[Any]], Callable[[Any], Awaitable[None]]], Awaitable[None]]


def listen(text: str) -> tuple[str, int]:
    """Host and port of `HOST:PORT`. Raises UserError."""
    host, colon, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not colon or not host or not port.isdecimal() or int(port) > 65535:
        raise UserError(
            f"--http {text[:60]!r} is no address", "it wants a host and a port", "Say --http 127.0.0.1:8765"
        )
    return host, int(port)


def server_token(file: Path | None) -> Hidden:
    """What callers must bring. Raises UserError, which quotes none of it."""
    how = f"Make one: head -c 24 /dev/urandom | base64 > FILE; chmod 600 FILE. Then --token-file FILE, or {VARIABLE}"
    if file is not None:
        try:
            with file.open(encoding="ascii") as opened:
                if os.fstat(opened.fileno()).st_mode & 0o077:
                    raise UserError(f"{file} is not used", "others than its owner may read it", f"chmod 600 {file}")
                token = Hidden(opened.read(4096).strip())
        except (OSError, UnicodeDecodeError) as e:
            raise UserError(f"cannot read {file}", getattr(e, "strerror", None) or "it is no plain text", how) from e
    else:
        token = Hidden(os.environ.get(VARIABLE, "").strip())
    if len(token) < _LEAST:
        raise UserError("there is no token for callers", f"it is missing, or has less than {_LEAST} characters", how)
    return token


class Guard:
    """Lets requests through that bring the token."""

    def __init__(self, app: App, token: Hidden) -> None:
        self._app, self._wanted = app, b"Bearer " + token.encode()

    async def __call__(
        self, scope: Scope, receive: Callable[[], Awaitable[Any]], send: Callable[[Any], Awaitable[None]]
    ) -> None:
        """One request."""
        if scope["type"] == "http":
            given = next((value for name, value in scope["headers"] if name == b"authorization"), b"")
            if not hmac.compare_digest(given, self._wanted):
                headers = [
                    (b"www-authenticate", b"Bearer"),
                    (b"content-type", b"text/plain"),
                    (b"content-length", b"0"),
                ]
                await send({"type": "http.response.start", "status": 401, "headers": headers})
                await send({"type": "http.response.body", "body": b""})
                return
        await self._app(scope, receive, send)


def app(serving: Serving, token: Hidden, host: str, port: int, origins: Sequence[str] = ()) -> Guard:
    """The ASGI application."""
    from mcp.server.transport_security import TransportSecuritySettings

    from whyred.faces.mcp.server import server
    from whyred.settings.known_secrets import remember

    remember(token)
    names = dict.fromkeys([host, "127.0.0.1", "localhost"])
    own = [f"[{name}]:{port}" if ":" in name else f"{name}:{port}" for name in names]
    security = TransportSecuritySettings(
        enable_dns_rebinding_protection=True,
        allowed_hosts=own,
        allowed_origins=[*(f"http://{name}" for name in own), *origins],
    )
    made = server(serving).streamable_http_app(
        streamable_http_path=PATH,
        transport_security=security,
        host=host,
        max_request_body_size=_LARGEST,
        max_sessions=_SESSIONS,
    )
    return Guard(made, token)


def serve(serving: Serving, at: tuple[str, int], token_file: Path | None, origins: Sequence[str]) -> int:
    """Serves until a signal comes. Raises UserError."""
    import uvicorn

    token = server_token(token_file)
    if not serving.forges:
        serving.forges = tuple(server.root for server in serving.credentials.servers())
    if not serving.forges:
        how = "Say --forge https://forge.example (several times for several)"
        raise UserError("there is no forge to serve", "none is named, and none is logged in to", how)
    host, port = at
    config = uvicorn.Config(
        app(serving, token, host, port, origins),
        host=host,
        port=port,
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=5,
    )
    sys.setswitchinterval(_SWITCH)
    sys.stderr.write(f"whyred: serving MCP at http://{host}:{port}{PATH} for {', '.join(serving.forges)}\n")
    uvicorn.Server(config).run()
    return 0
