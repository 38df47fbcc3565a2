"""Which task of the forge's database an attempt is: the forge's own number for it, by which files are named."""

from whyred.model.forge import RunQuery
from whyred.model.run import Attempt, Run, Status
from whyred.model.source import Missing, MissingLogError
from whyred.sources import _forge_api
from whyred.sources import _forge_tables as rows
from whyred.sources._database import Row, Tables, text, whole
from whyred.sources._forge_left import left_behind
from whyred.sources.reach import Reach


def known_run(tables: Tables, reach: Reach, run: Run) -> Run:
    """The run with its id, by repository and number."""
    found = rows.find_repo(tables, run.repo or "")
    row = next(rows.find_runs(tables, found.id, RunQuery(number=run.number or 0)), None)
    refuse_other(tables, run, row)
    if row is None:
        help_ = f"{tables.database.name} has no such run: check repository and number"
        raise MissingLogError(Missing.NOT_FOUND, f"look for {run.label}", help_)
    return rows.read_run(row, found.name, reach.server.root)


def refuse_other(tables: Tables, run: Run, row: Row | None) -> None:
    """Refuses a database in doubt that knows another run under this number or id than the server does, or none."""
    told = run.commit is not None or run.status is not Status.UNKNOWN
    if tables.doubt is None or not told:
        return
    if row is None:
        raise left_behind(tables, f"it does not know {run.label}, which the server does")
    commit = text(row, "commit_sha")
    if run.commit is not None and not commit.startswith(run.commit):
        raise left_behind(tables, f"its {run.label} is of commit {commit[:10]}, the server's of {run.commit[:10]}")


def find_task(tables: Tables, reach: Reach, attempt: Attempt) -> rows.Task | None:
    """The task that an attempt is; None where no runner took it. Raises MissingLogError: no such job."""
    if tables.doubt is not None and attempt.run.id is not None:
        refuse_other(tables, attempt.run, next(iter(tables.ask(rows.RUN_BY_ID, attempt.run.id)), None))
    task = _task(tables, reach, attempt)
    ended = attempt.status is Status.DONE and attempt.newest
    if tables.doubt is not None and ended and task is not None and task.step.status is not Status.DONE:
        told = f"by it {attempt.run.label} still {task.step.status.value}, by the server it has ended"
        raise left_behind(tables, told)
    return task


def _task(tables: Tables, reach: Reach, attempt: Attempt) -> rows.Task | None:
    job = attempt.job
    if attempt.id is not None:
        row = next(iter(tables.ask(rows.TASK, attempt.id)), None)
        if row is None:
            raise _unknown(tables, attempt, f"no attempt {attempt.id}")
        if job is not None and job.id is not None and job.id != whole(row, "job_id"):
            help_ = f"attempt {attempt.id} is one of job {whole(row, 'job_id')}, not {job.id}: look it up again"
            raise MissingLogError(Missing.WRONG_ID_KIND, f"look for the attempt of {attempt.run.label}", help_)
        if attempt.number in (None, whole(row, "attempt")):
            return rows.read_task(row)
    found = _job(tables, reach, attempt)
    if attempt.number in (None, whole(found, "attempt")):
        task = rows.task_id(found)
        row = next(iter(tables.ask(rows.TASK, task)), None) if task else None
        return None if row is None else rows.read_task(row)
    row = next(iter(tables.ask(rows.TASK_OF_JOB, whole(found, "id"), attempt.number or 0)), None)
    if row is None:
        raise _unknown(tables, attempt, f"no attempt {attempt.number} of this job")
    return rows.read_task(row)


def _job(tables: Tables, reach: Reach, attempt: Attempt) -> Row:
    """The row of the attempt's job, by its id, else by its place or name in the run."""
    job = attempt.job
    if job is not None and job.id is not None:
        row = next(iter(tables.ask(rows.JOB, job.id)), None)
        if row is None:
            raise _unknown(tables, attempt, f"no job {job.id}")
        return row
    run = attempt.run if attempt.run.id is not None else known_run(tables, reach, attempt.run)
    jobs = rows.newest(tables.ask(rows.JOBS, run.id or 0))
    if job is not None and job.index is not None and job.index < len(jobs):
        return jobs[job.index]
    named = [row for row in jobs if job is not None and text(row, "name") == job.name]
    if job is None and len(jobs) == 1:
        return jobs[0]
    if len(named) != 1:
        raise _unknown(tables, attempt, "no such job in this run")
    return named[0]


def _unknown(tables: Tables, attempt: Attempt, what: str) -> MissingLogError:
    help_ = f"{tables.database.name} has {what}: check the number, or name it as owner/repo#RUN:JOB"
    return MissingLogError(Missing.NOT_FOUND, f"look for {attempt.run.label}", help_)


def started_task(tables: Tables, reach: Reach, attempt: Attempt) -> rows.Task:
    """The task of an attempt. Raises MissingLogError where no runner took it."""
    task = find_task(tables, reach, attempt)
    if task is None:
        raise _forge_api.not_started(f"read the log of {attempt.run.label}", attempt)
    return task
