"""The web pages of Forgejo and Gitea as a client sees them: where a job's page is, how its state is asked for, and what
a refusal means there.

Generations differ in their URLs: Forgejo and Gitea up to 1.25 count runs and jobs, Gitea from 1.26 names their ids, and
Forgejo from 13 wants the attempt in the path (reference, sections 2.1 and 10).
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

from whyred.model.forge import Kind
from whyred.model.run import Attempt, Conclusion, Job, Run, Status
from whyred.model.source import Missing, MissingLogError
from whyred.sources._fields import Fields
from whyred.sources._forge_api import lost, newest_only, not_started
from whyred.sources._moved import has_moved, path_now
from whyred.sources.http import By, Reply, Stream
from whyred.sources.reach import Reach
from whyred.sources.reasons import leads_to, refusal
from whyred.sources.web_login import csrf, dead_end, renew

_ATTEMPT = re.compile(r"/attempt/([1-9][0-9]{0,8})$")
_LOG = "/repos/{owner}/{repo}/actions/jobs/{job_id}/logs"
_RERUN = "/repos/{owner}/{repo}/actions/runs/{run}/rerun"
"""Gitea's API has it since 1.26, the version whose pages go by ids."""


def by_ids(reach: Reach) -> bool:
    """Whether this server's pages go by database ids."""
    if reach.server.kind is not Kind.GITEA:
        return False
    told = reach.server.offers(_RERUN)
    if told is not None:
        return told
    version = re.match(r"(\d+)\.(\d+)", reach.server.version or "")
    return version is not None and (int(version[1]), int(version[2])) >= (1, 26)


@dataclass
class Page:
    """The page of one job. `path` is where its state is asked for; `attempt` the attempt it shows, where it tells."""

    reach: Reach
    path: str
    known: bool
    """Whether it is sure that the run exists (the API listed it), so that a 404 is about who may see the page."""
    attempt: int | None = None

    def state(self, cursors: Sequence[tuple[int, int]], attempt: Attempt | None = None) -> Stream:
        """The state of the job and, for each (step, cursor), the lines from there on. Raises MissingLogError.

        A cursor for a step that does not exist makes the server fail, so the steps must be counted before.
        """
        import json

        told = [{"step": step, "cursor": cursor, "expanded": True} for step, cursor in cursors]
        body = json.dumps({"logCursors": told}).encode()
        for last in (False, True):
            headers = {"Content-Type": "application/json", "Accept": "application/json", **csrf(self.reach.http)}
            stream = self.reach.http.open(
                "POST", self.path, By.WEB, body=body, headers=headers, again=True, small=not cursors
            )
            if stream.reply.status == 200:
                return stream
            reply = stream.refusal()
            if last or not self._may_help(reply):
                raise self.log_refusal(reply, attempt) if attempt is not None else self.refusal(reply)
            enter(self)
        raise AssertionError("the second try returns or raises")

    def _may_help(self, reply: Reply) -> bool:
        """Whether opening the page again may help: a CSRF token that the server no longer knows, a login that ended."""
        return reply.status in (303, 400) or (reply.status == 404 and self.reach.http.signed_in)

    def refusal(self, reply: Reply) -> MissingLogError:
        """Why this page does not show what was asked for."""
        root = self.reach.server.root
        if reply.status in (302, 303, 307) and not _ATTEMPT.search(reply.headers.get("location", "")):
            return self._led_away(reply, root)
        if reply.status == 404 and (repo := self._repo()).data.get("has_actions") is False:
            help_ = "Actions is switched off in this repository: its settings (Units) switch it on again, runs and all"
            return MissingLogError(Missing.NOT_FOUND, reply.asked, help_)
        if reply.status == 404 and (self.known or self.reach.http.signed_in or repo.flag("private")):
            if self.reach.http.signed_in and not renew(self.reach.http):
                return _login(reply, root, "the web login is gone")
            if not self.reach.http.signed_in:
                return _login(reply, root, "its web page is not public")
            help_ = "there is no such run, or the web login's user may not see it: check both"
            return MissingLogError(Missing.NOT_FOUND, reply.asked, help_)
        if reply.status == 404:
            help_ = f"there is no such run, or it is private: check the name, or whyred login --web {root}"
            return MissingLogError(Missing.NOT_FOUND, reply.asked, help_)
        if reply.status in (401, 403):
            help_ = "a gate in front of the server (bot check, proxy, second factor) keeps programs out: ask its admin"
            return MissingLogError(Missing.NO_PERMISSION, reply.asked, help_)
        if reply.status == 400:
            help_ = "the server did not take the CSRF token it gave: does a proxy drop cookies?"
            return MissingLogError(Missing.REFUSED_CONTENT, reply.asked, help_)
        return refusal(reply, token=False)

    def _led_away(self, reply: Reply, root: str) -> MissingLogError:
        """What a redirect means: to another host it is a gate's, to some pages of the forge's own it says what is
        missing, to all others that a web login is.
        """
        host = leads_to(reply).netloc
        if host and host != urlsplit(root).netloc:
            return refusal(reply, token=False)
        why = "the web login is gone" if self.reach.http.signed_in else "it wants a web login"
        return dead_end(reply) or _login(reply, root, why)

    def _repo(self) -> Fields:
        """What the API tells the token's user of the repository: pages of a private one are hidden without a web login,
        and those of Actions from everybody where it is switched off. Nothing without a token.
        """
        if not self.reach.http.token or self.path.count("/") < 2:
            return Fields(None)
        owner, name = self.path.split("/")[1:3]
        told = self.reach.http.get(f"/api/v1/repos/{owner}/{name}")
        return Fields(told.json() if told.status == 200 and told.is_json else None)

    def log_refusal(self, reply: Reply, attempt: Attempt) -> MissingLogError:
        """The same, of the text of a log."""
        if reply.status == 404 and b"not started" in reply.body:
            return not_started(reply.asked, attempt) if attempt.newest else older_hidden(self.reach, reply.asked)
        if reply.status == 404 and b"cleaned up" in reply.body:
            return expired(reply.asked)
        if reply.status == 404 and reply.kind == "text/plain" and self.reach.server.kind is Kind.GITEA:
            # Gitea from 1.25 says `Not found.` of both, and the page itself was there a moment ago.
            waits = attempt.status in (Status.WAITING, Status.BLOCKED) or attempt.conclusion is Conclusion.SKIPPED
            return not_started(reply.asked, attempt) if waits else expired(reply.asked)
        # Forgejo says in plain text that it cannot open a log: its page, or a proxy's, is about something else.
        if reply.status == 500 and (reply.kind == "text/plain" or self.reach.server.kind is Kind.GITEA):
            return lost(reply.asked, attempt)
        return self.refusal(reply)


