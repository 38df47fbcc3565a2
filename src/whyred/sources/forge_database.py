"""The forge's own database, read on its machine or from where it can be reached: runs, jobs, exact steps, and the logs
of jobs that run. Logs of jobs that have ended come from their files (the route `forge-disk`).

Nothing is written, and no token, secret, payload or output of a job is ever selected.
"""

import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace

from whyred.model.forge import Kind, RunQuery
from whyred.model.run import Attempt, Run, Runner, Status
from whyred.model.source import Boundaries, Fetched, Missing, MissingLogError
from whyred.sources import _forge_api
from whyred.sources import _forge_tables as rows
from whyred.sources._database import Row, Tables, text, whole
from whyred.sources._forge_database import open_tables
from whyred.sources._forge_log import Log, follow, read
from whyred.sources._forge_place import not_named
from whyred.sources._log_parts import Part
from whyred.sources.reach import Offered, Reach, Want

NAME = "forge-database"
SERVES = "the database of a Forgejo or Gitea, on its machine (--forge-host) or by address (--database)"
ORDER = 130
KINDS = frozenset({Kind.FORGEJO, Kind.GITEA})
WITHOUT_SERVER = True


def refuses(reach: Reach) -> MissingLogError | None:
    """The machine or the database must have been named."""
    return not_named(reach) if reach.host is None and reach.database is None else None


def runs(reach: Reach, repo: str, query: RunQuery) -> Iterator[Run]:
    """Runs of a repository, newest first."""
    tables = open_tables(reach)
    try:
        found = rows.find_repo(tables, repo)
        for row in rows.find_runs(tables, found.id, query):
            run = rows.read_run(row, found.name, reach.server.root)
            if whole(row, "repo_id") == found.id and query.keeps(run):
                yield run
    finally:
        tables.database.close()


def default_branch(reach: Reach, repo: str) -> str | None:
    """The branch that counts where none is named."""
    tables = open_tables(reach)
    try:
        return rows.find_repo(tables, repo).branch
    finally:
        tables.database.close()


def runners(reach: Reach, repo: str) -> tuple[Offered, ...]:
    """The runners that may take this repository's jobs, with the labels they offer."""
    tables = open_tables(reach)
    try:
        return rows.find_runners(tables, rows.find_repo(tables, repo), time.time())
    finally:
        tables.database.close()


def attempts(reach: Reach, run: Run) -> tuple[Attempt, ...]:
    """The newest attempt of every job."""
    tables = open_tables(reach)
    try:
        run = run if run.id is not None else _known(tables, reach, run)
        jobs = rows.newest(tables.ask(rows.JOBS, run.id or 0))
        if not jobs:
            raise MissingLogError(Missing.NOT_FOUND, f"look for the jobs of {run.label}", "there is no such run")
        return tuple(rows.read_attempt(run, job, i, _runner(tables, job)) for i, job in enumerate(jobs))
    finally:
        tables.database.close()


def _known(tables: Tables, reach: Reach, run: Run) -> Run:
    """The run with its id, by repository and number."""
    found = rows.find_repo(tables, run.repo or "")
    row = next(rows.find_runs(tables, found.id, RunQuery(number=run.number or 0)), None)
    if row is None:
        help_ = f"{tables.database.name} has no such run: check repository and number"
        raise MissingLogError(Missing.NOT_FOUND, f"look for {run.label}", help_)
    return rows.read_run(row, found.name, reach.server.root)


def _runner(tables: Tables, job: Row) -> str | None:
    task = next(iter(tables.ask(rows.TASK, rows.task_id(job))), None)
    return None if task is None else rows.runner_name(tables, whole(task, "runner_id"))


def steps(reach: Reach, attempt: Attempt) -> Attempt:
    """The attempt with its steps; one that no runner took has none."""
    tables = open_tables(reach)
    try:
        task = _task(tables, reach, attempt)
        return attempt if task is None else _filled(attempt, tables, task, rows.parts_of(tables, task))
    finally:
        tables.database.close()


def _filled(attempt: Attempt, tables: Tables, task: rows.Task, layout: Sequence[Part]) -> Attempt:
    runner = attempt.runner or Runner(name=rows.runner_name(tables, task.runner))
    return replace(
        attempt,
        id=task.id,
        number=task.number or attempt.number,
        status=task.step.status,
        conclusion=task.step.conclusion,
        started=task.step.started,
        ended=task.step.ended,
        runner=runner if runner.name else None,
        steps=tuple(part.step for part in layout),
    )


def _task(tables: Tables, reach: Reach, attempt: Attempt) -> rows.Task | None:
    """The task that an attempt is; None where no runner took it. Raises MissingLogError: no such job."""
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
    run = attempt.run if attempt.run.id is not None else _known(tables, reach, attempt.run)
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


def log(reach: Reach, attempt: Attempt, want: Want) -> Fetched:
    """The log, cut at the steps' lines."""
    tables = open_tables(reach)
    with ExitStack() as unless_all_is_well:
        unless_all_is_well.callback(tables.database.close)
        source = Log(reach, tables, _started(tables, reach, attempt))
        layout = rows.parts_of(tables, source.task)
        attempt = _filled(attempt, tables, source.task, layout)
        follows = want.follow and attempt.status is not Status.DONE
        source.refuse_early(waits=follows)
        chunks = follow(source, want) if follows else read(source, layout, want)
        unless_all_is_well.pop_all()  # from here on the stream closes it
    return Fetched(attempt, chunks, NAME, boundaries=Boundaries.TOLD if layout else Boundaries.GUESSED)


def _started(tables: Tables, reach: Reach, attempt: Attempt) -> rows.Task:
    """The task of an attempt. Raises MissingLogError where no runner took it."""
    task = _task(tables, reach, attempt)
    if task is None:
        raise _forge_api.not_started(f"read the log of {attempt.run.label}", attempt)
    return task
