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
from whyred.sources import _forge_tables as rows
from whyred.sources._database import Row, Tables, whole
from whyred.sources._forge_database import open_tables
from whyred.sources._forge_log import Log, follow, read
from whyred.sources._forge_place import not_named
from whyred.sources._forge_task import find_task, known_run, refuse_other, started_task
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
            if query.actor not in (None, str(whole(row, "trigger_user_id"))):
                continue
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
        if run.id is None:
            run = known_run(tables, reach, run)
        elif tables.doubt is not None:
            refuse_other(tables, run, next(iter(tables.ask(rows.RUN_BY_ID, run.id)), None))
        jobs = rows.newest(tables.ask(rows.JOBS, run.id or 0))
        if not jobs:
            raise MissingLogError(Missing.NOT_FOUND, f"look for the jobs of {run.label}", "there is no such run")
        return tuple(rows.read_attempt(run, job, i, _runner(tables, job)) for i, job in enumerate(jobs))
    finally:
        tables.database.close()


def _runner(tables: Tables, job: Row) -> str | None:
    task = next(iter(tables.ask(rows.TASK, rows.task_id(job))), None)
    return None if task is None else rows.runner_name(tables, whole(task, "runner_id"))


def steps(reach: Reach, attempt: Attempt) -> Attempt:
    """The attempt with its steps; one that no runner took has none."""
    tables = open_tables(reach)
    try:
        task = find_task(tables, reach, attempt)
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


def log(reach: Reach, attempt: Attempt, want: Want) -> Fetched:
    """The log, cut at the steps' lines."""
    tables = open_tables(reach)
    with ExitStack() as unless_all_is_well:
        unless_all_is_well.callback(tables.database.close)
        source = Log(reach, tables, started_task(tables, reach, attempt))
        layout = rows.parts_of(tables, source.task)
        attempt = _filled(attempt, tables, source.task, layout)
        follows = want.follow and attempt.status is not Status.DONE
        source.refuse_early(waits=follows)
        chunks = follow(source, want) if follows else read(source, layout, want)
        unless_all_is_well.pop_all()  # from here on the stream closes it
    return Fetched(attempt, chunks, NAME, boundaries=Boundaries.TOLD if layout else Boundaries.GUESSED)
