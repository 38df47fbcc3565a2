"""Which steps took longer or shorter than in green attempts, and which are only in one of them."""

import re
from collections import Counter
from collections.abc import Sequence

from whyred.model.failure import Reading
from whyred.model.novelty import Baseline, Change, Drift, StepTime
from whyred.model.run import Attempt, Step

_TIMES, _LEAST = 1.5, 5.0
"""A step is slower when it took so many times, and so many seconds more, than the slowest green one; or the reverse."""
_CHANGING = re.compile(r"[0-9a-fA-F]{7,}|\d+")
_MOST = 500
"""Steps of one attempt that are compared."""

Name = tuple[str, int]
"""A step's name without what changes, and the how manieth of that name it is."""


def step_times(reading: Reading, seconds: Sequence[float | None], attempt: Attempt) -> tuple[StepTime, ...]:
    """The steps of an attempt that have a name. `seconds`: of each section of its log; what the forge tells of a step
    counts more.
    """
    told = _told(attempt.steps)
    found: list[StepTime] = []
    seen: Counter[str] = Counter()
    for section, took in zip(reading.sections, seconds, strict=True):
        if section.name and len(found) < _MOST:
            seen[section.name] += 1
            exact = told.get((section.name, seen[section.name]))
            found.append(StepTime(section.name, took if exact is None else exact, section.last - section.first + 1))
    return tuple(found)


def _told(steps: Sequence[Step]) -> dict[Name, float]:
    seen: Counter[str] = Counter()
    told: dict[Name, float] = {}
    for step in steps:
        seen[step.name] += 1
        if step.started is not None and step.ended is not None and step.ended >= step.started:
            told[step.name, seen[step.name]] = step.ended - step.started
    return told


def drifts(here: Sequence[StepTime], greens: Sequence[Baseline]) -> tuple[Drift, ...]:
    """Every step of the attempt in its order; after them those that only green ones have."""
    mine = _by_name(here)
    others = [_by_name(green.steps) for green in greens]
    found = [_drift(name, step, [other.get(name) for other in others]) for name, step in mine.items()]
    if not mine or not any(others):
        return tuple(found) if not greens else ()  # one of them has no steps: that says nothing of the other's
    gone = {name: step for other in others for name, step in other.items() if name not in mine}
    found += [
        Drift(step.name, Change.GONE, None, tuple(_seconds(other.get(name)) for other in others))
        for name, step in gone.items()
        if all(name in other for other in others)
    ]
    return tuple(found)


def _by_name(steps: Sequence[StepTime]) -> dict[Name, StepTime]:
    seen: Counter[str] = Counter()
    found: dict[Name, StepTime] = {}
    for step in steps:
        name = _CHANGING.sub("#", step.name)
        seen[name] += 1
        found[name, seen[name]] = step
    return found


def _seconds(step: StepTime | None) -> float | None:
    return step.seconds if step is not None else None


def _drift(name: Name, step: StepTime, others: Sequence[StepTime | None]) -> Drift:
    green = tuple(_seconds(other) for other in others)
    if not any(other is not None for other in others):
        return Drift(step.name, Change.NEW, step.seconds, green)
    known = [seconds for seconds in green if seconds is not None]
    return Drift(step.name, _change(step.seconds, known), step.seconds, green)


def _change(here: float | None, green: Sequence[float]) -> Change:
    if here is None or not green:
        return Change.UNKNOWN
    if here >= _TIMES * max(green) and here - max(green) >= _LEAST:
        return Change.SLOWER
    if here * _TIMES <= min(green) and min(green) - here >= _LEAST:
        return Change.FASTER
    return Change.SAME
