"""A forge as whyred knows it: what server it is, what a target names on it, and what is asked of its runs."""

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Protocol

from whyred.model.run import Attempt, Conclusion, Run, Status


class Kind(StrEnum):
    """Which program a forge is."""

    FORGEJO = "forgejo"
    GITEA = "gitea"
    GITHUB = "github"
    GITLAB = "gitlab"


@dataclass(frozen=True, slots=True)
class Server:
    """One forge: its root URL (no slash at the end, a sub-path kept), what it is, and the version it states.

    `paths` are the API paths that its own description lists (`/repos/{owner}/{repo}/actions/runs`); None where it gives
    no description, so that only a call can tell.
    """

    root: str
    kind: Kind
    version: str | None = None
    paths: frozenset[str] | None = None

    def offers(self, path: str) -> bool | None:
        """Whether the server lists this API path; None where it lists nothing. Names of parameters do not count."""
        if self.paths is None:
            return None
        return _shape(path) in {_shape(p) for p in self.paths}

    def __str__(self) -> str:
        name = {Kind.GITHUB: "GitHub", Kind.GITLAB: "GitLab"}.get(self.kind, self.kind.value.capitalize())
        return f"{name}{f' {self.version}' if self.version else ''} at {self.root}"


def _shape(path: str) -> str:
    return "/".join("{}" if part.startswith("{") else part for part in path.split("/"))


@dataclass(frozen=True, slots=True)
class Address:
    """What a target names on a forge; what it leaves open is None.

    `run` and `job` are the numbers as the target has them. With `from_url` they were copied from a browser, and only
    the server knows whether it puts ids or places in the run there; otherwise `run` is the number that people see.
    `root` None means the server of the checkout, or the only one that is logged in to.
    """

    repo: str
    root: str | None = None
    run: int | None = None
    job: int | None = None
    attempt: int | None = None
    from_url: bool = False
    ids: bool = False
    """The numbers are certainly the forge's own ids: they stand in the URL of its API."""
    job_name: str | None = None
    commit: str | None = None
    branch: str | None = None
    pull: int | None = None
    newest: bool = False
    """The newest run is meant, however it ended: the target is a page `runs/latest`."""
    workflow: str | None = None
    event: str | None = None
    status: str | None = None
    actor: str | None = None
    """Who started it: a user's id on Forgejo and Gitea, whose pages name that, a user's name elsewhere."""

    @property
    def sifted(self) -> bool:
        """Whether it names some of a repository's runs by what a list of them was sifted by."""
        return any(told is not None for told in (self.workflow, self.event, self.status, self.actor))

    def sift(self, query: "RunQuery") -> "RunQuery":
        """The same question about fewer runs: those of the list that the target shows."""
        return replace(query, workflow=self.workflow, event=self.event, status=self.status, actor=self.actor)

    def __str__(self) -> str:
        what = f"#{self.run}" if self.run is not None else f"@{self.commit}" if self.commit else ""
        job = self.job_name or ("" if self.job is None else str(self.job))
        return f"{self.repo}{what}{':' + job if job else ''}"


@dataclass(frozen=True, slots=True)
class RunQuery:
    """Which runs of a repository are wanted, newest first; None leaves a point open. A source may give runs that do not
    match, for forges pass over filters they do not know: `keeps` decides.
    """

    limit: int = 20
    branch: str | None = None
    workflow: str | None = None
    event: str | None = None
    commit: str | None = None
    number: int | None = None
    id: int | None = None
    status: str | None = None
    actor: str | None = None
    """As in `Address`. A run does not tell it: the source itself sifts by it, or refuses."""

    def keeps(self, run: Run) -> bool:
        """Whether a run is one that is asked for; what a run does not tell cannot speak against it."""
        return (
            _agree(self.branch, run.branch)
            and _agree(self.workflow, run.workflow)
            and _agree(self.event, run.event)
            and (self.commit is None or run.commit is None or run.commit.startswith(self.commit))
            and self.number in (None, run.number)
            and self.id in (None, run.id)
            and (self.status is None or self.status in (run.status.value, run.conclusion.value))
        )


@dataclass(frozen=True, slots=True)
class Listed:
    """Runs of a repository, newest first; `whole`: whether the list knows every run that is asked for."""

    runs: tuple[Run, ...]
    whole: bool = True


@dataclass(frozen=True, slots=True)
class Compared:
    """What lies between two commits of a repository: how many commits, and the files they touch. `straight`: whether
    the first is an ancestor of the second, so that nothing else tells their trees apart; `whole`: whether every one of
    the files is named.
    """

    commits: int
    files: tuple[str, ...]
    straight: bool
    whole: bool = True


class Forge(Protocol):
    """The forge that an attempt is on, as probes may ask it. Each call costs one of a handful of requests that all
    probes together may make. Every method raises `HostRefusedError`: a forge refuses as a host does.
    """

    attempt: Attempt
    """The attempt that is looked into."""
    kind: Kind
    log_ended: float | None
    """The last time stamp of its log, in seconds since the epoch."""

    def runs(self, query: RunQuery, repo: str | None = None) -> Listed:
        """Runs of the attempt's repository, or of another one."""

    def attempts(self, run: Run) -> tuple[Attempt, ...]:
        """The newest attempt of every job of a run."""

    def repositories(self) -> tuple[str, ...]:
        """Other repositories of this forge, the one that changed last first."""

    def compared(self, before: str, after: str) -> Compared:
        """What lies between two commits of the attempt's repository."""

    def workflow(self, ref: str) -> bytes:
        """The text of the attempt's workflow file at a commit, or at the newest of a branch."""

    def default_branch(self) -> str | None:
        """The branch that counts where none is named."""


def _agree(wanted: str | None, told: str | None) -> bool:
    return wanted is None or told is None or wanted == told


def ended_as(word: str) -> tuple[Status, Conclusion]:
    """A status word of Forgejo or Gitea's own pages as status and conclusion.

    Source: models/actions/status.go of Forgejo 7 to 16 and Gitea 1.21 to 1.27 (8 is `cancelling` there).
    """
    return _WORDS.get(word.lower(), (Status.UNKNOWN, Conclusion.UNKNOWN))


_WORDS = {
    "waiting": (Status.WAITING, Conclusion.UNKNOWN),
    "blocked": (Status.BLOCKED, Conclusion.UNKNOWN),
    "running": (Status.RUNNING, Conclusion.UNKNOWN),
    "cancelling": (Status.RUNNING, Conclusion.UNKNOWN),
    "success": (Status.DONE, Conclusion.SUCCESS),
    "failure": (Status.DONE, Conclusion.FAILURE),
    "cancelled": (Status.DONE, Conclusion.CANCELLED),
    "skipped": (Status.DONE, Conclusion.SKIPPED),
}
