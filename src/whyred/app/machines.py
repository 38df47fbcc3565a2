"""A machine that options name beside a forge (`--forge-host`, `--runner-host`): reached once, at the first question."""

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

from whyred.model.evidence import Reason
from whyred.model.host import HostRefusedError
from whyred.model.source import Missing, MissingLogError

if TYPE_CHECKING:
    from whyred.model.host import Host


@dataclass
class Machine:
    """`name` as the user gave it, None where no machine is named; `stack` ends the connection."""

    name: str | None
    stack: ExitStack
    away: MissingLogError | None = None
    """Why it could not be reached: other routes may help all the same."""
    _host: "Host | None" = None

    def host(self, progress: Callable[[str], None]) -> "Host | None":
        """The machine; None where none is named, or where it cannot be reached."""
        if self.name is not None and self._host is None and self.away is None:
            from whyred.app.hosts import reach

            try:
                self._host, _ = self.stack.enter_context(reach(self.name, progress))
            except HostRefusedError as e:
                self.away = _away(self.name, e)
        return self._host


def _away(name: str, error: HostRefusedError) -> MissingLogError:
    refused = error.unknown.reason in (Reason.REFUSED, Reason.NO_PERMISSION)
    reason = Missing.NO_PERMISSION if refused else Missing.UNREACHABLE
    return MissingLogError(reason, f"look on the machine {name}", error.unknown.detail)
