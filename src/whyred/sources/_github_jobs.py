"""The jobs of a run on GitHub, as its API tells them now."""

from collections.abc import Iterator
from dataclasses import replace

from whyred.model.run import Attempt, Run
from whyred.model.source import Missing, MissingLogError
from whyred.sources._fields import Fields
from whyred.sources._github_api import get, pages, repo_path
from whyred.sources._github_read import JobAnswer, read_job
from whyred.sources.reach import Reach

_MOST = 10_000
"""Jobs of one run that are listed at most; GitHub allows 256 in a matrix."""


def jobs(reach: Reach, run: Run, number: int | None = None) -> Iterator[JobAnswer]:
    """The jobs of the newest attempt of a run, or of attempt `number`. Raises MissingLogError."""
    path = f"{run_path(run)}/jobs" if number is None else f"{run_path(run)}/attempts/{number}/jobs"
    query: dict[str, object] = {"filter": "latest"} if number is None else {}
    for index, item in enumerate(pages(reach, path, "jobs", query, _MOST)):
        yield read_job(item, run, index)


def look(reach: Reach, attempt: Attempt) -> JobAnswer:
    """A job as it is now. Raises MissingLogError."""
    return again(Fields(get(reach, job_path(attempt)).json()), attempt)


def again(item: Fields, attempt: Attempt) -> JobAnswer:
    """A job's answer, with what of the attempt the API of one job does not tell."""
    answer = read_job(item, attempt.run)
    if answer.attempt.job is None or attempt.job is None:
        return answer
    job = replace(answer.attempt.job, key=attempt.job.key, index=attempt.job.index, needs=attempt.job.needs)
    return replace(answer, attempt=replace(answer.attempt, job=job))


def run_path(run: Run) -> str:
    """The API's path of a run. Raises MissingLogError (wrong-id-kind)."""
    if run.repo is None or run.id is None:
        raise _no_id(run, "run")
    return f"{repo_path(run.repo)}/actions/runs/{run.id}"


def job_path(attempt: Attempt) -> str:
    """The API's path of a job. Raises MissingLogError (wrong-id-kind)."""
    if attempt.run.repo is None or attempt.job is None or attempt.job.id is None:
        raise _no_id(attempt.run, "job")
    return f"{repo_path(attempt.run.repo)}/actions/jobs/{attempt.job.id}"


def _no_id(run: Run, what: str) -> MissingLogError:
    help_ = f"GitHub's own id of the {what} is not known, and its API takes no other: list the runs first (whyred runs)"
    return MissingLogError(Missing.WRONG_ID_KIND, f"read {run.label}", help_)
