"""Repositories that were renamed, or whose owner was: their old paths lead to the new ones, for pages and API alike.

Source: RedirectToRepo and RedirectToUser in services/context of Forgejo 7 to 16 (307, from 14 on also 301), and of
Gitea 1.21 to 1.26.
"""

from urllib.parse import quote, unquote, urlsplit

from whyred.sources.http import Reply
from whyred.sources.reach import Reach
from whyred.sources.reasons import leads_to

_REDIRECTS = (301, 302, 303, 307, 308)
_API = "/api/v1/repos"
_KEY = "moved"
"""Where a reach keeps the names that it learned: old name -> new one, in lower case the old."""
_MOST = 5
"""Renames, one after the other, that are believed."""


def now(reach: Reach, repo: str) -> str:
    """The name that a repository has now, as far as it is known."""
    known = _known(reach)
    for _ in range(_MOST):
        newer = known.get(repo.lower())
        if newer is None:
            break
        repo = newer
    return repo


def path_now(reach: Reach, path: str) -> str:
    """A path of the API (below `/api/v1` or with it) or of the pages, with the name its repository has now."""
    front, owner, name, rest = _split(path)
    repo = f"{unquote(owner)}/{unquote(name)}"
    newer = now(reach, repo)
    if newer == repo:
        return path
    return front + "/" + "/".join(quote(part, safe="") for part in newer.split("/", 1)) + rest


def has_moved(reach: Reach, reply: Reply, path: str) -> bool:
    """Whether an answer tells that the repository of this path has another name, which was not known yet: then the path
    is to be asked for again, by `path_now`. `path` is without a query, below the server's root.
    """
    to = leads_to(reply)
    root = urlsplit(reach.http.root)
    if reply.status not in _REDIRECTS or to.netloc not in ("", root.netloc):
        return False
    front, owner, name, rest = _split(path)
    newer = _split(to.path.removeprefix(root.path) if root.path else to.path)
    if not name or not newer[2] or (newer[0], unquote(newer[3])) != (front, unquote(rest)):
        return False
    old, new = (f"{unquote(one)}/{unquote(other)}" for one, other in ((owner, name), newer[1:3]))
    known = _known(reach)
    if old.lower() == new.lower() or old.lower() in known or len(known) >= _MOST:
        return False
    known[old.lower()] = new
    return True


def _known(reach: Reach) -> dict[str, str]:
    known = reach.kept.setdefault(_KEY, {})
    assert isinstance(known, dict)
    return known


def _split(path: str) -> tuple[str, str, str, str]:
    """What stands before the owner, the owner, the repository's name, and the rest."""
    front = next((f for f in (_API, "/repos") if path.startswith(f"{f}/")), "")
    parts = path[len(front) + 1 :].split("/", 2)
    owner, name, rest = [*parts, "", "", ""][:3]
    return front, owner, name, f"/{rest}" if len(parts) > 2 else ""
