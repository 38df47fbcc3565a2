"""What a route is handed to reach a forge, and what a route may offer: the contract of the files in this folder that
serve forges. A route offers what it has functions for; the ladder in `app` asks them in the order of `ORDER`.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from whyred.model.forge import Kind, RunQuery, Server
from whyred.model.host import Host
from whyred.model.run import Attempt, Run, Step, numbered
from whyred.model.source import Fetched, MissingLogError
from whyred.sources.http import Http


@dataclass(frozen=True, slots=True)
class Reach:
    """How a forge can be reached: what it is, the client with this user's credentials, and its own machine where the
    user named it (`--forge-host`). `folder` is the forge's data folder there, or app.ini's, where it was named.
    """

    server: Server
    http: Http
    host: Host | None = None
    folder: str | None = None
    database: str | None = None
    """Where the forge's database is, when the user said it (`--database`): `sqlite:///PATH`, `postgresql://USER@HOST/NAME`
    or `mysql://USER@HOST/NAME`, never with a password. None: app.ini tells, or the usual place in `folder`."""
    may_read: Callable[[str], bool] = field(default=lambda _: False, repr=False)
    """Whether the user lets whyred read this app.ini: asked once a reach, with its path. Only the database's address,
    the data folder and the place of the logs are taken from it."""
    password: Callable[[str], str | None] = field(default=lambda _: None, repr=False)
    """The password for the database at this address, asked for when it is wanted; None leaves it to the client library
    (PostgreSQL: PGPASSWORD, ~/.pgpass)."""
    tapped: Path | None = None
    """The folder in which `whyred tap` keeps rows on this machine."""
    runner_host: Host | None = None
    """The machine of the runner, where the user named it (`--runner-host`)."""
    runner_logs: str | None = None
    """The folder there in which a Gitea runner keeps its jobs' logs (its setting `log.job.dir`), where it was named."""
    away: MissingLogError | None = None
    """Why the forge's own machine, which the user named, cannot be asked."""
    runner_away: MissingLogError | None = None
    """Why the runner's machine, which the user named, cannot be asked."""
    kept: dict[str, object] = field(default_factory=dict, repr=False, compare=False)
    """What routes found out and keep for the life of this reach, by their own keys (`forge-place`)."""


@dataclass(frozen=True, slots=True)
class Want:
    """Which part of a log is wanted. `steps`: as people name them (`model.run.numbered`), for routes differ in which of
    the runner's own steps they list; None for all. `follow`: go on while the job
    runs. `tail`: only about the last so many bytes, where a route can save the others. `text_only`: the text as it is
    stored matters more than where steps begin.
    """

    steps: frozenset[int | str] | None = None
    follow: bool = False
    tail: int | None = None
    text_only: bool = False
    most: int | None = None
    """Bytes of a log that the user allows. A route that is told the size refuses a larger one (too-large) unread."""

    def places(self, steps: tuple[Step, ...]) -> tuple[int, ...] | None:
        """The places of the wanted steps in a list of them; None for all."""
        if self.steps is None:
            return None
        return tuple(place for place, name in enumerate(numbered(steps)) if name in self.steps)

    def wants(self, steps: tuple[Step, ...]) -> Callable[[Step], bool]:
        """Whether a step that comes in the log of an attempt with these `steps` is wanted: one of the list itself by
        its place, any other by what it may be called.
        """
        places = self.places(steps)
        if places is None:
            return lambda _: True
        known = {id(step) for step in steps}
        mine, names = {id(steps[place]) for place in places}, {steps[place].name for place in places}
        return lambda step: id(step) in mine if id(step) in known else not names.isdisjoint(step.names)


@dataclass(frozen=True, slots=True)
class Offered:
    """A runner that a forge knows: its name, the labels it offers, and how it is, in the forge's word."""

    name: str
    labels: tuple[str, ...]
    status: str


class Route(Protocol):
    """One way to runs and logs: a module with these names and any of the functions below.

    - `runs(reach, repo, query) -> Iterator[Run]`: newest first; may give more than asked for, lazily.
    - `attempts(reach, run) -> tuple[Attempt, ...]`: the newest attempt of every job of a run, in the order of the jobs.
    - `steps(reach, attempt) -> Attempt`: the attempt with its steps (and their conclusions and times).
    - `log(reach, attempt, want) -> Fetched`: the log; what can be refused is refused before it returns.

    All raise MissingLogError. `refuses` tells without any request why this route is out for this server or user.
    `PARTIAL = True`: its list does not know every run. `WITHOUT_SERVER = True`: it needs no answer of the server itself
    but what the user named (the forge's machine, its database, the runner's, ...), and `refuses` where nothing was.
    """

    NAME: str
    SERVES: str
    ORDER: int
    KINDS: frozenset[Kind]

    def refuses(self, reach: Reach) -> MissingLogError | None:
        """Why the route cannot work here, where that is known without a request."""


class Runs(Protocol):
    """The listing of runs."""

    def runs(self, reach: Reach, repo: str, query: RunQuery) -> Iterator[Run]:
        """Runs of a repository, newest first."""


class Attempts(Protocol):
    """The jobs of a run."""

    def attempts(self, reach: Reach, run: Run) -> tuple[Attempt, ...]:
        """The newest attempt of every job."""


class Steps(Protocol):
    """The steps of an attempt."""

    def steps(self, reach: Reach, attempt: Attempt) -> Attempt:
        """The attempt with its steps."""


class Logs(Protocol):
    """The log of an attempt."""

    def log(self, reach: Reach, attempt: Attempt, want: Want) -> Fetched:
        """The log as a stream."""
