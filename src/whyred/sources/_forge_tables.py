"""The tables of Actions in a forge's database, as whyred reads them: which columns, and what nouns their rows make.

Never read, and not even named here: columns with tokens, secrets, the payloads of events and of jobs, and the outputs
of jobs. Source: models/actions/*.go, models/dbfs/dbfile.go of Forgejo 7 to 16 and Gitea 1.21 to 1.27.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from whyred.model.forge import RunQuery
from whyred.model.run import Attempt, Job, Run, Runner, Status, Step
from whyred.model.source import Missing, MissingLogError
from whyred.sources._database import Query, Row, Tables, raw, seconds, text, whole
from whyred.sources._forge_api import label
from whyred.sources._log_parts import Part, Told, ended, parts
from whyred.sources.reach import Offered

REPOSITORY = Query(
    "repository", ("id", "owner_id", "owner_name", "name"), 'WHERE "lower_name" = ?', ("default_branch",)
)
_RUN = (
    "id",
    "repo_id",
    "index",
    "workflow_id",
    "ref",
    "commit_sha",
    "event",
    "status",
    "started",
    "stopped",
    "created",
)
_RUN_OPTIONAL = ("title", "trigger_event", "trigger_user_id")
_PAGE = 50
RUNS = Query("action_run", _RUN, f'WHERE "repo_id" = ? AND "id" < ? ORDER BY "id" DESC LIMIT {_PAGE}', _RUN_OPTIONAL)
RUNS_OF_COMMIT = Query(
    "action_run",
    _RUN,
    f'WHERE "repo_id" = ? AND "id" < ? AND "commit_sha" LIKE ? ORDER BY "id" DESC LIMIT {_PAGE}',
    _RUN_OPTIONAL,
)
RUNS_OF_REF = Query(
    "action_run",
    _RUN,
    f'WHERE "repo_id" = ? AND "id" < ? AND "ref" = ? ORDER BY "id" DESC LIMIT {_PAGE}',
    _RUN_OPTIONAL,
)
RUN_BY_NUMBER = Query("action_run", _RUN, 'WHERE "repo_id" = ? AND "index" = ?', _RUN_OPTIONAL)
RUN_BY_ID = Query("action_run", _RUN, 'WHERE "id" = ?', _RUN_OPTIONAL)
_JOB = ("id", "run_id", "name", "attempt", "job_id", "needs", "runs_on", "task_id", "status", "started", "stopped")
_JOB_OPTIONAL = ("run_attempt_id", "source_task_id")
JOBS = Query("action_run_job", _JOB, 'WHERE "run_id" = ? ORDER BY "id"', _JOB_OPTIONAL)
JOB = Query("action_run_job", _JOB, 'WHERE "id" = ?', _JOB_OPTIONAL)
_TASK = ("id", "job_id", "attempt", "runner_id", "status", "started", "stopped")
_TASK_LOG = ("log_filename", "log_in_storage", "log_length", "log_size")
_TASK_OPTIONAL = ("log_expired",)
TASK = Query("action_task", _TASK + _TASK_LOG, 'WHERE "id" = ?', _TASK_OPTIONAL)
TASK_OF_JOB = Query("action_task", _TASK + _TASK_LOG, 'WHERE "job_id" = ? AND "attempt" = ?', _TASK_OPTIONAL)
NEWEST_TASK = Query("action_task", ("id",), 'ORDER BY "id" DESC LIMIT 1')
STEPS = Query(
    "action_task_step",
    ("name", "index", "status", "log_index", "log_length", "started", "stopped"),
    'WHERE "task_id" = ? ORDER BY "index"',
)
RUNNER = Query("action_runner", ("id", "name"), 'WHERE "id" = ?')
RUNNERS = Query(
    "action_runner",
    ("id", "name", "owner_id", "repo_id", "agent_labels", "last_online"),
    'WHERE "repo_id" = 0 OR "repo_id" = ? ORDER BY "id"',
    ("deleted",),
)
_SILENT = 60
"""Seconds without a call after which the forge counts a runner as offline. Source: models/actions/runner.go."""
LINES = 'SELECT substr("log_indexes", ?, ?) AS c0 FROM "action_task" WHERE "id" = ?'
"""Where each line of a log begins; piece by piece, for it has some bytes a line."""
_LINES_PIECE, _LINES_LIMIT = 384 << 10, 64 << 20
_BIGGEST = 1 << 62


@dataclass(frozen=True, slots=True)
class Task:
    """One attempt as the forge keeps it (a task). `lines` and `size` (bytes, unpacked) are of its log as it is now."""

    id: int
    job: int
    number: int
    runner: int
    step: Step
    """Status and times of the whole attempt."""
    file: str
    stored: bool
    lines: int
    size: int
    expired: bool


def read_run(row: Row, repo: str, root: str) -> Run:
    """One run."""
    status, conclusion = ended(whole(row, "status"))
    number = whole(row, "index") or None
    return Run(
        label(repo, number),
        workflow=text(row, "workflow_id") or None,
        event=text(row, "trigger_event") or text(row, "event") or None,
        commit=text(row, "commit_sha") or None,
        repo=repo,
        id=whole(row, "id"),
        number=number,
        branch=_branch(text(row, "ref")),
        title=text(row, "title") or None,
        status=status,
        conclusion=conclusion,
        created=seconds(row, "created"),
        started=seconds(row, "started"),
        ended=seconds(row, "stopped"),
        url=f"{root}/{repo}/actions/runs/{number}",
    )


def _branch(ref: str) -> str | None:
    """A ref as the forge shows it: a branch or tag by its short name, a pull request as `#N`."""
    kind, _, name = ref.removeprefix("refs/").partition("/")
    if kind == "pull":
        return f"#{name.partition('/')[0]}"
    return name if kind in ("heads", "tags") else ref or None


def read_job(row: Row, index: int) -> Job:
    """The job of a row; `index` is its place among the jobs of its run, which are ordered by their ids."""
    return Job(
        text(row, "job_id") or None,
        text(row, "name").partition("\n")[0] or f"job {index}",
        id=whole(row, "id"),
        index=index,
        labels=_texts(row, "runs_on"),
        needs=_texts(row, "needs"),
    )


def _texts(row: Row, column: str) -> tuple[str, ...] | None:
    try:
        value = json.loads(text(row, column) or "null")
    except (ValueError, RecursionError):
        return None
    return tuple(v for v in value if isinstance(v, str)) if isinstance(value, list) else ()


def task_id(job: Row) -> int:
    """The task of a job's row; 0 while no runner took it. A job that a rerun of others left alone keeps its old one."""
    return whole(job, "task_id") or whole(job, "source_task_id")


