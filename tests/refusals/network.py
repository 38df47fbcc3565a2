"""What goes wrong before any route is tried: on the way to the server, at its door, and at a web login."""

import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from standin import faults, standin
from standin.server import Fault
from standin.servers import Authority, authority, elsewhere
from standin.wire import Reply

from refusals.cell import SILENCE, Cell, Make, Place
from refusals.ways import everyday
from whyred.model.source import Missing

M = Missing
FIRST, LOGIN = "first-contact", "web-login"
"""Sources that are no routes: asking a server what it is, and signing in to its pages."""
_VERSION = "^GET https?://[^ ]*/version$"
_TOKEN = "canary-0123456789abcdef0123456789abcdef"


def dead_port() -> int:
    """A port of 127.0.0.1 where nobody listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


def _argv(url: str) -> list[str]:
    return ["logs", "alice/priv#2", "--server", url]


def _nobody(url: str, *, token: str = _TOKEN, **env: str) -> Make:
    """A server that cannot be had; `{dead}` in the URL and in variables stands for a port where nobody listens."""

    @contextmanager
    def make(place: Place) -> Iterator[Sequence[str]]:
        port = dead_port()
        there = url.format(dead=port)
        if token:
            place.token(there, token)
        place.env = {name: value.format(dead=port) for name, value in env.items()}
        yield _argv(there)

    return make


def _served(fault: Callable[[threading.Event], Fault], **env: str) -> Make:
    """A server that answers everything in one way; `{port}` in variables stands for its port."""

    @contextmanager
    def make(place: Place) -> Iterator[Sequence[str]]:
        until = threading.Event()
        with elsewhere() as server:
            server.fault(fault(until))
            place.token(server.url, _TOKEN)
            place.silence = SILENCE if fault is faults.hang else place.silence
            try:
                yield _argv(server.url)
            finally:
                until.set()

    return make


def _over_tls(made: Callable[[Path], Authority], *options: str, speak: str = "https") -> Make:
    @contextmanager
    def make(place: Place) -> Iterator[Sequence[str]]:
        folder = place.folder / "ca"
        folder.mkdir()
        with standin("forgejo-16", everyday("forgejo-16"), tls=made(folder).server) as forge:
            url = forge.url.replace("https", speak)
            place.token(url, _TOKEN)
            yield [*_argv(url), *(o.format(folder=folder) for o in options)]

    return make


@contextmanager
def _plain_on_tls(place: Place) -> Iterator[Sequence[str]]:
    with standin("forgejo-16", everyday("forgejo-16")) as forge:
        url = forge.url.replace("http", "https")
        place.token(url, _TOKEN)
        yield _argv(url)


def _proxy(reply: Reply, scheme: str = "https") -> Make:
    """A proxy that says this to everything; its password is a secret as well."""

    @contextmanager
    def make(place: Place) -> Iterator[Sequence[str]]:
        with elsewhere(reply) as proxy:
            secret = place.secret("canary-of-the-proxy")
            url = f"{scheme}://forge.example"
            if scheme == "https":
                place.token(url, _TOKEN)
            place.env = {f"{scheme}_proxy": f"http://user:{secret}@127.0.0.1:{proxy.port}"}
            yield _argv(url)

    return make


def _first() -> Iterator[Cell]:
    def cell(reason: Missing, case: str, make: Make, help_: str, asked: str = _VERSION) -> Cell:
        return Cell(reason, FIRST, case, make, asked, help_)

    yield cell(M.UNREACHABLE, "nobody listens", _nobody("http://127.0.0.1:{dead}"), "refused: is the server up")
    yield cell(M.UNREACHABLE, "no such host", _nobody("https://forge.invalid"), "no such host: check its name")
    yield cell(M.UNREACHABLE, "the server is silent", _served(faults.hang), "silent for too long")
    yield cell(M.UNREACHABLE, "the connection ends before an answer", _served(lambda _: faults.no_answer()),
               "broke|early")  # fmt: skip
    yield cell(M.UNREACHABLE, "nobody listens at the proxy",
               _nobody("https://forge.example", https_proxy="http://127.0.0.1:{dead}"),
               "proxy of the environment .* does not answer: check it, or set no_proxy")  # fmt: skip
    yield cell(M.UNREACHABLE, "nobody listens at the proxy of plain HTTP",
               _nobody("http://forge.example", http_proxy="http://127.0.0.1:{dead}", token=""),
               "proxy of the environment .* does not answer: check it, or set no_proxy")  # fmt: skip
    for status in (403, 502):
        yield cell(M.UNREACHABLE, f"the proxy answers {status}", _proxy(Reply(status, b"no")),
                   f"proxy of the environment .* answers HTTP {status}: check it, or set no_proxy")  # fmt: skip
    for scheme in ("https", "http"):
        yield cell(M.UNREACHABLE, f"the proxy answers 407, asked for {scheme}", _proxy(Reply(407, b"no"), scheme),
                   "wants a user and a password .HTTP 407.: https_proxy=")  # fmt: skip
    yield cell(M.TLS_FAILED, "an own CA, and it is not given", _over_tls(authority),
               "not trusted .*: give its CA with --ca or SSL_CERT_FILE")  # fmt: skip
    yield cell(M.TLS_FAILED, "a certificate for another host",
               _over_tls(lambda folder: authority(folder, host="other.example"), "--ca", "{folder}/ca.pem"),
               "is for another name")  # fmt: skip
    yield cell(M.TLS_FAILED, "a certificate whose time is over",
               _over_tls(lambda folder: authority(folder, days=-1), "--ca", "{folder}/ca.pem"),
               "expired")  # fmt: skip
    yield cell(M.TLS_FAILED, "https to a port of plain HTTP", _plain_on_tls, "is this port really HTTPS")
    yield cell(M.UNREACHABLE, "plain HTTP to a port of https", _over_tls(authority, speak="http"), "https://")
    yield cell(M.RATE_LIMITED, "429 to everything", _served(lambda _: faults.status(429, retry_after="120")),
               "try again in 120 seconds")  # fmt: skip
    yield cell(M.SERVER_ERROR, "502 to everything", _served(lambda _: faults.status(502)), "HTTP 502")
    yield cell(M.SERVER_ERROR, "500 to everything", _served(lambda _: faults.html(500)), "HTTP 500")
    yield cell(M.NO_PERMISSION, "401 to everything: a gate with a password", _served(lambda _: faults.html(401)),
               "a gate in front", "/api/v4/version$")  # fmt: skip
    yield cell(M.NO_PERMISSION, "403 to everything: a bot check", _served(lambda _: faults.html(403)),
               "a gate in front", "/api/v4/version$")  # fmt: skip
    yield cell(M.REFUSED_CONTENT, "a page for everything", _served(lambda _: faults.html()),
               "no forge that whyred knows", "/api/v4/version$")  # fmt: skip
    yield cell(M.REFUSED_CONTENT, "a redirect to a sign-in for everything",
               _served(lambda _: faults.redirect_to("https://sso.example/start")),
               "redirects to https://sso.example/start", "/api/v4/version$")  # fmt: skip
    yield cell(M.REFUSED_CONTENT, "JSON that is no version", _served(lambda _: faults.body(b"[]")),
               "no forge that whyred knows", "/api/v4/version$")  # fmt: skip
    yield cell(M.REFUSED_CONTENT, "an endless answer", _served(lambda _: faults.endless(kind="application/json")),
               "larger than 32 MiB")  # fmt: skip
    yield cell(M.CORRUPT, "a damaged gzip answer", _served(lambda _: faults.say(_BAD_GZIP)), "is damaged")


_BAD_GZIP = Reply(
    200, b"\x1f\x8b\x08\0no gzip at all", (("Content-Type", "application/json"), ("Content-Encoding", "gzip"))
)


def _signing_in(name: str, **settings: Any) -> Make:
    @contextmanager
    def make(place: Place) -> Iterator[Sequence[str]]:
        world = everyday()
        kind = {"mara": "must-change-password", "fara": "must-set-up-2fa"}.get(name)
        if kind is not None:
            world.user(name, f"{name}-password-1").login = kind  # type: ignore[assignment]
        with standin("forgejo-11", world, **settings) as forge:
            place.stdin = f"{place.secret(world.users[name].password)}\n".encode()
            yield ["login", forge.url, "--user", name, "--password-stdin"]

    return make


@contextmanager
def _without_cookies(place: Place) -> Iterator[Sequence[str]]:
    """What a proxy makes of the server's answers that drops cookies."""

    def bare(reply: Reply) -> Reply:
        kept = tuple(header for header in reply.headers if header[0] != "Set-Cookie")
        return replace(reply, headers=kept)

    world = everyday()
    with standin("forgejo-11", world) as forge:
        forge.fault(faults.change(bare))
        place.stdin = f"{place.secret(world.users['alice'].password)}\n".encode()
        yield ["login", forge.url, "--user", "alice", "--password-stdin"]


