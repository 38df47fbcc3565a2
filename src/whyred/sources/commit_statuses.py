"""Commit statuses: what Actions wrote on a commit, on every version and with a token alone. They name the run's number
and the job's place in it, for pushes and pull requests.

Source: services/actions/commit_status.go of Forgejo 7 to 16; reference, section 1.5.
"""

import re
from collections.abc import Iterator
from dataclasses import replace

from whyred.model.forge import Kind, RunQuery
from whyred.model.run import Attempt, Conclusion, Job, Run, Status
from whyred.model.source import Missing, MissingLogError
from whyred.sources._fields import Fields
from whyred.sources._forge_api import PAGE, get, label, listed, no_actors, repo_path, total
from whyred.sources._web import by_ids
from whyred.sources.reach import Reach
from whyred.sources.tasks_api import together

NAME = "commit-statuses"
SERVES = "the commit statuses of Forgejo and Gitea: runs of a commit and their jobs, no logs"
ORDER = 127
KINDS = frozenset({Kind.FORGEJO, Kind.GITEA})
PARTIAL = True
"""It knows not every run."""
_TARGET = re.compile(r"/actions/runs/([1-9][0-9]{0,17})/jobs/([0-9]{1,18})$")
_CONTEXT = re.compile(r"(?:(?P<workflow>.*?) )?/ (?P<job>.*) \((?P<event>\w+)\)", re.DOTALL)
_ENDS = {
    "success": (Status.DONE, Conclusion.SUCCESS),
    "failure": (Status.DONE, Conclusion.FAILURE),
    "error": (Status.DONE, Conclusion.FAILURE),
    "skipped": (Status.DONE, Conclusion.SKIPPED),
    "warning": (Status.DONE, Conclusion.FAILURE),
}
_BEGINNINGS = ((re.compile("waiting", re.I), Status.WAITING), (re.compile("blocked", re.I), Status.BLOCKED))
_COMMITS = 30
"""Commits of a branch that are looked at for their runs."""
_PAGES = 40
_SILENT = "wrote no status on its commit (runs by schedule or by hand never do)"


def refuses(reach: Reach) -> MissingLogError | None:
    """Every version has them."""
    return None


def runs(reach: Reach, repo: str, query: RunQuery) -> Iterator[Run]:
    """Runs of a commit, or of the newest commits of a branch, newest first."""
    if query.id is not None or (query.number is not None and query.commit is None):
        help_ = "commit statuses are found by commit: name one as `owner/repo@SHA`"
        raise MissingLogError(Missing.WRONG_ID_KIND, f"look for a run of {repo}", help_)
    no_actors(query, f"look for runs of {repo} by their statuses")
    given = 0
    for commit in [query.commit] if query.commit else _commits(reach, repo, query.branch):
        for attempts_ in _by_run(reach, repo, commit):
            run = replace(attempts_[0].run, branch=query.branch)
            status, conclusion = together((a.status, a.conclusion) for a in attempts_)
            run = replace(run, status=status, conclusion=conclusion)
            if query.keeps(run):
                yield run
                given += 1
                if given >= query.limit:
                    return


def _commits(reach: Reach, repo: str, branch: str | None) -> Iterator[str]:
    query = {"sha": branch, "page": 1, "limit": _COMMITS, "stat": "false", "files": "false", "verification": "false"}
    for item in listed(get(reach, f"{repo_path(repo)}/commits", query)):
        if sha := item.text("sha"):
            yield sha


def _by_run(reach: Reach, repo: str, commit: str) -> list[list[Attempt]]:
    """The jobs of each run on a commit, newest run first. The whole history of statuses comes, several of them with one
    time in any order: the greatest id of each job tells how it is now. A status links to the job's page, so that Gitea
    names ids in it from 1.26 on (seen on 1.26.0).
    """
    newest: dict[tuple[int, int], tuple[int, Attempt]] = {}
    ids = by_ids(reach)
    for item in _statuses(reach, repo, commit):
        place, told = _place(reach, item), item.whole("id") or 0
        if place is not None and told >= newest.get(place, (0,))[0]:
            newest[place] = (told, _attempt(item, repo, commit, *place, ids=ids))
    runs_: dict[int, list[Attempt]] = {}
    for number, index in sorted(newest):
        runs_.setdefault(number, []).append(newest[number, index][1])
    return [runs_[number] for number in sorted(runs_, reverse=True)]


