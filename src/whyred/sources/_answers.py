"""Lists and other small answers of an API, asked for once more only if they have changed (`ETag`, `Last-Modified`).

An answer is found again by its URL *and* the credential it was given to: what one user may see is not shown to another,
and each answer is confirmed by the server (304) in the name of the one who asks, every time. GitHub counts no 304.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from whyred.sources._kept import Kept, key
from whyred.sources.http import By, Http, Reply

_MOST = 4 << 20
"""Bytes of an answer that is kept."""
_LONGEST = 1024
"""Characters of a validator: what a server gives goes back to it with each question."""
_TOLD = ("content-type", "link", "etag", "last-modified", "x-total-count")
"""The headers that are kept with it."""
_OWN = frozenset({"if-none-match", "if-modified-since", "range"})
"""A caller that sends these looks after validators itself."""


@dataclass(frozen=True, slots=True)
class Answers:
    """The answers that are kept. `is_clean`: whether a body holds no secret; one that does is not kept."""

    kept: Kept
    is_clean: Callable[[bytes], bool]

    def get(self, http: Http, path: str, by: By, headers: Mapping[str, str] | None) -> Reply:
        """The answer to a GET, with status 200 where the one that is kept still holds. Raises what `Http.call` does."""
        given = dict(headers or {})
        if by is By.WEB or any(name.lower() in _OWN for name in given):
            return http.call("GET", path, by, headers=given)
        name = _name(http, path, by, given)
        known = self._load(name)
        reply = http.call("GET", path, by, headers=given | (_validators(known) if known else {}))
        if reply.status == 304 and known is not None:
            fresh = {k: v for k, v in reply.headers.items() if k not in ("content-type", "content-length")}
            return replace(known, headers={**known.headers, **fresh}, asked=reply.asked)
        if reply.status == 200 and self._may_keep(reply):
            told = {k: v for k, v in reply.headers.items() if k in _TOLD}
            self.kept.keep(name, {"headers": told}, reply.body)
        return reply

    def _load(self, name: str) -> Reply | None:
        entry = self.kept.load(name)
        told = entry.head.get("headers") if entry is not None else None
        if entry is None or not isinstance(told, dict):
            return None
        with entry.body:
            return Reply(200, {str(k): str(v) for k, v in told.items()}, entry.body.read(), "")

    def _may_keep(self, reply: Reply) -> bool:
        told = {part.strip().lower() for part in reply.headers.get("cache-control", "").split(",")}
        return (
            bool(_validators(reply))
            and reply.is_json
            and len(reply.body) <= _MOST
            and "no-store" not in told
            and self.is_clean(reply.body)
        )


def _name(http: Http, path: str, by: By, headers: Mapping[str, str]) -> str:
    who = f"{http.scheme} {http.token}" if by is By.TOKEN and http.token else ""
    return key("answer", http.root, path, who, *(f"{k.lower()}: {v}" for k, v in sorted(headers.items())))


def _validators(reply: Reply) -> dict[str, str]:
    """The headers that ask whether an answer still holds."""
    etag, changed = reply.headers.get("etag"), reply.headers.get("last-modified")
    for name, value in (("If-None-Match", etag), ("If-Modified-Since", changed)):
        if value and len(value) <= _LONGEST and value.isascii() and value.isprintable():
            return {name: value}
    return {}
