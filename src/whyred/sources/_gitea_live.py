"""A log of Gitea's API that grows, in its steps: the list of jobs tells when each began, in whole seconds."""

from collections.abc import Callable, Iterator
from dataclasses import replace

from whyred.logs.steps_by_time import begun, first_from, second
from whyred.model.run import Conclusion, Step, one_of


def live(chunks: Iterator[bytes], steps: Callable[[], tuple[Step, ...]]) -> Iterator[bytes | Step]:
    """A growing log with each step before the first line of the second it began in; `steps` are those of the attempt as
    it was when the last piece came. A step is told once by its place: names may be alike, and steps that were told as
    one may come apart when it is known how they ended.
    """
    told = 0
    for chunk in chunks:
        rest = chunk
        for step, stop in _from(steps(), told):
            at = first_from(rest, second(step.started or 0))
            if at is None:
                break
            if at:
                yield rest[:at]
            yield step
            told, rest = stop, rest[at:]
        if rest:
            yield rest


def _from(steps: tuple[Step, ...], place: int) -> Iterator[tuple[Step, int]]:
    """The steps from that place on that have begun, as far as times can tell them apart, and each one's next place."""
    while place < len(steps):
        stop = place + 1
        while stop < len(steps) and len(apart(steps[place : stop + 1])) == 1:
            stop += 1
        (step,) = apart(steps[place:stop])
        if begun(step):
            yield step, stop
        place = stop


def apart(steps: tuple[Step, ...]) -> tuple[Step, ...]:
    """The steps as far as times can tell them apart: where it is not known how they ended, those that began in one
    second are one, with all their names, for nothing says which of them wrote a line.
    """
    merged: list[Step] = []
    for step in steps:
        last = merged[-1] if merged else None
        unknown = step.conclusion is Conclusion.UNKNOWN and last is not None and last.conclusion is Conclusion.UNKNOWN
        if last is not None and unknown and step.started == last.started and step.started is not None:
            merged[-1] = replace(one_of([last, step]), started=last.started, ended=step.ended)
        else:
            merged.append(step)
    return tuple(merged)
