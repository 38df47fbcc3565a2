"""From what a server did to a reason of the closed list, in words that hold no part of a credential."""

import re
import ssl
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, urljoin, urlsplit

from whyred.model.source import Missing, MissingLogError

if TYPE_CHECKING:
    from whyred.sources._stream import Reply

_SCOPES = re.compile(r"required scope\(s\)(?:: |, required=)\[([a-z:, ]{1,80})\]")
"""What Forgejo and Gitea say of a token without the scope; nothing else of a 401 or 403 body is ever shown."""
_LONGEST, _SHOWN = 16_000, 500
"""Characters of an address that a server may name, and of one that is shown."""
_SIGN_IN = b"Only signed in user is allowed to call APIs"


def leads_to(reply: "Reply") -> SplitResult:
    """Where a redirect leads, as the server wrote it; nowhere where that is no address."""
    return _split(reply.headers.get("location", ""))


def _split(url: str) -> SplitResult:
    try:
        return urlsplit(url)
    except ValueError:
        return urlsplit("")


def joined(base: str, to: str) -> str | None:
    """The address that a server names, read from the page `base`; None where it is none: no scheme or host of the web,
    a bad port, or longer than any.
    """
    try:
        url = urljoin(base, to) if len(to) <= _LONGEST else ""
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return None
    return url if parts.scheme in ("http", "https") and parts.hostname else None


def nowhere(asked: str) -> MissingLogError:
    """A server leads to what is no address."""
    help_ = "it leads to what is no address: check the server's URL; does a proxy in front of it write its own?"
    return MissingLogError(Missing.REFUSED_CONTENT, asked, help_)


def no_https(asked: str, url: str) -> MissingLogError:
    """A server leads to an address where others can read along."""
    help_ = f"it redirects to {shown(url)}, where everybody on the way could read the log: no HTTPS"
    return MissingLogError(Missing.REFUSED_CONTENT, asked, help_)


def shown(url: str) -> str:
    """A URL as people may see it: without user, password and query, which may hold credentials, and of a length that
    can be read.
    """
    parts = _split(url)
    host = parts.hostname or ""
    host = f"[{host}]" if ":" in host else host
    try:
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        port = ""
    url = f"{parts.scheme}://{host}{port}{parts.path}"
    return url if len(url) <= _SHOWN else f"{url[:_SHOWN]}..."


def broken(asked: str, why: str) -> MissingLogError:
    """A connection that broke while it was read."""
    why = "" if why == "the connection broke" else f" ({why})"
    help_ = f"the connection broke within the answer{why}: is the server up? Try again"
    return MissingLogError(Missing.UNREACHABLE, asked, help_)


def damaged(asked: str) -> MissingLogError:
    """An answer that cannot be unpacked."""
    help_ = "its compressed answer is damaged: try again; does a proxy on the way change answers?"
    return MissingLogError(Missing.CORRUPT, asked, help_)


def idle(asked: str) -> MissingLogError:
    """An answer that goes on and on and holds nothing."""
    return MissingLogError(
        Missing.REFUSED_CONTENT, asked, "its compressed answer unpacks to nothing: is this the forge?"
    )


def oddly_packed(asked: str) -> MissingLogError:
    """An answer in another form than whyred asks for."""
    help_ = "its answer is packed in a way that whyred did not ask for: does a proxy on the way change answers?"
    return MissingLogError(Missing.REFUSED_CONTENT, asked, help_)


