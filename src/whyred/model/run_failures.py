"""What failed in a run of several jobs: the same failure of many jobs once, with their names."""

from dataclasses import dataclass

from whyred.model.source import Missing


@dataclass(frozen=True, slots=True)
class JobFailure:
    """One failure of one job, as much of it as others are told apart by. `step` and `fingerprint` are what it has in
    common with the same failure of another job; `line` is its first line in this job's log. `strength` and `root` are
    those of a `Failure`.
    """

    step: str | None
    fingerprint: str
    title: str
    message: str
    class_: str | None
    strength: str
    root: bool
    line: int | None


@dataclass(frozen=True, slots=True)
class FailureGroup:
    """Jobs of which the same is the failure, in the order of the run, and that failure as the first of them has it."""

    jobs: tuple[str, ...]
    failure: JobFailure


@dataclass(frozen=True, slots=True)
class NoLog:
    """A job that failed and whose log is not to be had: why, what was asked for, and what would help."""

    job: str
    reason: Missing
    asked: str
    help: str


@dataclass(frozen=True, slots=True)
class RunFailures:
    """The failed jobs of a run. `run`: how people name it; `job`: the one that was looked into; `groups`: the heaviest
    first; `silent`: jobs that failed, and no line of their logs says with what; `cancelled`: jobs that nothing else
    ended than that another one of their matrix had failed; `stopped`: others that were cancelled, and why is not known.
    """

    run: str
    job: str | None
    groups: tuple[FailureGroup, ...]
    silent: tuple[str, ...] = ()
    missing: tuple[NoLog, ...] = ()
    cancelled: tuple[str, ...] = ()
    stopped: tuple[str, ...] = ()

    @property
    def failed(self) -> int:
        """How many jobs failed."""
        return sum(len(group.jobs) for group in self.groups) + len(self.silent) + len(self.missing)
