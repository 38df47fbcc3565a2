"""What a route is handed to reach a forge, and what a route may offer: the contract of the files in this folder that
serve forges. A route offers what it has functions for; the ladder in `app` asks them in the order of `ORDER`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from whyred.model.forge import Kind, RunQuery, Server
from whyred.model.host import Host
from whyred.model.run import Attempt, Run
from whyred.model.source import Fetched, MissingLogError
from whyred.sources.http import Http


@dataclass(frozen=True, slots=True)
class Reach:
    """How a forge can be reached: what it is, the client with this user's credentials, and its own machine where the
    user named it (`--forge-host`). `folder` is the forge's data folder there, where it was named.
    """

    server: Server
    http: Http
    host: Host | None = None
    folder: str | None = None


@dataclass(frozen=True, slots=True)
class Want:
    """Which part of a log is wanted. `steps`: places in `Attempt.steps`, None for all. `follow`: go on while the job
    runs. `tail`: only about the last so many bytes, where a route can save the others.
    """

    steps: tuple[int, ...] | None = None
    follow: bool = False
    tail: int | None = None


class Route(Protocol):
    """One way to runs and logs: a module with these names and any of the functions below.

    - `runs(reach, repo, query) -> Iterator[Run]`: newest first; may give more than asked for, lazily.
    - `attempts(reach, run) -> tuple[Attempt, ...]`: the newest attempt of every job of a run, in the order of the jobs.
    - `steps(reach, attempt) -> Attempt`: the attempt with its steps (and their conclusions and times).
    - `log(reach, attempt, want) -> Fetched`: the log; what can be refused is refused before it returns.

    All raise MissingLogError. `refuses` tells without any request why this route is out for this server or user.
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