def _statuses(reach: Reach, repo: str, commit: str) -> Iterator[Fields]:
    """All statuses of a commit, whoever wrote them. Raises MissingLogError, also where a list of other things came."""
    seen = 0
    for page in range(1, _PAGES + 1):
        reply = get(reach, f"{repo_path(repo)}/commits/{commit}/statuses", {"page": page, "limit": PAGE})
        items = listed(reply)
        if items and not any(item.text("status") and item.whole("id") for item in items):
            help_ = "a list came that holds no statuses: does something in front of the server answer in its place?"
            raise MissingLogError(Missing.REFUSED_CONTENT, reply.asked, help_)
        yield from items
        seen += len(items)
        if not items or (len(items) < PAGE and seen >= total(reply)):
            return  # a server may be set to give less at once than it is asked for (MAX_RESPONSE_ITEMS)


def _place(reach: Reach, item: Fields) -> tuple[int, int] | None:
    """The run and the place of the job that a status is of; None for what another CI wrote, be it another forge's."""
    target = item.text("target_url") or ""
    match = _TARGET.search(target)
    # The forge writes a path alone (run.Link() in models/actions/run.go).
    ours = target.startswith(("/", f"{reach.server.root}/")) and not target.startswith("//")
    return (int(match[1]), int(match[2])) if match and ours else None


def _attempt(item: Fields, repo: str, commit: str, run_: int, job_: int, *, ids: bool) -> Attempt:
    context = _CONTEXT.fullmatch(item.text("context") or "")
    workflow, job, event = (context["workflow"], context["job"], context["event"]) if context else (None, None, None)
    status, conclusion = _ENDS.get(item.text("status") or "", (Status.RUNNING, Conclusion.UNKNOWN))
    description = item.text("description") or ""
    if status is Status.RUNNING:
        status = next((s for expression, s in _BEGINNINGS if expression.search(description)), status)
    number, id_ = (None, run_) if ids else (run_, None)
    run = Run(
        label(repo, number),
        workflow,
        event,
        commit,
        repo=repo,
        id=id_,
        number=number,
        created=item.seconds("created_at"),
    )
    told = Job(None, job or f"job {job_}", id=job_ if ids else None, index=None if ids else job_)
    return Attempt(run, told, status=status, conclusion=conclusion)


def attempts(reach: Reach, run: Run) -> tuple[Attempt, ...]:
    """The jobs of a run whose commit is known."""
    if run.commit is None:
        help_ = "the run's commit is not known, and statuses are kept by commit: name it as owner/repo@SHA"
        raise MissingLogError(Missing.WRONG_ID_KIND, f"list the jobs of {run.label}", help_)
    written = _by_run(reach, run.repo or "", run.commit)
    for found in written:
        if _is(found[0].run, run):
            return tuple(replace(a, run=run) for a in found)
    raise MissingLogError(Missing.NOT_FOUND, f"list the statuses of {run.commit[:10]}", _why_not(reach, run, written))


def _why_not(reach: Reach, run: Run, written: list[list[Attempt]]) -> str:
    """Why a run's jobs are not among the statuses of its commit. What is there is told before what is missing."""
    if written:
        others = ", ".join(_named(found[0].run) for found in written[:5])
        return f"its statuses are of other runs ({others}), and this one {_SILENT}"
    if any(True for _ in _statuses(reach, run.repo or "", run.commit or "")):
        return f"all its statuses were written by another CI, none by Actions, so this run {_SILENT}"
    return f"this run {_SILENT}"


def _is(told: Run, run: Run) -> bool:
    """Whether both are one run: a status names its id or its number, never both."""
    return told.id == run.id if told.id is not None else told.number == run.number


def _named(run: Run) -> str:
    return f"#{run.number}" if run.number is not None else f"id {run.id}"
