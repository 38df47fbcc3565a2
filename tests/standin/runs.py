"""Runs, their jobs, the attempts of these, steps and rows: what a runner and the forge do to them."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Literal

from standin.rows import Log, Row

if TYPE_CHECKING:
    from standin.world import Repo


class Status(StrEnum):
    """As Forgejo spells them (reference 1.3)."""

    UNKNOWN = "unknown"
    WAITING = "waiting"
    RUNNING = "running"
    SUCCESS = "success"
    FAILURE = "failure"
    CANCELLED = "cancelled"
    SKIPPED = "skipped"
    BLOCKED = "blocked"

    @property
    def done(self) -> bool:
        """Nothing changes any more."""
        return self in _DONE

    @property
    def has_run(self) -> bool:
        """A step that did something: only these end the part "Set up job"."""
        return self in {Status.SUCCESS, Status.FAILURE}


_DONE = {Status.SUCCESS, Status.FAILURE, Status.CANCELLED, Status.SKIPPED}


@dataclass(slots=True)
class Step:
    """A step of an attempt: its rows are `[first, first + length)` of the log. Times in ticks, 0 = not yet."""

    name: str
    status: Status = Status.WAITING
    first: int = 0
    length: int = 0
    started: int = 0
    stopped: int = 0


@dataclass(slots=True)
class Attempt:
    """One try of a job that a runner picked up: the forge calls it a task, `id` is the task's."""

    id: int
    number: int
    job: "Job"
    steps: list[Step]
    started: int
    runner: str = "host-info"
    status: Status = Status.RUNNING
    stopped: int = 0
    updated: int = 0
    log: Log = field(default_factory=Log)
    missing: Literal["", "lost", "expired"] = ""

    def row(self, text: str | bytes, step: int | None = None) -> None:
        """The runner sends a row; `step` counts the real steps from 0, None = set up or completion."""
        world = self.job.run.repo.world
        with world.lock:
            now = self.updated = world.tick()
            if step is not None:
                self._in_step(step, now)
            self.log.append(Row(now, text.encode() if isinstance(text, str) else text))

    def _in_step(self, step: int, now: int) -> None:
        this = self.steps[step]
        if this.status is Status.WAITING:
            for earlier in self.steps[:step]:
                if not earlier.status.done:
                    self.end_step(self.steps.index(earlier))
            this.status, this.started = Status.RUNNING, now
        if not this.length:
            this.first = len(self.log)
        this.length += 1

    def begin(self, step: int) -> None:
        """A step runs and has no row yet: the runner does not tell where it begins, so the forge knows of row 0."""
        world = self.job.run.repo.world
        with world.lock:
            self.steps[step].status, self.steps[step].started = Status.RUNNING, world.tick()

    def claim(self, step: int, rows: int) -> None:
        """The runner tells whose the last rows are: it sends them a moment before."""
        self.begin(step)
        self.steps[step].first, self.steps[step].length = len(self.log) - rows, rows

    def end_step(self, step: int, status: Status = Status.SUCCESS) -> None:
        """The runner reports a step's conclusion."""
        world = self.job.run.repo.world
        with world.lock:
            this = self.steps[step]
            now = self.updated = world.tick()
            this.started = this.started or now
            if not this.length:
                this.first = len(self.log)
            this.status, this.stopped = status, now

    def end(self, status: Status) -> None:
        """The forge learns how the attempt ended; rows may still arrive afterwards, as they do for cancelled ones."""
        world = self.job.run.repo.world
        with world.lock:
            self.status, self.stopped = status, world.tick()
            self.updated = self.stopped
            if self.job.attempts[-1] is self:
                self.job.status = status
            for step in self.steps:
                if not step.status.done:
                    step.status = Status.SKIPPED if status is Status.SKIPPED else Status.CANCELLED
                    step.started = step.started or self.stopped
                    step.first = step.first or len(self.log)
                    step.stopped = self.stopped
            self.job.run.end_if_done()


