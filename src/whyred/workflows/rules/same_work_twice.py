"""Two workflows that do the same work for one event."""

import re
from collections.abc import Iterator
from itertools import combinations

from whyred.model.remark import Level, Remark
from whyred.workflows.checkup import Checkout, File
from whyred.workflows.nouns import JobSpec
from whyred.workflows.patterns_meet import can_meet
from whyred.workflows.triggers import Trigger

SOURCE = "cause catalogue 3.12, double-trigger"

_DOES = re.compile(r"(?m)^\s*(?!\s|#|echo\b|printf\b|exit\b|true\b|false\b|:\s|set\b|sleep\b)\S")
"""A line of a script that does more than to say something."""


def look(checkout: Checkout) -> Iterator[Remark]:
    """One remark per job that an earlier file has as well."""
    told = set()
    for one, other in combinations(checkout.files, 2):
        event = _shared(one, other)
        if event is None:
            continue
        for first in one.workflow.jobs:
            for second in other.workflow.jobs:
                spot = other.spot(second.line)
                if spot not in told and _work(first) and _work(first) == _work(second):
                    told.add(spot)
                    yield Remark(
                        Level.DOUBTFUL,
                        spot,
                        f"job `{second.key}` does what job `{first.key}` of {one.path} does, on the same {event}",
                        "the same commit is worked on twice at once, with the same caches, ports and targets",
                        "Keep one of them, or give them filters (`branches`, `paths`) that do not overlap",
                        (one.spot(first.line),),
                    )


def _shared(one: File, other: File) -> str | None:
    """An event that starts both."""
    for a in one.triggers:
        for b in other.triggers:
            if a.event == b.event and a.event not in ("workflow_call", "workflow_dispatch", "schedule") and _meet(a, b):
                return a.event
    return None


def _meet(a: Trigger, b: Trigger) -> bool:
    if a.types is not None and b.types is not None and a.types.isdisjoint(b.types):
        return False
    if a.event == "push":
        branches = a.of_branches and b.of_branches and can_meet(a.branches, b.branches)
        tags = a.of_tags and b.of_tags and can_meet(a.tags, b.tags)
        return (branches and can_meet(a.paths, b.paths)) or tags
    return can_meet(a.branches, b.branches) and can_meet(a.paths, b.paths)


def _work(job: JobSpec) -> tuple[object, ...]:
    """What a job does, where it does anything of its own: its labels and its steps."""
    if not any(_DOES.search(step.run or "") for step in job.steps):
        return ()
    steps = [(" ".join((s.run or "").split()), s.uses, tuple(sorted((s.with_ or {}).items()))) for s in job.steps]
    return (frozenset(job.runs_on), job.needs, str(job.strategy), *steps)
