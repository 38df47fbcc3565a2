"""`logs` of what is no run on a forge: a log file, standard input, a bundle, downloaded logs, a local run."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial

from whyred.app import targets
from whyred.app.flow import limited
from whyred.app.library import Library
from whyred.app.log_pieces import Log, LogWish, Opened, Piece, pieces, told_marks
from whyred.app.logs import each
from whyred.model.run import Attempt, Step
from whyred.model.source import Fetched, Missing, MissingLogError
from whyred.sources import downloads, local
from whyred.sources.reach import Want


def file_logs(wish: LogWish, target: str, library: Library, progress: Callable[[str], None]) -> Iterator[Piece]:
    """The pieces of every log that the target holds, as `logs` gives them. Raises UserError and MissingLogError."""
    jobs = [_log(attempt, open_, wish) for attempt, open_ in _opens(wish, target, progress)]
    yield from each([(log.attempt, pieces(wish, log, library)) for log in jobs], library)


def _opens(wish: LogWish, target: str, progress: Callable[[str], None]) -> list[tuple[Attempt, Callable[[], Fetched]]]:
    """Each job, and what opens its log."""
    if next((source for source in targets.sources() if source.accepts(target)), None) is downloads:
        progress(f"reading {target}")
        return downloads.each(target, targets.given(), wish.job)
    fetched = targets.fetch(target, progress)
    if (fetched.first or fetched.route).startswith(f"{local.NAME}: "):
        fetched = local.in_steps(fetched)
    targets.refuse_other_job(fetched.attempt, wish.job)
    return [(fetched.attempt, lambda: fetched)]


def _log(attempt: Attempt, open_: Callable[[], Fetched], wish: LogWish) -> Log:
    return Log(
        attempt,
        partial(_opened, open_, wish),
        lambda: attempt.conclusion,
        partial(_unmarked, attempt),
        whole=True,
    )


def _opened(open_: Callable[[], Fetched], wish: LogWish, _want: Want) -> Opened:
    fetched = limited(open_(), wish.most)
    return Opened(replace(fetched, chunks=_begun(fetched)), chosen=False)


def _begun(fetched: Fetched) -> Iterator[bytes | Step]:
    """The log; an empty one is no log. Raises MissingLogError."""
    size = 0
    for chunk in fetched.chunks:
        size += len(chunk) if isinstance(chunk, bytes) else 0
        yield chunk
    if not size:
        help_ = "it is empty, so there is nothing to show: fetch it again when the job has ended"
        raise MissingLogError(Missing.STILL_RUNNING, f"read {fetched.attempt.run.label}", help_)


def _unmarked(attempt: Attempt, marked: Sequence[str]) -> MissingLogError:
    """Why a step cannot be shown apart."""
    how = "name one of these" if marked else "leave --step and --failed away (whyred read finds the errors)"
    help_ = f"{told_marks(marked)}: {how}"
    return MissingLogError(Missing.NOT_FOUND, f"look for the step in {attempt.run.label}", help_)
