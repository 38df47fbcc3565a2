"""The one HTTP client: polite, bounded, and careful with credentials.

At most four requests at once to one server; answers are bounded in bytes; no redirect is followed unless the caller
says so, and none to another host ever carries a credential; nothing but the reason leaves here of a 401 or 403 answer,
for one server repeats passwords in them (reference, section 10).
"""

import json
import random
import re
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from functools import cache
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin, urlsplit

from whyred.model.source import Missing, MissingLogError
from whyred.model.trouble import UserError
from whyred.sources.reasons import broken, shown, unreachable

if TYPE_CHECKING:
    from urllib3 import BaseHTTPResponse, PoolManager

    from whyred.sources._answers import Answers

AT_ONCE = 4
"""Requests at one time to one server."""
CONNECT, READ = 5.0, 60.0
"""Seconds to connect, and between two pieces of an answer."""
BODY = 32 << 20
"""Bytes of an answer that is read whole; logs are streamed and have no such limit."""
PIECE = 1 << 19
"""Bytes that are read at once, and put together from as many as came."""
_TRIES = 4
_LONGEST_WAIT = 30.0
"""Seconds whyred waits by itself when a server asks it to; a longer wait is told to the user."""
_BUSY = (429, 502, 503, 504)
_HOPS = 5


class By(Enum):
    """Whose name a request is made in: the API token's, the web login's, or nobody's."""

    TOKEN = "token"  # noqa: S105 - the kind of a credential
    WEB = "web"
    NOBODY = "nobody"


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer whose body was read whole; header names are lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)
    asked: str

    @property
    def kind(self) -> str:
        """The content type, without parameters."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    def json(self) -> Any:
        """The body as JSON. Raises MissingLogError (refused-content): a page where data was expected."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError) as e:
            what = "an HTML page" if self.body.lstrip()[:1] == b"<" else "no JSON"
            help_ = f"{what} came where data was expected: is there a proxy, a log-in gate or a bot check in front?"
            raise MissingLogError(Missing.REFUSED_CONTENT, self.asked, help_) from e

    @property
    def is_json(self) -> bool:
        """Whether the server says that it is JSON. Gitea and Forgejo answer so for every API path that exists."""
        return self.kind == "application/json"