def newest(jobs: Sequence[Row]) -> list[Row]:
    """The jobs of the newest attempt: Gitea from 1.27 on has a row for each attempt of each job."""
    last = max((whole(job, "run_attempt_id") for job in jobs), default=0)
    return [job for job in jobs if whole(job, "run_attempt_id") == last]


def read_attempt(run: Run, job: Row, index: int, runner: str | None) -> Attempt:
    """The newest attempt of a job."""
    status, conclusion = ended(whole(job, "status"))
    noun = read_job(job, index)
    waits = status is Status.WAITING and noun.labels
    return Attempt(
        run,
        noun,
        number=whole(job, "attempt") or None,
        status=status,
        conclusion=conclusion,
        started=seconds(job, "started"),
        ended=seconds(job, "stopped"),
        runner=Runner(name=runner) if runner else None,
        id=task_id(job) or None,
        url=run.url,
        waits_for=f"a runner with the label {', '.join(noun.labels or ())}" if waits else None,
    )


def read_task(row: Row) -> Task:
    """The task of a row."""
    status, conclusion = ended(whole(row, "status"))
    return Task(
        id=whole(row, "id"),
        job=whole(row, "job_id"),
        number=whole(row, "attempt"),
        runner=whole(row, "runner_id"),
        step=Step("", conclusion, seconds(row, "started"), seconds(row, "stopped"), status=status),
        file=text(row, "log_filename"),
        stored=bool(whole(row, "log_in_storage")),
        lines=whole(row, "log_length"),
        size=whole(row, "log_size"),
        expired=bool(whole(row, "log_expired")),
    )


