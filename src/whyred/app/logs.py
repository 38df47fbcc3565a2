"""`logs`: the real step logs of a run on a forge, masked, as a stream of pieces that a face shows or writes."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial

from whyred.app.by_script import by_script
from whyred.app.forges import Forges
from whyred.app.ladder import Ladder, worst
from whyred.app.library import Library
from whyred.app.log_pieces import (
    Absent,
    Head,
    Log,
    LogWish,
    Opened,
    Piece,
    may_have_failed,
    nothing_failed,
    pieces,
    told_marks,
)
from whyred.app.log_wait import Note, Wait, again, begun
from whyred.app.masked import masked_attempt, masked_refusal, masked_text
from whyred.app.resolve import chosen
from whyred.model.forge import Kind
from whyred.model.run import Attempt, Conclusion, Status
from whyred.model.source import Boundaries, Missing, MissingLogError
from whyred.sources.reach import Want

_NOT_YET = (Missing.NOT_STARTED, Missing.STILL_RUNNING)
"""What is said of the log of a job in the seconds after a runner took it."""


def logs(wish: LogWish, forges: Forges, library: Library) -> Iterator[Piece]:
    """The pieces of every log that is wanted. Raises UserError, and MissingLogError where not one is to be had.

    What cannot be had of one job among several comes as `Absent`, and the others are shown.
    """
    ladder, found = _attempts(wish, forges)
    if wish.failed and not any(may_have_failed(attempt) for attempt in found):
        yield nothing_failed(found)
        return
    found = [attempt for attempt in found if not wish.failed or may_have_failed(attempt)]
    yield from each([(attempt, _job(wish, ladder, attempt, library)) for attempt in found], library)


def each(jobs: list[tuple[Attempt, Iterator[Piece]]], library: Library) -> Iterator[Piece]:
    """The logs of several jobs, one after the other, with their names masked. Raises MissingLogError where not one is
    to be had.
    """
    mask = library.masker().text
    return (masked(piece, mask) for piece in _each(jobs))


def masked(piece: Piece, mask: Callable[[bytes], bytes]) -> Piece:
    """What is said of a log, masked as the log itself is: people write tokens into the names of jobs, too."""
    if isinstance(piece, Head):
        attempt = masked_attempt(piece.attempt, mask)
        refused = tuple((route, masked_refusal(e, mask)) for route, e in piece.fetched.refused)
        return replace(piece, attempt=attempt, fetched=replace(piece.fetched, refused=refused))
    if isinstance(piece, Absent):
        return Absent(masked_attempt(piece.attempt, mask), masked_refusal(piece.error, mask))
    return Note(masked_text(piece.text, mask)) if isinstance(piece, Note) else piece


def _each(jobs: list[tuple[Attempt, Iterator[Piece]]]) -> Iterator[Piece]:
    absent: list[Absent] = []
    shown_one = False
    for attempt, log in jobs:
        try:
            for piece in log:
                if not shown_one and not isinstance(piece, Note):
                    shown_one = True
                    yield from absent
                yield piece
        except MissingLogError as e:
            if len(jobs) == 1:
                raise
            absent.append(Absent(attempt, e))
            if shown_one:
                yield absent[-1]
    if absent and not shown_one:
        raise worst([(a.attempt.job.name if a.attempt.job else "job", a.error) for a in absent])


def one_log(wish: LogWish, forges: Forges, library: Library) -> tuple[Attempt, list[Attempt], Iterator[Piece]]:
    """The one job of all that are wanted that tells most: itself, all of them, and the pieces of its log.

    Raises UserError and MissingLogError.
    """
    ladder, found = _attempts(wish, forges)
    one = chosen(found)
    if wish.failed and not may_have_failed(one):
        return one, found, iter((nothing_failed(found),))
    return one, found, each([(one, _job(wish, ladder, one, library))], library)


def attempts_of(wish: LogWish, forges: Forges) -> tuple[Ladder, list[Attempt]]:
    """The attempts whose logs are wanted. Raises UserError and MissingLogError."""
    ladder, found = _attempts(wish, forges)
    return ladder, [attempt for attempt in found if not wish.failed or may_have_failed(attempt)]


def _attempts(wish: LogWish, forges: Forges) -> tuple[Ladder, list[Attempt]]:
    assert wish.address is not None
    resolver, address = forges.resolver(wish.address)
    address = replace(address, job_name=wish.job or address.job_name, attempt=wish.attempt or address.attempt)
    found = resolver.attempts(forges.run(resolver, address), address)
    chosen(found)  # it says why a run has no job at all
    return resolver.ladder, found


def _job(wish: LogWish, ladder: Ladder, attempt: Attempt, library: Library) -> Iterator[Piece]:
    if wish.follow:
        attempt = yield from begun(ladder, attempt)
    attempt = ladder.steps(attempt) if wish.failed or wish.step else attempt
    log = Log(
        attempt,
        partial(_opened, ladder, attempt),
        partial(_ended, ladder, attempt),
        partial(_unmarked, ladder, attempt),
    )
    try:
        yield from pieces(wish, log, library)
    except MissingLogError as e:
        if not wish.follow or e.reason is not Missing.NOT_STARTED or _ended(ladder, attempt) is Conclusion.UNKNOWN:
            raise
        yield Absent(again(ladder, attempt), e)  # it has ended without a runner, and how is what was waited for


def _opened(ladder: Ladder, attempt: Attempt, want: Want) -> Opened:
    """The log; while it is followed, its first rows are waited for. Where the routes tell which steps there are, and
    not which lines are whose, all of it.
    """
    wait, now = Wait(ladder), attempt
    while True:
        try:
            fetched = ladder.log(now, want)
            if want.steps is None or fetched.boundaries is not Boundaries.GUESSED:
                return Opened(fetched)
            return Opened(by_script(ladder, fetched), chosen=False)
        except MissingLogError as e:
            if want.follow and now.status is not Status.DONE and e.reason in _NOT_YET:
                wait.idle()
                now = again(ladder, now)
                continue
            absent = Missing.ROUTE_NOT_ON_THIS_VERSION in (e.reason, *(refused.reason for _, refused in e.tried))
            if want.steps is not None and absent:
                with suppress(MissingLogError):  # the first refusal says more
                    return Opened(ladder.log(now, replace(want, steps=None)), chosen=False)
            raise


def _unmarked(ladder: Ladder, attempt: Attempt, marked: Sequence[str]) -> MissingLogError:
    """Why a step cannot be shown apart, where the text marks these alone."""
    reach, asked = ladder.reach, f"look for the step in the log of {attempt.run.label}"
    why = f"no route that works here tells which lines are whose, and {told_marks(marked)}"
    if reach.server.kind in (Kind.FORGEJO, Kind.GITEA) and not reach.http.signed_in:
        help_ = f"{why}. The web pages know: whyred login --web {reach.server.root}"
        return MissingLogError(Missing.NEEDS_WEB_LOGIN, asked, help_)
    return MissingLogError(Missing.ROUTE_NOT_ON_THIS_VERSION, asked, f"{why}. whyred access says what is missing")


def _ended(ladder: Ladder, attempt: Attempt) -> Conclusion:
    """How an attempt ended, asked anew."""
    now = again(ladder, attempt)
    return now.conclusion if now.status is Status.DONE else Conclusion.UNKNOWN
