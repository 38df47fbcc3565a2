"""What a person types as the address of a server, or copies from a browser, and the root URL that is meant by it."""

import os
import re
from collections.abc import Collection, Iterator

from whyred.app.forges import Forges
from whyred.model.root import server_root
from whyred.model.source import Missing, MissingLogError
from whyred.model.target import read_address
from whyred.sources.http import is_plain
from whyred.sources.servers import GITHUB

_SAME_EVERYWHERE = (Missing.UNREACHABLE, Missing.TLS_FAILED, Missing.RATE_LIMITED)
"""What is true of the machine, whatever stands behind its name."""
_DEEPEST = 2
"""Parts of the path below which forges lie."""
_HOST = re.compile(r"(?:localhost|[\w-]+(?:\.[\w-]+)+|\[[0-9a-fA-F:.]+\])(?::\d+)?/?")
_OF_SITE = frozenset({"user", "explore", "admin", "api", "-", "org", "notifications"})
_OF_REPO = frozenset(
    {"issues", "pulls", "src", "commit", "commits", "releases", "wiki", "actions", "settings", "branches", "activity"}
)
"""How the paths of pages go on behind the root, and behind owner and name (no owner may be called so)."""


def find_root(typed: str, forges: Forges) -> str:
    """The root URL of the forge that is meant: the first that something is kept for, or that answers as a forge.

    Raises UserError (no address at all) and MissingLogError (none answers): of the first that was asked.
    """
    roots = tuple(candidates(typed))
    known = next((root for root in roots if root in forges.known()), None)
    if known is not None or len(roots) == 1:
        return known or roots[0]
    first: MissingLogError | None = None
    gone: set[str] = set()
    for root in roots:
        scheme = root.partition("://")[0]
        if scheme in gone:
            continue
        try:
            forges.server(forges.http(root))
        except MissingLogError as e:
            first = first or e
            gone |= {scheme} if e.reason in _SAME_EVERYWHERE else set()
        else:
            return root
    assert first is not None
    raise first


def is_server(typed: str) -> bool:
    """Whether this can be nothing but a server's address: a URL, or the name of a host alone, with its port perhaps."""
    url = typed.lower().startswith(("http://", "https://"))
    return url or (bool(_HOST.fullmatch(typed)) and not os.path.lexists(typed))


def kept_root(typed: str, known: Collection[str]) -> str:
    """The same of the servers that something is kept for, without asking any. Raises UserError: no address at all."""
    roots = tuple(candidates(typed))
    return next((root for root in roots if root in known), roots[0])


def candidates(typed: str) -> Iterator[str]:
    """The root URLs that may be meant, likeliest first, each once. Raises UserError: this is no address."""
    text = re.split(r"[?#]", typed.strip(), maxsplit=1)[0]
    schemes = ("",) if "://" in text else ("http://", "https://") if _is_here(text) else ("https://",)
    seen: set[str] = set()
    for scheme in schemes:
        for root in _roots(scheme + text):
            if root not in seen:
                seen.add(root)
                yield root


def _is_here(text: str) -> bool:
    """Whether an address without a scheme is this machine's own, where forges mostly speak plain HTTP."""
    try:
        return not is_plain(f"http://{text}")
    except ValueError:
        return False  # `server_root` says what is wrong


def _roots(url: str) -> Iterator[str]:
    whole = server_root(url)
    host = "/".join(whole.split("/")[:3])
    if host == GITHUB:
        yield GITHUB
        return
    parts = whole.split("/")[3:]
    if (front := _front(parts)) is not None:
        yield "/".join([host, *front])
    address = read_address(whole)
    if address is not None and address.root is not None:
        yield server_root(address.root)
    lengths = range(len(parts), -1, -1) if len(parts) <= _DEEPEST else range(_DEEPEST + 1)
    yield from ("/".join([host, *parts[:length]]) for length in lengths)


def _front(parts: list[str]) -> list[str] | None:
    """What stands before the path of a page; None where it is none that is known."""
    for at, part in enumerate(parts):
        if part in _OF_SITE:
            return parts[:at]
        if part in _OF_REPO and at >= 2:
            return parts[: at - 2]
    return None
