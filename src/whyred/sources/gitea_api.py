"""Gitea's API: whole job logs from version 1.24, runs and jobs from 1.25, steps with their times from 1.26.

Source: routers/api/v1/repo/action.go, services/convert/action.go of Gitea 1.24 to 1.27; reference, sections 1.4 and 10.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace

from whyred.logs.steps_by_script import SET_UP, split
from whyred.logs.steps_by_time import begun, lines
from whyred.model.forge import Kind, RunQuery
from whyred.model.run import Attempt, Conclusion, Job, Run, Runner, Status, Step
from whyred.model.source import Boundaries, Fetched, Missing, MissingLogError
from whyred.sources import _forge_api, _growing
from whyred.sources._fields import Fields
from whyred.sources._forge_api import SIFTED, absent, get, label, newest_only, pages, repo_path, started_by
from whyred.sources._gitea_live import live
from whyred.sources._parts import around_steps, parts
from whyred.sources.http import Stream
from whyred.sources.reach import Reach, Want

NAME = "gitea-api"
SERVES = "Gitea's API: job logs (1.24+), runs and jobs (1.25+), steps (1.26+)"
ORDER = 111
KINDS = frozenset({Kind.GITEA})
_LOG = "/repos/{owner}/{repo}/actions/jobs/{job_id}/logs"
_JOBS = "/repos/{owner}/{repo}/actions/runs/{run}/jobs"
_RUNS = "/repos/{owner}/{repo}/actions/runs"
_STATUS = {
    "queued": Status.WAITING,
    "requested": Status.WAITING,
    "pending": Status.WAITING,
    "waiting": Status.BLOCKED,
    "in_progress": Status.RUNNING,
    "completed": Status.DONE,
}
_CONCLUSION = {
    "success": Conclusion.SUCCESS,
    "failure": Conclusion.FAILURE,
    "cancelled": Conclusion.CANCELLED,
    "skipped": Conclusion.SKIPPED,
    "timed_out": Conclusion.TIMED_OUT,
}


def refuses(reach: Reach) -> MissingLogError | None:
    """The server's own list of routes tells whether it has logs."""
    return absent(reach, _LOG, "log API", "1.24")


def runs(reach: Reach, repo: str, query: RunQuery) -> Iterator[Run]:
    """Runs of a repository, newest first."""
    if refused := absent(reach, _RUNS, "list of runs", "1.25"):
        raise refused
    path = f"{repo_path(repo)}/actions/runs"
    if query.id is not None:
        yield _read_run(Fields(get(reach, f"{path}/{query.id}").json()), repo)
        return
    asked = {"branch": query.branch, "event": query.event, "head_sha": _whole_sha(query.commit)}
    sifted = query.workflow or query.actor or query.status or (query.commit and not asked["head_sha"])
    limit = 10_000 if query.number is not None else query.limit
    for item in pages(reach, path, "workflow_runs", asked, limit, most=SIFTED if sifted else 0):
        run = _read_run(item, repo)
        if query.actor is not None and query.actor not in started_by(item, "actor", "trigger_actor"):
            continue
        if query.number is not None and run.number is not None and run.number < query.number:
            return  # numbers fall along the list
        if query.keeps(run):
            yield run


def _whole_sha(commit: str | None) -> str | None:
    return commit if commit is not None and len(commit) == 40 else None


def _read_run(item: Fields, repo: str) -> Run:
    number = item.positive("run_number")
    return Run(
        label(repo, number),
        workflow=(item.text("path") or "").partition("@")[0] or None,
        event=item.text("event"),
        commit=item.text("head_sha"),
        repo=repo,
        id=item.positive("id"),
        number=number,
        branch=item.text("head_branch"),
        title=item.text("display_title"),
        status=_status(item),
        conclusion=_conclusion(item),
        created=item.seconds("created_at"),
        started=item.seconds("started_at"),
        ended=item.seconds("completed_at"),
        url=item.text("html_url"),
    )


def _status(item: Fields) -> Status:
    return _STATUS.get(item.text("status") or "", Status.UNKNOWN)


def _conclusion(item: Fields) -> Conclusion:
    return _CONCLUSION.get(item.text("conclusion") or "", Conclusion.UNKNOWN)


def attempts(reach: Reach, run: Run) -> tuple[Attempt, ...]:
    """The newest attempt of every job, with its steps where the server gives them."""
    if refused := absent(reach, _JOBS, "list of jobs", "1.25"):
        raise refused
    run = run if run.id is not None else _known(reach, run)
    path = f"{repo_path(run.repo or '')}/actions/runs/{run.id}/jobs"
    return tuple(_attempt(item, i, run) for i, item in enumerate(pages(reach, path, "jobs", {}, 10_000)))


def of_job(reach: Reach, repo: str, job: int) -> Run:
    """The run that a job belongs to. Raises MissingLogError."""
    if refused := absent(reach, _JOBS, "list of jobs", "1.25"):
        raise refused
    id_ = Fields(get(reach, f"{repo_path(repo)}/actions/jobs/{job}").json()).positive("run_id")
    if id_ is None:
        raise MissingLogError(Missing.NOT_FOUND, f"look for job {job} of {repo}", "it names no run")
    return next(runs(reach, repo, RunQuery(limit=1, id=id_)))


def _known(reach: Reach, run: Run) -> Run:
    """The run with its id: the API wants ids where people see numbers."""
    found = next(runs(reach, run.repo or "", RunQuery(limit=1, number=run.number)), None)
    if found is None:
        raise MissingLogError(Missing.NOT_FOUND, f"look for {run.label}", "there is no run of this number")
    return found


