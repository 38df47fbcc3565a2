"""Finds out what a server is by what it answers: Forgejo, Gitea, GitHub or GitLab, its version, and the API paths that
its own description lists.
"""

from collections.abc import Iterable
from urllib.parse import urlsplit

from whyred.model.forge import Kind, Server
from whyred.model.source import Missing, MissingLogError
from whyred.sources._fields import Fields, bulky
from whyred.sources.http import By, Http, Reply
from whyred.sources.reasons import refusal

GITHUB = "https://github.com"
_ACTIONS = ("/actions/", "/statuses", "/commits/", "/pulls/")
"""What of a server's paths is kept: what routes may ask for."""
_LONGEST = 40
"""Characters of a version."""


def identify(http: Http) -> Server:
    """What the server at `http.root` is. Raises MissingLogError: unreachable, or none of the forges that are known."""
    root = http.root
    if root == GITHUB or (urlsplit(root).hostname or "").endswith(".ghe.com"):
        return Server(root, Kind.GITHUB)
    forgejo = _version(http, "/api/forgejo/v1/version")
    version = forgejo or _version(http, "/api/v1/version")
    paths = _paths(http)
    if forgejo is not None:
        return Server(root, Kind.FORGEJO, forgejo.partition("+")[0], paths)
    if version is not None:
        return Server(root, Kind.FORGEJO if "+gitea-" in version else Kind.GITEA, version.partition("+")[0], paths)
    if paths is not None or _is_hidden(http):
        # Where everybody must sign in the version is hidden, and the list of routes is not (reference, section 10).
        return Server(root, Kind.FORGEJO if _asks_forgejo(http) else Kind.GITEA, None, paths)
    return _other(http)


def _version(http: Http, path: str) -> str | None:
    for by in (By.TOKEN, By.NOBODY) if http.token else (By.NOBODY,):
        reply = http.get(path, by)
        if reply.status >= 500 or reply.status == 429:
            raise refusal(reply, token=False)  # it is not well, and would say so to each further question
        if reply.status == 200 and reply.is_json:
            return _told(Fields(reply.json()))
    return None


def _told(answer: Fields) -> str | None:
    """The version in an answer, as long as versions are."""
    version = answer.text("version")
    return version[:_LONGEST] if version else None


def _is_hidden(http: Http) -> bool:
    """Whether there is a version that is not told to everybody: only Forgejo and Gitea say so here, and in JSON."""
    reply = http.get("/api/v1/version", By.NOBODY)
    return reply.is_json and reply.status in (401, 403)


def _asks_forgejo(http: Http) -> bool:
    """Whether a hidden version is hidden by Forgejo: Gitea does not have this route."""
    return http.get("/api/forgejo/v1/version", By.NOBODY).status in (401, 403)


def _paths(http: Http) -> frozenset[str] | None:
    reply = http.get("/swagger.v1.json", By.NOBODY)
    if reply.status != 200 or bulky(reply.body):
        return None
    try:
        listed = Fields(reply.json()).part("paths").data
    except MissingLogError:
        return None  # a page: the description is switched off, and only calls can tell
    return kept(listed) or None


def kept(paths: Iterable[str]) -> frozenset[str]:
    """The paths of a description that matter to whyred."""
    return frozenset(p for p in paths if any(part in p for part in _ACTIONS))


def _other(http: Http) -> Server:
    meta = http.get("/api/v3/meta", By.NOBODY)
    version = meta.headers.get("x-github-enterprise-version")
    if version or (meta.status == 200 and meta.is_json and Fields(meta.json()).text("installed_version")):
        return Server(http.root, Kind.GITHUB, version or Fields(meta.json()).text("installed_version"))
    lab = http.get("/api/v4/version")
    told = Fields(lab.json()).text("version") if lab.is_json and lab.status == 200 else None
    if told is not None or (lab.is_json and lab.status in (401, 403)):
        return Server(http.root, Kind.GITLAB, told)
    raise _unknown(lab)


def _unknown(reply: Reply) -> MissingLogError:
    if reply.status >= 300 and reply.status not in (401, 403, 404):
        return refusal(reply, token=False)
    if reply.status in (401, 403):
        help_ = (
            f"it answers HTTP {reply.status} to everything: a gate in front of it (password, bot check) keeps programs"
        )
        help_ += " out: ask its admin for a way in, or ask on its own machine (--forge-host)"
        return MissingLogError(Missing.NO_PERMISSION, reply.asked, help_)
    help_ = "it answers as no forge that whyred knows (Forgejo, Gitea, GitHub, GitLab): check the URL and its sub-path"
    return MissingLogError(Missing.REFUSED_CONTENT, reply.asked, help_)