@dataclass(slots=True)
class Job:
    """A job of a run. `attempt` is the number the forge shows, `attempts` are those that a runner picked up."""

    id: int
    run: "Run"
    name: str
    steps: tuple[str, ...]
    labels: tuple[str, ...] = ("native",)
    needs: tuple[str, ...] = ()
    status: Status = Status.WAITING
    attempt: int = 1
    attempts: list[Attempt] = field(default_factory=list)
    picked: bool = False

    @property
    def index(self) -> int:
        """Its position in the run, from 0: what web addresses of most versions carry."""
        return self.run.jobs.index(self)

    @property
    def task(self) -> Attempt | None:
        """The attempt that belongs to the number shown; None while it waits for a runner."""
        return self.attempts[-1] if self.picked else None

    def pick(self, runner: str = "host-info") -> Attempt:
        """A runner takes the job: no row has arrived yet."""
        world = self.run.repo.world
        with world.lock:
            world.tasks += 1
            steps = [Step(name) for name in self.steps]
            made = Attempt(world.tasks, len(self.attempts) + 1, self, steps, world.tick(), runner)
            made.updated = made.started
            self.attempts.append(made)
            self.attempt, self.picked, self.status = made.number, True, Status.RUNNING
            self.run.started = self.run.started or made.started
            self.run.record(self, "pending", "Has started running")
            return made

    def again(self, *, blocked: bool = False) -> None:
        """A rerun was asked for; it waits for a runner, or for the jobs it needs."""
        self.picked, self.attempt = False, len(self.attempts) + 1
        self.status = Status.BLOCKED if blocked else Status.WAITING
        self.run.started = self.run.stopped = 0
        self.run.record(self, "pending", "Blocked by required conditions" if blocked else "Waiting to run")

    @property
    def dependents(self) -> "list[Job]":
        """The jobs that need this one, and those that need these."""
        found, keys = list[Job](), {self.name.partition(" (")[0]}
        for job in self.run.jobs:
            if job is not self and not keys.isdisjoint(job.needs):
                found.append(job)
                keys.add(job.name.partition(" (")[0])
        return found


@dataclass(frozen=True, slots=True)
class CommitStatus:
    """What Actions wrote about a commit."""

    id: int
    job: Job
    status: str
    description: str
    time: int


@dataclass(slots=True)
class Run:
    """One execution of a workflow. `id` is the database's, `index` the number that people see."""

    id: int
    index: int
    repo: "Repo"
    title: str
    workflow: str
    branch: str
    sha: str
    created: int
    event: str = "push"
    jobs: list[Job] = field(default_factory=list)
    started: int = 0
    stopped: int = 0
    statuses: list[CommitStatus] = field(default_factory=list)
    artifacts: dict[str, bytes] = field(default_factory=dict)
    error: str = ""

    @property
    def status(self) -> Status:
        """From its jobs, as it truly is."""
        return self._worst(Status.RUNNING, Status.WAITING, Status.CANCELLED, Status.FAILURE, Status.BLOCKED)

    def told(self, *, fails_early: bool) -> Status:
        """As a forge tells it. `fails_early`: one job that failed or was cancelled decides, while others still run."""
        if not fails_early:
            return self.status
        return self._worst(Status.CANCELLED, Status.FAILURE, Status.RUNNING, Status.WAITING, Status.BLOCKED)

    def _worst(self, *order: Status) -> Status:
        found = {job.status for job in self.jobs}
        rest = Status.SUCCESS if Status.SUCCESS in found else Status.SKIPPED
        return next((first for first in order if first in found), rest)

    def job(self, name: str, *steps: str, labels: tuple[str, ...] = ("native",), needs: tuple[str, ...] = ()) -> Job:
        """One more job; it waits, for a runner or for those it needs."""
        world = self.repo.world
        with world.lock:
            world.jobs += 1
            status = Status.BLOCKED if needs else Status.WAITING
            self.jobs.append(Job(world.jobs, self, name, steps, labels, needs, status))
            self.record(self.jobs[-1], "pending", "Blocked by required conditions" if needs else "Waiting to run")
            return self.jobs[-1]

    def record(self, job: Job, status: str, description: str) -> None:
        """Writes a commit status; several in one second are what forges really do."""
        number = len(self.repo.statuses(self.sha)) + 1
        self.statuses.append(CommitStatus(number, job, status, description, self.repo.world.now))

    def end_if_done(self) -> None:
        """Sets the time of the end once every job is over."""
        if all(job.status.done for job in self.jobs):
            self.stopped = self.repo.world.now
