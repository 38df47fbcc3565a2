"""The page that lists a repository's runs, read: for servers without a list in their API, and for a web login alone.

Source: templates/repo/actions/runs_list.tmpl, templates/repo/icons/action_status.tmpl of Forgejo 7 to 16 and Gitea 1.21
to 1.26. The words on the page depend on the reader's language; links and icons do not.
"""

import html
import re
from collections.abc import Iterator
from dataclasses import replace
from urllib.parse import urlencode

from whyred.model.forge import Kind, RunQuery, ended_as
from whyred.model.run import Run, Status
from whyred.model.source import Missing, MissingLogError
from whyred.sources import tasks_api
from whyred.sources._fields import moment
from whyred.sources._forge_api import label, no_actors
from whyred.sources._web import Page, by_ids, visit
from whyred.sources.http import Reply
from whyred.sources.reach import Reach

NAME = "web-runs"
SERVES = "the web pages of Forgejo and Gitea: the list of runs"
ORDER = 122
KINDS = frozenset({Kind.FORGEJO, Kind.GITEA})
_ITEM = re.compile(r'<a\b[^>]{0,3000}href="[^"]{0,500}/actions/runs/([1-9][0-9]{0,17})"[^>]{0,2000}>([^<]{0,2000})')
_ICON = re.compile(
    r'class="(?:[^"]{0,200}\s)?(?:octicon-|[a-z]{1,20}-(?=running))'
    r'(check-circle-fill|x-circle-fill|clock|circle|meter|running|blocked|skip|stop|circle-slash)["\s]'
)
"""The icon of a run in whole, for others begin with the same words (`octicon-stopwatch` stands before how long the run
above it took), and in a class alone, for a title may say anything.
"""
_NUMBER = re.compile(r"<b>([^<]{0,300}?) ?#([1-9][0-9]{0,17})</b>")
_COMMIT = re.compile(r'href="[^"]{0,500}/commit/([0-9a-f]{40,64})"')
_REF = re.compile(r"run-list-ref[^>]*>\s*([^<]{1,1000}?)\s*<")
"""A branch, a tag, or `#N` for a pull request, as the API tells it."""
_TIME = re.compile(r'datetime="(\d{4}-\d\d-\d\dT[^"]{1,40})"')
_MARKS = (b"repository actions", b"octicon-no-entry")
"""What a list without runs has all the same (templates/repo/actions/list.tmpl, runs_list.tmpl)."""
_WORDS = {
    "check-circle-fill": "success",
    "x-circle-fill": "failure",
    "clock": "waiting",
    "circle": "waiting",
    "meter": "running",
    "running": "running",
    "blocked": "blocked",
    "skip": "skipped",
    "stop": "cancelled",
    "circle-slash": "cancelled",
}
"""Gitea draws a run that waits as `octicon-circle`, and one that runs as an icon of its own, where it drew
`octicon-clock` and `octicon-meter` before (seen on 1.26.0 and 1.23.8).
"""
_PAGE = 4 << 20
"""Bytes of a page that are looked at; one of fifty runs has less than a quarter."""
_ENTRY = 20_000
"""Characters that may stand before and after the link to a run and still be about it."""
_PAGES = 20
"""Pages that are looked through for one run."""


def refuses(reach: Reach) -> MissingLogError | None:
    """Nothing is known without a request: a public repository needs no web login."""
    return None


def runs(reach: Reach, repo: str, query: RunQuery) -> Iterator[Run]:
    """Runs, newest first."""
    last: list[Run] = []
    number: int | None = 1
    seen: set[int] = set()
    while number is not None and number not in seen and len(seen) < _PAGES:
        seen.add(number)
        reply = _asked(reach, repo, number, query)
        if reply.status != 200:
            raise Page(reach, f"/{repo}/actions", known=False).refusal(reply)
        found = list(read_runs(reply.body[:_PAGE].decode("utf-8", "replace"), repo, ids=by_ids(reach)))
        if not found and not any(mark in reply.body for mark in _MARKS):
            help_ = "a page came that is no list of runs: is there a log-in gate or a bot check in front?"
            raise MissingLogError(Missing.REFUSED_CONTENT, reply.asked, help_)
        if not found and query.number is not None and number > 2:
            number -= 1  # runs were deleted, and the jump went too far
            continue
        if not found or found == last:
            return
        last = found
        if (what := _untold(query, found)) is not None:
            help_ = f"its list of runs tells no {what}: its API may, with a token (whyred login)"
            raise MissingLogError(Missing.ROUTE_NOT_ON_THIS_VERSION, reply.asked, help_)
        for run in found:
            if query.keeps(run) and _untold(query, [run]) is None:
                yield replace(run, workflow=run.workflow or query.workflow)  # a list of one names it nowhere
        number = number + 1 if query.number is None else _page_of(query.number, found, number)


