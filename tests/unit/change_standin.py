"""What the tests of changes have in common: a user who reaches a stand-in forge, its workflow files, and a runner that
works while the program waits.
"""

import base64
import contextlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from standin import Standin, Status, World, scenarios, standin
from standin.server import Fault
from standin.wire import Reply, Request, as_json, as_text
from standin.world import Job, Repo

from whyred.app.forges import Forges
from whyred.app.ladder import Ladder
from whyred.app.options import Options
from whyred.model.credential import Credential
from whyred.model.forge import Address, Kind
from whyred.model.target import read_address
from whyred.sources.http import Http
from whyred.sources.reach import Reach
from whyred.sources.servers import identify
from whyred.sources.web_login import sign_in

SCOPE = "write:repository"
DISPATCHED = """\
on:
  workflow_dispatch:
    inputs:
      level: {required: true, type: choice, options: [minor, major]}
      dry: {type: boolean, default: true}
      count: {type: number}
  push:
jobs: {test: {runs-on: native, steps: [{run: make}]}}
"""


class Nothing:
    """Credentials of a user who keeps none."""

    def get(self, root: str) -> Credential:
        return Credential()

    def servers(self) -> list[Any]:
        return []


@dataclass
class Way:
    """A user and a forge. `works`: what the runner does each time the program waits."""

    forge: Standin
    http: Http
    forges: Forges
    works: list[Callable[[], object]] = field(default_factory=list)
    waited: int = 0

    @property
    def repo(self) -> Repo:
        return self.forge.world.named("alice/priv")

    @property
    def reach(self) -> Reach:
        return self.forges.ladder(self.forge.url).reach

    def changes(self) -> list[str]:
        """What was changed: method and path of every request that is no question."""
        asked = [s for s in self.forge.requests if s.method != "GET" and "login" not in s.path]
        return [f"{s.method} {s.path}" for s in asked if not s.body.startswith(b'{"logCursors"')]

    def serve(self, files: Mapping[str, str]) -> None:
        """The files of the repository, on every branch: by the API, and raw by the pages."""
        self.forge.fault(contents(files), on=r"/contents/|/raw/")

    def wait(self, _seconds: float) -> None:
        self.waited += 1
        assert self.waited < 500, "the program waits for what never comes"
        if self.works:
            self.works.pop(0)()


def contents(files: Mapping[str, str]) -> Fault:
    def fault(request: Request, _answer: object) -> Reply:
        _, api, path = request.path.partition("/contents/")
        if not api:
            path = request.path.partition("/raw/")[2].split("/", 2)[2]
            return as_text(files[path]) if path in files else as_text("Not found.\n", 404)
        if path in files:
            content = base64.encodebytes(files[path].encode()).decode()
            return as_json({"name": path.rpartition("/")[2], "content": content})
        names = [{"name": name.rpartition("/")[2]} for name in files if name.rpartition("/")[0] == path]
        return as_json(names) if names else as_json({"message": "not found"}, 404)

    return fault


@contextlib.contextmanager
def way(
    name: str,
    make: Callable[[World], object] = lambda _: None,
    *,
    user: str = "alice",
    token: str | None = SCOPE,
    web: bool = True,
    swagger: bool = True,
) -> Iterator[Way]:
    """`user` at a stand-in of this profile: with a token of that scope (None: without one), signed in to its pages."""
    world = scenarios.everyday(skipped_by_runner=name != "forgejo-16")
    make(world)
    with standin(name, world, swagger=swagger) as forge:
        http = Http(forge.url)
        if web:
            sign_in(http, user, world.users[user].password)
            http.signed_in = True
        http.token = world.users[user].token(token) if token else None
        forges = Forges(Options(server=forge.url), Nothing())  # type: ignore[arg-type]
        forges._ladders[forge.url] = Ladder(Reach(identify(http), http))
        found = Way(forge, http, forges)
        http.sleep = found.wait
        yield found


def address(target: str) -> Address:
    found = read_address(target)
    assert found is not None
    return found


def workflows(way_: Way) -> str:
    """The folder that such a server reads workflows from."""
    return ".gitea/workflows" if way_.reach.server.kind is Kind.GITEA else ".forgejo/workflows"


def two_failed(world: World) -> None:
    """One more run: two jobs that failed, one that succeeded."""
    run = world.named("alice/priv").push("two fail", "two.yml", "main")
    for job, ends in (("one", scenarios.FAILED), ("two", scenarios.FAILED), ("three", scenarios.OK)):
        scenarios.play(run.job(job, "Step"), [scenarios.Part(ends, ["said"])])


def picked(job: Job, ends: Status = scenarios.OK) -> list[Callable[[], object]]:
    """What a runner does with a waiting job, wait by wait: takes it, sends rows, reports its end."""

    def rows() -> None:
        for text in scenarios.opening(job.attempts[-1]):
            job.attempts[-1].row(text)
        job.attempts[-1].row("hello again", 0)

    def end() -> None:
        for place in range(len(job.steps)):
            job.attempts[-1].end_step(place, ends)
        scenarios.close(job.attempts[-1], ends)

    return [job.pick, rows, end]
