"""A job on GitHub that runs still: GitHub gives its log when it has ended, so that is waited for, and told meanwhile
which steps have ended.
"""

from collections.abc import Callable, Iterator

from whyred.model.run import Attempt, Status, Step
from whyred.model.source import Missing, MissingLogError
from whyred.sources._fields import Fields
from whyred.sources._github_api import get
from whyred.sources._github_jobs import again, job_path
from whyred.sources.reach import Reach, Want

_QUICK, _SLOW = 3.0, 15.0
"""Seconds between two questions: after something has changed, and at most."""
_PATIENCE = 600.0
"""Seconds for which a GitHub that does not answer is waited for."""
_WAIT_OUT = (Missing.UNREACHABLE, Missing.SERVER_ERROR, Missing.RATE_LIMITED)
_NOT_YET = (Missing.DELETED, Missing.NOT_FOUND, Missing.EXPIRED)
"""What is said of a log in the seconds after the job's end, before it is stored."""
_TRIES = 10


def follow(
    reach: Reach, attempt: Attempt, want: Want, then: Callable[[Attempt], Iterator[bytes | Step]]
) -> Iterator[bytes | Step]:
    """Each step when it has ended; then `then`, the log of the attempt that has ended, in which every step stands again
    before its lines. Raises MissingLogError.
    """
    now = attempt
    for told in _watched(reach, attempt, want):
        if isinstance(told, Step):
            yield told
        else:
            now = told
    yield from _when_stored(reach, now, then)


def _watched(reach: Reach, attempt: Attempt, want: Want) -> Iterator[Step | Attempt]:
    """The steps as they end, and at last the attempt. A question whose answer has not changed costs nothing of the rate
    limit (its ETag is sent along).
    """
    etag: str | None = None
    ended: set[int] = set()
    pause, answered = _QUICK, reach.http.clock()
    while True:
        try:
            reply = get(reach, job_path(attempt), etag=etag)
            answered = reach.http.clock()
        except MissingLogError as e:
            if e.reason not in _WAIT_OUT or reach.http.clock() - answered > _PATIENCE:
                raise
            reach.http.sleep(_SLOW)
            continue
        if reply.status == 200:
            etag = reply.headers.get("etag")
            now = again(Fields(reply.json()), attempt).attempt
            fresh = [i for i, s in enumerate(now.steps) if s.status is Status.DONE and i not in ended]
            ended.update(fresh)
            places = want.places(now.steps)
            yield from (now.steps[i] for i in fresh if places is None or i in places)
            if now.status is Status.DONE:
                yield now
                return
            pause = _QUICK if fresh else pause
        reach.http.sleep(pause)
        pause = min(_SLOW, pause * 1.5)


def _when_stored(
    reach: Reach, attempt: Attempt, then: Callable[[Attempt], Iterator[bytes | Step]]
) -> Iterator[bytes | Step]:
    for left in reversed(range(_TRIES)):
        try:
            stream = then(attempt)
        except MissingLogError as e:
            if e.reason not in _NOT_YET or not left:
                raise
            reach.http.sleep(_QUICK)
        else:
            yield from stream
            return
