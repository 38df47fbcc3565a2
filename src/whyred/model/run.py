"""One execution of a workflow: `Run`, its `Job`s, each `Attempt` of a job and that attempt's `Step`s."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum


class Status(StrEnum):
    """Where a run, job or step is in its life."""

    WAITING = "waiting"
    RUNNING = "running"
    BLOCKED = "blocked"
    DONE = "done"
    UNKNOWN = "unknown"


class Conclusion(StrEnum):
    """How a run, job or step ended."""

    SUCCESS = "success"
    FAILURE = "failure"
    CANCELLED = "cancelled"
    SKIPPED = "skipped"
    TIMED_OUT = "timed out"
    NOT_RUN = "not run"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Runner:
    """Which process on which machine ran an attempt: what a host must match before it counts as evidence.

    Every field may be unknown (None). `started` is the process start time in clock ticks after boot (field 22 of
    /proc/PID/stat), so pid + boot + started name one process for ever. `mounts` is the inode of its mount namespace.
    """

    name: str | None = None
    machine: str | None = None
    boot: str | None = None
    pid: int | None = None
    started: int | None = None
    mounts: int | None = None
    folder: str | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """One command or action of a job. Times are seconds since the epoch; `reason` says why a step was not run.

    `aside`: not the job's own work but set-up, post steps or clean-up that the runner adds. `among`: in a log, the
    names of the steps whose lines these may be, where nothing tells one from another; `name` then has them all.
    """

    name: str
    conclusion: Conclusion = Conclusion.UNKNOWN
    started: float | None = None
    ended: float | None = None
    exit_code: int | None = None
    reason: str | None = None
    status: Status = Status.UNKNOWN
    aside: bool = False
    among: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the steps that it may be."""
        return self.among or (self.name,)


def one_of(steps: Sequence[Step]) -> Step:
    """What stands in a log for steps of which nothing tells one from another."""
    names = tuple(dict.fromkeys(name for step in steps for name in step.names))
    return steps[0] if len(steps) == 1 else Step(" / ".join(names), among=names)


@dataclass(frozen=True, slots=True)
class Job:
    """A job of a run: its key in the workflow file, where that is known, and the name shown to people.

    `id` is the forge's own number, `index` its place in the run, counted from 0: never one for the other. `labels` is
    what `runs-on` asks for, `needs` the keys of the jobs it waits for; None where the forge does not tell.
    """

    key: str | None
    name: str
    id: int | None = None
    index: int | None = None
    labels: tuple[str, ...] | None = None
    needs: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Run:
    """One execution of one workflow for one commit. `label` is how a person names it (`local:3`, `owner/repo#12`).

    `id` is the forge's own number of it, `number` the one that people see. Times are seconds since the epoch. What the
    forge does not tell is None.
    """

    label: str
    workflow: str | None = None
    event: str | None = None
    commit: str | None = None
    repo: str | None = None
    id: int | None = None
    number: int | None = None
    branch: str | None = None
    title: str | None = None
    status: Status = Status.UNKNOWN
    conclusion: Conclusion = Conclusion.UNKNOWN
    created: float | None = None
    started: float | None = None
    ended: float | None = None
    url: str | None = None


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try of one job on one runner. Times are seconds since the epoch. `id` is the forge's own number of the try
    (Forgejo and Gitea call it a task); `waits_for` what it waits for, in the forge's words. `newest` is false for a try
    that was followed by another one: some routes show the newest alone.
    """

    run: Run
    job: Job | None = None
    number: int | None = None
    status: Status = Status.UNKNOWN
    conclusion: Conclusion = Conclusion.UNKNOWN
    started: float | None = None
    ended: float | None = None
    runner: Runner | None = None
    steps: tuple[Step, ...] = ()
    id: int | None = None
    url: str | None = None
    waits_for: str | None = None
    newest: bool = True


def numbered(steps: tuple[Step, ...]) -> list[int | str]:
    """How people name steps: those of the workflow file by number, from 1; the runner's own by name."""
    names: list[int | str] = []
    for step in steps:
        names.append(step.name if step.aside else 1 + sum(isinstance(n, int) for n in names))
    return names
