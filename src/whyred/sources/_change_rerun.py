"""Running something of a run again on Forgejo and Gitea: the whole of it, one job, or the jobs that failed.

Source: services/actions/rerun.go of Forgejo 16 and Gitea 1.26, routers/web/repo/actions/view.go of Forgejo 7 to 16 and
Gitea 1.23 to 1.26.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from whyred.model.forge import Kind
from whyred.model.run import Conclusion, Job, Run
from whyred.model.source import Missing, MissingLogError
from whyred.sources import forgejo_api, gitea_api, web_state
from whyred.sources._change_way import RUN, path, planned, way
from whyred.sources._web import by_ids
from whyred.sources.http import By
from whyred.sources.plan import Call, Plan
from whyred.sources.reach import Reach

_RERUN = f"{RUN}/rerun"
_RUNS = "/repos/{owner}/{repo}/actions/runs"
_AGAIN = (Conclusion.FAILURE, Conclusion.TIMED_OUT, Conclusion.CANCELLED)
"""What `--failed` runs again: as Gitea and GitHub have it, cancelled jobs as well."""


@dataclass(frozen=True, slots=True)
class Again:
    """The calls that run something of one run again. `path` is the run's, `by` whose name they are made in."""

    reach: Reach
    run: Run
    by: By
    path: str

    def all(self) -> Call:
        """The whole run."""
        return Call("POST", f"{self.path}/rerun", f"rerun all jobs of {self.run.label}", by=self.by)

    def failed(self, names: str) -> Call:
        """The failed jobs, on a Gitea that knows them itself."""
        end = "rerun-failed" if self.by is By.WEB else "rerun-failed-jobs"
        says = f"rerun the failed jobs of {self.run.label} ({names}), and those that need them"
        return Call("POST", f"{self.path}/{end}", says, by=self.by)

    def job(self, job: Job) -> Call:
        """One job."""
        place = self._place(job)
        says = f"rerun the job {job.name} of {self.run.label}, and those that need it"
        return Call("POST", f"{self.path}/jobs/{place}/rerun", says, by=self.by)

    def _place(self, job: Job) -> int:
        """What stands for a job in a path. A place that is not the job's would silently be job 0 on Forgejo."""
        ids = self.by is By.TOKEN or by_ids(self.reach)
        told = job.id if ids else job.index
        if told is None:
            same = [a.job for a in web_state.attempts(self.reach, self.run) if a.job and a.job.name == job.name]
            told = (same[0].id if ids else same[0].index) if len(same) == 1 else None
        if told is None:
            help_ = "the server does not tell which job that is: give the job's URL as the browser has it"
            raise MissingLogError(Missing.WRONG_ID_KIND, f"rerun {job.name} of {self.run.label}", help_)
        return told


def again(reach: Reach, run: Run) -> Again:
    """By which way, and with which paths, this run is run again. Raises MissingLogError."""
    guess = reach.server.kind is Kind.GITEA and by_ids(reach)
    by = way(reach, f"rerun {run.label}", _RERUN, guess)
    return Again(reach, run, by, path(reach, run, by))


def failed(reach: Reach, run: Run) -> Plan:
    """The plan for the failed jobs of a run: one call where the server has one for it, else a call for each.

    Raises MissingLogError.
    """
    calls = again(reach, run)
    jobs = _jobs(reach, run)
    ended_badly = [job for job, conclusion in jobs if conclusion in _AGAIN]
    title = f"rerun the failed jobs of {run.label}"
    if not ended_badly:
        return planned(reach, f"{title}: none failed, so there is nothing to do")
    if calls.by is By.TOKEN or by_ids(reach):
        return planned(reach, title, calls.failed(", ".join(job.name for job in ended_badly)))
    if len(ended_badly) == len(jobs):
        return planned(reach, f"{title}, which are all it has", calls.all())
    first = list(_first(ended_badly))
    if len(first) > 1 and _only_ended(reach):
        names = ", ".join(job.name for job in first)
        help_ = (
            f"{reach.server} reruns one job, and then no other before the run has ended again: "
            f"name one of {names} with --job, or rerun the whole run"
        )
        raise MissingLogError(Missing.ROUTE_NOT_ON_THIS_VERSION, title, help_)
    several = f" in {len(first)} calls, for this server reruns a whole run or one job" if len(first) > 1 else ""
    return planned(reach, f"{title}{several}", *map(calls.job, first))


def _first(jobs: Sequence[Job]) -> Iterator[Job]:
    """The failed jobs that no other failed job brings along: those that need one are rerun with it."""
    names = {job.name.partition(" (")[0] for job in jobs}
    for job in jobs:
        if names.isdisjoint(job.needs or ()):
            yield job


def _only_ended(reach: Reach) -> bool:
    """Whether a job is rerun only while its whole run has ended: Gitea from 1.25, the version that lists runs."""
    return reach.server.kind is Kind.GITEA and reach.server.offers(_RUNS) is True


def _jobs(reach: Reach, run: Run) -> list[tuple[Job, Conclusion]]:
    """The jobs of a run and how they ended: by the API, else by the web pages."""
    source = forgejo_api if reach.server.kind is Kind.FORGEJO else gitea_api
    try:
        found = source.attempts(reach, run)
    except MissingLogError:
        found = web_state.attempts(reach, run)  # the pages know all of it as well, and say what is wrong if it is
    return [(a.job, a.conclusion) for a in found if a.job is not None]
