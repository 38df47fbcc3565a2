"""A user of a forge, for tests that go by the use-cases: credentials held in memory, and the forges they open."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from whyred.app.forges import Forges, Options, cookies
from whyred.app.kept_logs import kept_logs
from whyred.app.ladder import Ladder
from whyred.model.credential import Credential
from whyred.model.forge import Kind, Server
from whyred.sources.http import Http
from whyred.sources.reach import Reach
from whyred.sources.web_login import sign_in


@dataclass
class InMemory:
    """Credentials for one server."""

    credential: Credential = field(default_factory=Credential)

    def get(self, root: str) -> Credential:
        return self.credential

    def servers(self) -> list[object]:
        return []

    def update(self, root: str, change: Callable[[Credential], Credential]) -> None:
        self.credential = change(self.credential)


def web_login(url: str, user: str, password: str) -> Credential:
    """A fresh web login."""
    http = Http(url, sleep=lambda _: None)
    sign_in(http, user, password)
    return Credential(cookies=cookies(http.jar))


def forges(url: str, credential: Credential, cache: Path | None = None) -> Forges:
    """The forges of somebody with this credential."""
    return Forges(Options(server=url), InMemory(credential), cache)  # type: ignore[arg-type]


def github(made: Forges, url: str) -> Forges:
    """The same, knowing that this server is a GitHub (a stand-in has no host name that says so)."""
    http = made.http(url)
    http.root, http.scheme = f"{url}/api/v3", "Bearer"
    ladder = Ladder(Reach(Server(url, Kind.GITHUB), http))
    ladder.kept = kept_logs(made.cache, ladder.reach)
    made._ladders[url] = ladder
    return made
