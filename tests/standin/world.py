"""What the stand-in forge knows: users with tokens, repositories, runs, jobs, attempts, steps, rows of logs.

Tests may change all of it while the server runs; `World.lock` is held by the server during each answer.
"""

from dataclasses import dataclass, field
from hashlib import sha1
from threading import RLock
from typing import Literal

from standin.rows import TICKS
from standin.runs import Attempt, CommitStatus, Job, Run, Status, Step

__all__ = ["Attempt", "CommitStatus", "Job", "Pull", "Repo", "Run", "Runner", "Status", "Step", "User", "World"]
START = 1_795_462_080 * TICKS
"""2026-11-23T19:28:00Z: when every world begins."""


@dataclass(slots=True)
class User:
    """An account. `tokens` maps a token to its scopes, for example `{"...": ("read:repository",)}`."""

    id: int
    name: str
    password: str = field(repr=False)
    admin: bool = False
    tokens: dict[str, tuple[str, ...]] = field(default_factory=dict, repr=False)
    login: Literal["plain", "totp", "webauthn", "must-change-password", "must-set-up-2fa", "prohibited"] = "plain"
    passcode: str = field(default="424242", repr=False)
    used_passcode: str = field(default="", repr=False)

    def token(self, *scopes: str) -> str:
        """A new token with these scopes; without any it may do everything ("all")."""
        made = sha1(f"{self.name} {len(self.tokens)}".encode()).hexdigest()
        self.tokens[made] = scopes or ("all",)
        return made


@dataclass(slots=True)
class Repo:
    """A repository. `readers` may read it although it is private."""

    id: int
    world: "World"
    owner: User
    name: str
    private: bool
    readers: set[str] = field(default_factory=set)
    runs: list[Run] = field(default_factory=list)
    pulls: dict[int, "Pull"] = field(default_factory=dict)
    workflows: set[str] = field(default_factory=set)
    files: dict[str, str] = field(default_factory=dict)
    """Path -> text, the same at every commit."""
    changes: dict[tuple[str, str], list[list[str]]] = field(default_factory=dict)
    """(commit, later commit) -> the files of each commit between them, oldest first."""
    default_branch: str = "main"
    actions: bool = True
    """Whether the unit Actions is switched on."""

    @property
    def full_name(self) -> str:
        """Owner and name."""
        return f"{self.owner.name}/{self.name}"

    def branches(self) -> dict[str, str]:
        """Branch -> commit."""
        heads = {run.branch: run.sha for run in self.runs}
        return {self.default_branch: sha1(self.full_name.encode()).hexdigest()} | heads

    def commit(self, ref: str) -> str:
        """The commit that a branch or commit id names; empty when there is none."""
        known = self.branches()
        return known.get(ref.removeprefix("refs/heads/"), "") or (ref if ref in known.values() else "")

    def history(self, ref: str) -> list[str]:
        """The commits of a branch, newest first; empty when there is no such branch or commit."""
        name = ref.removeprefix("refs/heads/") or self.default_branch
        first = sha1(self.full_name.encode()).hexdigest()
        made = [run.sha for run in reversed(self.runs) if run.branch == name and run.sha != first]
        if name in self.branches():
            return list(dict.fromkeys([*made, first]))
        return [ref] if self.commit(ref) else []

    def run(self, index: int) -> Run | None:
        """By the number that people see."""
        return next((run for run in self.runs if run.index == index), None)

    def push(self, title: str, workflow: str, branch: str, sha: str = "", event: str = "push") -> Run:
        """A push that starts a run of one workflow, without jobs yet."""
        world = self.world
        with world.lock:
            world.runs += 1
            self.workflows.add(workflow)
            made = sha or sha1(f"{self.full_name} {title} {world.runs}".encode()).hexdigest()
            run = Run(world.runs, len(self.runs) + 1, self, title, workflow, branch, made, world.tick(), event)
            self.runs.append(run)
            return run

    def statuses(self, sha: str) -> list[CommitStatus]:
        """Everything written about a commit."""
        return [status for run in self.runs if run.sha == sha for status in run.statuses]

    def may_read(self, user: User | None) -> bool:
        """Whether a user, or nobody, sees the repository."""
        return not self.private or (user is not None and (self.may_write(user) or user.name in self.readers))

    def may_write(self, user: User | None) -> bool:
        """Whether a user may rerun and cancel."""
        return user is not None and (user.admin or user.id == self.owner.id)


@dataclass(frozen=True, slots=True)
class Pull:
    """A pull request from a branch of the same repository."""

    number: int
    title: str
    head: str
    sha: str
    base: str = "main"


@dataclass(slots=True)
class Runner:
    """A runner as the list of runners shows it."""

    id: int
    name: str
    labels: tuple[str, ...]
    status: Literal["offline", "idle", "active"] = "idle"


class World:
    """Everything. The clock is its own: each event takes a millisecond, tests may add more with `wait`."""

    def __init__(self, now: int = START) -> None:
        self.lock = RLock()
        self.now = now
        self.users: dict[str, User] = {}
        self.repos: list[Repo] = []
        self.renamed: dict[tuple[str, str], Repo] = {}
        self.runner_version = "v12.8.2-src"
        self.runners = [Runner(1, "host-info", ("native",)), Runner(2, "host-debug", ("native-debug",))]
        self.runs = self.jobs = self.tasks = 0

    def tick(self) -> int:
        """The time of the next event."""
        self.now += TICKS // 1000
        return self.now

    def wait(self, seconds: float) -> None:
        """Lets the world's clock run on."""
        with self.lock:
            self.now += int(seconds * TICKS)

    def user(self, name: str, password: str, *, admin: bool = False) -> User:
        """A new account."""
        self.users[name] = User(len(self.users) + 1, name, password, admin)
        return self.users[name]

    def repo(self, owner: User, name: str, *, private: bool = False, readers: tuple[str, ...] = ()) -> Repo:
        """A new repository."""
        self.repos.append(Repo(len(self.repos) + 1, self, owner, name, private, set(readers)))
        return self.repos[-1]

    def find_repo(self, owner: str, name: str) -> Repo | None:
        """By owner and name, in letters of any case."""
        wanted = owner.lower(), name.lower()
        return next((r for r in self.repos if (r.owner.name.lower(), r.name.lower()) == wanted), None)

    def moved(self, owner: str, name: str) -> Repo | None:
        """The repository that had this name before."""
        return self.renamed.get((owner.lower(), name.lower()))

    def rename(self, repo: Repo, name: str, owner: User | None = None) -> None:
        """Gives a repository another name, another owner too if one is named; the old name leads to it."""
        with self.lock:
            self.renamed[repo.owner.name.lower(), repo.name.lower()] = repo
            repo.name, repo.owner = name, owner or repo.owner

    def named(self, full_name: str) -> Repo:
        """By `owner/name`, for tests that know it is there."""
        return next(repo for repo in self.repos if repo.full_name == full_name)

    def find_run(self, run_id: int) -> Run | None:
        """By the database's id."""
        return next((run for repo in self.repos for run in repo.runs if run.id == run_id), None)

    def find_job(self, job_id: int) -> Job | None:
        """By the database's id."""
        runs = (run for repo in self.repos for run in repo.runs)
        return next((job for run in runs for job in run.jobs if job.id == job_id), None)

    def who(self, token: str) -> tuple[User, tuple[str, ...]] | None:
        """Whose token it is, and its scopes."""
        return next(((user, user.tokens[token]) for user in self.users.values() if token in user.tokens), None)
