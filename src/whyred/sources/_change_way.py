"""By which way Forgejo and Gitea let a user change something, and what a refusal of it means.

The API is the way where the server lists the route and there is a token; else the web pages, with a web login. Neither
takes the other's credential.
Source: routers/web/web.go, routers/web/repo/actions/view.go of Forgejo 7 to 16 and Gitea 1.23 to 1.26; reference,
sections 2.1 and 10.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from urllib.parse import parse_qs, quote, unquote

from whyred.logs.text import visible
from whyred.model.forge import Kind, RunQuery
from whyred.model.run import Run
from whyred.model.source import Missing, MissingLogError
from whyred.sources import forgejo_api, gitea_api
from whyred.sources._forge_api import BASE
from whyred.sources._moved import now
from whyred.sources._web import Page, by_ids, enter
from whyred.sources.http import By, Http, Reply
from whyred.sources.plan import Call, Plan, said
from whyred.sources.reach import Reach
from whyred.sources.reasons import refusal
from whyred.sources.web_login import csrf

SCOPE = "write:repository"
RUN = "/repos/{owner}/{repo}/actions/runs/{run}"
FORM = "/actions/run?"
"""The page's form that starts a workflow (Gitea since 1.23)."""
_BUTTON = re.compile(r"/(?:rerun|rerun-failed|cancel)$|/run\?.*$")
_CHANGED = re.compile(rb"(?:run|job) has changed")
_ASK = "ask for write access to the repository's Actions"
_SAID = 300
"""Characters of a server's own words that are shown."""
_FLASH = "gitea_flash"
"""The cookie in which a form's page says how it went (modules/web/middleware/flash.go of Gitea 1.23 to 1.26)."""


class ChangedError(Exception):
    """The server gave up because something else changed the run at that moment, and did nothing of this call.

    Seen on Gitea 1.23.8 once in 80 reruns: HTTP 500 `run has changed` (models/actions/run.go, UpdateRun).
    """


def way(reach: Reach, what: str, path: str, guess: bool) -> By:
    """Whether the API or the web pages do it. `guess`: whether the API has it, where the server lists nothing.

    Raises MissingLogError (needs-token, needs-web-login).
    """
    listed = reach.server.offers(path)
    listed = guess if listed is None else listed
    if listed and reach.http.token is not None:
        return By.TOKEN
    if reach.http.signed_in:
        return By.WEB
    asked, root = f"{what} on {reach.server.root}", reach.server.root
    if listed:
        raise MissingLogError(Missing.NEEDS_TOKEN, asked, f"it needs an API token with the scope {SCOPE}: whyred login")
    help_ = f"{reach.server} has no API for it; its web pages do it: whyred login --web {root}"
    raise MissingLogError(Missing.NEEDS_WEB_LOGIN, asked, help_)


def headers(reach: Reach) -> Callable[[Call], Mapping[str, str]]:
    """What a call needs beside the credential. The page with the button is opened before it is pressed: that renews the
    web login and gives a fresh CSRF token. Raises MissingLogError where the page does not open.
    """

    def told(call: Call) -> Mapping[str, str]:
        if call.by is not By.WEB:
            return {}
        enter(Page(reach, _BUTTON.sub("", call.path), known=True))
        reach.http.jar.pop(_FLASH, None)
        # So a form answers with 204 instead of a redirect (services/context/base.go of Gitea 1.23 to 1.26).
        asked = {"HX-Request": "true"} if FORM in call.path else {"Accept": "application/json"}
        return {**asked, **csrf(reach.http)}

    return told


def flashed(http: Http) -> str | None:
    """What went wrong, as the page that a form was sent to says it; None where it went well."""
    told = parse_qs(unquote(http.jar.pop(_FLASH, "")))
    return visible(" ".join(told.get("error", [])))[:_SAID] or None


def api_refusal(reach: Reach) -> Callable[[Reply], MissingLogError]:
    """How to read a refusal of the API."""

    def read(reply: Reply) -> MissingLogError:
        token = reach.http.token is not None
        error = refusal(reply, token=token)
        if reply.status == 403 and "scope" not in error.help:
            help_ = f"the token's user may not change it: {_ASK}"
            return MissingLogError(Missing.NO_PERMISSION, reply.asked, help_)
        if reply.status == 500 and (words := said(reach.http, reply)):
            help_ = f"the server says: {words}"
            return MissingLogError(Missing.SERVER_ERROR, reply.asked, help_)
        return error

    return read


def web_refusal(reach: Reach) -> Callable[[Reply], MissingLogError]:
    """How to read a refusal of the web pages, after the page itself opened; what it gives raises ChangedError."""

    def read(reply: Reply) -> MissingLogError:
        if reply.status == 500 and _CHANGED.search(reply.body[:200]):
            raise ChangedError(reply.asked)
        if reply.status == 404:
            help_ = f"the web login's user may see it, but not change it: {_ASK}"
            if reply.asked.endswith(FORM.rstrip("?")):
                help_ = f"{help_} (or it is older than Gitea 1.23, and has no such form)"
            return MissingLogError(Missing.NO_PERMISSION, reply.asked, help_)
        if reply.status == 400 and reply.is_json:
            words = said(reach.http, reply) or "it cannot be done now."
            help_ = f"the server says: {words} Is it still running? Wait for its end, or whyred cancel it first"
            return MissingLogError(Missing.REFUSED_CONTENT, reply.asked, help_)
        if reply.status in (302, 303) and "/user/login" not in reply.headers.get("location", ""):
            help_ = "the server did not take the CSRF token it gave: does a proxy drop cookies?"
            return MissingLogError(Missing.REFUSED_CONTENT, reply.asked, help_)
        return Page(reach, "/", known=True).refusal(reply)

    return read


def api(repo: str) -> str:
    """The API path of a repository's Actions."""
    return f"{BASE}/repos/{web(repo)[1:]}"


def web(repo: str) -> str:
    """The path of a repository's Actions among the web pages."""
    return f"/{'/'.join(quote(part, safe='') for part in repo.split('/', 1))}/actions"


def path(reach: Reach, run: Run, by: By) -> str:
    """The run's path, in the API or among the pages."""
    repo = run.repo or ""
    ids = by is By.TOKEN or by_ids(reach)
    told = (run.id if run.id is not None else _id(reach, run)) if ids else run.number
    if not repo or told is None:
        help_ = f"{reach.server} goes by the run's {'id' if ids else 'number'} there, which is not known: give its URL"
        raise MissingLogError(Missing.WRONG_ID_KIND, f"change {run.label}", help_)
    repo = now(reach, repo)  # a rename is known by now, for what is changed was looked at before
    return f"{api(repo) if by is By.TOKEN else web(repo)}/runs/{told}"


def _id(reach: Reach, run: Run) -> int | None:
    """The forge's own number of a run that people name by another."""
    if run.number is None or run.repo is None:
        return None
    found = next(listed(reach, run.repo, RunQuery(limit=1, number=run.number)), None)
    return found.id if found else None


def listed(reach: Reach, repo: str, query: RunQuery) -> Iterator[Run]:
    """Runs as the API lists them. Raises MissingLogError."""
    source = forgejo_api if reach.server.kind is Kind.FORGEJO else gitea_api
    return (run for run in source.runs(reach, repo, query) if query.keeps(run))


def planned(reach: Reach, title: str, *calls: Call) -> Plan:
    """The plan of these calls, for this server."""
    return Plan(title, reach.http.root, calls)
