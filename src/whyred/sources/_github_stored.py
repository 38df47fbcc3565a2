"""A log as GitHub gives it: the API redirects to a storage host, for a short time, and the token stays behind."""

from collections.abc import Mapping
from urllib.parse import urlsplit

from whyred.model.source import Missing, MissingLogError
from whyred.sources import reasons
from whyred.sources._github_api import HEADERS, is_ours, refusal
from whyred.sources.http import By, Reply, Stream, is_plain
from whyred.sources.reach import Reach

_FOUND = (200, 206, 416)
_MOVED = (301, 302, 303, 307, 308)
_GONE = (403, 404, 410)
"""What storages say of a file that is not, or no longer, there: Azure 404, S3 without the right to list 403."""
_HOPS = 3


class Stored:
    """The file behind a path of the API. The API is asked once; its redirect is used again while it holds."""

    def __init__(self, reach: Reach, path: str) -> None:
        self._reach, self._path = reach, path
        self._url: str | None = None

    def open(self, headers: Mapping[str, str]) -> Stream:
        """The file, or the part that `Range` in the headers names: status 200, 206 or 416. Raises MissingLogError."""
        if self._url is not None:
            stream = self._get(self._url, headers)
            if stream.reply.status in _FOUND:
                return _checked(stream)
            stream.close()  # its time is over
        found = self._ask(headers)
        if isinstance(found, Stream):
            return found
        self._url = found
        stream = self._get(found, headers)
        if stream.reply.status in _FOUND:
            return _checked(stream)
        raise _not_stored(stream.refusal())

    def _get(self, url: str, headers: Mapping[str, str]) -> Stream:
        return self._reach.http.open("GET", url, By.NOBODY, headers=headers, follow=True)

    def _ask(self, headers: Mapping[str, str]) -> str | Stream:
        """Where the file is stored; or the file itself, where the API gives it (as it may on an own server)."""
        url = self._path
        for _ in range(_HOPS):
            stream = self._reach.http.open("GET", url, headers={**HEADERS, **headers})
            to = stream.reply.headers.get("location")
            if stream.reply.status in _FOUND:
                return _checked(stream)
            if stream.reply.status not in _MOVED or not to:
                raise refusal(stream.refusal(), token=self._reach.http.token is not None)
            stream.close()
            led = reasons.joined(self._reach.http.root + "/", to)
            if led is None:
                raise reasons.nowhere(stream.reply.asked)
            if not is_ours(self._reach, led):
                return self._safe(led, stream.reply.asked)
            url = led
        raise MissingLogError(
            Missing.REFUSED_CONTENT, stream.reply.asked, f"the API redirected {_HOPS} times within itself, in a circle"
        )

    def _safe(self, url: str, asked: str) -> str:
        down = urlsplit(self._reach.http.root).scheme == "https" and urlsplit(url).scheme == "http"
        if (down or is_plain(url)) and not self._reach.http.insecure_http:
            raise reasons.no_https(asked, url)
        return url


def _checked(stream: Stream) -> Stream:
    """The stream, unless it is a page: a log is plain text, whatever a proxy in between answers with."""
    if stream.reply.kind == "text/html":
        stream.close()
        raise _page(stream.reply)
    return stream


def _not_stored(reply: Reply) -> MissingLogError:
    """Why the storage did not give the file. Source: Azure's Blob service, S3: errors are XML."""
    if reply.kind == "text/html" and reply.status < 500 and reply.status != 429:
        return _page(reply)  # those two mean the same in every form
    if reply.status in _GONE:
        help_ = "GitHub's storage no longer has it: its time has passed (90 days, where the repository sets no other)"
        return MissingLogError(Missing.EXPIRED, reply.asked, help_)
    return reasons.refusal(reply, token=False)


def _page(reply: Reply) -> MissingLogError:
    host = urlsplit(reply.asked.partition(" ")[2]).hostname
    help_ = f"a page came where the log was expected: does a proxy or firewall keep you from {host}?"
    return MissingLogError(Missing.REFUSED_CONTENT, reply.asked, help_)
