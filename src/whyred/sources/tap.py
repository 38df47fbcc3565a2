"""What `whyred tap` kept on this machine between runners and a forge: rows as the forge has them, exact steps, also
while a job runs and when the forge is gone. It knows only the jobs of runners that reached the forge through it.
"""

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import groupby
from pathlib import Path

from whyred.model.forge import Kind, RunQuery
from whyred.model.run import Attempt, Conclusion, Job, Run, Runner, Status, Step
from whyred.model.source import Boundaries, Fetched, Missing, MissingLogError
from whyred.sources._forge_api import label
from whyred.sources._log_parts import Cutter, Part, Told, cut, ended, parts, split, told
from whyred.sources._runner_calls import StepTold
from whyred.sources._tap_files import Kept, What, forge_folders, has_tap, read_kept, read_what, tasks
from whyred.sources.pace import Pace
from whyred.sources.reach import Reach, Want

NAME = "tap"
SERVES = "what `whyred tap` kept on this machine between a runner and its Forgejo or Gitea"
ORDER = 140
KINDS = frozenset({Kind.FORGEJO, Kind.GITEA})
WITHOUT_SERVER = True
PARTIAL = True
"""It knows not every run."""
_PIECE = 1 << 18
_MANY = 5000
"""Tasks that are looked through for one run."""
_LATE = 3
"""How often the last word on the steps is waited for, which comes after the last row."""
_CUT_SHORT = b"whyred tap: the end of this log is not here: the tap was stopped before the job had ended\n"


def refuses(reach: Reach) -> MissingLogError | None:
    """A tap must have kept something on this machine."""
    if reach.tapped is not None and reach.tapped.is_dir():
        return None
    help_ = (
        "no tap kept anything here: where the runner is, `whyred tap --upstream URL` keeps the logs of the jobs to come"
    )
    return MissingLogError(Missing.NOT_FOUND, f"look for what a tap kept of {reach.server.root}", help_)


def runs(reach: Reach, repo: str, query: RunQuery) -> Iterator[Run]:
    """Runs of which a job was seen, newest first. Of a run no more is known than its jobs that were."""
    asked = f"look for runs of {repo} that a tap saw"
    if any((query.branch, query.commit, query.workflow, query.event)):
        help_ = "a tap keeps neither commit nor branch of a run, nor its workflow or event: name it by its number"
        raise MissingLogError(Missing.WRONG_ID_KIND, asked, help_)
    found = [kept for kept in _all(reach, asked) if kept.what.run_id is not None and _is_of(kept.what, repo)]
    found.sort(key=lambda kept: (kept.what.run_id or 0, kept.what.task), reverse=True)
    for _, group in groupby(found, lambda kept: kept.what.run_id):
        run = _run(repo, _newest(group, asked))
        if query.keeps(run):
            yield run


def attempts(reach: Reach, run: Run) -> tuple[Attempt, ...]:
    """The newest attempt of every job that was seen."""
    asked = f"look for jobs of {run.label} that a tap saw"
    newest = _newest((kept for kept in _all(reach, asked) if _of_run(kept.what, run)), asked)
    if not newest:
        raise _unseen(asked)
    run = _run(run.repo or "", newest) if run.status is Status.UNKNOWN else run
    return tuple(_attempt(run, kept) for kept in newest)


def steps(reach: Reach, attempt: Attempt) -> Attempt:
    """The attempt with its steps."""
    return _filled(attempt, _found(reach, attempt))


def log(reach: Reach, attempt: Attempt, want: Want) -> Fetched:
    """The rows, cut at the steps' first rows."""
    kept = _found(reach, attempt)
    attempt = _filled(attempt, kept)
    follows = want.follow and attempt.status is Status.RUNNING
    if not _size(kept) and not follows:
        raise _no_row(attempt)
    chunks = _follow(reach, kept, want) if follows else _read(kept, want)
    return Fetched(attempt, chunks, NAME, boundaries=Boundaries.TOLD if kept.steps else Boundaries.GUESSED)


@dataclass(frozen=True, slots=True)
class _Entry:
    """A task that is kept, and where."""

    folder: Path
    root: str
    what: What


def _all(reach: Reach, asked: str, task: int | None = None) -> Iterator[_Entry]:
    """The tasks of this forge that are kept, newest first, or the one of this number. Raises MissingLogError."""
    if refused := refuses(reach):
        raise refused
    assert reach.tapped is not None
    try:
        for folder, root in forge_folders(reach.tapped):
            for number in tasks(folder)[:_MANY] if task is None else [task]:
                with suppress(FileNotFoundError):
                    what = read_what(folder, number)
                    if reach.server.root in (root, what.server):
                        yield _Entry(folder, root, what)
    except OSError as e:
        raise _unreadable(e, asked) from e


