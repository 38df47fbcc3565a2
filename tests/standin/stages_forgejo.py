"""The world of the Forgejo recordings, stage by stage."""

from collections.abc import Callable

from standin import scenarios
from standin.api_actions import cancel_run
from standin.recorded import Recording, commits
from standin.world import Repo, Status


class ForgejoStage:
    """`alice/priv` and `alice/pub` with the everyday runs, and what came after them."""

    def __init__(self, version: str) -> None:
        self.number, self.shas = int(version.partition("-")[2]), commits(version)
        self.world = scenarios.everyday(skipped_by_runner=self.number < 16, commits=self.shas)
        self.priv, self.pub = (self._repo(name) for name in ("priv", "pub"))

    def _repo(self, name: str) -> Repo:
        return next(repo for repo in self.world.repos if repo.name == name)

    def base(self) -> None:
        """The everyday runs."""

    def once_dispatched(self) -> None:
        """A dispatched run of the failing workflow."""
        self.dispatched()
        del self.priv.runs[-1]
        self.world.runs -= 1

    def dispatched(self) -> None:
        """Two dispatched runs (not on 7)."""
        if self.number > 7:
            for like in (self.priv.runs[1], self.priv.runs[0]):
                run = self.priv.push(like.title, like.workflow, like.branch, like.sha, "workflow_dispatch")
                for job in like.jobs:
                    made = run.job(job.name, *job.steps)
                    scenarios.play(made, [scenarios.Part(Status.SUCCESS) for _ in job.steps])

    def started(self) -> None:
        """A job that was picked up a moment ago; by the time of the recording 7 and 11 had rows of it."""
        self.dispatched()
        scenarios.running(self.priv, self.shas["long"])
        if self.number <= 11:
            self.flow(1)

    def flow(self, ticks: int = 15) -> None:
        """Some rows of that job."""
        attempt = self.priv.runs[-1].jobs[0].attempts[0]
        if not len(attempt.log):
            for text in scenarios.opening(attempt):
                attempt.row(text)
            attempt.row("quick done", 0)
        for tick in range(attempt.steps[1].length + 1, ticks + 1):
            attempt.row(f"tick {tick}", 1)

    def running(self) -> None:
        """That job sends rows; a second one runs beside it."""
        self.started()
        self.flow()
        self.victim()

    def victim(self) -> None:
        """The job that will be cancelled."""
        run = self.priv.push("scenario cancel", "cancel.yml", "s-cancel", self.shas["cancel"])
        attempt = run.job("victim", "Sleep long", "Later").pick()
        for text in scenarios.opening(attempt):
            attempt.row(text)
        attempt.row("about to sleep", 0)

    def cancelled(self) -> None:
        """It was cancelled just now."""
        self.running()
        cancel_run(self.priv.runs[-1])

    def cancelled_later(self) -> None:
        """Its last rows have arrived."""
        self.cancelled()
        scenarios.late_rows(self.priv.runs[-1].jobs[0].attempts[0])

    def finished(self) -> None:
        """The long job is over as well."""
        self.cancelled_later()
        attempt = self.priv.runs[-2].jobs[0].attempts[0]
        for tick in range(attempt.steps[1].length + 1, 46):
            attempt.row(f"tick {tick}", 1)
        attempt.row("after", 2)
        attempt.end_step(2)
        scenarios.close(attempt, Status.SUCCESS)

    def rerun_waits(self) -> None:
        """The failing run was asked to run again; on 11 a runner had it already."""
        self.finished()
        self.priv.runs[1].jobs[0].again()
        if self.number == 11:
            self.priv.runs[1].jobs[0].pick()

    def rerun(self) -> None:
        """It did run again."""
        self.finished()
        self.priv.runs[1].jobs[0].again()
        scenarios.play(self.priv.runs[1].jobs[0], scenarios.FAILING_PARTS)

    def lost(self) -> None:
        """The green runs' log files are gone."""
        for repo in (self.priv, self.pub):
            repo.runs[0].jobs[0].attempts[0].missing = "lost"

    def expired(self) -> None:
        """They were removed because of their age."""
        for repo in (self.priv, self.pub):
            repo.runs[0].jobs[0].attempts[0].missing = "expired"


_STAGES: tuple[tuple[str, Callable[[ForgejoStage], None]], ...] = (
    ("running-first", ForgejoStage.started),
    ("running", ForgejoStage.running),
    ("long-finished", ForgejoStage.finished),
    ("cancel-state-before", ForgejoStage.running),
    ("cancel-web", ForgejoStage.running),
    ("cancel-api", ForgejoStage.running),
    ("cancel-state-directly", ForgejoStage.cancelled),
    ("cancel-joblog-directly", ForgejoStage.cancelled),
    ("cancel", ForgejoStage.cancelled_later),
    ("rerun-web", ForgejoStage.base),
    ("rerun", ForgejoStage.rerun),
    ("page", ForgejoStage.dispatched),
    ("lost", ForgejoStage.lost),
    ("totp-6", ForgejoStage.rerun),
    ("dispatch-run-info", ForgejoStage.once_dispatched),
    ("expired", ForgejoStage.expired),
)


def forgejo_stage(recording: Recording) -> Callable[[ForgejoStage], None]:
    """When a recording was taken."""
    name, number = recording.name, int(recording.version.partition("-")[2])
    if name.startswith("rerun") and name.endswith("-directly"):
        return ForgejoStage.rerun_waits
    if number <= 11 and name.startswith(("login", "page", "state", "download")):
        return ForgejoStage.rerun
    return next((stage for prefix, stage in _STAGES if name.startswith(prefix)), ForgejoStage.base)
