"""One call of a tool: its arguments, whom it may ask, how it reports progress, and how it is stopped."""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, cast

from whyred.faces.mcp.serving import CallerCredentials, Serving
from whyred.model.trouble import UserError

if TYPE_CHECKING:
    from whyred.app.forges import Forges
    from whyred.app.library import Library
    from whyred.model.forge import Address
    from whyred.settings.credentials import Credentials


class StoppedError(KeyboardInterrupt):
    """The client wants no more of it: what is under way ends as it does for Ctrl-C."""


class NotAllowedError(UserError):
    """The operator does not let callers name this."""


@dataclass
class Call:
    """One call. `tell` hears how far it is; `notes` are what the user must know beside the answer."""

    arguments: Mapping[str, Any]
    serving: Serving
    tokens: Mapping[str, str] = field(default_factory=dict, repr=False)
    tell: Callable[[str], None] = lambda _: None
    stopped: threading.Event = field(default_factory=threading.Event)
    notes: list[str] = field(default_factory=list)
    limit: int = 0
    """Tokens that the answer may cost."""
    ticks: Callable[[], None] = lambda: None
    """Called while something is waited for: it may raise."""
    _made: "list[Forges]" = field(default_factory=list, init=False)

    def stop(self) -> None:
        """Ends it, from any thread: it raises StoppedError soon, also where it waits for a forge that is silent."""
        self.stopped.set()
        for forges in list(self._made):
            forges.cut()

    def check(self) -> None:
        """Raises StoppedError where it was stopped."""
        if self.stopped.is_set():
            raise StoppedError

    def progress(self, text: str) -> None:
        """Says what is being done now. Raises StoppedError."""
        self.check()
        self.tell(text)

    def pause(self, seconds: float) -> None:
        """Waits so long. Raises StoppedError."""
        if self.stopped.wait(seconds):
            raise StoppedError
        self.ticks()

    @property
    def library(self) -> "Library":
        """The library."""
        return self.serving.library

    def forges(self) -> "Forges":
        """The forges of this caller."""
        from whyred.app.forges import Forges

        serving = self.serving
        own = CallerCredentials(self.tokens, serving.forges) if serving.remote else serving.credentials
        made = Forges(
            serving.options,
            cast("Credentials", own),
            serving.cache,
            progress=self.progress,
            note=self.notes.append,
            pause=self.pause,
            check=self.check,
            tapped=not serving.remote,
        )
        self._made.append(made)
        return made

    def address(self, target: str) -> "Address":
        """What a target names on a forge. Raises UserError, and NotAllowedError for what callers may not name."""
        if self.serving.remote:
            return self._remote(target)
        from whyred.app.targets import address_of

        found = address_of(target)
        if found is None:
            why = "it is a file, or has none of the forms"
            raise UserError(f"{target[:200]!r} names no run on a forge", why, _FORMS)
        return found

    def target(self, name: str = "target") -> "str | Address":
        """The target of the call: an address, or on this machine also a file. Raises UserError."""
        return self.meant(self.arguments[name])

    def meant(self, target: str) -> "str | Address":
        """The same for any target."""
        if self.serving.remote:
            return self._remote(target)
        if target == "-":
            raise UserError("standard input is no log here", "this server speaks over it", "Name a file")
        from whyred.app.targets import address_of

        return address_of(target) or target

    def _remote(self, target: str) -> "Address":
        """What a caller over HTTP may name: repositories, runs and jobs of the forges that are served."""
        from whyred.model.target import read_address

        address, roots = read_address(target), self.serving.forges
        if address is None or not address.repo:
            raise NotAllowedError(
                f"{target[:200]!r} names no run on a forge", "callers over HTTP name nothing else", _FORMS
            )
        if address.root is None:
            if len(roots) != 1:
                why = f"several forges are served: {', '.join(roots)}"
                raise UserError(f"on which forge is {target[:200]!r}?", why, "Give the URL of the run or repository")
            return replace(address, root=roots[0])
        if address.root not in roots:
            why = f"this server asks only {', '.join(roots)}"
            raise NotAllowedError(f"{target[:200]!r} is on another server", why, "Name a repository there")
        return address

    def host(self, name: str | None) -> str | None:
        """The host that is asked. Raises NotAllowedError where callers may not ask it."""
        if name is None or not self.serving.remote or name in self.serving.hosts:
            return name
        hosts = ", ".join(sorted(self.serving.hosts)) or "none"
        why = f"the operator lets callers ask these hosts: {hosts}"
        raise NotAllowedError(f"{name[:100]!r} is not asked", why, "Ask the operator for --allow-host")


_FORMS = "Write owner/repo, owner/repo#RUN, owner/repo#RUN:JOB, owner/repo@SHA or the URL of a run"
