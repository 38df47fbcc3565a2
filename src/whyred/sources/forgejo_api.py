"""Forgejo's API: runs from version 12, jobs and whole logs from version 16.

Source: routers/api/v1/repo/action.go, modules/structs/action.go of Forgejo 12 to 16.
"""

from collections.abc import Iterator
from dataclasses import replace

from whyred.model.forge import Kind, RunQuery, ended_as
from whyred.model.run import Attempt, Conclusion, Job, Run, Status
from whyred.model.source import Boundaries, Fetched, Missing, MissingLogError
from whyred.sources import _growing
from whyred.sources._fields import Fields
from whyred.sources._forge_api import PAGE, SIFTED, absent, get, label, listed, pages, repo_path, started_by
from whyred.sources.reach import Reach, Want

NAME = "forgejo-api"
SERVES = "Forgejo's API: runs (12+), jobs and logs (16+)"
ORDER = 110
KINDS = frozenset({Kind.FORGEJO})
_LOG = "/repos/{owner}/{repo}/actions/jobs/{job_id}/logs"
_JOBS = "/repos/{owner}/{repo}/actions/runs/{run_id}/jobs"
_RUNS = "/repos/{owner}/{repo}/actions/runs"
_STATUSES = ("unknown", "waiting", "running", "success", "failure", "cancelled", "skipped", "blocked")
"""The words that its filter knows; it refuses all others."""
_PAGES = 100
"""Pages that are looked through where the server knows no filter."""
_MOST = 10_000
"""Jobs of one run that are believed; no real one comes near."""


def refuses(reach: Reach) -> MissingLogError | None:
    """The server's own list of routes tells whether it has logs."""
    return absent(reach, _LOG, "log API", "16")


def runs(reach: Reach, repo: str, query: RunQuery) -> Iterator[Run]:
    """Runs of a repository, newest first."""
    if refused := absent(reach, _RUNS, "list of runs", "12"):
        raise refused
    path = repo_path(repo) + "/actions/runs"
    if query.id is not None:
        yield read_run(Fields(get(reach, f"{path}/{query.id}").json()), repo)
        return
    asked: dict[str, object] = {
        "run_number": query.number,
        "head_sha": query.commit if query.commit and len(query.commit) == 40 else None,
        "status": query.status if query.status in _STATUSES else None,
        "workflow_id": query.workflow,
        "ref": f"refs/heads/{query.branch}" if query.branch else None,
    }
    # Versions before 15 pass over a workflow and a branch, and none knows who started a run. Its filter `event` is of
    # another column than the event that a workflow names: a run by schedule has the one of a push there.
    most = SIFTED if query.workflow or query.branch or query.actor or query.event else 0
    for item in _newest_first(reach, path, asked, 1 if query.number is not None else query.limit, most):
        run = read_run(item, repo)
        by = query.actor is None or query.actor in started_by(item, "trigger_user")
        if by and query.keeps(run):
            yield run