def _attempt(item: Fields, index: int, run: Run) -> Attempt:
    runner = item.text("runner_name")
    status, conclusion = _status(item), _conclusion(item)
    return Attempt(
        run,
        Job(None, item.text("name") or f"job {index}", item.positive("id"), index, item.texts("labels")),
        number=item.positive("run_attempt"),
        status=status,
        conclusion=conclusion,
        started=item.seconds("started_at"),
        ended=item.seconds("completed_at"),
        runner=Runner(name=runner) if runner else None,
        steps=read_steps(item.parts("steps"), conclusion),
        url=item.text("html_url"),
    )


def read_steps(items: list[Fields], job: Conclusion) -> tuple[Step, ...]:
    """The real steps; the runner's own set-up and clean-up are not in this list.

    Before 1.26.2 every step carries the job's conclusion: where all of several steps agree with a job that did not
    succeed, none of them is believed, and the text of the log tells. A step without a start did not run.
    """
    steps = [_step(item) for item in items]
    alike = len(steps) > 1 and job is not Conclusion.SUCCESS and all(s.conclusion is job for s in steps)
    if alike:
        steps = [replace(s, conclusion=Conclusion.UNKNOWN if s.started else Conclusion.SKIPPED) for s in steps]
    return tuple(steps)


def _step(item: Fields) -> Step:
    return Step(
        item.text("name") or f"step {item.whole('number')}",
        _conclusion(item),
        item.seconds("started_at"),
        item.seconds("completed_at"),
        status=_status(item),
    )


def log(reach: Reach, attempt: Attempt, want: Want) -> Fetched:
    """The job's whole log, cut by the times of its steps where the server tells them."""
    if refused := refuses(reach):
        raise refused
    if not attempt.newest:
        raise newest_only(reach, attempt)
    job, repo = attempt.job, attempt.run.repo
    if job is None or job.id is None or repo is None:
        why = (
            "its job id is not known: this Gitea lists no jobs by API, so the web state must tell (whyred login --web)"
        )
        raise MissingLogError(Missing.WRONG_ID_KIND, f"read the log of {attempt.run.label}", why)
    url = f"{repo_path(repo)}/actions/jobs/{job.id}/logs"
    if want.follow and attempt.status is not Status.DONE:
        return _followed(reach, attempt, url, want)
    told = [step for step in attempt.steps if begun(step)]
    if want.steps is not None and not told and not want.text_only:
        help_ = "its API does not tell when these steps began: their lines come by its web pages alone"
        raise MissingLogError(Missing.ROUTE_NOT_ON_THIS_VERSION, f"read steps of {attempt.run.label}", help_)
    if not told or want.text_only or (want.steps is None and want.tail is None):
        chunks = _growing.log(reach, attempt, url, want, lambda: _again(reach, attempt))
        return Fetched(attempt, chunks, NAME, boundaries=Boundaries.GUESSED)
    pieces = _in_steps(reach, attempt, url, want, told)
    return Fetched(attempt, pieces, NAME, boundaries=Boundaries.TIMES)


def _followed(reach: Reach, attempt: Attempt, url: str, want: Want) -> Fetched:
    """The log as it grows, in its steps; the list of jobs tells them, and whether more can come."""
    if refused := absent(reach, _JOBS, "list of jobs", "1.25"):
        raise refused
    now = attempt

    def again() -> Attempt:
        nonlocal now
        now = _again(reach, attempt)
        return now

    chunks = _growing.log(reach, attempt, url, want, again)
    if want.text_only:
        return Fetched(attempt, chunks, NAME, boundaries=Boundaries.GUESSED)
    return Fetched(attempt, live(chunks, lambda: now.steps), NAME, boundaries=Boundaries.TIMES)


def _in_steps(reach: Reach, attempt: Attempt, url: str, want: Want, told: list[Step]) -> Iterator[bytes | Step]:
    """The wanted steps of the log, or its end: little more than that is moved, for where in the text a second begins is
    found by halving. Raises MissingLogError.
    """
    steps = [Step(SET_UP, aside=True, started=attempt.started or told[0].started), *told]
    is_wanted = want.wants(attempt.steps)
    wanted = [i for i, step in enumerate(steps) if is_wanted(step)]
    file = parts(lambda headers: _forge_api.open_log(reach, attempt, url, headers))
    start, stop = 0, 0
    if isinstance(file, Stream):  # a server, or a proxy before it, that gives no parts
        chunks = file.chunks()
    else:
        tail = max(0, file.size - (want.tail or 0)), file.size
        start, stop = tail if want.steps is None else around_steps(file, steps, wanted)
        chunks = file.stream(start, stop)
    asked = f"GET {reach.http.root}{_forge_api.BASE}{url}"
    text = _growing.not_empty(chunks, attempt, want, asked)
    pieces = split(lines(text, middle=start > 0), told, middle=start > 0)
    return pieces if want.steps is None else _only(pieces, is_wanted)


def _only(pieces: Iterator[bytes | Step], is_wanted: Callable[[Step], bool]) -> Iterator[bytes | Step]:
    inside = False
    for piece in pieces:
        if isinstance(piece, Step):
            inside = is_wanted(piece)
        if inside:
            yield piece


def _again(reach: Reach, attempt: Attempt) -> Attempt:
    """The job as it is now; its number is another one where it was run again. From 1.27 on every attempt is a job of
    its own, and the list has the newest ones alone: an older one is asked for by itself. Raises MissingLogError.
    """
    job = attempt.job
    if job is None:
        return attempt
    if found := next((a for a in attempts(reach, attempt.run) if a.job and a.job.id == job.id), None):
        return found
    item = Fields(get(reach, f"{repo_path(attempt.run.repo or '')}/actions/jobs/{job.id}").json())
    return replace(_attempt(item, job.index or 0, attempt.run), job=job)
