"""The one HTTP client: polite, bounded, and careful with credentials.

At most four requests at once to one server; answers are bounded in bytes and, but for logs, in time (`_meter`); what
came of one that broke is kept (`_stream`); no redirect is followed unless the caller says so, none leads away from
HTTPS, and none to another host ever carries a credential; nothing but the reason leaves here of a 401 or 403 answer,
for one server repeats passwords in them (reference, section 10).
"""

import json
import re
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from functools import cache
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from whyred.model.source import Missing, MissingLogError
from whyred.model.trouble import UserError
from whyred.sources._cookies import keep
from whyred.sources._lines import Lines
from whyred.sources._meter import SMALL, Overrun
from whyred.sources._stream import Reply as Reply
from whyred.sources._stream import Stream as Stream
from whyred.sources._waits import LONGEST, asked_wait, pause
from whyred.sources.reasons import joined, no_https, nowhere, shown, unreachable

if TYPE_CHECKING:
    from urllib3 import BaseHTTPResponse, PoolManager

    from whyred.sources._answers import Answers

AT_ONCE = 4
"""Requests at one time to one server."""
CONNECT, READ = 5.0, 60.0
"""Seconds to connect, and between two pieces of an answer."""
BODY = 32 << 20
"""Bytes of an answer that is read whole; logs are streamed and have no such limit."""
_TRIES = 4
_BUSY = (429, 502, 503, 504)
_HOPS = 5


class By(Enum):
    """Whose name a request is made in: the API token's, the web login's, or nobody's."""

    TOKEN = "token"  # noqa: S105 - the kind of a credential
    WEB = "web"
    NOBODY = "nobody"


