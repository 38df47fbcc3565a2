"""The folder of local runs: one numbered folder per `whyred run`, and the source that reads them.

`<runs>/<N>/` holds `run.json` (the attempt; written at the start with status running, and again at the end),
`job.log`, `workflow.yml` (a copy), `workspace/` and `temp/`.
"""

import json
import os
import re
import shutil
import stat
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from whyred.logs.step_marks import Fit, fit
from whyred.logs.steps_by_time import lines
from whyred.model.attempt_json import attempt_from_json, attempt_to_json
from whyred.model.run import Attempt, Conclusion, Runner, Status, Step
from whyred.model.source import Boundaries, Fetched, Given, Missing, MissingLogError

NAME = "local"
SERVES = "`local` or `local:N`: the newest or the Nth run of `whyred run` on this machine"
ORDER = 10
_TARGET = re.compile(r"local(?::([1-9][0-9]{0,17}))?")
_NUMBER = re.compile(r"[1-9][0-9]{0,17}")
_CHUNK = 1 << 20
_MARK = re.compile(r"^(?:\d{4}-\d\d-\d\dT[0-9:.]+Z )?(⭐ Run Main .+)$".encode(), re.M)
_LIMIT = 16 << 20
"""Bytes of a run.json; a larger one is none of ours."""


@dataclass(frozen=True, slots=True)
class RunFolder:
    """The folder of one local run."""

    number: int
    path: Path

    @property
    def label(self) -> str:
        """How a person names the run."""
        return f"local:{self.number}"

    @property
    def record(self) -> Path:
        """The attempt as JSON."""
        return self.path / "run.json"

    @property
    def log(self) -> Path:
        """The masked log."""
        return self.path / "job.log"

    @property
    def workflow(self) -> Path:
        """A copy of the workflow file that was run."""
        return self.path / "workflow.yml"

    @property
    def workspace(self) -> Path:
        """GITHUB_WORKSPACE of the run."""
        return self.path / "workspace"

    @property
    def temp(self) -> Path:
        """RUNNER_TEMP of the run."""
        return self.path / "temp"


def accepts(target: str) -> bool:
    """Whether the target is `local` or `local:N`."""
    return _TARGET.fullmatch(target) is not None


def fetch(target: str, given: Given) -> Fetched:
    """The attempt and the log of a local run. Raises MissingLogError."""
    if given.runs is None:
        help_ = "no folder for local runs is known: set HOME or XDG_DATA_HOME"
        raise MissingLogError(Missing.NOT_FOUND, f"look for {target}", help_)
    folder = find(given.runs, target)
    return Fetched(_load(folder), open_log(folder), f"{NAME}: {folder.log}")


def in_steps(fetched: Fetched) -> Fetched:
    """The log of a local run with each step before the line by which `whyred run` marked it; those that were not run
    stand before the next one.
    """
    return replace(fetched, chunks=_in_steps(fetched), boundaries=Boundaries.TOLD)


def _in_steps(fetched: Fetched) -> Iterator[bytes | Step]:
    left = deque(fetched.attempt.steps)
    for data in lines(chunk for chunk in fetched.chunks if isinstance(chunk, bytes)):
        at = 0
        for mark in _MARK.finditer(data):
            place = next((n for n, step in enumerate(left) if fit(step, mark[1]) is Fit.EXACT), None)
            if place is None:
                continue
            if mark.start() > at:
                yield data[at : mark.start()]
            yield from (left.popleft() for _ in range(place + 1))
            at = mark.start()
        if at < len(data):
            yield data[at:]
    yield from left


def listing(runs: Path) -> list[RunFolder]:
    """All local runs, oldest first; none when the folder does not exist. Raises MissingLogError (no permission)."""
    try:
        entries = [e for e in os.scandir(runs) if _NUMBER.fullmatch(e.name) and e.is_dir(follow_symlinks=False)]
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as e:
        raise MissingLogError(Missing.NO_PERMISSION, f"list {runs}", f"{e.strerror}: make it readable") from e
    return sorted((RunFolder(int(e.name), runs / e.name) for e in entries), key=lambda r: r.number)


def new_run(runs: Path) -> RunFolder:
    """A new, empty run folder with the next number, its `workspace` and `temp`; private to this user.

    Two processes at once get two numbers, for mkdir(2) lets only one of them have each. Raises OSError.
    """
    runs.mkdir(parents=True, exist_ok=True, mode=0o700)
    number = max((r.number for r in listing(runs)), default=0) + 1
    while True:
        folder = RunFolder(number, runs / str(number))
        try:
            folder.path.mkdir(mode=0o700)
        except FileExistsError:
            number += 1
            continue
        folder.workspace.mkdir()
        folder.temp.mkdir()
        return folder


def save(folder: RunFolder, attempt: Attempt, workflow: Mapping[str, str] | None = None) -> None:
    """Write `run.json` so that a reader sees the old one or the new one, never a part. Raises OSError.

    `workflow` says what was run (file, job, repository, ...), for people.
    """
    data = {"version": 1, "workflow": dict(workflow or {}), "attempt": attempt_to_json(attempt)}
    part = folder.record.with_suffix(".json.new")
    with part.open("w", encoding="utf-8", errors="backslashreplace") as file:
        json.dump(data, file, indent=1, ensure_ascii=False)
        file.flush()
        os.fsync(file.fileno())
    part.replace(folder.record)