def _whole(entry: _Entry, asked: str) -> Kept:
    """All that is kept of a task. Raises MissingLogError."""
    try:
        kept = read_kept(entry.folder, entry.what.task)
    except OSError as e:
        raise _unreadable(e, asked) from e
    return kept or Kept(entry.folder, entry.what)


def _newest(entries: Iterable[_Entry], asked: str) -> list[Kept]:
    """Of tasks that come newest first the first of each job, in the order in which they began."""
    newest: dict[str, _Entry] = {}
    for entry in entries:
        newest.setdefault(entry.what.job or "", entry)
    return [_whole(entry, asked) for entry in sorted(newest.values(), key=lambda entry: entry.what.task)]


def _unreadable(error: OSError, asked: str) -> MissingLogError:
    reason = Missing.NO_PERMISSION if isinstance(error, PermissionError) else Missing.CORRUPT
    help_ = f"{error.filename}: {error.strerror}: only the user whom the tap ran as may read what it kept"
    return MissingLogError(reason, asked, help_)


def _unseen(asked: str) -> MissingLogError:
    help_ = "the tap knows only jobs of runners that reach the forge through it, from when it was started"
    return MissingLogError(Missing.NOT_FOUND, asked, help_)


def _no_row(attempt: Attempt) -> MissingLogError:
    asked = f"read what a tap kept of {attempt.run.label}"
    if attempt.status is Status.DONE:
        help_ = "the runner took the job and never sent a line: look into the runner's own log on its machine"
        return MissingLogError(Missing.NOT_STARTED, asked, help_)
    help_ = "the runner has sent no line yet: try again in some seconds"
    return MissingLogError(Missing.STILL_RUNNING, asked, help_)


def _found(reach: Reach, attempt: Attempt) -> Kept:
    """What is kept of an attempt: by its number, else the newest of its job."""
    asked = f"look for the job {attempt.job.name if attempt.job else ''} of {attempt.run.label} that a tap saw"
    for entry in _all(reach, asked, attempt.id):
        what = entry.what
        by_name = attempt.job is None or what.job == attempt.job.name or (what.job is None and attempt.id is not None)
        wanted = attempt.id is not None or (_of_run(what, attempt.run) and attempt.number in (None, what.attempt))
        if wanted and by_name and _is_of(what, attempt.run.repo, unknown=attempt.id is not None):
            return _whole(entry, asked)
    raise _unseen(asked)


def _is_of(what: What, repo: str | None, *, unknown: bool = False) -> bool:
    """Whether a task is one of a repository, whose name forges take in any case. `unknown`: also where nobody knows."""
    if what.repo is None or repo is None:
        return unknown
    return what.repo.lower() == repo.lower()


def _of_run(what: What, run: Run) -> bool:
    if not _is_of(what, run.repo):
        return False
    if run.id is not None:
        return what.run_id == run.id
    return run.number is not None and what.run_number == run.number


def _run(repo: str, kept: Sequence[Kept]) -> Run:
    """A run, as far as its jobs tell. That all of them went well says nothing of those that were not seen."""
    what = kept[0].what
    states = [_state(one) for one in kept]
    status, conclusion = Status.UNKNOWN, Conclusion.UNKNOWN
    if any(step.status is Status.RUNNING for step in states):
        status = Status.RUNNING
    elif any(step.conclusion is Conclusion.FAILURE for step in states):
        status, conclusion = Status.DONE, Conclusion.FAILURE
    starts = [step.started for step in states if step.started]
    return Run(
        label(repo, what.run_number),
        repo=what.repo or repo,
        id=what.run_id,
        number=what.run_number,
        status=status,
        conclusion=conclusion,
        started=min(starts, default=None),
    )


def _attempt(run: Run, kept: Kept) -> Attempt:
    return _filled(Attempt(run, Job(None, kept.what.job or "job"), id=kept.what.task), kept)


def _filled(attempt: Attempt, kept: Kept) -> Attempt:
    state = _state(kept)
    return replace(
        attempt,
        id=kept.what.task,
        number=kept.what.attempt or attempt.number,
        status=state.status,
        conclusion=state.conclusion,
        started=state.started,
        ended=state.ended,
        runner=attempt.runner or (Runner(name=kept.what.runner) if kept.what.runner else None),
        steps=tuple(part.step for part in _layout(kept)),
    )


def _state(kept: Kept) -> Step:
    """Status, conclusion and times of an attempt. Once the tap is gone, an end that it did not see is not known."""
    status, conclusion = ended(kept.result) if kept.result else (Status.RUNNING, Conclusion.UNKNOWN)
    if status is Status.RUNNING and not has_tap(kept.folder):
        status = Status.UNKNOWN
    return Step("job", conclusion, kept.started, kept.stopped, status=status)


