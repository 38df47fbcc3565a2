"""What `whyred tap` kept on this machine between runners and a forge: rows as the forge has them, exact steps, also
while a job runs and when the forge is gone. It knows only the jobs of runners that reached the forge through it.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path

from whyred.model.forge import Kind, RunQuery
from whyred.model.run import Attempt, Conclusion, Job, Run, Runner, Status
from whyred.model.source import Boundaries, Fetched, Missing, MissingLogError
from whyred.sources._forge_api import label
from whyred.sources._tap_files import Kept, What, forge_folders, read_kept, read_what, tasks
from whyred.sources._tap_log import follow, layout_of, read, size_of, state_of, unreadable
from whyred.sources.reach import Reach, Want
from whyred.sources.reasons import too_large

NAME = "tap"
SERVES = "what `whyred tap` kept on this machine between a runner and its Forgejo or Gitea"
ORDER = 140
KINDS = frozenset({Kind.FORGEJO, Kind.GITEA})
WITHOUT_SERVER = True
PARTIAL = True
"""It knows not every run."""
_MANY = 5000
"""Tasks that are looked through for one run."""


def knows(taps: Path, root: str) -> bool:
    """Whether a tap kept something of the forge with this root URL, so that it need not answer itself."""
    with suppress(OSError):
        for folder, kept_root in forge_folders(taps):
            if kept_root == root or any(read_what(folder, task).server == root for task in tasks(folder)[:1]):
                return True
    return False


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
    if any((query.branch, query.commit, query.workflow, query.event, query.actor)):
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
    follows, size = want.follow and attempt.status is Status.RUNNING, size_of(kept)
    if not size and not follows:
        raise _no_row(attempt)
    if want.most is not None and want.most < size and want.steps is None and want.tail is None:
        raise too_large(f"read {kept.log}", want.most, size)
    chunks = follow(reach, kept, want) if follows else read(kept, want)
    return Fetched(attempt, chunks, NAME, boundaries=Boundaries.TOLD if attempt.steps else Boundaries.GUESSED)


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
        raise unreadable(e, asked) from e


def _whole(entry: _Entry, asked: str) -> Kept:
    """All that is kept of a task. Raises MissingLogError."""
    try:
        kept = read_kept(entry.folder, entry.what.task)
    except OSError as e:
        raise unreadable(e, asked) from e
    return kept or Kept(entry.folder, entry.what)


def _newest(entries: Iterable[_Entry], asked: str) -> list[Kept]:
    """Of tasks that come newest first the first of each job, in the order in which they began."""
    newest: dict[str, _Entry] = {}
    for entry in entries:
        newest.setdefault(entry.what.job or "", entry)
    return [_whole(entry, asked) for entry in sorted(newest.values(), key=lambda entry: entry.what.task)]


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
    states = [state_of(one) for one in kept]
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
    state = state_of(kept)
    return replace(
        attempt,
        id=kept.what.task,
        number=kept.what.attempt or attempt.number,
        status=state.status,
        conclusion=state.conclusion,
        started=state.started,
        ended=state.ended,
        runner=attempt.runner or (Runner(name=kept.what.runner) if kept.what.runner else None),
        steps=tuple(part.step for part in layout_of(kept)),
    )
