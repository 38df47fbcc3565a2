"""Concurrency groups of the same name in places that must not share one."""

import re
from collections.abc import Iterator
from itertools import combinations

from whyred.model.remark import Level, Remark
from whyred.workflows.checkup import Checkout, File
from whyred.workflows.expressions import Contexts
from whyred.workflows.rules._groups import name_of
from whyred.workflows.triggers import Group
from whyred.workflows.worlds import same_commit

SOURCE = "GitHub, Control the concurrency of workflows and jobs"

_OWN = re.compile(r"\b(?:workflow|matrix|strategy|job|env|vars|inputs|needs|secrets)\b")
"""What makes two groups with one text differ, or may."""


def look(checkout: Checkout) -> Iterator[Remark]:
    """Within one workflow: it and its own job. Between workflows: where one cancels the other."""
    for file in checkout.files:
        for world in same_commit(file.workflow):
            deadlocks = list(_deadlocks(file, world))
            yield from deadlocks
            if deadlocks:
                break
    for one, other in combinations(checkout.files, 2):
        yield from _across(one, other)


def _deadlocks(file: File, world: Contexts) -> Iterator[Remark]:
    whole = next((g for g in file.groups if g.job is None), None)
    for group in file.groups:
        name = name_of(file, group, world)
        if whole is not None and group.job is not None and name is not None and name == name_of(file, whole, world):
            yield Remark(
                Level.WRONG,
                file.spot(group.line),
                f"job `{group.job}` is in the same concurrency group as its own workflow",
                "the job waits for the run that it is a part of: the forge cancels it",
                "Give the job's group a name of its own",
                (file.spot(whole.line),),
            )


def _across(one: File, other: File) -> Iterator[Remark]:
    events = {t.event for t in one.triggers} & {t.event for t in other.triggers}
    for first in one.groups:
        for second in other.groups:
            if not _equal(one, first, other, second):
                continue
            cancels = "false" not in (first.cancels.lower(), second.cancels.lower())
            yield Remark(
                Level.WRONG if cancels and events else Level.DOUBTFUL,
                other.spot(second.line),
                f"its concurrency group has the same name as that of {one.path}",
                "each of the two workflows cancels the other's run, though nothing newer of itself is there"
                if cancels
                else "the two workflows wait for each other, and of several that wait only the newest stays",
                "Begin the name with `${{ github.workflow }}-`, and give the workflows different names",
                (one.spot(first.line),),
            )


def _equal(one: File, first: Group, other: File, second: Group) -> bool:
    worlds = zip(same_commit(one.workflow), same_commit(other.workflow), strict=True)
    for left, right in worlds:
        name = name_of(one, first, left)
        if name is not None and name.lower() == (name_of(other, second, right) or "").lower():
            return True
    return first.text == second.text and "${{" in first.text and not _OWN.search(first.text)
