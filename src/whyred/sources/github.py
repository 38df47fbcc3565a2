"""GitHub by its REST API, Enterprise Server too: runs, jobs with their steps, logs, annotations, and what changes them.

`Reach.http` is made with `api_root(server.root)` as its root and `Bearer` as its scheme: the token goes to that host,
and never to the storage that logs are redirected to.
Source: docs.github.com, REST API endpoints for GitHub Actions (API version 2022-11-28).
"""

from collections.abc import Iterator
from dataclasses import replace
from urllib.parse import quote

from whyred.model.forge import Kind, RunQuery
from whyred.model.run import Attempt, Conclusion, Job, Run, Status
from whyred.model.source import Boundaries, Fetched, Missing, MissingLogError
from whyred.sources._fields import Fields
from whyred.sources._github_api import PAGE, api_root, get, pages, repo_path
from whyred.sources._github_beside import compared, workflow_text
from whyred.sources._github_change import apply, dispatched, plan_cancel, plan_dispatch, plan_rerun
from whyred.sources._github_follow import follow
from whyred.sources._github_jobs import job_path, jobs, look
from whyred.sources._github_log import ended
from whyred.sources._github_read import Annotation, Level, read_annotation, read_run
from whyred.sources.reach import Reach, Want

__all__ = [
    "KINDS",
    "NAME",
    "ORDER",
    "SERVES",
    "Annotation",
    "Level",
    "annotations",
    "api_root",
    "apply",
    "attempt_of",
    "attempts",
    "compared",
    "default_branch",
    "dispatched",
    "log",
    "of_job",
    "older",
    "plan_cancel",
    "plan_dispatch",
    "plan_rerun",
    "pull",
    "refuses",
    "runs",
    "steps",
    "workflow_text",
]

NAME = "github"
SERVES = "GitHub's REST API, Enterprise Server's too: runs, jobs, steps, logs, annotations"
ORDER = 112
KINDS = frozenset({Kind.GITHUB})
_MOST = 2_000
"""Runs of a list that are looked through at most."""
_NO_NUMBER = 10_000_000
"""No workflow of github.com has so many runs: a number above is an id, copied from a URL."""
_QUERIED = {
    Status.WAITING.value: "queued",
    Status.BLOCKED.value: "waiting",
    Status.RUNNING.value: "in_progress",
    Status.DONE.value: "completed",
    Conclusion.TIMED_OUT.value: "timed_out",
}
"""Our words for a run's status -> GitHub's; the others are the same."""


def refuses(reach: Reach) -> MissingLogError | None:
    """Nothing is known before it is asked: runs of public repositories need no token, logs always do."""
    del reach
    return None


def runs(reach: Reach, repo: str, query: RunQuery) -> Iterator[Run]:
    """Runs of a repository, newest first. Numbers of runs are counted per workflow: without one in the query, several
    runs may have the same. Raises MissingLogError.
    """
    path = f"{repo_path(repo)}/actions/runs"
    by_id = query.id if query.id is not None else query.number if (query.number or 0) > _NO_NUMBER else None
    if by_id is not None:
        yield read_run(Fields(get(reach, f"{path}/{by_id}").json()), repo)
        return
    if query.workflow is not None:
        path = f"{repo_path(repo)}/actions/workflows/{_workflow(reach, repo, query.workflow)}/runs"
    whole_sha = query.commit is not None and len(query.commit) == 40
    sifted = query.number is not None or (query.commit is not None and not whole_sha)
    asked = {
        "branch": query.branch,
        "event": query.event,
        "actor": query.actor,
        "status": _QUERIED.get(query.status, query.status) if query.status else None,
        "head_sha": query.commit if whole_sha else None,
        "exclude_pull_requests": "true",
        "per_page": PAGE if sifted else max(1, min(PAGE, query.limit)),
    }
    # GitHub sifts by status itself, and knows more words for it.
    mine = replace(query, status=None)
    for item in pages(reach, path, "workflow_runs", asked, _MOST):
        run = read_run(item, repo)
        if query.workflow is not None:
            run = replace(run, workflow=query.workflow)  # it was sifted by it, be it a name, a file or an id
        if query.workflow is not None and query.number is not None and (run.number or 0) < query.number:
            return  # numbers fall along the list of one workflow
        if mine.keeps(run):
            yield run


def _workflow(reach: Reach, repo: str, named: str) -> str:
    """The id of a workflow named by its file, its name or its id. Raises MissingLogError where there is none."""
    file = named.rpartition("/")[2]
    if file.endswith((".yml", ".yaml")) or file.isdecimal():
        return quote(file, safe="")
    path = f"{repo_path(repo)}/actions/workflows"
    found = list(pages(reach, path, "workflows", {}, _MOST))
    for item in found:
        if item.text("name") == named and (id_ := item.positive("id")):
            return str(id_)
    names = ", ".join(sorted(name for item in found if (name := item.text("name")))[:20])
    help_ = f"there is no workflow {named!r}; there are: {names}" if names else "the repository has no workflow"
    raise MissingLogError(Missing.NOT_FOUND, f"GET {reach.http.root}{path}", help_)