def _login() -> Iterator[Cell]:
    form, code = "^POST http://[^ ]*/user/login$", "^POST http"
    home = "^GET http://[^ ]*/user/settings$"  # the login itself succeeds

    def cell(reason: Missing, case: str, make: Make, help_: str, asked: str = form) -> Cell:
        return Cell(reason, LOGIN, case, make, asked, help_)

    yield cell(M.NEEDS_TWO_FACTOR, "the account wants a one-time code", _signing_in("otto"), "--code-stdin", code)
    yield cell(M.NEEDS_TWO_FACTOR, "the account has a security key only", _signing_in("wanda"), "security key only")
    yield cell(M.NEEDS_TWO_FACTOR, "a second factor must be set up first", _signing_in("fara"), "set up.*browser", home)
    yield cell(M.NO_PERMISSION, "the password must be changed first", _signing_in("mara"), "changed.*browser", home)
    yield cell(M.NEEDS_WEB_LOGIN, "the server wants a captcha", _signing_in("alice", captcha=True),
               "captcha.*program cannot")  # fmt: skip
    yield cell(M.NEEDS_WEB_LOGIN, "signing in by password is switched off", _signing_in("alice", internal_login=False),
               "switched off")  # fmt: skip
    yield cell(M.NEEDS_WEB_LOGIN, "a proxy drops the cookies", _without_cookies, "proxy that drops cookies")


CELLS = (*_first(), *_login())
