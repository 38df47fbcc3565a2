"""How each source of a forge is reached when all is well: the stand-in, the user, the command, the request it makes."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from standin import World, scenarios, standin
from standin.github import standin_github
from standin.server import Served

from refusals.cell import Place
from refusals.gitlab import gitlab

SHA = "5ca1ab1e" * 5
"""The commit of the failing run, in every world made here."""


@dataclass
class Spot:
    """A server that is being asked, and the arguments that ask it."""

    served: Any
    world: World
    argv: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Way:
    """`on` and `method`: the requests that are this source's alone. `log`: what they bring is a log, else a list."""

    source: str
    server: str
    on: str
    argv: tuple[str, ...]
    method: str = ""
    log: bool = True
    asked: str = ""

    def other(self, server: str) -> "Way":
        """The same of another version."""
        return Way(self.source, server, self.on, self.argv, self.method, self.log, self.asked)


_LOG = r"/api/v1/repos/alice/priv/actions/jobs/\d+/logs"
_PAGE = r"/alice/priv/actions/runs/\d+/jobs/\d+(/attempt/\d+)?$"
_SHOW = ("logs", "alice/priv#2")
WAYS = (
    Way("forgejo-api", "forgejo-16", _LOG, _SHOW, asked=f"^GET http://[^ ]*{_LOG}$"),
    Way("gitea-api", "gitea-1.26.4", _LOG, _SHOW, asked=f"^GET http://[^ ]*{_LOG}$"),
    Way("web-state", "forgejo-11", _PAGE, _SHOW, "POST", asked=f"^POST http://[^ ]*{_PAGE}"),
    Way("web-download", "forgejo-14", r"^/alice/priv/.*/logs$", _SHOW, asked="^GET http://[^ ]*/alice/priv/.*/logs$"),
    Way("web-runs", "forgejo-7", r"^/alice/priv/actions\?", ("runs", "alice/priv"), log=False),
    Way("tasks-api", "forgejo-11", "/actions/tasks", ("runs", "alice/priv"), log=False),
    Way("commit-statuses", "forgejo-7", "/commits/", ("runs", "alice/priv", "--sha", SHA), log=False),
    Way("github", "github", "^/job/", _SHOW, asked="^GET http://[^ ]*/job/[^ ]*$"),
    Way("gitlab", "gitlab", "/trace$", ("logs", "tools/ci/frob#4702:test"), asked="^GET http://[^ ]*/trace$"),
)
"""One for each source, the way it is used most. Of GitHub it is the storage that has the logs."""
BY_SOURCE = {way.source: way for way in WAYS}


def everyday(server: str = "") -> World:
    """The runs of the recordings, the failing one of `alice/priv` on a known commit."""
    return scenarios.everyday(skipped_by_runner=server != "forgejo-16", commits={"fail": SHA})


@contextmanager
def well(
    place: Place,
    way: Way,
    *,
    change: Callable[[World], object] = lambda _: None,
    user: str | None = "alice",
    token: bool = True,
    web: bool | str = True,
    scope: str = "read:repository",
    **settings: Any,
) -> Iterator[Spot]:
    """The server of a way, and a user who is logged in to it by token and, as the same or as `web`, by its pages."""
    world = everyday(way.server)
    change(world)
    with _serving(way.server, world, settings) as served:
        url = served.url
        person = world.users[user] if user else None
        if token and person:
            place.token(url, person.token(*([] if way.server == "github" else [scope])))
        if token and way.server == "gitlab":
            place.token(url, "glpat-canary0123456789")
        if web and person and way.server.startswith(("forgejo", "gitea")):
            browsing = world.users[web] if isinstance(web, str) else person
            place.web(url, browsing.name, browsing.password)
        yield Spot(served, world, [*way.argv, "--server", url, "--route", way.source])


@contextmanager
def _serving(server: str, world: World, settings: dict[str, Any]) -> Iterator[Served]:
    if server == "github":
        with standin_github(world) as github:
            yield github
    elif server == "gitlab":
        with gitlab() as lab:
            yield lab
    else:
        with standin(server, world, **settings) as forge:
            yield forge


def spoilt(spot: Spot, way: Way) -> Served:
    """The server that a way's request goes to."""
    served: Served = spot.served.storage if way.source == "github" and way.on == "^/job/" else spot.served
    return served
