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
from whyred.sources._forge_api import PAGE, get, label, listed, repo_path
from whyred.sources.reach import Reach
from whyred.sources.tasks_api import together

NAME = "commit-statuses"
SERVES = "the commit statuses of Forgejo and Gitea: runs of a commit and their jobs, no logs"
ORDER = 127
KINDS = frozenset({Kind.FORGEJO, Kind.GITEA})
PARTIAL = True
"""It knows not every run."""
_TARGET = re.compile(r"/actions/runs/([1-9][0-9]{0,17})/jobs/([0-9]{1,18})$")
_CONTEXT = re.compile(r"(?P<workflow>.*) / (?P<job>.*) \((?P<event>\w+)\)$", re.DOTALL)
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


def refuses(reach: Reach) -> MissingLogError | None:
    """Every version has them."""
    return None


def runs(reach: Reach, repo: str, query: RunQuery) -> Iterator[Run]:
    """Runs of a commit, or of the newest commits of a branch, newest first."""
    if query.id is not None or (query.number is not None and query.commit is None):
        help_ = "commit statuses are found by commit: name one as `owner/repo@SHA`"
        raise MissingLogError(Missing.WRONG_ID_KIND, f"look for a run of {repo}", help_)
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
    time in any order: the greatest id of each job tells how it is now.
    """
    newest: dict[tuple[int, int], tuple[int, Attempt]] = {}
    page = 1
    while True:
        path = f"{repo_path(repo)}/commits/{commit}/statuses"
        items = listed(get(reach, path, {"page": page, "limit": PAGE}))
        for item in items:
            place, told = _place(item), item.whole("id") or 0
            if place is not None and told >= newest.get(place, (0,))[0]:
                newest[place] = (told, _attempt(item, repo, commit, *place))
        if len(items) < PAGE or page >= 40:
            break
        page += 1
    runs_: dict[int, list[Attempt]] = {}
    for number, index in sorted(newest):
        runs_.setdefault(number, []).append(newest[number, index][1])
    return [runs_[number] for number in sorted(runs_, reverse=True)]


def _place(item: Fields) -> tuple[int, int] | None:
    match = _TARGET.search(item.text("target_url") or "")
    return (int(match[1]), int(match[2])) if match else None


def _attempt(item: Fields, repo: str, commit: str, number: int, index: int) -> Attempt:
    context = _CONTEXT.fullmatch(item.text("context") or "")
    workflow, job, event = (context["workflow"], context["job"], context["event"]) if context else (None, None, None)
    status, conclusion = _ENDS.get(item.text("status") or "", (Status.RUNNING, Conclusion.UNKNOWN))
    description = item.text("description") or ""
    if status is Status.RUNNING:
        status = next((s for expression, s in _BEGINNINGS if expression.search(description)), status)
    run = Run(
        label(repo, number), workflow, event, commit, repo=repo, number=number, created=item.seconds("created_at")
    )
    return Attempt(run, Job(None, job or f"job {index}", index=index), status=status, conclusion=conclusion)


def attempts(reach: Reach, run: Run) -> tuple[Attempt, ...]:
    """The jobs of a run whose commit is known."""
    if run.commit is None:
        help_ = "the run's commit is not known, and statuses are kept by commit: name it as owner/repo@SHA"
        raise MissingLogError(Missing.WRONG_ID_KIND, f"list the jobs of {run.label}", help_)
    for found in _by_run(reach, run.repo or "", run.commit):
        if found[0].run.number == run.number:
            return tuple(replace(a, run=run) for a in found)
    help_ = "this run wrote no status on its commit (runs by schedule or by hand never do)"
    raise MissingLogError(Missing.NOT_FOUND, f"list the statuses of {run.commit[:10]}", help_)
