"""How runs and logs come in: the `Source` protocol and the closed list of reasons why a log may be missing."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Protocol

from whyred.model.run import Attempt, Step
from whyred.model.script import Script

if TYPE_CHECKING:
    from whyred.model.novelty import Familiar
    from whyred.model.run_failures import RunFailures


class Missing(StrEnum):
    """Why a log may be missing. Closed: see the design, section 5."""

    NOT_STARTED = "not-started"
    STILL_RUNNING = "still-running-no-rows"
    EXPIRED = "expired"
    DELETED = "deleted"
    NOT_FOUND = "not-found-or-hidden"
    NEEDS_TOKEN = "needs-token"  # noqa: S105 - a reason, not a password
    NO_PERMISSION = "no-permission"
    NEEDS_WEB_LOGIN = "needs-web-login"
    NEEDS_TWO_FACTOR = "needs-two-factor"
    ROUTE_NOT_ON_THIS_VERSION = "route-not-on-this-version"
    WRONG_ID_KIND = "wrong-id-kind"
    SERVER_ERROR = "server-error"
    UNREACHABLE = "unreachable"
    TLS_FAILED = "tls-failed"
    RATE_LIMITED = "rate-limited"
    REFUSED_CONTENT = "refused-content"
    TOO_LARGE = "too-large"
    CORRUPT = "corrupt"


class MissingLogError(Exception):
    """A log could not be had by one route: the reason, what was asked for (without credentials), what would help.

    `tried`: where several routes were tried, why each was refused, by the route's name; the error itself is then the
    refusal that a user can do most about.
    """

    def __init__(
        self, reason: Missing, asked: str, help_: str, tried: "tuple[tuple[str, MissingLogError], ...]" = ()
    ) -> None:
        super().__init__(f"{asked}: {reason}: {help_}")
        self.reason = reason
        self.asked = asked
        self.help = help_
        self.tried = tried


class Boundaries(StrEnum):
    """How it is known where the steps of a log begin."""

    TOLD = "told by the forge"
    TIMES = "cut by the steps' times, which are whole seconds"
    SCRIPTS = "guessed from the text and the workflow's scripts"
    GUESSED = "guessed from the text"


@dataclass(frozen=True, slots=True)
class Fetched:
    """An attempt and its raw log as a stream that can be read once: chunks of bytes and, where the route knows it, each
    `Step` before its first byte (a step always begins at the beginning of a line).

    `route` names the way it came; `answers` are recorded probe answers, where a bundle brings them; `refused` says by
    its name of every route that was tried before why it could not be used.
    """

    attempt: Attempt
    chunks: Iterator[bytes | Step]
    route: str
    answers: bytes | None = None
    boundaries: Boundaries = Boundaries.GUESSED
    refused: tuple[tuple[str, MissingLogError], ...] = ()
    familiar: "Familiar | None" = None
    """Which errors green attempts have as well, where a bundle tells it."""
    first: str | None = None
    """The route by which a log that was kept since, on this machine or in a bundle, came from the forge."""
    run_failures: "RunFailures | None" = None
    """What else failed in its run, where a bundle brings that."""
    scripts: tuple[Script, ...] = ()
    """Those of its steps, where the workflow file was read."""


@dataclass(frozen=True, slots=True)
class Given:
    """What `app` hands every source: the folder of local runs (None without a home) and standard input."""

    runs: Path | None
    stdin: BinaryIO


class Source(Protocol):
    """One route to runs and logs: a module of `sources/` with these names.

    `ORDER`: sources are asked in this order whether a target is theirs; the most particular form first.
    """

    NAME: str
    SERVES: str
    ORDER: int

    def accepts(self, target: str) -> bool:
        """Whether this target is in this source's form."""
        ...

    def fetch(self, target: str, given: Given) -> Fetched:
        """The attempt and its log. Raises MissingLogError or UserError."""
        ...
