"""The sentences about a run of which several jobs failed: what they have in common, and how to ask about the others."""

import shlex
from collections.abc import Iterator
from dataclasses import dataclass

from whyred.diagnosis.job_names import listed
from whyred.model.run_failures import FailureGroup, RunFailures

_MESSAGE = 150
"""Characters of a failure's line."""


@dataclass(frozen=True, slots=True)
class Told:
    """What is said of some jobs; `ask`: the command that says more, where it is about others than those looked into."""

    text: str
    ask: str | None = None


def headline(run: RunFailures) -> str:
    """How many jobs failed, and whether in the same way."""
    count = f"{run.failed} failed job{'' if run.failed == 1 else 's'}"
    if len(run.groups) == 1 and not run.silent:
        same = len(run.groups[0].jobs)
        return f"{same} of {count}: {'the same failure' if same > 1 else 'this failure'}"
    kinds = len(run.groups) + bool(run.silent)
    return f"{count}, {kinds} different failures" if kinds > 1 else count


def rows(run: RunFailures) -> Iterator[Told]:
    """Which jobs failed in which way, the heaviest first; then what is not known, and what only followed."""
    several = len(run.groups) > 1 or bool(run.silent)
    for group in run.groups:
        yield _group(run, group, several=several)
    if run.silent:
        ask = None if run.job in run.silent else _ask(run, run.silent[0])
        yield Told(f"{_share(run, run.silent)}: no line says with what", ask)
    for one in run.missing:
        yield Told(f"no log of {one.job} ({one.reason}): {one.asked}: {one.help}")
    if run.cancelled:
        yield Told(f"cancelled because another one of the same matrix had failed (fail-fast): {listed(run.cancelled)}")
    if run.stopped:
        yield Told(f"cancelled, why is not known: {listed(run.stopped)}")


def _group(run: RunFailures, group: FailureGroup, *, several: bool) -> Told:
    if run.job in group.jobs and not several:
        return Told(listed(group.jobs))
    failure = group.failure
    where = f"step {failure.step}, " if failure.step else ""
    line = f"line {failure.line}" if failure.line is not None else "its log"
    of = f" of {group.jobs[0]}" if len(group.jobs) > 1 else ""
    said = f"{_share(run, group.jobs)}: {where}{line}{of}: {failure.message[:_MESSAGE]}"
    return Told(said, None if run.job in group.jobs else _ask(run, group.jobs[0]))


def _share(run: RunFailures, jobs: tuple[str, ...]) -> str:
    return f"{len(jobs)} of {run.failed}: {listed(jobs)}"


def _ask(run: RunFailures, job: str) -> str:
    return f"whyred why {shlex.quote(f'{run.run}:{job}')}"
