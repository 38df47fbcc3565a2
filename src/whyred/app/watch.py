"""Watching a run that was changed: the logs of its jobs as they come, and how it ended."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from whyred.app.change import Planned, as_now
from whyred.app.forges import Forges
from whyred.app.library import Library
from whyred.app.log_pieces import Absent, LogWish, Piece
from whyred.app.logs import logs, masked
from whyred.model.forge import Address, Kind, RunQuery
from whyred.model.run import Attempt, Conclusion, Run, Status
from whyred.model.source import Missing, MissingLogError
from whyred.sources.pace import Pace

_WAIT_OUT = (Missing.UNREACHABLE, Missing.SERVER_ERROR, Missing.RATE_LIMITED)
"""What is waited out: a restart of the server is one of them."""


@dataclass
class Watch:
    """One run under way. `tell` hears what its jobs wait for."""

    planned: Planned
    run: Run
    forges: Forges
    library: Library
    tell: Callable[[str], None]
    _shown: set[str] = field(default_factory=set)
    _open: set[str] = field(default_factory=set)
    _said: str = ""

    def pieces(self) -> Iterator[Piece]:
        """The logs of the jobs that run (again), one after the other; it ends when all jobs have ended.

        Raises MissingLogError where the run cannot be seen.
        """
        http = self.planned.ladder.reach.http
        pace = Pace(http.sleep, http.clock)
        while True:
            try:
                now = self._jobs()
            except MissingLogError as e:
                if not pace.patient or not (e.reason in _WAIT_OUT or self._may_come(e)):
                    raise
                pace.idle()
                continue
            pace.answered()
            self._open |= {_key(job) for job in now if job.status is not Status.DONE}
            following = next((job for job in now if _key(job) not in self._shown and self._begun(job)), None)
            if following is not None:
                self._shown.add(_key(following))
                yield from self._log(following)
                pace.moved()
                continue
            if now and all(job.status is Status.DONE and not self._is_old(job) for job in now):
                return
            self._say(now)
            pace.idle()

    def ended(self) -> Conclusion:
        """How the run ended, by its jobs; one that was to be cancelled is so if any of its jobs is.

        Raises MissingLogError.
        """
        jobs = self._jobs()
        if self.planned.cancels and any(job.conclusion is Conclusion.CANCELLED for job in jobs):
            return Conclusion.CANCELLED
        return as_now(self.run, jobs).conclusion

    def _jobs(self) -> tuple[Attempt, ...]:
        return self.planned.ladder.attempts(self.run)

    def _may_come(self, error: MissingLogError) -> bool:
        """Whether the jobs are not listed yet: a list of tasks knows a run only after a runner took one of its jobs."""
        if not {Missing.NOT_STARTED, Missing.NOT_FOUND} & {error.reason, *(e.reason for _, e in error.tried)}:
            return False
        query = RunQuery(1, id=self.run.id) if self.run.number is None else RunQuery(1, number=self.run.number)
        try:
            found = self.planned.ladder.runs(self.planned.repo, query)
        except MissingLogError:
            return True  # no list that a runner does not fill: the run itself is there, for it was changed
        return not found or found[0].status is not Status.DONE  # one that ended without a job says why

    def _begun(self, job: Attempt) -> bool:
        """Whether there is, or soon will be, a log of a job that was asked to run."""
        if job.status is not Status.DONE:
            return job.status is Status.RUNNING
        wanted = _key(job) in self._open or self._is_wanted(job)
        return wanted and job.conclusion is not Conclusion.SKIPPED and not self._is_old(job)

    def _is_wanted(self, job: Attempt) -> bool:
        return self.planned.jobs is None or _name(job) in self.planned.jobs

    def _is_old(self, job: Attempt) -> bool:
        """Whether it is a job of the attempt before: GitHub shows the new one, which has a new id, a moment later."""
        if self.planned.ladder.reach.server.kind is not Kind.GITHUB or self.planned.cancels:
            return False
        return self._is_wanted(job) and job.job is not None and job.job.id in self.planned.before

    def _log(self, job: Attempt) -> Iterator[Piece]:
        try:
            yield from logs(LogWish(self._address(job), follow=True), self.forges, self.library)
        except MissingLogError as e:
            if e.reason in (Missing.UNREACHABLE, Missing.TLS_FAILED):
                raise
            yield masked(Absent(job, e), self.library.masker().text)

    def _address(self, attempt: Attempt) -> Address:
        """The job as `logs` finds it: by numbers where they are told, else by its name."""
        run, job, reach = attempt.run, attempt.job, self.planned.ladder.reach
        if run.id is not None and (run.number is None or reach.server.kind is Kind.GITHUB):
            return Address(self.planned.repo, reach.server.root, run.id, job.id if job else None, ids=True)
        index = job.index if job else None
        name = job.name if job and index is None else None
        return Address(self.planned.repo, reach.server.root, run.number, index, job_name=name)

    def _say(self, now: tuple[Attempt, ...]) -> None:
        waits = "; ".join(_waits(job) for job in now if job.status in (Status.WAITING, Status.BLOCKED))
        if waits and waits != self._said:
            self._said = waits
            self.tell(waits)


def _name(attempt: Attempt) -> str:
    return attempt.job.name if attempt.job else "job"


def _key(attempt: Attempt) -> str:
    job = attempt.job
    return f"{job.id} {job.index} {job.name}" if job else ""


def _waits(attempt: Attempt) -> str:
    labels = attempt.job.labels if attempt.job else None
    for_ = attempt.waits_for or ("the jobs it needs" if attempt.status is Status.BLOCKED else None)
    for_ = for_ or (f"a runner with {', '.join(labels)}" if labels else "a runner")
    return f"{_name(attempt)} waits for {for_}"
