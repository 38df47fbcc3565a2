"""From what a server did to a reason of the closed list, in words that hold no part of a credential."""

import re
import ssl
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from whyred.model.source import Missing, MissingLogError

if TYPE_CHECKING:
    from whyred.sources.http import Reply

_SCOPES = re.compile(r"required scope\(s\): \[([a-z:, ]{1,80})\]")
"""What Forgejo and Gitea say of a token without the scope; nothing else of a 401 or 403 body is ever shown."""
_SIGN_IN = b"Only signed in user is allowed to call APIs"


def shown(url: str) -> str:
    """A URL as people may see it: without user, password and query, which may hold credentials."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    host = f"[{host}]" if ":" in host else host
    try:
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        port = ""
    return f"{parts.scheme}://{host}{port}{parts.path}"


def broken(asked: str, why: str) -> MissingLogError:
    """A connection that broke while it was read."""
    return MissingLogError(Missing.UNREACHABLE, asked, f"the connection broke: {why}. Try again")


def unreachable(asked: str, error: Exception) -> MissingLogError:
    """Why no answer came: TLS, the proxy, the name, the time, the connection."""
    import urllib3.exceptions as errors

    chain = _chain(error)
    untrusted = next((e for e in chain if isinstance(e, ssl.SSLCertVerificationError)), None)
    if untrusted is not None:
        why = f"the server's certificate is not trusted ({untrusted.verify_message})"
        return MissingLogError(Missing.TLS_FAILED, asked, f"{why}: give its CA with --ca or SSL_CERT_FILE")
    if any(isinstance(e, ssl.SSLError | errors.SSLError) and not isinstance(e, ssl.SSLEOFError) for e in chain):
        return MissingLogError(Missing.TLS_FAILED, asked, "TLS failed: is this port really HTTPS?")
    for kind, help_ in (
        (errors.ProxyError, "the proxy of the environment (https_proxy, http_proxy) failed: check it, or set no_proxy"),
        (errors.ReadTimeoutError, "the server was silent for too long: try again"),
        (errors.NameResolutionError, "no such host: check its name and your DNS"),
        (errors.ConnectTimeoutError, "no connection in time: is the server up and reachable from here?"),
        (errors.DecodeError, "its compressed answer is damaged: try again"),
    ):
        if any(isinstance(e, kind) for e in chain):
            return MissingLogError(Missing.UNREACHABLE, asked, help_)
    why = next((e.strerror for e in reversed(chain) if isinstance(e, OSError) and e.strerror), "the connection broke")
    return MissingLogError(
        Missing.UNREACHABLE, asked, f"{why.lower()}: is the server up and reachable from here? Try again"
    )


def _chain(error: Exception) -> list[BaseException]:
    """The error and what it was raised from; urllib3 keeps causes in several places."""
    chain: list[BaseException] = []
    cause: object = error
    while isinstance(cause, BaseException) and len(chain) < 8:
        chain.append(cause)
        inner = getattr(cause, "reason", None) or getattr(cause, "original_error", None)
        cause = inner if isinstance(inner, BaseException) else cause.__cause__ or cause.__context__
    return chain


def refusal(reply: "Reply", *, token: bool) -> MissingLogError:
    """Why Forgejo's or Gitea's API did not give what was asked for. `token`: whether the request was made with one."""
    status, asked = reply.status, reply.asked
    if status == 401:
        if token:
            return MissingLogError(Missing.NEEDS_TOKEN, asked, "the token is not accepted (any more): whyred login")
        return MissingLogError(Missing.NEEDS_TOKEN, asked, "this needs an API token: whyred login")
    if status == 403:
        return _forbidden(reply, token=token)
    if status == 404:
        return _not_found(reply, token=token)
    if status == 405:
        return MissingLogError(Missing.ROUTE_NOT_ON_THIS_VERSION, asked, "this server does not offer it in this form")
    if status == 410:
        return MissingLogError(Missing.EXPIRED, asked, "the server no longer keeps it; save bundles of what matters")
    return _troubled(reply)


def _forbidden(reply: "Reply", *, token: bool) -> MissingLogError:
    scopes = _SCOPES.search(reply.body[:4096].decode("utf-8", "replace"))
    if scopes:
        return MissingLogError(
            Missing.NO_PERMISSION,
            reply.asked,
            f"the token lacks the scope {scopes[1]}: make one with it (user settings, Applications), then whyred login",
        )
    if _SIGN_IN in reply.body[:4096] and not token:
        return MissingLogError(Missing.NEEDS_TOKEN, reply.asked, "this server wants everybody signed in: whyred login")
    return MissingLogError(
        Missing.NO_PERMISSION,
        reply.asked,
        "this user may not see it: ask for read access to the repository's Actions, or use another user's token",
    )


def _not_found(reply: "Reply", *, token: bool) -> MissingLogError:
    if not reply.is_json:
        help_ = "this server has no such route: another route is needed (whyred access lists them)"
        return MissingLogError(Missing.ROUTE_NOT_ON_THIS_VERSION, reply.asked, help_)
    if token:
        help_ = "it does not exist, or this token's user may not see it: check the name and the user's access"
    else:
        help_ = "it does not exist, or it is private: check the name, or whyred login"
    return MissingLogError(Missing.NOT_FOUND, reply.asked, help_)


def _troubled(reply: "Reply") -> MissingLogError:
    """Statuses that mean the same on every server."""
    status, asked = reply.status, reply.asked
    if status == 429:
        wait = reply.headers.get("retry-after", "")
        when = f"in {wait} seconds" if re.fullmatch(r"\d{1,6}", wait) else "later"
        return MissingLogError(
            Missing.RATE_LIMITED, asked, f"the server asks to be left alone for now: try again {when}"
        )
    if status >= 500:
        help_ = f"the server failed (HTTP {status}): look into its own log, or try again later"
        return MissingLogError(Missing.SERVER_ERROR, asked, help_)
    if 300 <= status < 400:
        to = shown(reply.headers.get("location", "")) or "nowhere"
        return MissingLogError(
            Missing.REFUSED_CONTENT, asked, f"it redirects to {to}, where no API answers: check the server's URL"
        )
    return MissingLogError(Missing.REFUSED_CONTENT, asked, f"HTTP {status}, which no such server says: check its URL")
