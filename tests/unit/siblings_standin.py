"""A stand-in forge with runs beside a failing one: what `tests/unit/test_ask_forge.py` asks about."""

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from forge_user import forges, github
from standin import Standin, World, scenarios, standin
from standin.github import standin_github
from standin.runs import Run
from standin.world import Repo, Status

from whyred.app.forges import Forges
from whyred.model.credential import Credential

REPO = "alice/app"
TEST_FAILS = ["running 1 test", "test queue::pops ... FAILED", "", "failures:", "    queue::pops", ""]
TEST_FAILS += ["test result: FAILED. 0 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s"]
PORT_TAKEN = ["Error: listen EADDRINUSE: address already in use 127.0.0.1:8080"]
SHA = {name: name * 40 for name in "abcdef"}
OK, FAILED = Status.SUCCESS, Status.FAILURE


def world() -> World:
    """Two people's repositories without any run."""
    made = World()
    alice = made.user("alice", "alice-password-1", admin=True)
    for name in ("app", "lib", "site"):
        made.repo(alice, name)
    return made


def played(
    repo: Repo,
    sha: str,
    ends: Status,
    *,
    event: str = "push",
    workflow: str = "ci.yml",
    branch: str = "main",
    runner: str = "host-info",
    says: Sequence[str] = TEST_FAILS,
    lasts: float = 20,
) -> Run:
    """A run of one job `test` that a runner took and ended."""
    run = repo.push(f"canary title {sha[:3]}", workflow, branch, SHA[sha], event)
    job = run.job("test", "Run tests")
    tried(job, ends, runner, says, lasts)
    return run


def tried(
    job: Any, ends: Status, runner: str = "host-info", says: Sequence[str] = TEST_FAILS, lasts: float = 20
) -> None:
    """One try of a job."""
    attempt = job.pick(runner)
    for text in scenarios.opening(attempt):
        attempt.row(text)
    for text in says if ends is FAILED else ["test queue::pops ... ok"]:
        attempt.row(text, 0)
    job.run.repo.world.wait(lasts)
    attempt.end_step(0, ends)
    scenarios.close(attempt, ends)


@dataclass
class Way:
    """The forges of alice, and what they are asked."""

    forge: Standin | Any
    forges: Forges
    world: World

    def asked(self) -> list[str]:
        """The requests so far, without those that find out what the server is."""
        return [seen.path for seen in self.forge.requests]


@contextlib.contextmanager
def way(
    name: str,
    made: World,
    commits: Mapping[tuple[str, str], Sequence[Sequence[str]]] | None = None,
) -> Iterator[Way]:
    """`alice` at a stand-in of this profile, or at a GitHub."""
    alice = made.users["alice"]
    made.named(REPO).changes.update({key: [list(files) for files in told] for key, told in (commits or {}).items()})
    if name == "github":
        with standin_github(made) as hub:
            user = forges(hub.url, Credential(token=alice.token()))
            yield Way(hub, github(user, hub.url), made)
        return
    with standin(name, made) as forge:
        yield Way(forge, forges(forge.url, Credential(token=alice.token("read:repository"))), made)
