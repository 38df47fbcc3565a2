"""The files in which `whyred tap` keeps what runners told a forge, and how they are read.

Below the folder of all taps there is one folder a forge, named by its root URL. In it a task has two files, to which
lines are only ever added. `TASK.log` holds its rows as forges store them, masked. `TASK.jsonl` says what they are:

- `{"task", "repo", "run_id", "run_number", "attempt", "job", "steps", "server", "runner"}`: what the task is;
  `steps` are the names of the job's steps where they have one, `server` the forge's URL by its own word;
- `{"state": [result, started, stopped], "steps": [[id, result, started, stopped, first row, rows], ...]}`: how far it
  is; of the steps only those that changed;
- `{"rows": [line, row]}`: from this line of the log on (counted from 0) stands the row of this number, and further ones
  behind it. Lines that belong to no row are notes of the tap on rows that it does not have;
- `{"end": true}`: the forge has all rows.
"""

import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import BinaryIO
from urllib.parse import quote, unquote

from whyred.sources._fields import Fields
from whyred.sources._runner_calls import StepTold

LOCK = "lock"
"""A file in a forge's folder that a tap holds locked as long as it runs."""
_MOST = 256 << 20
"""Bytes of a task's second file that are read: more than a job of days tells."""
_MOST_LINE = 1 << 20
_MOST_NUMBER = 1 << 53


@dataclass(frozen=True, slots=True)
class What:
    """What a task is, as far as the tap was told."""

    task: int
    repo: str | None = None
    run_id: int | None = None
    run_number: int | None = None
    attempt: int | None = None
    job: str | None = None
    steps: tuple[str, ...] = ()
    """Their names; "" where a step has none."""
    server: str | None = None
    runner: str | None = None

    def same_run(self, other: "What") -> bool:
        """Whether this can be the same task: a forge that was set up anew counts its tasks from 1 again."""
        mine, theirs = (self.repo, self.run_id, self.attempt), (other.repo, other.run_id, other.attempt)
        return all(a is None or b is None or a == b for a, b in zip(mine, theirs, strict=True))


@dataclass(frozen=True, slots=True)
class Kept:
    """What is kept of a task, but for its rows. Times are seconds since the epoch."""

    folder: Path
    what: What
    result: int = 0
    started: float | None = None
    stopped: float | None = None
    steps: Mapping[int, StepTold] = field(default_factory=dict)
    segments: tuple[tuple[int, int], ...] = ()
    """From which line of the log on which row stands there; rising. Before the first, rows and lines are the same."""
    complete: bool = False
    """The forge has all rows, and so has the tap, but for those that it says it has not."""

    @property
    def log(self) -> Path:
        """The file of its rows."""
        return self.folder / f"{self.what.task}.log"

    def lines(self, first: int, count: int) -> tuple[int, int]:
        """Where the rows `[first, first + count)` stand: their first line, and how many lines are there for them."""
        starts = (self.line_of(first), self.line_of(first + count))
        return starts[0], starts[1] - starts[0]

    def line_of(self, row: int) -> int:
        """The line of a row; of one that is missing, the line of the note that says so."""
        line = index = 0
        for start, at in self.segments:
            if at > row:
                return min(line + row - index, start - 1)
            line, index = start, at
        return line + row - index


def folder_of(taps: Path, root: str) -> Path:
    """The folder of a forge."""
    return taps / quote(root, safe="")


def forge_folders(taps: Path) -> Iterator[tuple[Path, str]]:
    """Every forge's folder, with its root URL. Raises OSError."""
    with os.scandir(taps) as entries:
        names = sorted(e.name for e in entries if e.is_dir(follow_symlinks=False))
    for name in names:
        yield taps / name, unquote(name)


def tasks(folder: Path) -> list[int]:
    """The tasks of a forge's folder, newest first. Raises OSError."""
    with os.scandir(folder) as entries:
        stems = [e.name.removesuffix(".jsonl") for e in entries if e.name.endswith(".jsonl")]
    return sorted((int(stem) for stem in stems if stem.isascii() and stem.isdecimal()), reverse=True)


def read_what(folder: Path, task: int) -> What:
    """What a task is, by its first record alone. Raises OSError."""
    with _open(folder, task) as file:
        record = Fields(_json(file.readline(_MOST_LINE)))
    return _read_what(record, task) if "task" in record.data else What(task)


def read_kept(folder: Path, task: int) -> Kept | None:
    """What is kept of a task; None where nothing is. Raises OSError."""
    try:
        opened = _open(folder, task)
    except FileNotFoundError:
        return None
    with opened as file:
        return _read_records(Kept(folder, What(task)), file)


def _open(folder: Path, task: int) -> BinaryIO:
    flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
    return os.fdopen(os.open(folder / f"{task}.jsonl", flags), "rb")


def _read_records(kept: Kept, file: BinaryIO) -> Kept:
    steps, segments = dict(kept.steps), list(kept.segments)
    for line in file.read(_MOST).splitlines(keepends=True):
        record = Fields(_json(line))
        if "task" in record.data:
            kept = replace(kept, what=_read_what(record, kept.what.task))
        elif "state" in record.data:
            result, started, stopped = _numbers(record.data["state"], 3)
            kept = replace(kept, result=int(result or 0), started=started, stopped=stopped)
            told = record.data.get("steps")
            changed = [_read_step(row) for row in (told if isinstance(told, list) else ())]
            steps |= {step.id: step for step in changed}
        elif "rows" in record.data:
            start, at = (int(n or 0) for n in _numbers(record.data["rows"], 2))
            while segments and segments[-1][0] >= start:
                segments.pop()  # it told of lines that could not be written
            segments.append((start, at))
        elif record.flag("end"):
            kept = replace(kept, complete=True)
    return replace(kept, steps=steps, segments=tuple(segments))


def _json(line: bytes) -> object:
    """A line's value; of one that is cut off, as after a crash, there is none."""
    if not line.endswith(b"\n"):
        return None
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        return None


def write_what(what: What) -> dict[str, object]:
    """A task's first record."""
    told = {
        "task": what.task,
        "repo": what.repo,
        "run_id": what.run_id,
        "run_number": what.run_number,
        "attempt": what.attempt,
        "job": what.job,
        "steps": list(what.steps),
        "server": what.server,
        "runner": what.runner,
    }
    return {key: value for key, value in told.items() if value is not None}


def _read_what(record: Fields, task: int) -> What:
    return What(
        task,
        record.text("repo"),
        record.positive("run_id"),
        record.positive("run_number"),
        record.positive("attempt"),
        record.text("job"),
        record.texts("steps") or (),
        record.text("server"),
        record.text("runner"),
    )


def write_step(step: StepTold) -> list[float | None]:
    """A step in a record."""
    return [step.id, step.result, step.started, step.stopped, step.first, step.count]


def _read_step(row: object) -> StepTold:
    number, result, started, stopped, first, count = _numbers(row, 6)
    return StepTold(int(number or 0), int(result or 0), started, stopped, int(first or 0), int(count or 0))


def _numbers(value: object, count: int) -> list[float | None]:
    """That many numbers; what is none in a damaged file counts as not told."""
    given = value if isinstance(value, list) else []
    plain = [v if type(v) in (int, float) and abs(v) < _MOST_NUMBER else None for v in given[:count]]
    return plain + [None] * (count - len(plain))


def has_tap(folder: Path) -> bool:
    """Whether a tap keeps rows in a forge's folder now."""
    try:
        descriptor = os.open(folder / LOCK, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False
