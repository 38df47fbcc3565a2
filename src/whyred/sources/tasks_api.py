"""The list of tasks, which Forgejo has from version 8 and Gitea from 1.23: one entry for every try of a job. With it a
token shows runs and their conclusions on servers that have no list of runs.

Source: services/convert/convert.go (ToActionTask) of Forgejo 8 to 16; routers/api/v1/repo/action.go of Gitea 1.23.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import replace

from whyred.model.forge import Kind, RunQuery, ended_as
from whyred.model.run import Attempt, Conclusion, Job, Run, Status
from whyred.model.source import Missing, MissingLogError
from whyred.sources._fields import Fields
from whyred.sources._forge_api import label, no_actors, pages, repo_path
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
_PAST = 200
"""Tasks of earlier runs, one after the other, behind which none of a later run is looked for."""

Task = tuple[Run, Attempt]
"""An entry of the list: the try of a job, and its run as that entry tells it."""


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
    no_actors(query, f"look for runs of {repo} by their tasks")
    given = 0
    filtered = query != RunQuery(limit=query.limit)
    for tasks, whole in _of_runs(_tasks(reach, repo), query.number, 4 * query.limit if filtered else query.limit):
        run = _run(tasks) if whole else _run_in_part(tasks)
        if query.keeps(run):
            yield run
            given += 1
            if given >= query.limit:
                return


def _of_runs(tasks: Iterable[Task], number: int | None, most: int) -> list[tuple[list[Task], bool]]:
    """The tasks of each run, newest run first, and whether they are all there: of the run of this number, or of at
    least `most` runs.

    Tasks come in the order in which runners took them, newest first: those of several runs stand mixed, those of a
    rerun before those of younger runs, and a job that waited for others (`needs`) before what later runs began
    meanwhile. So a run counts as whole where the list ends, or where the last _PAST tasks are all of earlier runs.
    """
    runs_: dict[int, list[Task]] = {}
    last = deque[int](maxlen=_PAST)
    read = 0
    for task in tasks:
        read += 1
        of = task[0].number or 0
        last.append(of)
        if number in (None, of):
            runs_.setdefault(of, []).append(task)
        if len(last) < _PAST:
            continue
        past = max(last)
        if number is not None and number > past:
            break
        if number is None and sum(n > past for n in runs_) >= most:
            return [(runs_[of], True) for of in sorted(runs_, reverse=True) if of > past]
    ended = read < _MANY
    return [(runs_[of], ended or of > max(last)) for of in sorted(runs_, reverse=True)]


def _tasks(reach: Reach, repo: str) -> Iterator[Task]:
    for item in pages(reach, f"{repo_path(repo)}/actions/tasks", "workflow_runs", {}, _MANY):
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


def _run(tasks: list[Task]) -> Run:
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


def _run_in_part(tasks: list[Task]) -> Run:
    """A run of which tasks may be missing: one that runs makes it a running one, but none tells how it ended."""
    run = replace(_run(tasks), started=None, ended=None)
    return run if run.status is Status.RUNNING else replace(run, status=Status.UNKNOWN, conclusion=Conclusion.UNKNOWN)


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
    later = False

    def told() -> Iterator[Task]:
        nonlocal later
        for task in _tasks(reach, run.repo or ""):
            later = later or (task[0].number or 0) > (run.number or 0)
            yield task

    found = [attempt for tasks, _ in _of_runs(told(), run.number, 1) for _, attempt in tasks]
    if not found and later:  # numbers are given one after the other, so this run was there
        help_ = "a later run has tasks and this one has none: no runner has taken a job of it, or it is too old"
        raise MissingLogError(Missing.NOT_STARTED, asked, help_)
    if not found:
        help_ = "no task of it is listed: there is no such run, or no runner has taken a job of it yet"
        raise MissingLogError(Missing.NOT_FOUND, asked, help_)
    return tuple(newest_of(found))
