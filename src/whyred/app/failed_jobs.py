"""A run of which several jobs failed: each of their logs is read once, and what they have in common is found."""

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from time import monotonic

from whyred.app.library import Library
from whyred.app.read_job import ReadJob, read_job
from whyred.app.targets import JobLog, Several
from whyred.diagnosis.group import Failed, brief, group
from whyred.diagnosis.job_names import family
from whyred.diagnosis.match import CANCELLED
from whyred.logs.mask import Masker
from whyred.model.run import Step
from whyred.model.run_failures import JobFailure, NoLog, RunFailures
from whyred.model.source import Missing, MissingLogError

_KEPT = 8
"""Readings that are kept until it is known which one is looked into; another one is read again."""


@dataclass(frozen=True, slots=True)
class ReadRun:
    """The jobs of a run that were read. `first`: the job to look into, `read`: its reading, where it was kept."""

    failures: RunFailures | None
    first: JobLog
    read: ReadJob | None


def read_jobs(several: Several, library: Library, progress: Callable[[str], None]) -> ReadRun | None:
    """What is in the logs of these jobs; None where they tell of no failure, and nobody else does.

    Raises MissingLogError where not one is to be had.
    """
    library.scanner, library.masker()
    work, seen = _Work(library), _Seen(several)
    for place, found in _each(work, several, progress):
        seen.take(place, found)
    return seen.read_run(library.masker())


def _each(
    work: "_Work", several: Several, progress: Callable[[str], None]
) -> Iterator[tuple[int, ReadJob | MissingLogError]]:
    """Each job with what was read of it, as they are done: in threads where a server is waited for."""
    jobs, what = several.jobs, "failed jobs" if several.told else "jobs"
    done = 0
    if not several.told:
        for place, job in enumerate(jobs):
            progress(f"{place} of {len(jobs)} {what} of {several.run} read")
            yield place, work.do(job)[1]
        return
    from whyred.app.crew import Crew

    crew = Crew(work, jobs)
    try:
        crew.start()
        while done < len(jobs):
            progress(f"{done} of {len(jobs)} {what} of {several.run} read")
            for found in crew.brought():
                done += 1
                yield found
    finally:
        crew.stop()


class _StoppedError(Exception):
    """The user wants no more of it."""


class _Work:
    """Reads one job's log in a thread of its own."""

    def __init__(self, library: Library) -> None:
        self._library = library
        self.stopped = threading.Event()

    def do(self, job: JobLog) -> tuple[float, ReadJob | MissingLogError]:
        """What is in the log, or why it is not to be had; and the seconds for which the server was waited for."""
        begin, waited = monotonic(), 0.0
        try:
            fetched = job.open()
            waited = monotonic() - begin
            return waited, read_job(replace(fetched, chunks=self._until_stopped(fetched.chunks)), self._library)
        except MissingLogError as e:
            return waited, e

    def close(self) -> None:
        """Nothing was begun that must be taken away."""

    def _until_stopped(self, chunks: Iterator[bytes | Step]) -> Iterator[bytes | Step]:
        for chunk in chunks:
            if self.stopped.is_set():
                raise _StoppedError
            yield chunk


class _Seen:
    """What is known of the jobs that were read so far: little of each, and a few readings."""

    def __init__(self, several: Several) -> None:
        self._several = several
        self._failed: dict[int, tuple[JobFailure, ...]] = {}
        self._cancelled: list[int] = []
        self._missing: dict[int, MissingLogError] = {}
        self._kept: dict[tuple[str | None, str] | None, tuple[int, ReadJob]] = {}

    def take(self, place: int, found: ReadJob | MissingLogError) -> None:
        """One more job was read."""
        if isinstance(found, MissingLogError):
            if self._several.told or found.reason is not Missing.NOT_STARTED:
                self._missing[place] = found
            return
        matched = found.log.matched
        if not matched.failed and not self._several.told:
            return
        if matched.class_ == CANCELLED and all(failure.class_ == CANCELLED for failure in matched.failures):
            self._cancelled.append(place)
        else:
            self._failed[place] = tuple(map(brief, matched.failures))
        self._keep(place, found)

    def _keep(self, place: int, found: ReadJob) -> None:
        """The first job of every kind of failure may be the one that is looked into."""
        best = found.log.matched.failures[:1]
        key = (best[0].step, best[0].fingerprint) if best else None
        known = self._kept.get(key)
        if (known is None and len(self._kept) < _KEPT) or (known is not None and place < known[0]):
            self._kept[key] = place, found

    def read_run(self, masker: Masker) -> ReadRun | None:
        """What is known when all were read; `masker` masks the names of jobs. Raises MissingLogError."""
        jobs = self._several.jobs
        if not self._failed and not self._cancelled:
            if self._missing and (self._several.told or len(self._missing) == len(jobs)):
                from whyred.app.ladder import worst

                raise worst([(jobs[place].name, error) for place, error in sorted(self._missing.items())])
            return None
        names = [_masked(job.name, masker) for job in jobs]
        failures, first = self._grouped(names, masker)
        read = next((read for place, read in self._kept.values() if place == first), None)
        alone = failures.failed + len(failures.cancelled) + len(failures.stopped) < 2
        return ReadRun(None if alone else failures, jobs[first], read)

    def _grouped(self, names: Sequence[str], masker: Masker) -> tuple[RunFailures, int]:
        """What failed, and the place of the job to look into."""
        places = sorted(self._failed)
        groups = group([Failed(str(place), self._failed[place]) for place in places])
        silent = [place for place in places if not self._failed[place]]
        first = int(groups[0].jobs[0]) if groups else min(silent or self._cancelled)
        groups = tuple(replace(one, jobs=tuple(names[int(place)] for place in one.jobs)) for one in groups)
        cancelled = [names[place] for place in sorted(self._cancelled)]
        cancelled += [_masked(name, masker) for name in self._several.cancelled]
        matrices = {family(names[place]) for place in places if family(names[place]) != names[place]}
        return (
            RunFailures(
                run=self._several.run,
                job=names[first],
                groups=groups,
                silent=tuple(names[place] for place in silent),
                missing=tuple(_no_log(names[place], e, masker) for place, e in sorted(self._missing.items())),
                cancelled=tuple(name for name in cancelled if family(name) in matrices),
                stopped=tuple(name for name in cancelled if family(name) not in matrices),
            ),
            first,
        )


def _no_log(job: str, error: MissingLogError, masker: Masker) -> NoLog:
    return NoLog(job, error.reason, _masked(error.asked, masker), _masked(error.help, masker))


def _masked(text: str, masker: Masker) -> str:
    return masker.text(text.encode("utf-8", "surrogatepass")).decode("utf-8", "replace")
