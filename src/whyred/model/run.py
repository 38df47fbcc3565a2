"""One execution of a workflow: `Run`, its `Job`s, each `Attempt` of a job and that attempt's `Step`s."""

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
    """One command or action of a job. Times are seconds since the epoch; `reason` says why a step was not run."""

    name: str
    conclusion: Conclusion = Conclusion.UNKNOWN
    started: float | None = None
    ended: float | None = None
    exit_code: int | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Job:
    """A job of a run: its key in the workflow file and the name shown to people."""

    key: str
    name: str


@dataclass(frozen=True, slots=True)
class Run:
    """One execution of one workflow for one commit. `label` is how a person names it (`local:3`, `owner/repo#12`)."""

    label: str
    workflow: str | None = None
    event: str | None = None
    commit: str | None = None


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try of one job on one runner. Times are seconds since the epoch."""

    run: Run
    job: Job | None = None
    number: int = 1
    status: Status = Status.UNKNOWN
    conclusion: Conclusion = Conclusion.UNKNOWN
    started: float | None = None
    ended: float | None = None
    runner: Runner | None = None
    steps: tuple[Step, ...] = ()