@dataclass
class Http:
    """A client for one server. `root` is the server's root URL; `token` goes into requests made by the token and the
    cookies of `jar` into those of the web login; never both.
    """

    root: str
    token: str | None = field(default=None, repr=False)
    scheme: str = "token"
    jar: dict[str, str] = field(default_factory=dict, repr=False)
    ca: str | None = None
    insecure_http: bool = False
    signed_in: bool = False
    """Whether the cookies are those of a web login, and not of a nameless visit."""
    cookies_changed: Callable[[Mapping[str, str]], None] = field(default=lambda _: None, repr=False)
    answers: "Answers | None" = field(default=None, repr=False)
    """The lists that were kept, to be asked for again only if they have changed."""
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic
    check: Callable[[], None] = lambda: None
    """Called before each request and each piece of an answer: where nobody wants more of it, it raises."""

    def __post_init__(self) -> None:
        self._lines = Lines()
        self._slots = threading.BoundedSemaphore(AT_ONCE)
        self._pool: PoolManager | None = None
        self._guard = threading.Lock()
        self._turn = 0
        """How often the cookies have changed."""
        self.renewing = threading.Lock()
        """Held by the one thread that renews the web login: what renews it can be used once."""
        self.sent = 0
        self.received = 0

    def cut(self) -> None:
        """Ends every connection, from any thread: what waits for the server goes on, and fails."""
        self._lines.cut()

    def get(self, path: str, by: By = By.TOKEN, headers: Mapping[str, str] | None = None) -> Reply:
        """A GET whose answer is read whole. Raises MissingLogError where no answer came; any status is an answer."""
        if self.answers is not None:
            return self.answers.get(self, path, by, headers)
        return self.call("GET", path, by, headers=headers)

    def call(
        self,
        method: str,
        path: str,
        by: By = By.TOKEN,
        *,
        data: object = None,
        form: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        again: bool | None = None,
    ) -> Reply:
        """One request whose answer is read whole. `again`: whether it may be repeated when the connection breaks (by
        default a GET may). Raises MissingLogError (unreachable, tls-failed, too-large, refused-content).
        """
        body, told = _body(data, form)
        stream = self.open(method, path, by, body=body, headers={**told, **(headers or {})}, again=again, small=True)
        if stream.reply.status >= 400:
            return stream.refusal()
        return replace(stream.reply, body=self._whole(stream))

    def _whole(self, stream: Stream) -> bytes:
        parts, size = [], 0
        for piece in stream.chunks():
            size += len(piece)
            if size > BODY:
                stream.close()
                help_ = f"the answer is larger than {BODY >> 20} MiB, and no list of runs or jobs is"
                raise MissingLogError(Missing.REFUSED_CONTENT, stream.reply.asked, help_)
            parts.append(piece)
        return b"".join(parts)

    def open(
        self,
        method: str,
        path: str,
        by: By = By.TOKEN,
        *,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        again: bool | None = None,
        follow: bool = False,
        small: bool = False,
    ) -> Stream:
        """One request whose answer is streamed. `follow`: follow redirects, to another host without any credential.
        `small`: the answer is no log, so there is a time in which all of it must come (SMALL). Servers that are busy
        are asked again after the time they name, or with growing pauses.
        """
        again = method in ("GET", "HEAD") if again is None else again
        url, hops = self.root + path if path.startswith("/") else path, 0
        while True:
            try:
                stream = self._tried(method, url, by, body, dict(headers or {}), again, small)
            except UserError:
                if not hops:
                    raise
                raise nowhere(f"{method} {shown(url)}") from None
            to = stream.reply.headers.get("location")
            if not (follow and to and stream.reply.status in (301, 302, 303, 307, 308)):
                return stream
            stream.close()
            hops += 1
            if hops > _HOPS:
                help_ = f"it redirected {hops} times, in a circle: check the server's URL"
                raise MissingLogError(Missing.REFUSED_CONTENT, stream.reply.asked, help_)
            url = self._led(url, to, stream.reply.asked)
            if not self._ours(url):
                by = By.NOBODY

    def _led(self, url: str, to: str, asked: str) -> str:
        """Where a redirect of `url` leads. Raises MissingLogError: to no address, or to one where others read along."""
        led = joined(url, to)
        if led is None:
            raise nowhere(asked)
        down = urlsplit(url).scheme == "https" and urlsplit(led).scheme == "http"
        if (down or is_plain(led)) and not self.insecure_http:
            raise no_https(asked, led)
        return led

    def _tried(
        self, method: str, url: str, by: By, body: bytes | None, headers: dict[str, str], again: bool, small: bool
    ) -> Stream:
        until = self.clock() + SMALL
        for attempt in range(1, _TRIES + 1):
            last = attempt == _TRIES
            try:
                stream = self._once(method, url, by, body, headers, small)
            except MissingLogError as e:
                if last or not again or e.reason is not Missing.UNREACHABLE or self.clock() > until:
                    raise
                self.sleep(pause(attempt))
                continue
            if stream.reply.status not in _BUSY or last:
                return stream
            wait = asked_wait(stream.reply.headers)
            if wait is not None and wait > LONGEST:
                return stream
            if stream.reply.status != 429 and not again:
                return stream
            stream.close()
            self.sleep(wait if wait is not None else pause(attempt))
        raise AssertionError("the last try returns or raises")

    def _once(self, method: str, url: str, by: By, body: bytes | None, headers: dict[str, str], small: bool) -> Stream:
        from whyred.sources._connections import meter_of

        asked = f"{method} {shown(url)}"
        ours = self._ours(url)
        headers.setdefault("User-Agent", f"whyred/{_version()}")
        headers.setdefault("Accept-Encoding", "identity" if "Range" in headers else "gzip")
        self.check()
        self._slots.acquire()
        response, turn, begun = None, self._turn, self.clock()
        try:
            self.sent += 1
            response = self._sent(method, url, by if ours else By.NOBODY, body, headers, asked)
        finally:
            if response is None:
                self._slots.release()
        told = {k.lower(): v for k, v in response.headers.items()}
        if ours and by is By.WEB:
            self._keep_cookies(response, turn)
        meter = meter_of(response)
        if small or response.status not in (200, 206):
            meter.ends(begun + SMALL)
        reply = Reply(response.status, told, b"", asked)
        return Stream(reply, response, meter, self.clock, _once_only(self._slots.release), self.check)

    def _sent(
        self, method: str, url: str, by: By, body: bytes | None, headers: dict[str, str], asked: str
    ) -> "BaseHTTPResponse":
        """The answer, whose body is not read yet. Raises UserError (no URL) and MissingLogError (no answer)."""
        import urllib3

        try:
            return self._manager().request(
                method,
                url,
                body=body,
                headers=headers | self._credentials(url, by),
                redirect=False,
                retries=False,
                preload_content=False,
                timeout=urllib3.Timeout(connect=CONNECT, read=READ),
            )
        except urllib3.exceptions.LocationParseError as e:
            raise UserError(f"{shown(url)} is no URL", str(e), "Write https://HOST/OWNER/REPO") from None
        except (urllib3.exceptions.HTTPError, OSError) as e:
            raise unreachable(asked, e) from None
        except Overrun as e:
            raise MissingLogError(e.reason, asked, e.help) from None

    def _credentials(self, url: str, by: By) -> dict[str, str]:
        told: dict[str, str] = {}
        if by is By.TOKEN and self.token:
            told["Authorization"] = f"{self.scheme} {self.token}"
        elif by is By.WEB and self.jar:
            with self._guard:
                told["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.jar.items())
        if told and not self.insecure_http and is_plain(url):
            raise UserError(
                f"{shown(url)} is plain HTTP",
                "everybody on the way could read the credential",
                "Use https://, or say --insecure-http if you know the network",
            )
        return told

    def _keep_cookies(self, response: "BaseHTTPResponse", turn: int) -> None:
        with self._guard:
            if self._turn != turn:
                return  # since the request was sent another thread has got newer ones, of a renewed login perhaps
            before = dict(self.jar)
            keep(self.jar, response.headers.getlist("set-cookie"))
            if self.jar != before:
                self._turn += 1
                self.cookies_changed(dict(self.jar))

    def _ours(self, url: str) -> bool:
        one, other = urlsplit(url), urlsplit(self.root)
        return (one.scheme, one.hostname, one.port) == (other.scheme, other.hostname, other.port)

    def _manager(self) -> "PoolManager":
        with self._guard:
            if self._pool is None:
                from whyred.sources._connections import manager

                self._pool = manager(self.root, self.ca, AT_ONCE, lambda: self.clock(), self._lines)
            return self._pool


def _body(data: object, form: Mapping[str, str] | None) -> tuple[bytes | None, dict[str, str]]:
    from urllib.parse import urlencode

    if form is not None:
        return urlencode(form).encode(), {"Content-Type": "application/x-www-form-urlencoded"}
    if data is not None:
        return json.dumps(data).encode(), {"Content-Type": "application/json", "Accept": "application/json"}
    return None, {}


def _once_only(release: Callable[[], None]) -> Callable[[], None]:
    left = [release]
    return lambda: left.pop()() if left else None


def is_plain(url: str) -> bool:
    """Whether a URL is plain HTTP to another machine."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    return parts.scheme == "http" and not (host == "localhost" or host == "::1" or re.fullmatch(r"127(\.\d+){3}", host))


@cache
def _version() -> str:
    """Found out once: it is read from a file."""
    from importlib.metadata import version

    return version("whyred")
