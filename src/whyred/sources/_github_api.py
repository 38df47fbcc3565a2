"""How GitHub's REST API is called, and what its refusals mean.

Source: docs.github.com, REST API: "Rate limits for the REST API", "Troubleshooting the REST API", "Using pagination";
GitHub Enterprise Server has the same API below /api/v3.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import quote, unquote, urlencode, urlsplit

from whyred.model.source import Missing, MissingLogError
from whyred.sources import reasons
from whyred.sources._fields import Fields, objects
from whyred.sources.http import By, Reply
from whyred.sources.reach import Reach

HEADERS = {"Accept": "application/vnd.github+json", "X-GitHub-Api-Version": "2022-11-28"}
PAGE = 100
"""Items of a page, the most that GitHub gives."""
_HOPS = 3
_PATIENCE = 30
"""Seconds a secondary limit may ask for that are waited by ourselves; a longer wait is told to the user."""
_MOVED = (301, 302, 307, 308)
_NEXT = re.compile(r'<([^<>]{1,4000})>\s*;[^<]{0,200}?\brel="?next"?')
_PERMISSIONS = re.compile(r"[a-z_]{1,40}=(?:read|write|admin)(?:[,;] ?[a-z_]{1,40}=(?:read|write|admin)){0,9}")
_SCOPES = re.compile(r"[a-z_:]{1,40}(?:, ?[a-z_:]{1,40}){0,9}")
_ADMIN = b"Must have admin rights"
_SECONDARY = re.compile(rb"secondary rate limit|abuse detection", re.I)
_SEEN = 4096
"""Bytes of a refusal that are looked at. Only sentences that are known are taken from it, never its own words."""


def api_root(server_root: str) -> str:
    """The root of the API of a GitHub server: what the `Http` of this route is made with (scheme `Bearer`), so that the
    token goes to that host and to no other.

    github.com and the clouds of companies (NAME.ghe.com) have a host of its own, Enterprise Server a path.
    """
    parts = urlsplit(server_root)
    host = parts.hostname or ""
    if host == "github.com" or host.endswith(".ghe.com"):
        return f"https://api.{host}"
    return f"{server_root.rstrip('/')}/api/v3"


def repo_path(repo: str) -> str:
    """`/repos/OWNER/NAME`, quoted."""
    return "/repos/" + "/".join(quote(part, safe="") for part in repo.split("/", 1))


def get(reach: Reach, path: str, query: Mapping[str, object] | None = None, *, etag: str | None = None) -> Reply:
    """An answer of the API with status 200, or 304 where `etag` still holds (which costs nothing of the rate limit).

    `path` may be a whole URL of this API. A token that is refused is left away once: public repositories answer
    without. Raises MissingLogError.
    """
    told = {k: v for k, v in (query or {}).items() if v is not None}
    url = path + (f"?{urlencode(told)}" if told else "")
    headers = {**HEADERS, **({"If-None-Match": etag} if etag else {})}
    reply = _ask(reach, url, By.TOKEN, headers)
    if reply.status in (200, 304):
        return reply
    refused = refusal(reply, token=reach.http.token is not None)
    if reach.http.token is not None and refused.reason in (Missing.NEEDS_TOKEN, Missing.NO_PERMISSION):
        open_ = _ask(reach, url, By.NOBODY, headers)
        if open_.status in (200, 304):
            return open_
    raise refused


def _ask(reach: Reach, url: str, by: By, headers: Mapping[str, str]) -> Reply:
    """The answer after redirects within the API (a renamed repository) and after a short wait that it asks for."""
    waited = 0.0
    for _ in range(_HOPS):
        reply = reach.http.get(url, by, headers)
        pause = _pause(reply)
        if pause is not None and waited + pause <= _PATIENCE:
            waited += pause
            reach.http.sleep(pause)
            continue
        to = moved_to(reach, reply)
        if to is None:
            return reply
        url = to
    return reply


def _pause(reply: Reply) -> float | None:
    """The seconds that a secondary limit names; the client itself knows those of a 429 only."""
    told = reply.headers.get("retry-after", "").strip()
    return float(told) if reply.status == 403 and re.fullmatch(r"\d{1,6}", told) else None


def moved_to(reach: Reach, reply: Reply) -> str | None:
    """Where in this API the answer redirects to; None where it does not, or to another host."""
    to = reply.headers.get("location")
    url = reasons.joined(reach.http.root + "/", to) if to and reply.status in _MOVED else None
    return url if url is not None and is_ours(reach, url) else None


def is_ours(reach: Reach, url: str) -> bool:
    """Whether a URL is one of this API."""
    return url.startswith(reach.http.root + "/") and ".." not in unquote(urlsplit(url).path)


def pages(reach: Reach, path: str, key: str | None, query: Mapping[str, object], most: int) -> Iterator[Fields]:
    """The items of a list, page by page, as the `Link` header goes on, at most `most` of them. `key`: where in the
    answer the list is; None where the answer is the list itself.
    """
    reply = get(reach, path, {"per_page": min(PAGE, most), **query})
    seen, asked = 0, {path}
    while True:
        data = reply.json()
        items = list(objects(data) if key is None else Fields(data).parts(key))
        yield from items[: most - seen]
        seen += len(items)
        url = _next(reach, reply)
        if url is None or url in asked or not items or seen >= most:
            return
        asked.add(url)
        reply = get(reach, url)


def _next(reach: Reach, reply: Reply) -> str | None:
    link = _NEXT.search(reply.headers.get("link", "")[:16_000])
    if link is None:
        return None
    url = reasons.joined(reach.http.root + "/", link[1])
    if url is None:
        raise reasons.nowhere(reply.asked)
    if not is_ours(reach, url):
        help_ = f"its list goes on at {reasons.shown(url)}, which is not this API: check the server's URL"
        raise MissingLogError(Missing.REFUSED_CONTENT, reply.asked, help_)
    return url


def refusal(reply: Reply, *, token: bool) -> MissingLogError:
    """Why GitHub's API did not give what was asked for. `token`: whether the request was made with one."""
    asked = reply.asked
    if reply.status in (403, 429) and (limited := _limited(reply, token=token)) is not None:
        return limited
    if reply.status == 403:
        return _forbidden(reply, token=token)
    if reply.status == 404 and reply.is_json and token:
        help_ = (
            "it does not exist, or this token may not see it: GitHub hides what a token is not made for. Check the "
            "name, the repositories the token was made for, and its permission Actions: read (classic: scope repo)"
        )
        return MissingLogError(Missing.NOT_FOUND, asked, help_)
    if reply.status == 410:
        return MissingLogError(
            Missing.EXPIRED, asked, "GitHub no longer keeps it (90 days, where the repository sets no other time)"
        )
    if reply.status == 451:
        return MissingLogError(Missing.NO_PERMISSION, asked, "GitHub has blocked this repository for everybody")
    return reasons.refusal(reply, token=token)


