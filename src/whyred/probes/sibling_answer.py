"""The answer of `sibling-runs`, taken apart: the lists of runs and the tries that were recorded."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from whyred.model.evidence import Reason, Unknown
from whyred.model.forge import Kind
from whyred.model.run import Attempt, Run
from whyred.probes.answer import Parts
from whyred.probes.forge_rows import read_attempt, read_run, same_run

NEWEST = 50
"""Runs of the repository that are listed: one page of every forge."""


@dataclass(frozen=True, slots=True)
class Rows:
    """A list of runs as it was recorded; `reaches`: how far back in time it certainly has every run."""

    runs: tuple[Run, ...]
    whole: bool

    def reaches(self, run: Run, most: int) -> bool:
        """Whether no run from this one on can be missing."""
        return self.whole and (len(self.runs) < most or any(same_run(run, other) for other in self.runs))


@dataclass(frozen=True, slots=True)
class Siblings:
    """An answer, taken apart."""

    kind: Kind | None
    attempt: Attempt
    run: Run
    log_ended: float | None
    newest: Rows | Unknown
    commit: Rows | Unknown
    beside: tuple[Run, ...]
    tries: tuple[Attempt, ...]
    """The jobs of this name in the runs that were looked at, the run's own among them."""
    closed: Unknown | None
    """Why the jobs of one of them were not told."""
    alone: bool
    """Whether the run has this job alone, so that its end is the job's."""

    @property
    def ended(self) -> float | None:
        """When the attempt ended."""
        return self.attempt.ended if self.attempt.ended is not None else self.run.ended if self.alone else None


def taken(parts: Parts) -> Siblings | Unknown:
    """The answer; an unknown where it is none."""
    if parts.broken is not None:
        return parts.broken
    attempt, run = read_attempt(parts.parts.get("attempt")), read_run(parts.parts.get("run"))
    lists = [_rows(parts, "newest"), _rows(parts, "commit")]
    jobs = parts.tables("jobs")
    for part in (attempt, run, jobs):
        if isinstance(part, Unknown):
            return part
    assert isinstance(attempt, Attempt)
    assert isinstance(run, Run)
    assert isinstance(jobs, list)
    word, ended, beside = parts.parts.get("kind"), parts.parts.get("log_ended"), parts.parts.get("beside")
    tries = [_tries(part) for part in jobs]
    count = jobs[0].parts.get("jobs") if jobs else None
    return Siblings(
        Kind(word) if word in list(Kind) else None,
        attempt,
        run,
        ended if isinstance(ended, int | float) and not isinstance(ended, bool) else None,
        lists[0],
        lists[1],
        tuple(_known(map(read_run, beside))) if isinstance(beside, list) else (),
        tuple(one for found in tries if not isinstance(found, Unknown) for one in found),
        next((found for found in tries[1:] if isinstance(found, Unknown)), None),
        alone=count == 1,
    )


def lacking(rows: Rows | Unknown, run: Run) -> Unknown | None:
    """Why a run that is not in the list may be there all the same."""
    if isinstance(rows, Unknown):
        return rows
    if run.commit is None:
        return Unknown(Reason.NOT_SUPPORTED, "the forge does not tell the commit of this run")
    return None if rows.whole else Unknown(Reason.NOT_SUPPORTED, "the list of runs that could be had may lack some")


def _rows(parts: Parts, key: str) -> Rows | Unknown:
    table = parts.table(key)
    if isinstance(table, Unknown):
        return table
    rows, whole = table.parts.get("runs"), table.flag("whole")
    if not isinstance(rows, list) or isinstance(whole, Unknown):
        return parts.strange(key)
    return Rows(tuple(_known(map(read_run, rows))), whole)


def _known(rows: Iterable[Run | Unknown]) -> Iterator[Run]:
    return (row for row in rows if not isinstance(row, Unknown))


def _tries(part: Parts) -> list[Attempt] | Unknown:
    rows = part.tables("attempts")
    if isinstance(rows, Unknown):
        return rows
    found = [read_attempt(row.parts) for row in rows]
    return [one for one in found if not isinstance(one, Unknown)]
