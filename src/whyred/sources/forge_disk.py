"""The log files on the forge's own machine, for whoever wants the very bytes: without the steps' boundaries.

A file is named after the number of the attempt (its task). Where no API told it, the forge's database is asked.
"""

import itertools
import posixpath
from collections.abc import Iterator
from dataclasses import replace

from whyred.model.evidence import Reason
from whyred.model.forge import Kind
from whyred.model.host import Host, HostRefusedError
from whyred.model.run import Attempt, Status
from whyred.model.source import Boundaries, Fetched, Missing, MissingLogError
from whyred.sources import _forge_api
from whyred.sources import _forge_tables as rows
from whyred.sources._forge_database import open_tables
from whyred.sources._forge_file import ENDS, Text, expired, folder_of_logs, gone, open_log, open_text, tail
from whyred.sources._forge_place import named_host, not_named, refused
from whyred.sources._forge_task import started_task
from whyred.sources.reach import Reach, Want

NAME = "forge-disk"
SERVES = "log files on the machine of a Forgejo or Gitea (--forge-host)"
ORDER = 131
KINDS = frozenset({Kind.FORGEJO, Kind.GITEA})
WITHOUT_SERVER = True


def refuses(reach: Reach) -> MissingLogError | None:
    """The machine must have been named."""
    return not_named(reach) if reach.host is None else None


def log(reach: Reach, attempt: Attempt, want: Want) -> Fetched:
    """The stored log, whole or its tail; the file does not tell where steps begin."""
    named_host(reach)
    if attempt.status in (Status.WAITING, Status.BLOCKED):
        raise _forge_api.not_started(f"look for the log file of {attempt.run.label}", attempt)
    _refuse_running(attempt.status, attempt)
    attempt, text = _found(reach, attempt)
    chunks = text.read() if want.tail is None else tail(text, want.tail)
    return Fetched(attempt, begun(chunks), f"{NAME}: {text.name}", boundaries=Boundaries.GUESSED)


def _refuse_running(status: Status, attempt: Attempt) -> None:
    if status is Status.RUNNING:
        asked = f"look for the log file of {attempt.run.label}"
        help_ = (
            "while a job runs its rows are in the forge's database, and no file: leave --route away, or name"
            " forge-database"
        )
        raise MissingLogError(Missing.STILL_RUNNING, asked, help_)


def _found(reach: Reach, attempt: Attempt) -> tuple[Attempt, Text]:
    """The attempt, with its task's number, and its text: by the file's name where the number is known."""
    host = named_host(reach)
    if attempt.id is None or attempt.run.repo is None:
        return _by_database(reach, attempt)
    folder = folder_of_logs(reach)
    path = _search(host, folder, attempt.run.repo, attempt.id)
    if path is not None:
        return attempt, open_text(host, path)
    try:
        return _by_database(reach, attempt)
    except _DatabaseClosedError:
        raise gone(reach, f"look for the log of task {attempt.id} in {folder}", stored=False) from None


class _DatabaseClosedError(MissingLogError):
    """Nobody can say which task an attempt is, nor what became of its log."""


def _by_database(reach: Reach, attempt: Attempt) -> tuple[Attempt, Text]:
    """The same by what the database says of the task. Raises MissingLogError."""
    task = _task(reach, attempt)
    asked = f"look for the log of task {task.id} ({task.file})"
    if task.expired:
        raise expired(asked)
    _refuse_running(task.step.status, attempt)
    try:
        text = open_log(reach, task.file)
    except MissingLogError as e:
        if e.reason is not Missing.DELETED:
            raise
        if not task.stored:
            help_ = "the forge has not moved its rows into a file yet: its database has them (--route forge-database)"
            raise MissingLogError(Missing.NOT_FOUND, asked, help_) from e
        raise gone(reach, asked, stored=True) from e
    number = task.number or attempt.number
    return replace(attempt, id=task.id, number=number), text


def _task(reach: Reach, attempt: Attempt) -> rows.Task:
    """The task that an attempt is, as the database has it."""
    try:
        tables = open_tables(reach)
    except MissingLogError as e:
        asked = f"look for the log file of {attempt.run.label}"
        help_ = (
            "files are named after the number of the attempt (its task), which no API told, and the forge's database"
            f" cannot be asked ({e.reason}): {e.help}"
        )
        raise _DatabaseClosedError(Missing.WRONG_ID_KIND, asked, help_) from e
    try:
        return started_task(tables, reach, attempt)
    finally:
        tables.database.close()


def _search(host: Host, folder: str, repo: str, task: int) -> str | None:
    """The path of a task's file: in its repository's folder, or in the one that had its name when it ran."""
    asked = f"look for the log of task {task} in {folder}"
    ends = [f"{task % 256:02x}/{task}{end}" for end in ENDS]
    try:
        host.names(folder)
        folders = itertools.chain([posixpath.join(folder, repo)], _repositories(host, folder))
        for candidate in folders:
            for end in ends:
                path = posixpath.join(candidate, end)
                if _is_file(host, path):
                    return path
    except HostRefusedError as e:
        raise refused(e, asked) from e
    return None


def _repositories(host: Host, folder: str) -> Iterator[str]:
    for owner in host.names(folder):
        try:
            names = host.names(posixpath.join(folder, owner))
        except HostRefusedError as e:
            if e.unknown.reason is Reason.NO_PERMISSION:
                raise
            continue  # a file among the folders, or a folder that was just removed
        yield from (posixpath.join(folder, owner, name) for name in names)


def _is_file(host: Host, path: str) -> bool:
    try:
        return host.stat(path).kind == "file"
    except HostRefusedError as e:
        if e.unknown.reason is Reason.NO_PERMISSION:
            raise
        return False


def begun(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """The stream after its first bytes came, so that a refusal is told before anything is shown."""
    first = next(chunks, None)
    return iter(()) if first is None else itertools.chain([first], chunks)