def completed(reach: Reach, repo: str, found: list[Run]) -> list[Run]:
    """Runs of the page with their event and times, as far as the list of tasks tells them. Raises MissingLogError."""
    if reach.http.token is None:
        raise MissingLogError(Missing.NEEDS_TOKEN, f"list the tasks of {repo}", "this needs an API token: whyred login")
    told = {run.number: run for run in tasks_api.runs(reach, repo, RunQuery(limit=len(found)))}
    return [_completed(run, told.get(run.number)) for run in found]


def _completed(run: Run, told: Run | None) -> Run:
    if told is None or (run.commit is not None and told.commit not in (None, run.commit)):
        return run
    ended = told.ended if run.status is Status.DONE else None
    return replace(run, event=run.event or told.event, started=run.started or told.started, ended=run.ended or ended)


def _page_of(wanted: int, found: list[Run], page: int) -> int | None:
    """The page on which the run of this number may be, after that one was read: numbers fall along the list, one by one
    but for runs that were deleted. None where it can be on no other.
    """
    numbers = [run.number for run in found if run.number is not None]
    if not numbers:
        return page + 1
    if wanted > max(numbers):
        return page - 1 or None if page > 2 else None  # the first was read before the page that was jumped to
    if wanted >= min(numbers):
        return None
    return page + max(1, (max(numbers) - wanted) // len(found)) if page == 1 else page + 1


def _asked(reach: Reach, repo: str, number: int, query: RunQuery) -> Reply:
    """The answer for one page of the list. It sifts by a user's id alone."""
    if query.actor is not None and not query.actor.isdecimal():
        no_actors(query, f"look for runs of {repo} on its page")
    asked = urlencode({"workflow": query.workflow or "", "actor": query.actor or 0, "status": 0})
    return visit(reach, f"/{repo}/actions", f"?{asked}&page={number}&limit=50")


def _untold(query: RunQuery, among: list[Run]) -> str | None:
    """What is asked for and not one of these runs tells. A run that may be of another commit is none of this one: those
    of a schedule name none.
    """
    for what in ("commit", "branch", "event"):
        if getattr(query, what) is not None and all(getattr(run, what) is None for run in among):
            return what
    return None


def read_runs(page: str, repo: str, *, ids: bool) -> Iterator[Run]:
    """The runs on a page. `ids`: its links name the forge's ids, and only the text the number that people see."""
    starts: list[re.Match[str]] = []
    for item in _ITEM.finditer(page):
        if not starts or starts[-1][1] != item[1]:  # the title and the menu of a run both lead to it
            starts.append(item)
    for at, item in enumerate(starts):
        before = page[max(starts[at - 1].end() if at else 0, item.start() - _ENTRY) : item.start()]
        stop = starts[at + 1].start() if at + 1 < len(starts) else len(page)
        after = page[item.end() : min(stop, item.end() + _ENTRY)]
        yield _run(repo, item, before, after, ids=ids)


def _run(repo: str, item: re.Match[str], before: str, after: str, *, ids: bool) -> Run:
    linked = int(item[1])
    told = _NUMBER.search(after)
    number = int(told[2]) if told else None if ids else linked
    icons = _ICON.findall(before)
    status, conclusion = ended_as(_WORDS[icons[-1]]) if icons else ended_as("")
    commit, ref = _COMMIT.search(after), _REF.search(after)
    at = _TIME.search(after)
    return Run(
        label(repo, number),
        workflow=html.unescape(told[1]) or None if told else None,
        commit=commit[1] if commit else None,
        repo=repo,
        id=linked if ids else None,
        number=number,
        branch=html.unescape(ref[1]) if ref else None,
        title=html.unescape(item[2]).strip() or None,
        status=status,
        conclusion=conclusion,
        created=moment(at[1]) if at else None,
    )
