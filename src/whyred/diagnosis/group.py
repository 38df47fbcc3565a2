"""The failures of many jobs -> which jobs failed in the same way.

The same failure has the same fingerprint in the same step. A job may say several things, and jobs that run in parallel
say them in another order: what most jobs have in common is what they are put together by, not what came first.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from whyred.model.failure import Failure
from whyred.model.pattern import Strength
from whyred.model.run_failures import FailureGroup, JobFailure

_ORDER = {strength.value: place for place, strength in enumerate((Strength.DECISIVE, Strength.USUAL, Strength.WEAK))}
_Key = tuple[str | None, str]


@dataclass(frozen=True, slots=True)
class Failed:
    """A job and its failures, best first."""

    job: str
    failures: tuple[JobFailure, ...]


def brief(failure: Failure) -> JobFailure:
    """What of a failure others are told apart by."""
    return JobFailure(
        step=failure.step,
        fingerprint=failure.fingerprint,
        title=failure.title,
        message=failure.message,
        class_=failure.class_,
        strength=failure.strength,
        root=failure.root,
        line=failure.spans[0][0] if failure.spans else None,
    )


def group(jobs: Sequence[Failed]) -> tuple[FailureGroup, ...]:
    """Every job that has a failure in one group, the heaviest first: that of most jobs; of equal ones the surest, then
    the one whose first job comes first in the run.

    The failure of most jobs takes all that have it, then that of most jobs that are left. What only follows from
    another failure counts where a job has nothing better.
    """
    left = {place: _counting(job) for place, job in enumerate(jobs) if job.failures}
    groups: list[tuple[list[int], JobFailure]] = []
    while left:
        having: dict[_Key, list[tuple[int, int]]] = defaultdict(list)
        for place, failures in left.items():
            for rank, key in enumerate(dict.fromkeys(map(_key, failures))):
                having[key].append((rank, place))
        key = min(having, key=lambda k: (-len(having[k]), min(rank for rank, _ in having[k]), _text(k)))
        mine = [place for _, place in having[key]]
        first = next(failure for failure in left[min(mine)] if _key(failure) == key)
        groups.append((sorted(mine), first))
        for place in mine:
            del left[place]
    groups.sort(key=lambda one: (-len(one[0]), _ORDER.get(one[1].strength, len(_ORDER)), one[0][0]))
    return tuple(FailureGroup(tuple(jobs[place].job for place in mine), failure) for mine, failure in groups)


def _counting(job: Failed) -> tuple[JobFailure, ...]:
    """The failures by which a job may be put together with others."""
    return tuple(failure for failure in job.failures if failure.root) or job.failures[:1]


def _key(failure: JobFailure) -> _Key:
    return failure.step, failure.fingerprint


def _text(key: _Key) -> tuple[bool, str, str]:
    step, fingerprint = key
    return step is None, step or "", fingerprint