def _layout(kept: Kept, lines: int | None = None) -> tuple[Part, ...]:
    """The steps with their lines."""
    rows = _told(kept)
    job = _state(kept)
    return parts(job, told(1 << 62, rows) if lines is None else lines, rows)


def _told(kept: Kept) -> list[Told]:
    return [_step(kept, kept.steps[number]) for number in sorted(kept.steps)]


def _step(kept: Kept, told_: StepTold) -> Told:
    names = kept.what.steps
    name = (names[told_.id] if 0 <= told_.id < len(names) else "") or f"Step {told_.id + 1}"
    status, conclusion = ended(told_.result) if told_.result else (Status.WAITING, Conclusion.UNKNOWN)
    if not told_.result and told_.started is not None:
        status = Status.RUNNING
    first, count = kept.lines(told_.first, told_.count)
    return Told(Step(name, conclusion, told_.started, told_.stopped, status=status), first, count)


def _size(kept: Kept) -> int:
    try:
        return kept.log.lstat().st_size
    except FileNotFoundError:
        return 0
    except OSError as e:
        raise _unreadable(e, f"read {kept.log}") from e


def _text(kept: Kept, start: int = 0) -> Iterator[bytes]:
    """The rows from byte `start` on, whole lines only: the last one may be in the writing. Raises MissingLogError."""
    try:
        descriptor = os.open(kept.log, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError:
        return
    except OSError as e:
        raise _unreadable(e, f"read {kept.log}") from e
    with os.fdopen(descriptor, "rb", buffering=0) as file:
        file.seek(start)
        held = b""
        while data := file.read(_PIECE):
            data = held + data
            end = data.rfind(b"\n") + 1
            held = data[end:]
            if end:
                yield data[:end]


def _read(kept: Kept, want: Want) -> Iterator[bytes | Step]:
    """What is wanted of the rows that are there."""
    layout, line, start = _layout(kept, _count(_text(kept))), 0, 0
    if want.tail is not None and (start := max(0, _size(kept) - want.tail)):
        line, start = _line_at(kept, start)
    places = want.places(tuple(part.step for part in layout)) if layout else None
    yield from cut(_text(kept, start), layout, None if places is None else frozenset(places), line)
    if not kept.complete and not has_tap(kept.folder) and places is None:
        yield _CUT_SHORT


def _count(chunks: Iterator[bytes]) -> int:
    return sum(chunk.count(b"\n") for chunk in chunks)


def _line_at(kept: Kept, start: int) -> tuple[int, int]:
    """The first line that begins at byte `start` or later, and where it does."""
    line = at = 0
    for chunk in _text(kept):
        if at + len(chunk) >= start:
            end = chunk.find(b"\n", max(0, start - 1 - at)) + 1
            return line + chunk.count(b"\n", 0, end), at + end
        line, at = line + chunk.count(b"\n"), at + len(chunk)
    return line, at


def _follow(reach: Reach, kept: Kept, want: Want) -> Iterator[bytes | Step]:
    """The rows as they are kept, until the forge has all, or the tap is gone."""
    pace = Pace(reach.http.sleep, reach.http.clock)
    growing = _Growing(kept, want)
    while True:
        alive = has_tap(kept.folder)
        before = growing.have
        yield from growing.new(last=not alive)
        if growing.ended:
            if not growing.kept.complete:
                yield _CUT_SHORT
            return
        if growing.have > before:
            pace.moved()
        pace.idle()


@dataclass
class _Growing:
    """A log that grows, and how much of it was given. Rows come before the word of whose they are, and wait for it."""

    kept: Kept
    want: Want
    cutter: Cutter = field(default_factory=Cutter)
    have: int = 0
    ended: bool = False
    _lines: int = 0
    _late: int = 0

    def new(self, *, last: bool) -> Iterator[bytes | Step]:
        """What is there since the last look; with `last` nothing is waited for."""
        kept = self.kept = read_kept(self.kept.folder, self.kept.what.task) or self.kept
        count = self.cutter.line + _count(_text(kept, self.have))
        layout = _layout(kept, count)
        places = self.want.places(tuple(part.step for part in layout)) if layout else None
        self.cutter.wanted = None if places is None else frozenset(places)
        self._late += kept.complete
        done = self.ended = last or (kept.complete and (kept.result != 0 or self._late > _LATE))
        ready = None if done else max(told(count, _told(kept)), self._lines)
        self._lines = count
        for piece in _text(kept, self.have):
            taken, rest = split(piece, ready, self.cutter.line)
            self.have += len(taken)
            yield from self.cutter.cut(taken, layout)
            if rest:
                break
        if done:
            yield from self.cutter.tell(layout, len(layout))
