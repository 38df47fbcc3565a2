"""The log of a job on GitHub, in steps: its text, cut by the steps' times and the runner's marks; or, where only some
steps are wanted or the text is missing, the run's zip, in which each step is a file of its own.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from io import BytesIO
from itertools import chain
from typing import IO, cast

from whyred.logs.steps_by_time import STAMP, begun, split
from whyred.model.run import Attempt, Conclusion, Step
from whyred.model.source import Boundaries, Fetched, Missing, MissingLogError
from whyred.sources import _growing
from whyred.sources._github_jobs import job_path, jobs, look, run_path
from whyred.sources._github_stored import Stored
from whyred.sources._github_zip import LogZip
from whyred.sources._parts import Parts, Reader, around_steps, parts
from whyred.sources.http import Stream
from whyred.sources.pace import Pace
from whyred.sources.reach import Reach, Want

_BY_TEXT, _BY_ZIP = "github: text of the job", "github: zip of the run"
_ZIP = 32 << 20
"""Bytes of a zip that is read whole where the storage gives no parts of it."""
_NO_LOG = (Missing.NOT_FOUND, Missing.DELETED, Missing.EXPIRED)

Cut = tuple[Iterator[bytes | Step], Boundaries]


def ended(reach: Reach, attempt: Attempt, want: Want) -> Fetched:
    """The log of an attempt that has ended. Raises MissingLogError."""
    if _never_ran(attempt):
        help_ = f"the job was {attempt.conclusion} before any step of it ran, so there is no log"
        raise MissingLogError(Missing.NOT_STARTED, f"read the log of {attempt.run.label}", help_)
    places = _places(attempt, want)
    refused: tuple[tuple[str, MissingLogError], ...] = ()
    if places is not None and not want.text_only:
        try:
            stream = _zipped(reach, attempt).steps_only(places)
        except MissingLogError as e:
            if e.reason is Missing.RATE_LIMITED:
                raise
            refused = ((_BY_ZIP, e),)
        else:
            return Fetched(attempt, stream, _BY_ZIP, boundaries=Boundaries.TOLD)
    try:
        cut, boundaries = _text(reach, attempt, places, want.tail)
    except MissingLogError as e:
        if e.reason not in _NO_LOG or _gone(reach, e):
            raise
        return _instead(reach, attempt, places, _lost(reach, attempt, e))
    return Fetched(attempt, cut, _BY_TEXT, boundaries=boundaries, refused=refused)


def _places(attempt: Attempt, want: Want) -> tuple[int, ...] | None:
    """The places of the wanted steps; None for all, and where the steps are not known."""
    places = want.places(attempt.steps) if attempt.steps else None
    if places == ():
        names = ", ".join(step.name for step in attempt.steps)
        help_ = f"the job has no such step; its steps are: {names}"
        raise MissingLogError(Missing.NOT_FOUND, f"read the log of {attempt.run.label}", help_)
    return places


def _gone(reach: Reach, error: MissingLogError) -> bool:
    """Whether the API itself said that the time of the run's logs has passed (410): the zip is gone as well."""
    return error.reason is Missing.EXPIRED and error.asked.startswith(f"GET {reach.http.root}/")


def _never_ran(attempt: Attempt) -> bool:
    none = attempt.runner is None and not any(begun(step) for step in attempt.steps)
    return none and attempt.conclusion in (Conclusion.SKIPPED, Conclusion.CANCELLED)


def _lost(reach: Reach, attempt: Attempt, error: MissingLogError) -> MissingLogError:
    """GitHub says 404 of a job that is hidden and of a text that is gone: the job itself tells which. Raises
    MissingLogError where it is the job.
    """
    if error.reason is not Missing.NOT_FOUND:
        return error
    look(reach, attempt)
    help_ = (
        "GitHub knows the job and has no log of it: it was deleted, its time has passed, or the runner was lost before "
        "it sent any. Run the job again (whyred rerun)"
    )
    return MissingLogError(Missing.DELETED, error.asked, help_)


def _instead(reach: Reach, attempt: Attempt, places: Sequence[int] | None, missing: MissingLogError) -> Fetched:
    """The zip in place of a text that is missing. Raises what was said of the text where it is missing there too."""
    try:
        zipped = _zipped(reach, attempt)
        chunks = zipped.text(attempt.ended)
        if chunks is None:
            stream, boundaries = zipped.steps_only(places), Boundaries.TOLD
        else:
            stream, boundaries = _cut(chunks, attempt, places, middle=False)
    except MissingLogError:
        raise missing from None
    return Fetched(attempt, stream, _BY_ZIP, boundaries=boundaries, refused=((_BY_TEXT, missing),))


# --- the text ---------------------------------------------------------------------------------------------------------