def discard_work(folder: RunFolder) -> None:
    """Remove what the steps worked in, of a run that nobody has to look into; its log and record stay."""
    for name in ("workspace", "temp", "commands", "tool_cache"):
        shutil.rmtree(folder.path / name, ignore_errors=True)


def find(runs: Path, target: str) -> RunFolder:
    """The folder that `local` (the newest) or `local:N` names. Raises MissingLogError."""
    match = _TARGET.fullmatch(target)
    if match is None:
        raise MissingLogError(Missing.WRONG_ID_KIND, f"look for {target}", "write `local` or `local:N`")
    known = listing(runs)
    if not known:
        help_ = f"{runs} holds no runs: make one with `whyred run WORKFLOW.yml`"
        raise MissingLogError(Missing.NOT_FOUND, f"look for {target}", help_)
    wanted = known[-1].number if match[1] is None else int(match[1])
    for folder in known:
        if folder.number == wanted:
            return folder
    help_ = f"the runs in {runs} are {_span(known)}: name one of them, or `local` for the newest"
    raise MissingLogError(Missing.NOT_FOUND, f"look for {target}", help_)


def load(runs: Path, target: str) -> Attempt:
    """The attempt of `local` or `local:N`; one that was cut off reads as unknown. Raises MissingLogError."""
    return _load(find(runs, target))


def open_log(folder: RunFolder) -> Iterator[bytes]:
    """The log in chunks of at most 1 MiB. Raises MissingLogError before the first chunk."""
    try:
        descriptor = os.open(folder.log, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError as e:
        help_ = "its job.log is gone: run the workflow again"
        raise MissingLogError(Missing.DELETED, f"read {folder.log}", help_) from e
    except OSError as e:
        reason = Missing.NO_PERMISSION if isinstance(e, PermissionError) else Missing.CORRUPT
        raise MissingLogError(reason, f"read {folder.log}", f"{e.strerror}: make it a readable file") from e
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise MissingLogError(Missing.CORRUPT, f"read {folder.log}", "it is no file: run the workflow again")
    return _chunks(descriptor, folder.log)


def _chunks(descriptor: int, path: Path) -> Iterator[bytes]:
    with os.fdopen(descriptor, "rb", buffering=0) as file:
        try:
            while chunk := file.read(_CHUNK):
                yield chunk
        except OSError as e:
            raise MissingLogError(Missing.CORRUPT, f"read {path}", f"{e.strerror}: check the disk") from e


def _load(folder: RunFolder) -> Attempt:
    asked = f"read {folder.record}"
    try:
        with folder.record.open("rb") as file:
            data = json.loads(file.read(_LIMIT))
        attempt = attempt_from_json(data["attempt"])
    except FileNotFoundError as e:
        help_ = "it was never written or was removed: run the workflow again"
        raise MissingLogError(Missing.CORRUPT, asked, help_) from e
    except OSError as e:
        reason = Missing.NO_PERMISSION if isinstance(e, PermissionError) else Missing.CORRUPT
        raise MissingLogError(reason, asked, f"{e.strerror}: make it a readable file") from e
    except (ValueError, KeyError, TypeError, RecursionError) as e:
        help_ = f"it is damaged ({type(e).__name__}: {e}): run the workflow again; {folder.log} may still be read"
        raise MissingLogError(Missing.CORRUPT, asked, help_) from e
    return _interrupted(attempt) if _cut_off(attempt) else attempt


def _cut_off(attempt: Attempt) -> bool:
    """Whether it is marked running although the process that ran it is gone from this machine."""
    runner = attempt.runner
    return attempt.status is Status.RUNNING and runner is not None and runner.pid is not None and not _alive(runner)


def _alive(runner: Runner) -> bool:
    """Whether that very process runs: same boot, same pid, same start time.

    The start time is field 22 of /proc/PID/stat; the name in field 2 may hold spaces and brackets (man 5 proc).
    """
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        line = Path(f"/proc/{runner.pid}/stat").read_bytes()
    except OSError:
        return False
    state, *rest = line.rpartition(b")")[2].split()
    same = runner.started is None or int(rest[18]) == runner.started
    return same and state not in (b"Z", b"X") and runner.boot in (None, boot)


def _interrupted(attempt: Attempt) -> Attempt:
    """The attempt as it must be read after its process vanished: cut off, and the open step says so."""
    steps = list(attempt.steps)
    if steps and steps[-1].ended is None and steps[-1].started is not None:
        reason = "interrupted: the whyred process that ran this step is gone"
        steps[-1] = replace(steps[-1], conclusion=Conclusion.UNKNOWN, reason=reason)
    return replace(attempt, status=Status.UNKNOWN, conclusion=Conclusion.CANCELLED, steps=tuple(steps))


def _span(known: list[RunFolder]) -> str:
    return str(known[0].number) if len(known) == 1 else f"{known[0].number} to {known[-1].number}"
