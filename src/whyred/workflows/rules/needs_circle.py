"""Jobs that need each other in a circle."""

from collections.abc import Iterator

from whyred.model.remark import Level, Remark
from whyred.workflows.checkup import Checkout, File

SOURCE = "GitHub, Workflow syntax: jobs.<job_id>.needs"


def look(checkout: Checkout) -> Iterator[Remark]:
    """One remark per circle, at its first job in the file."""
    for file in checkout.files:
        seen: set[str] = set()
        for job in file.workflow.jobs:
            circle = _circle(file, job.key)
            if circle and not seen.intersection(circle):
                seen.update(circle)
                yield Remark(
                    Level.WRONG,
                    file.spot(job.lines.get("needs", job.line)),
                    f"jobs need each other in a circle: {' -> '.join((*circle, circle[0]))}",
                    "none of them can ever start",
                    "Take one of these `needs` away",
                )


def _circle(file: File, key: str) -> list[str]:
    """A way along `needs` from a job back to itself; empty where there is none."""
    needs = {job.key: job.needs for job in file.workflow.jobs}
    ways, seen = [[key]], {key}
    while ways:
        way = ways.pop(0)
        for name in needs.get(way[-1], ()):
            if name == key:
                return way
            if name not in seen:
                seen.add(name)
                ways.append([*way, name])
    return []
