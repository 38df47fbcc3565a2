"""Reads the log of one job, or of the job to look into where a target has several."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from whyred.app.library import Library
from whyred.app.masked import masked_attempt
from whyred.app.read import ReadLog, read_log, refuse_nothing
from whyred.app.targets import fetch, find, telling
from whyred.logs.blocks import Block
from whyred.logs.mask import Masker
from whyred.model.source import Fetched

if TYPE_CHECKING:  # one log needs none of it
    from whyred.model.run_failures import RunFailures


@dataclass(frozen=True, slots=True)
class ReadJob:
    """A job's log that was read. The stream of `fetched` is at its end."""

    fetched: Fetched
    log: ReadLog
    masker: Masker


def read_job(fetched: Fetched, library: Library, tap: Callable[[Block], None] | None = None) -> ReadJob:
    """Reads one log; `tap` gets every masked block. Raises MissingLogError."""
    masker = library.masker()
    fetched = replace(fetched, attempt=masked_attempt(fetched.attempt, masker.text))
    log = read_log(fetched.chunks, library, tap, fetched.attempt.conclusion, masker)
    refuse_nothing(log, fetched)
    return ReadJob(replace(fetched, chunks=iter(())), log, masker)


def one_or_several(
    target: str, library: Library, progress: Callable[[str], None]
) -> "tuple[ReadJob, RunFailures | None]":
    """What the log of a target says, and what else failed in its run. Raises UserError and MissingLogError."""
    found = find(target, progress)
    if isinstance(found, Fetched):
        return read_job(found, library), found.run_failures
    from whyred.app.failed_jobs import read_jobs

    run = read_jobs(found, library, progress)
    if run is None:
        return read_job(fetch(target, progress), library), None
    return run.read or read_job(telling(run.first.open(), progress), library), run.failures
