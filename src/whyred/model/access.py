"""Who may see what on a forge: every route with its answer (`Table`), and what a login brought (`LoggedIn`)."""

from dataclasses import dataclass

from whyred.model.forge import Server
from whyred.model.source import MissingLogError


@dataclass(frozen=True, slots=True)
class Access:
    """One row: a route, what it may give, whether it gave it, and why not."""

    route: str
    serves: str
    gives: tuple[str, ...]
    works: bool | None
    """None: it was not tried, because there is nothing to try it on."""
    refusal: MissingLogError | None = None


@dataclass(frozen=True, slots=True)
class Table:
    """The rows for one server, and the attempt they were tried on."""

    server: str
    attempt: str | None
    rows: tuple[Access, ...]
    note: str | None = None
    unwritten: MissingLogError | None = None
    """Why there is no log that any route could give: no runner has taken the job."""

    @property
    def works(self) -> bool:
        """Whether any route gives logs."""
        return any(row.works and "logs" in row.gives for row in self.rows)


@dataclass(frozen=True, slots=True)
class LoggedIn:
    """What a login brought: the server, whose token and whose web login there is now, and where they are kept."""

    server: Server
    token: bool
    token_of: str | None
    web_of: str | None
    kept: str | None
    web_wanted: bool
    """The server's logs come by its web pages alone, and there is no web login yet."""