def older_hidden(reach: Reach, asked: str) -> MissingLogError:
    """An older attempt, of which Forgejo's pages show nothing while the newest waits for a runner: they look at the
    job's task, and it has none then (routers/web/repo/actions/view.go of Forgejo 13 to 16).
    """
    help_ = "its pages show no older attempt while the newest one waits for a runner: try again once that has begun"
    if reach.http.token is None and reach.server.offers(_LOG):
        return MissingLogError(Missing.NEEDS_TOKEN, asked, f"{help_}, or ask its API with a token: whyred login")
    return MissingLogError(Missing.ROUTE_NOT_ON_THIS_VERSION, asked, help_)


def expired(asked: str) -> MissingLogError:
    """A log that the forge deleted after its retention time."""
    return MissingLogError(
        Missing.EXPIRED, asked, "the forge deleted it after its retention time; run the job again (whyred rerun)"
    )


def _login(reply: Reply, root: str, why: str) -> MissingLogError:
    return MissingLogError(Missing.NEEDS_WEB_LOGIN, reply.asked, f"{why}: whyred login --web {root}")


def page_of(reach: Reach, attempt: Attempt, job: Job) -> Page:
    """The page of one attempt of a job. Raises MissingLogError, also where the server shows the newest one alone and
    this is another.
    """
    opened = page(reach, attempt.run, job.index or 0, job.id)
    if opened.attempt is None and not attempt.newest:
        raise newest_only(reach, attempt)
    if opened.attempt is not None and attempt.number is not None:
        opened.path = _ATTEMPT.sub(f"/attempt/{attempt.number}", opened.path)
        opened.attempt = attempt.number
    return opened


def page(reach: Reach, run: Run, index: int, job_id: int | None) -> Page:
    """The page of one job of a run, opened once: that sets the CSRF token and tells the newest attempt.

    Raises MissingLogError.
    """
    path = path_now(reach, f"/{_quoted(run.repo or '')}/actions/runs/{_run(reach, run)}")
    if not by_ids(reach):
        path += f"/jobs/{index}"
    elif job_id is not None:
        path += f"/jobs/{job_id}"
    listed = run.id is not None or run.commit is not None or run.status is not Status.UNKNOWN
    opened = Page(reach, path, known=listed)
    enter(opened)
    return opened


def enter(page: Page) -> None:
    """Opens a page. Raises MissingLogError."""
    reply = visit(page.reach, page.path, also=_attempt)
    page.path = path_now(page.reach, page.path)
    found = _attempt(reply)
    if found is not None:
        page.attempt = int(found[1])
        page.path = re.sub(r"(?:/attempt/\d+)?$", found[0], page.path, count=1)
    elif reply.status != 200:
        raise page.refusal(reply)


def visit(reach: Reach, path: str, query: str = "", also: Callable[[Reply], object] = lambda _: None) -> Reply:
    """What a page says: of a repository that was renamed by its new name, and after the web login was renewed, once,
    where it has ended. `also`: what is an answer of use although its status is not 200. Raises MissingLogError.
    """
    renewed = False
    while True:
        at = path_now(reach, path)
        reply = reach.http.get(at + query, By.WEB)
        if has_moved(reach, reply, at):
            continue
        if renewed or reply.status == 200 or also(reply) or not (reach.http.signed_in and renew(reach.http)):
            return reply
        renewed = True


def _attempt(reply: Reply) -> re.Match[str] | None:
    """The attempt that a page redirects to: Forgejo from 13 on shows none without."""
    to = leads_to(reply).path
    return _ATTEMPT.search(to) if reply.status in (302, 303, 307) else None


def _run(reach: Reach, run: Run) -> int:
    number = run.id if by_ids(reach) else run.number
    if number is None:
        what = "id" if by_ids(reach) else "number"
        help_ = (
            f"the pages of {reach.server} go by the run's {what}, which is not known: whyred login, so the API tells"
        )
        raise MissingLogError(Missing.WRONG_ID_KIND, f"open the page of {run.label}", help_)
    return number


def _quoted(repo: str) -> str:
    return "/".join(quote(part, safe="") for part in repo.split("/", 1))