def attempts(reach: Reach, run: Run) -> tuple[Attempt, ...]:
    """The newest attempt of every job, with its steps. Raises MissingLogError."""
    return tuple(answer.attempt for answer in jobs(reach, _known(reach, run)))


def older(reach: Reach, attempt: Attempt, number: int) -> Attempt:
    """The same job in another attempt of the run, counted from 1: there it has another id. Raises MissingLogError."""
    name = attempt.job.name if attempt.job else ""
    found = [answer.attempt for answer in jobs(reach, _known(reach, attempt.run), number)]
    same = [other for other in found if other.job and other.job.name == name]
    if len(same) != 1:
        told = "several jobs" if same else "no job"
        names = ", ".join(other.job.name for other in found if other.job)
        help_ = f"attempt {number} of the run has {told} of the name {name!r}; it has: {names}"
        raise MissingLogError(Missing.NOT_FOUND, f"look for attempt {number} of {attempt.run.label}", help_)
    return same[0]


def of_job(reach: Reach, repo: str, job: int) -> Run:
    """The run that a job belongs to. Raises MissingLogError."""
    path = f"{repo_path(repo)}/actions/jobs/{job}"
    run = Fields(get(reach, path).json()).positive("run_id")
    told = _told(reach, path, None if run is None else str(run), "names no run")
    return next(runs(reach, repo, RunQuery(limit=1, id=int(told))))


def attempt_of(reach: Reach, run: Run, job: int) -> Attempt:
    """The attempt of a job by its id, which an older one has of its own. Raises MissingLogError."""
    return look(reach, Attempt(run, Job(None, "", id=job))).attempt


def _known(reach: Reach, run: Run) -> Run:
    """The run with its id: the API wants ids where people see numbers."""
    if run.id is not None or run.number is None or run.repo is None:
        return run
    query = RunQuery(limit=1, number=run.number, workflow=run.workflow)
    found = next(runs(reach, run.repo, query), None)
    if found is None:
        help_ = f"there is no run of this number among the newest {_MOST}: name it by its URL"
        raise MissingLogError(Missing.NOT_FOUND, f"look for {run.label}", help_)
    return found


def steps(reach: Reach, attempt: Attempt) -> Attempt:
    """The attempt as it is now, with its steps. Raises MissingLogError."""
    return look(reach, attempt).attempt


def log(reach: Reach, attempt: Attempt, want: Want) -> Fetched:
    """The log in steps. GitHub has none of a job that runs: with `want.follow` its end is waited for, and each step
    told when it has ended, and once more before its lines. Raises MissingLogError.
    """
    job_path(attempt)
    now = attempt if attempt.status is Status.DONE and attempt.steps else steps(reach, attempt)
    if now.status is Status.DONE:
        return ended(reach, now, want)
    if not want.follow:
        raise _not_yet(reach, now)
    later = replace(want, follow=False)
    stream = follow(reach, now, want, lambda done: ended(reach, done, later).chunks)
    return Fetched(now, stream, NAME, boundaries=Boundaries.TIMES)


def _not_yet(reach: Reach, attempt: Attempt) -> MissingLogError:
    asked = f"GET {reach.http.root}{job_path(attempt)}/logs"
    if attempt.status in (Status.WAITING, Status.BLOCKED):
        return MissingLogError(
            Missing.NOT_STARTED, asked, f"the job waits for {attempt.waits_for}; --follow waits with it"
        )
    page = f"; until then its lines are on {attempt.url} only" if attempt.url else ""
    help_ = f"the job runs, and GitHub gives its log when it has ended: --follow waits for that{page}"
    return MissingLogError(Missing.STILL_RUNNING, asked, help_)


def annotations(reach: Reach, attempt: Attempt) -> tuple[Annotation, ...]:
    """What the job tied to files and lines, and GitHub itself to the job. Raises MissingLogError.

    On GitHub the id of a job is that of its check run, too.
    """
    job_path(attempt)
    path = f"{repo_path(attempt.run.repo or '')}/check-runs/{attempt.job.id if attempt.job else ''}/annotations"
    found = (read_annotation(item) for item in pages(reach, path, None, {}, _MOST))
    return tuple(annotation for annotation in found if annotation is not None)


def pull(reach: Reach, repo: str, number: int) -> str:
    """The commit at the head of a pull request. Raises MissingLogError."""
    path = f"{repo_path(repo)}/pulls/{number}"
    return _told(reach, path, Fields(get(reach, path).json()).part("head").text("sha"), "names no commit")


def default_branch(reach: Reach, repo: str) -> str:
    """The repository's default branch. Raises MissingLogError."""
    path = repo_path(repo)
    return _told(reach, path, Fields(get(reach, path).json()).text("default_branch"), "names no default branch")


def _told(reach: Reach, path: str, value: str | None, what: str) -> str:
    if value is None:
        help_ = f"the answer {what}: is this the API of a GitHub?"
        raise MissingLogError(Missing.REFUSED_CONTENT, f"GET {reach.http.root}{path}", help_)
    return value