class Stream:
    """An answer that is read piece by piece; close it, or read it to its end."""

    def __init__(self, reply: Reply, response: "BaseHTTPResponse", release: Callable[[], None]) -> None:
        self.reply, self._response, self._release = reply, response, release

    def chunks(self) -> Iterator[bytes]:
        """The body. Raises MissingLogError (unreachable) when the connection breaks or ends early."""
        import urllib3

        whole = False
        try:
            while not whole and (piece := self._response.read(PIECE)):
                whole = self._is_whole()
                if whole:
                    self.close()  # before this piece is worked on: meanwhile another request may go out
                yield piece
            left = self._response.length_remaining
            if left:
                raise broken(self.reply.asked, f"the answer ended {left} bytes early")
        except (urllib3.exceptions.HTTPError, OSError) as e:
            raise unreachable(self.reply.asked, e, begun=True) from None
        finally:
            self.close()

    def _is_whole(self) -> bool:
        """Whether all of a body that came as it is has been read; a packed one may have more to give."""
        return self._response.length_remaining == 0 and "content-encoding" not in self.reply.headers

    def close(self) -> None:
        """Gives the connection up; what was not read of the answer is not read any more."""
        self._response.close()
        self._response.release_conn()  # `close` alone would cost the pool a connection
        self._release()


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

    def __post_init__(self) -> None:
        self._slots = threading.BoundedSemaphore(AT_ONCE)
        self._pool: PoolManager | None = None
        self._guard = threading.Lock()
        self._turn = 0
        """How often the cookies have changed."""
        self.renewing = threading.Lock()
        """Held by the one thread that renews the web login: what renews it can be used once."""
        self.sent = 0
        self.received = 0

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
        stream = self.open(method, path, by, body=body, headers={**told, **(headers or {})}, again=again)
        return Reply(stream.reply.status, stream.reply.headers, self._whole(stream), stream.reply.asked)

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
    ) -> Stream:
        """One request whose answer is streamed. `follow`: follow redirects, to another host without any credential.
        Servers that are busy are asked again after the time they name, or with growing pauses.
        """
        again = method in ("GET", "HEAD") if again is None else again
        url, hops = self.root + path if path.startswith("/") else path, 0
        while True:
            stream = self._tried(method, url, by, body, dict(headers or {}), again)
            to = stream.reply.headers.get("location")
            if not (follow and to and stream.reply.status in (301, 302, 303, 307, 308)):
                return stream
            stream.close()
            hops += 1
            url = urljoin(url, to)
            if hops > _HOPS:
                raise MissingLogError(
                    Missing.REFUSED_CONTENT,
                    stream.reply.asked,
                    f"it redirected {hops} times, in a circle: check the server's URL",
                )
            if not self._ours(url):
                by = By.NOBODY

    def _tried(self, method: str, url: str, by: By, body: bytes | None, headers: dict[str, str], again: bool) -> Stream:
        for attempt in range(1, _TRIES + 1):
            last = attempt == _TRIES
            try:
                stream = self._once(method, url, by, body, headers)
            except MissingLogError as e:
                if last or not again or e.reason is not Missing.UNREACHABLE:
                    raise
                self.sleep(_pause(attempt))
                continue
            if stream.reply.status not in _BUSY or last:
                return stream
            wait = _asked_wait(stream.reply.headers)
            if wait is not None and wait > _LONGEST_WAIT:
                return stream
            if stream.reply.status != 429 and not again:
                return stream
            stream.close()
            self.sleep(wait if wait is not None else _pause(attempt))
        raise AssertionError("the last try returns or raises")

    def _once(self, method: str, url: str, by: By, body: bytes | None, headers: dict[str, str]) -> Stream:
        import urllib3

        asked = f"{method} {shown(url)}"
        ours = self._ours(url)
        headers.setdefault("User-Agent", f"whyred/{_version()}")
        headers.setdefault("Accept-Encoding", "identity" if "Range" in headers else "gzip")
        self._slots.acquire()
        response, turn = None, self._turn
        try:
            self.sent += 1
            response = self._manager().request(
                method,
                url,
                body=body,
                headers=headers | self._credentials(url, by) if ours else headers,
                redirect=False,
                retries=False,
                preload_content=False,
                timeout=urllib3.Timeout(connect=CONNECT, read=READ),
            )
        except urllib3.exceptions.LocationParseError as e:
            raise UserError(f"{shown(url)} is no URL", str(e), "Write https://HOST/OWNER/REPO") from None
        except (urllib3.exceptions.HTTPError, OSError) as e:
            raise unreachable(asked, e) from None
        finally:
            if response is None:
                self._slots.release()
        told = {k.lower(): v for k, v in response.headers.items()}
        if ours and by is By.WEB:
            self._keep_cookies(response, turn)
        return Stream(Reply(response.status, told, b"", asked), response, _once_only(self._slots.release))

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
            for line in response.headers.getlist("set-cookie"):
                name, value, gone = read_cookie(line)
                if not name:
                    continue
                if gone:
                    self.jar.pop(name, None)
                else:
                    self.jar[name] = value
            if self.jar != before:
                self._turn += 1
                self.cookies_changed(dict(self.jar))

    def _ours(self, url: str) -> bool:
        one, other = urlsplit(url), urlsplit(self.root)
        return (one.scheme, one.hostname, one.port) == (other.scheme, other.hostname, other.port)

    def _manager(self) -> "PoolManager":
        with self._guard:
            if self._pool is None:
                self._pool = _manager(self.root, self.ca)
            return self._pool


def _manager(root: str, ca: str | None) -> "PoolManager":
    from urllib.request import getproxies, proxy_bypass

    import urllib3

    context = None
    parts = urlsplit(root)
    if parts.scheme == "https":
        try:
            context = ssl.create_default_context(cafile=ca)
        except (OSError, ssl.SSLError) as e:
            raise UserError(f"cannot read the CA file {ca}", str(e), "Name a PEM file with --ca") from None
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
        return urllib3.ProxyManager(proxy, proxy_headers=said, maxsize=AT_ONCE, block=True, ssl_context=context)
    return urllib3.PoolManager(maxsize=AT_ONCE, block=True, ssl_context=context)


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


def read_cookie(line: str) -> tuple[str, str, bool]:
    """Name, value and whether it is to be removed, of one Set-Cookie header. Values are kept as they came."""
    first, *attributes = line.split(";")
    name, _, value = first.strip().partition("=")
    told = {k.strip().lower(): v.strip() for k, _, v in (a.partition("=") for a in attributes)}
    gone = not value or told.get("max-age", "").startswith(("0", "-"))
    return name.strip(), value.strip().strip('"'), gone


def _asked_wait(headers: Mapping[str, str]) -> float | None:
    """The seconds of `Retry-After`; a date in it is not waited for by the clock of another machine."""
    told = headers.get("retry-after", "").strip()
    return float(told) if re.fullmatch(r"\d{1,6}", told) else None


def _pause(attempt: int) -> float:
    """Growing, with jitter, so that many clients do not come back at once."""
    return min(8.0, 0.25 * 2.0**attempt) * random.uniform(0.5, 1.0)  # noqa: S311 - no secret


@cache
def _version() -> str:
    """Found out once: it is read from a file."""
    from importlib.metadata import version

    return version("whyred")
