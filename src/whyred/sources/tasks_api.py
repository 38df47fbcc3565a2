"""The list of tasks, which Forgejo has from version 8 and Gitea from 1.23: one entry for every try of a job. With it a
token shows runs and their conclusions on servers that have no list of runs.

Source: services/convert/convert.go (ToActionTask) of Forgejo 8 to 16; routers/api/v1/repo/action.go of Gitea 1.23.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import groupby

from whyred.model.forge import Kind, RunQuery, ended_as
from whyred.model.run import Attempt, Conclusion, Job, Run, Status
from whyred.model.source import Missing, MissingLogError
from whyred.sources._fields import Fields
from whyred.sources._forge_api import label, pages, repo_path
from whyred.sources.reach import Reach

NAME = "tasks-api"
SERVES = "the tasks of Forgejo's (8+) and Gitea's (1.23+) API: runs and their jobs, no logs"
ORDER = 126
KINDS = frozenset({Kind.FORGEJO, Kind.GITEA})
PARTIAL = True
"""It knows not every run."""
_TASKS = "/repos/{owner}/{repo}/actions/tasks"
_MANY = 2_000
"""Tasks that are looked through for one run."""


def refuses(reach: Reach) -> MissingLogError | None:
    """The server's own list of routes tells whether it has tasks."""
    if reach.server.offers(_TASKS) is not False:
        return None
    help_ = (
        f"{reach.server} lists no tasks (Forgejo 8 and Gitea 1.23 brought that); its web pages list runs: whyred login"
        f" --web {reach.server.root}"
    )
    return MissingLogError(Missing.ROUTE_NOT_ON_THIS_VERSION, f"GET {reach.server.root}/api/v1{_TASKS}", help_)


def runs(reach: Reach, repo: str, query: RunQuery) -> Iterator[Run]:
    """Runs, newest first, as far as a runner took one of their jobs: a job nobody has taken has no task."""
    if refused := refuses(reach):
        raise refused
    if query.id is not None:
        raise MissingLogError(
            Missing.WRONG_ID_KIND, f"look for the run id {query.id}", "tasks name runs by number only"
        )
    limit = _MANY if query.number is not None else 4 * query.limit
    given = 0
    for _, tasks in groupby(_tasks(reach, repo, limit), lambda t: t[0].number):
        run = _run(list(tasks))
        if query.number is not None and run.number is not None and run.number < query.number:
            return
        if query.keeps(run):
            yield run
            given += 1
            if given >= query.limit:
                return


def _tasks(reach: Reach, repo: str, limit: int) -> Iterator[tuple[Run, Attempt]]:
    for item in pages(reach, f"{repo_path(repo)}/actions/tasks", "workflow_runs", {}, limit):
        number = item.positive("run_number")
        status, conclusion = ended_as(item.text("status") or "")
        run = Run(
            label(repo, number),
            workflow=item.text("workflow_id"),
            event=item.text("event"),
            commit=item.text("head_sha"),
            repo=repo,
            number=number,
            branch=item.text("head_branch"),
            title=item.text("display_title"),
            created=item.seconds("created_at"),
            started=item.seconds("run_started_at"),
            url=item.text("url"),
        )
        yield run, _attempt(item, run, status, conclusion)


def _attempt(item: Fields, run: Run, status: Status, conclusion: Conclusion) -> Attempt:
    return Attempt(
        run,
        Job(None, item.text("name") or "job"),
        status=status,
        conclusion=conclusion,
        started=item.seconds("run_started_at"),
        ended=item.seconds("updated_at") if status is Status.DONE else None,
        id=item.positive("id"),
        url=run.url,
    )


def _run(tasks: list[tuple[Run, Attempt]]) -> Run:
    """A run as its tasks tell it: the newest one of each job counts."""
    newest = newest_of(attempt for _, attempt in tasks)
    status, conclusion = together((a.status, a.conclusion) for a in newest)
    starts = [a.started for a in newest if a.started]
    ends = [a.ended for a in newest if a.ended]
    return replace(
        tasks[0][0],
        status=status,
        conclusion=conclusion,
        started=min(starts, default=None),
        ended=max(ends, default=None) if status is Status.DONE else None,
    )


def newest_of(attempts: Iterable[Attempt]) -> list[Attempt]:
    """Of attempts that come newest first, the first of each job, in the order in which they began."""
    by_name: dict[str, Attempt] = {}
    for attempt in attempts:
        by_name.setdefault(attempt.job.name if attempt.job else "", attempt)
    return sorted(by_name.values(), key=lambda a: a.id or 0)


def together(jobs: Iterable[tuple[Status, Conclusion]]) -> tuple[Status, Conclusion]:
    """A run's status and conclusion from those of its jobs, as the forges reckon them: done when all are, and then as
    bad as the worst (models/actions/run_job.go, aggregateJobStatus).
    """
    told = list(jobs)
    for status in (Status.RUNNING, Status.WAITING, Status.BLOCKED, Status.UNKNOWN):
        if any(s is status for s, _ in told):
            return status, Conclusion.UNKNOWN
    for conclusion in (Conclusion.FAILURE, Conclusion.CANCELLED, Conclusion.SUCCESS, Conclusion.SKIPPED):
        if any(c is conclusion for _, c in told):
            return Status.DONE, conclusion
    return Status.UNKNOWN, Conclusion.UNKNOWN


def attempts(reach: Reach, run: Run) -> tuple[Attempt, ...]:
    """The newest try of every job that a runner took."""
    if refused := refuses(reach):
        raise refused
    asked = f"list the tasks of {run.label}"
    if run.number is None:
        raise MissingLogError(Missing.WRONG_ID_KIND, asked, "tasks go by the run's number: name it as owner/repo#RUN")
    found, later = [], False
    for other, attempt in _tasks(reach, run.repo or "", _MANY):
        if other.number == run.number:
            found.append(attempt)
        elif other.number is not None and other.number < run.number:
            break
        elif other.number is not None:
            later = True
    if not found and later:  # numbers are given one after the other, so this run was there
        help_ = "a later run has tasks and this one has none: no runner has taken a job of it, or it is too old"
        raise MissingLogError(Missing.NOT_STARTED, asked, help_)
    if not found:
        help_ = "no task of it is listed: there is no such run, or no runner has taken a job of it yet"
        raise MissingLogError(Missing.NOT_FOUND, asked, help_)
    return tuple(newest_of(found))