def unreachable(asked: str, error: Exception, *, begun: bool = False) -> MissingLogError:
    """Why no answer came: TLS, the proxy, the name, the time, the connection. `begun`: a part of it had come."""
    from http.client import HTTPException, LineTooLong, UnknownProtocol

    import urllib3.exceptions as errors

    chain = _chain(error)
    untrusted = next((e for e in chain if isinstance(e, ssl.SSLCertVerificationError)), None)
    if untrusted is not None:
        return MissingLogError(Missing.TLS_FAILED, asked, _distrust(untrusted))
    if any(isinstance(e, ssl.SSLError | errors.SSLError) and not isinstance(e, ssl.SSLEOFError) for e in chain):
        return MissingLogError(Missing.TLS_FAILED, asked, "TLS failed: is this port really HTTPS?")
    if any(isinstance(e, errors.ProxyError) for e in chain):
        told = next((m for e in chain if (m := _TUNNEL.search(str(e)))), None)
        return _proxy(asked, int(told[1]) if told else None)
    for kind, help_ in (
        (errors.ReadTimeoutError, "the server was silent for too long: is it overloaded? Try again later"),
        (errors.NameResolutionError, "no such host: check its name and your DNS"),
    ):
        if any(isinstance(e, kind) for e in chain):
            return MissingLogError(Missing.UNREACHABLE, asked, help_)
    if any(
        isinstance(e, errors.InvalidHeader) or type(e) in (HTTPException, LineTooLong, UnknownProtocol) for e in chain
    ):
        help_ = "its answer is no HTTP that whyred takes (headers without end?): check the URL's host and port"
        return MissingLogError(Missing.REFUSED_CONTENT, asked, help_)
    if any(type(e) is errors.ConnectTimeoutError for e in chain):  # its subclasses are no time-outs
        help_ = "no connection in time: is the server up and reachable from here?"
        return MissingLogError(Missing.UNREACHABLE, asked, help_)
    why = next((e.strerror for e in reversed(chain) if isinstance(e, OSError) and e.strerror), "the connection broke")
    if begun:
        return broken(asked, why.lower())
    if " http://" in asked and not any(isinstance(e, errors.NewConnectionError) for e in chain):
        help_ = f"{why.lower()}: does the server want https:// at this port? If not, try again"
        return MissingLogError(Missing.UNREACHABLE, asked, help_)
    return MissingLogError(
        Missing.UNREACHABLE, asked, f"{why.lower()}: is the server up and reachable from here? Try again"
    )


_TUNNEL = re.compile(r"Tunnel connection failed: ([1-5][0-9][0-9])\b")
"""What http.client says where a proxy does not lead to the server."""


def _proxy(asked: str, status: int | None) -> MissingLogError:
    """The proxy did not let a request through; `status` is what it answered."""
    if status == 407:
        help_ = (
            "the proxy of the environment wants a user and a password (HTTP 407): https_proxy=http://USER:PASSWORD@HOST"
        )
    else:
        said = f"answers HTTP {status}" if status else "does not answer"
        help_ = f"the proxy of the environment (https_proxy, http_proxy) {said}: check it, or set no_proxy"
    return MissingLogError(Missing.UNREACHABLE, asked, help_)


_EXPIRED, _OTHER_NAMES = 10, (62, 64)
"""What OpenSSL calls these (x509_vfy.h): CERT_HAS_EXPIRED, HOSTNAME_MISMATCH, IP_ADDRESS_MISMATCH."""


def _distrust(error: ssl.SSLCertVerificationError) -> str:
    """Why a certificate is not trusted, and what to do about it."""
    if error.verify_code == _EXPIRED:
        return "the server's certificate has expired: its admin must renew it"
    if error.verify_code in _OTHER_NAMES:
        return (
            f"the server's certificate is for another name ({error.verify_message.rstrip('.')}): check the URL's host"
        )
    why = f"the server's certificate is not trusted ({error.verify_message.rstrip('.')})"
    return f"{why}: give its CA with --ca or SSL_CERT_FILE"


def _chain(error: Exception) -> list[BaseException]:
    """The error and what it was raised from; urllib3 keeps causes in several places."""
    chain: list[BaseException] = []
    cause: object = error
    while isinstance(cause, BaseException) and len(chain) < 8:
        chain.append(cause)
        inner = getattr(cause, "reason", None) or getattr(cause, "original_error", None)
        cause = inner if isinstance(inner, BaseException) else cause.__cause__ or cause.__context__
    return chain


def too_large(asked: str, most: int, size: int | None = None) -> MissingLogError:
    """A log above the limit that the user set. `size`: its bytes, where they are known."""
    has = f"{size} bytes, and --max-bytes allows {most}" if size is not None else f"more than the {most} of --max-bytes"
    help_ = f"it has {has}: allow more, or show a part of it (whyred logs --tail N, --step N)"
    return MissingLogError(Missing.TOO_LARGE, asked, help_)


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
    if status == 407:
        return _proxy(asked, status)
    if 300 <= status < 400:
        to = joined(asked.partition(" ")[2], reply.headers.get("location", ""))
        if to is None:
            return nowhere(asked)
        help_ = f"it redirects to {shown(to)}, where no API answers: check the server's URL"
        return MissingLogError(Missing.REFUSED_CONTENT, asked, help_)
    return MissingLogError(Missing.REFUSED_CONTENT, asked, f"HTTP {status}, which no such server says: check its URL")