def _newest_first(reach: Reach, path: str, asked: dict[str, object], limit: int, most: int) -> Iterator[Fields]:
    """The runs of a list, newest first. Forgejo 15 and 16 list the newest first; 12 to 14 ask their database for no
    order, so that it is the oldest first in SQLite and any in others: the first page tells by its ids.
    """
    size = min(PAGE, max(limit, 2))
    first = get(reach, path, {**asked, "page": 1, "limit": size})
    items, total = listed(first, "workflow_runs"), Fields(first.json()).whole("total_count") or 0
    size = min(size, len(items) or size)  # a server may be set to give less at once than was asked for
    ids = [_id(item) for item in items]
    if ids == sorted(ids, reverse=True):
        yield from items
        if total > size and max(limit, most) > size:
            yield from pages(reach, path, "workflow_runs", asked, max(limit, 2), start=2, most=most)
        return
    last = -(-total // size)
    rest = (
        listed(get(reach, path, {**asked, "page": page, "limit": size}), "workflow_runs")
        for page in range(last, max(1, last - _PAGES), -1)
    )
    if ids == sorted(ids):
        yield from (item for page in rest for item in reversed(page))
        yield from reversed(items)
    else:
        every = {_id(item): item for page in (items, *rest) for item in page}
        yield from (every[id_] for id_ in sorted(every, reverse=True))


def _id(item: Fields) -> int:
    return item.whole("id") or 0


def read_run(item: Fields, repo: str) -> Run:
    """One run; the payload of its event, which may be large and personal, is left out."""
    status, conclusion = ended_as(item.text("status") or "")
    number = item.positive("index_in_repo")
    return Run(
        label(repo, number),
        workflow=item.text("workflow_id"),
        event=item.text("trigger_event") or item.text("event"),
        commit=item.text("commit_sha"),
        repo=repo,
        id=item.positive("id"),
        number=number,
        branch=item.text("prettyref"),
        title=item.text("title"),
        status=status,
        conclusion=conclusion,
        created=item.seconds("created"),
        started=item.seconds("started"),
        ended=item.seconds("stopped"),
        url=item.text("html_url"),
    )


def attempts(reach: Reach, run: Run) -> tuple[Attempt, ...]:
    """The newest attempt of every job."""
    if refused := absent(reach, _JOBS, "list of jobs", "16"):
        raise refused
    run = run if run.id is not None else _known(reach, run)
    items = listed(get(reach, f"{repo_path(run.repo or '')}/actions/runs/{run.id}/jobs"))
    return tuple(_attempt(item, index, run) for index, item in enumerate(items[:_MOST]))


def of_job(reach: Reach, repo: str, job: int) -> Run:
    """Forgejo has no way from a job's id to its run. Raises MissingLogError."""
    help_ = f"{reach.server} does not tell which run a job's id belongs to: name the run, as {repo}#RUN:JOB"
    raise MissingLogError(Missing.WRONG_ID_KIND, f"look for the run of job {job} of {repo}", help_)


def _known(reach: Reach, run: Run) -> Run:
    """The run with its id: the API wants ids where people see numbers."""
    found = next(runs(reach, run.repo or "", RunQuery(limit=1, number=run.number)), None)
    if found is None:
        raise MissingLogError(Missing.NOT_FOUND, f"look for {run.label}", "there is no run of this number")
    return found


def _attempt(item: Fields, index: int, run: Run) -> Attempt:
    status, conclusion = ended_as(item.text("status") or "")
    job = Job(
        None,
        item.text("name") or f"job {index}",
        id=item.positive("id"),
        index=index,
        labels=item.texts("runs_on"),
        needs=item.texts("needs") or (),
    )
    task = item.positive("task_id")
    number = item.positive("attempt")
    return Attempt(run, job, number=number, status=status, conclusion=conclusion, id=task, url=run.url)


def log(reach: Reach, attempt: Attempt, want: Want) -> Fetched:
    """The job's whole log. It has no step marks: steps are told by their text."""
    if refused := refuses(reach):
        raise refused
    job, repo = attempt.job, attempt.run.repo
    if job is None or job.id is None or repo is None:
        raise MissingLogError(Missing.WRONG_ID_KIND, f"read the log of {attempt.run.label}", "its job id is not known")
    url = f"{repo_path(repo)}/actions/jobs/{job.id}/logs"
    if attempt.number is not None and _begun(attempt):  # of an attempt that never began the server knows no number
        url += f"?attempt={attempt.number}"
    chunks = _growing.log(reach, attempt, url, want, lambda: _again(reach, attempt))
    return Fetched(attempt, chunks, NAME, boundaries=Boundaries.GUESSED)


def _begun(attempt: Attempt) -> bool:
    """Whether a runner took it: a job that was skipped, or cancelled while it waited, has no task."""
    if attempt.status in (Status.WAITING, Status.BLOCKED):
        return False
    ended_unseen = attempt.conclusion in (Conclusion.SKIPPED, Conclusion.CANCELLED)
    return not (attempt.newest and attempt.id is None and ended_unseen)


def _again(reach: Reach, attempt: Attempt) -> Attempt:
    """The attempt as it is now. One that another came after has ended; how, this list does not tell."""
    job = attempt.job
    now = next((a for a in attempts(reach, attempt.run) if a.job and job and a.job.id == job.id), attempt)
    if attempt.number is None or now.number == attempt.number or not _begun(attempt):
        return now
    return replace(attempt, status=Status.DONE)