def _limited(reply: Reply, *, token: bool) -> MissingLogError | None:
    """One of the two rate limits. Source: "Exceeding the rate limit": wait for `retry-after`, else until
    `x-ratelimit-reset` where none remain, else a minute.
    """
    wait = reply.headers.get("retry-after", "").strip()
    if re.fullmatch(r"\d{1,6}", wait):
        help_ = f"GitHub finds these requests too many at once: try again in {_span(int(wait))}"
        return MissingLogError(Missing.RATE_LIMITED, reply.asked, help_)
    if reply.headers.get("x-ratelimit-remaining") == "0":
        more = "" if token else ". Without a token it is 60 an hour, with one 5,000: whyred login"
        help_ = f"the requests of this hour are used up: try again {_until(reply)}{more}"
        return MissingLogError(Missing.RATE_LIMITED, reply.asked, help_)
    if _SECONDARY.search(reply.body[:_SEEN]):
        help_ = "GitHub finds these requests too many at once: try again in a minute"
        return MissingLogError(Missing.RATE_LIMITED, reply.asked, help_)
    return None


def _until(reply: Reply) -> str:
    """When the limit is lifted, by the server's own clock."""
    told = reply.headers.get("x-ratelimit-reset", "")
    if not re.fullmatch(r"\d{1,11}", told):
        return "later"
    at = datetime.fromtimestamp(int(told), UTC)
    try:
        left = int((at - parsedate_to_datetime(reply.headers.get("date", ""))).total_seconds())
    except (ValueError, TypeError):
        return f"at {at:%H:%M} UTC"
    return f"in {_span(max(1, left))} (at {at:%H:%M} UTC)"


def _span(seconds: int) -> str:
    count, unit = (seconds, "second") if seconds < 90 else (round(seconds / 60), "minute")
    return f"{count} {unit}{'' if count == 1 else 's'}"


def _forbidden(reply: Reply, *, token: bool) -> MissingLogError:
    if not token:
        help_ = "GitHub shows this only to those who are signed in, logs of public repositories too: whyred login"
        return MissingLogError(Missing.NEEDS_TOKEN, reply.asked, help_)
    if reply.headers.get("x-github-sso"):
        help_ = (
            "the organisation wants single sign-on: open the token's page on GitHub (Settings, Developer settings) and "
            "choose Configure SSO"
        )
        return MissingLogError(Missing.NO_PERMISSION, reply.asked, help_)
    if b"IP allow list" in reply.body[:_SEEN]:
        help_ = "the organisation lets in listed addresses only: ask from another network"
        return MissingLogError(Missing.NO_PERMISSION, reply.asked, help_)
    return MissingLogError(Missing.NO_PERMISSION, reply.asked, _wanted(reply))


def _wanted(reply: Reply) -> str:
    """The permission that the token lacks, where GitHub tells it."""
    permissions = _PERMISSIONS.fullmatch(reply.headers.get("x-accepted-github-permissions", "").strip())
    if permissions:
        told = permissions[0].replace("=", ": ").replace(";", " or")
        return (
            f"the token lacks the permission {told}: give it that one (Settings, Developer settings), then whyred login"
        )
    scopes = _SCOPES.fullmatch(reply.headers.get("x-accepted-oauth-scopes", "").strip())
    if scopes and not set(re.split(", ?", scopes[0])) & set(re.split(", ?", reply.headers.get("x-oauth-scopes", ""))):
        return (
            f"the token lacks the scope {scopes[0]}: give it that one (Settings, Developer settings), then whyred login"
        )
    if _ADMIN in reply.body[:_SEEN]:
        return "this user has no right to it in this repository: ask for write access, or use another user's token"
    return (
        "this token may not do it: check its permissions (Actions: read, or write to change something), or the user's"
    )