def _text(reach: Reach, attempt: Attempt, places: Sequence[int] | None, tail: int | None) -> Cut:
    stored = Stored(reach, f"{job_path(attempt)}/logs")
    if places is None and tail is None:
        pace = Pace(reach.http.sleep, reach.http.clock)
        return _cut(_growing.growing(stored.open, attempt, Want(), lambda: attempt, pace), attempt, None, middle=False)
    file = parts(stored.open)
    if isinstance(file, Stream):
        return _cut(file.chunks(), attempt, places, middle=False)
    if places is not None:
        start, stop = around_steps(file, attempt.steps, places)
    else:
        start, stop = max(0, file.size - (tail or 0)), file.size
    return _cut(file.stream(start, stop), attempt, places, middle=start > 0)


def _cut(chunks: Iterator[bytes], attempt: Attempt, places: Sequence[int] | None, *, middle: bool) -> Cut:
    """The chunks in steps, where their lines have times and the steps too. What breaks at once breaks here."""
    first = next(chunks, b"")
    if not first and not middle:
        help_ = "GitHub has an empty log of it, though it ran: the runner was lost before it sent any. Run it again"
        raise MissingLogError(Missing.DELETED, f"read the log of {attempt.run.label}", help_)
    stream = chain((first,), chunks)
    if not any(begun(step) for step in attempt.steps) or not STAMP.search(first):
        return (split(stream, (), middle=True) if middle else stream), Boundaries.GUESSED
    return _wanted(split(stream, attempt.steps, middle=middle), attempt.steps, places), Boundaries.TIMES


def _wanted(
    stream: Iterator[bytes | Step], steps: Sequence[Step], wanted: Sequence[int] | None
) -> Iterator[bytes | Step]:
    """Only these steps, and what comes before the first step only where all are wanted."""
    if wanted is None:
        yield from stream
        return
    places = {id(step): place for place, step in enumerate(steps)}
    mine = False
    for item in stream:
        if isinstance(item, Step):
            mine = places[id(item)] in wanted
        if mine:
            yield item


# --- the zip ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Zipped:
    """The zip of a run with what is needed to find a job in it: its name, those of all jobs, its steps with their
    numbers.
    """

    archive: LogZip
    asked: str
    name: str
    names: tuple[str, ...]
    steps: tuple[tuple[int | None, Step], ...]

    def text(self, ended: float | None) -> Iterator[bytes] | None:
        """The whole text of the job."""
        return self.archive.whole(self.name, self.names, ended)

    def steps_only(self, wanted: Sequence[int] | None) -> Iterator[bytes | Step]:
        """These steps, all of them for None, each before its text. Raises MissingLogError where they are not there."""
        picked = [(n, s) for i, (n, s) in enumerate(self.steps) if n is not None and (wanted is None or i in wanted)]
        texts = self.archive.steps(self.name, self.names, picked) if any(begun(s) for _, s in picked) else None
        if texts is None:
            help_ = "the zip of the run's logs has no files of these steps, or not surely of this job"
            raise MissingLogError(Missing.DELETED, self.asked, help_)
        return _each_before(picked, texts)


def _each_before(picked: Sequence[tuple[int, Step]], texts: Sequence[Iterator[bytes]]) -> Iterator[bytes | Step]:
    for (_, step), text in zip(picked, texts, strict=True):
        yield step
        yield from text


def _zipped(reach: Reach, attempt: Attempt) -> _Zipped:
    run, job = attempt.run, attempt.job
    path = run_path(run) + ("" if attempt.number is None else f"/attempts/{attempt.number}") + "/logs"
    asked = f"GET {reach.http.root}{path}"
    answers = tuple(jobs(reach, run, attempt.number))
    own = next((a for a in answers if job and a.attempt.job and a.attempt.job.id == job.id), None)
    if own is None or job is None or len(own.numbers) != len(attempt.steps):
        raise MissingLogError(Missing.NOT_FOUND, asked, "GitHub does not list the job with these steps in this attempt")
    file = _seekable(Stored(reach, path), asked)
    names = tuple(a.attempt.job.name for a in answers if a.attempt.job)
    return _Zipped(LogZip(file, asked), asked, job.name, names, tuple(zip(own.numbers, attempt.steps, strict=True)))


def _seekable(stored: Stored, asked: str) -> IO[bytes]:
    file = parts(stored.open)
    if isinstance(file, Parts):
        return cast(IO[bytes], Reader(file))
    data = b""
    for piece in file.chunks():
        data += piece
        if len(data) > _ZIP:
            file.close()
            help_ = (
                f"the zip is larger than {_ZIP >> 20} MiB, and its storage gives no parts of it: take the job's text"
            )
            raise MissingLogError(Missing.TOO_LARGE, asked, help_)
    return BytesIO(data)
