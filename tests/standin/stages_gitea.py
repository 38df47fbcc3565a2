"""The world of the Gitea recordings, stage by stage."""

from collections.abc import Callable

from standin import scenarios
from standin.api_actions import cancel_run, start_again
from standin.recorded import Recording, commits
from standin.world import Attempt, Repo, Runner, Status, World

GITEA_PARTS = (
    scenarios.Part(Status.SUCCESS, ["preparing", "done preparing"]),
    scenarios.Part(
        Status.FAILURE,
        [
            "   Compiling demo v0.1.0",
            scenarios.FOUNDING,
            "",
            'error: could not compile `demo` (bin "demo") due to 1 previous error',
            scenarios.EXIT_101,
        ],
    ),
    scenarios.Part(Status.SKIPPED),
    scenarios.Part(Status.SUCCESS, ["cleanup"]),
)


class GiteaStage:
    """`dev/pub` and `dev/priv`, each with a failing run and one that waits; `dev/slow` with a job under way."""

    def __init__(self, version: str) -> None:
        self.old = version == "gitea-1.23"
        self.world = World()
        self.world.runner_version = "v12.8.2"
        self.world.runners = [Runner(2, "runner-1", ("host",), "active")]
        self.world.user("chief", "chief-password-1", admin=True)
        self.dev = self.world.user("dev", "dev-password-1")
        self.world.user("reader", "reader-password-1")
        self.pub, self.priv = self._repo("pub"), self._repo("priv")
        for repo in (self.pub, self.priv):
            run = repo.push("scenario", "ci.yml", "main", commits(version)["main"] if repo is self.priv else "")
            repo.push("scenario", "wait.yml", "main", run.sha)
            job = run.job("test", "Prepare", "Build", "Never", "Clean up")
            repo.runs[1].job("test", "Prepare", labels=("nobody-offers-this",))
            self._fail(job.pick("runner-1"))

    def _repo(self, name: str) -> Repo:
        return self.world.repo(self.dev, name, private=name != "pub", readers=("reader",))

    def _fail(self, attempt: Attempt) -> None:
        for text in scenarios.opening(attempt):
            attempt.row(text)
        for index, part in enumerate(GITEA_PARTS):
            for row in part.rows:
                attempt.row(row, index)
            attempt.end_step(index, part.status)
        attempt.row("🏁  Job failed")
        attempt.end(Status.FAILURE)
        attempt.job.run.record(attempt.job, "failure", "Failing after 0s")

    def base(self) -> None:
        """The runs that the pushes started."""

    def dispatched(self) -> None:
        """A dispatched run waits (not on 1.23)."""
        if not self.old:
            start_again(self.priv, "ci.yml", "main")

    def picked(self) -> None:
        """A runner took the slow job; no row has arrived."""
        self.dispatched()
        self.slow = self._repo("slow").push("add ci.yml", "ci.yml", "main").job("test", "Prepare", "Wait", "After")
        self.slow.pick("runner-1")

    def flowing(self) -> None:
        """Rows have arrived."""
        self.picked()
        attempt = self.slow.attempts[0]
        for text in (*scenarios.opening(attempt),):
            attempt.row(text)
        for text in ("preparing", "done preparing"):
            attempt.row(text, 0)
        for tick in range(1, 6):
            attempt.row(f"tick {tick}", 1)

    def cancelled(self) -> None:
        """It was cancelled just now."""
        self.flowing()
        cancel_run(self.slow.run)

    def cancelled_later(self) -> None:
        """Its last rows have arrived."""
        self.cancelled()
        for text in ("tick 6", *scenarios.LATE_ROWS[:2]):
            self.slow.attempts[0].row(text)

    def lost(self) -> None:
        """The failing run's log file is gone."""
        self.dispatched()
        self.priv.runs[0].jobs[0].attempts[0].missing = "lost"

    def rerun_waits(self) -> None:
        """The failing run was asked to run again."""
        self.dispatched()
        self.priv.runs[0].jobs[0].again()


_GITEA_STAGES: tuple[tuple[str, Callable[[GiteaStage], None]], ...] = (
    ("running-first", GiteaStage.picked),
    ("running", GiteaStage.flowing),
    ("cancel-web-running", GiteaStage.flowing),
    ("cancel-web", GiteaStage.dispatched),
    ("cancel-state-directly", GiteaStage.cancelled),
    ("cancel", GiteaStage.cancelled_later),
    ("lost", GiteaStage.lost),
    ("rerun-web", GiteaStage.dispatched),
    ("rerun", GiteaStage.rerun_waits),
    ("page", GiteaStage.dispatched),
)


def gitea_stage(recording: Recording) -> Callable[[GiteaStage], None]:
    """When a recording was taken."""
    return next((stage for prefix, stage in _GITEA_STAGES if recording.name.startswith(prefix)), GiteaStage.base)