def read_step(row: Row) -> Told:
    """The step of a row; one without a name has its whole script there."""
    status, conclusion = ended(whole(row, "status"))
    name = text(row, "name").partition("\n")[0] or f"step {whole(row, 'index') + 1}"
    step = Step(name, conclusion, seconds(row, "started"), seconds(row, "stopped"), status=status)
    return Told(step, whole(row, "log_index"), whole(row, "log_length"))


def steps_of(tables: Tables, task: Task) -> list[Told]:
    """The steps of a task as its rows tell."""
    return [read_step(row) for row in tables.ask(STEPS, task.id)]


def parts_of(tables: Tables, task: Task) -> tuple[Part, ...]:
    """All steps of a task with their lines."""
    return parts(task.step, task.lines, steps_of(tables, task))


@dataclass(frozen=True, slots=True)
class Repository:
    """A repository as the forge knows it; `name` is `OWNER/NAME` as it is written."""

    id: int
    owner: int
    name: str
    branch: str | None


def find_repo(tables: Tables, repo: str) -> Repository:
    """A repository. Raises MissingLogError where there is none of this name."""
    owner, _, name = repo.partition("/")
    for row in tables.ask(REPOSITORY, name.lower()):
        if text(row, "owner_name").lower() == owner.lower():
            written = f"{text(row, 'owner_name')}/{text(row, 'name')}"
            return Repository(whole(row, "id"), whole(row, "owner_id"), written, text(row, "default_branch") or None)
    help_ = f"{tables.database.name} has no such repository: check the name, and whether this is the right machine"
    raise MissingLogError(Missing.NOT_FOUND, f"look for {repo}", help_)


def find_runners(tables: Tables, repo: Repository, now: float) -> tuple[Offered, ...]:
    """The runners that may take a repository's jobs: its own, its owner's, and those for all."""
    return tuple(
        Offered(text(row, "name"), _texts(row, "agent_labels") or (), _life(row, now))
        for row in tables.ask(RUNNERS, repo.id)
        if whole(row, "owner_id") in (0, repo.owner) and not whole(row, "deleted")
    )


def _life(row: Row, now: float) -> str:
    return "offline" if now - whole(row, "last_online") > _SILENT else "online"


def find_runs(tables: Tables, repo_id: int, query: RunQuery) -> Iterator[Row]:
    """Rows of runs, newest first, page by page; the narrowest question the query allows."""
    if query.id is not None:
        yield from tables.ask(RUN_BY_ID, query.id)
        return
    if query.number is not None:
        yield from tables.ask(RUN_BY_NUMBER, repo_id, query.number)
        return
    which, more = RUNS, tuple[str, ...]()
    if query.commit and query.commit.isalnum():
        which, more = RUNS_OF_COMMIT, (f"{query.commit.lower()}%",)
    elif query.branch and not query.branch.startswith("#"):
        which, more = RUNS_OF_REF, (f"refs/heads/{query.branch}",)
    before = _BIGGEST
    while page := tables.ask(which, repo_id, before, *more):
        yield from page
        before = whole(page[-1], "id")


def runner_name(tables: Tables, runner: int) -> str | None:
    """The name of a runner; one that was deleted for good has none any more."""
    row = next(iter(tables.ask(RUNNER, runner)), None) if runner else None
    return (text(row, "name") or None) if row is not None else None


def line_indexes(tables: Tables, task: Task) -> bytes | None:
    """Where each line of a task's log begins, in the forge's form; None where it has none, or too many to hold."""
    if "log_indexes" not in tables.known("action_task"):
        return None
    found = bytearray()
    while len(found) <= _LINES_LIMIT:
        rows = tables.database.select(LINES, (len(found) + 1, _LINES_PIECE, task.id))
        piece = raw({"c0": rows[0][0]}, "c0") if rows else b""
        found += piece
        if len(piece) < _LINES_PIECE:
            return bytes(found) or None
    return None
