"""Puts questions to the forge that an attempt is on: a handful of requests in all, and no longer than the budget."""

import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field, replace
from typing import TypeVar, cast

from whyred.app.ask import guarded, masked_answer, within
from whyred.app.ladder import Ladder
from whyred.hosts.bundle import Raw, Recording
from whyred.model.evidence import Ask, Reason, Unknown
from whyred.model.forge import Compared, Kind, Listed, RunQuery
from whyred.model.host import HostRefusedError, Subject
from whyred.model.probe import Kind as Asks
from whyred.model.run import Attempt, Run
from whyred.model.source import Missing, MissingLogError
from whyred.probes.find import probe as find_probe

T = TypeVar("T")

CALLS = 12
"""Requests, about, that all questions to the forge together may cost."""
_REASONS = {
    Missing.NEEDS_TOKEN: Reason.NO_PERMISSION,
    Missing.NO_PERMISSION: Reason.NO_PERMISSION,
    Missing.NEEDS_WEB_LOGIN: Reason.NO_PERMISSION,
    Missing.NEEDS_TWO_FACTOR: Reason.NO_PERMISSION,
    Missing.NOT_FOUND: Reason.NOT_FOUND,
    Missing.NOT_STARTED: Reason.NOT_FOUND,
    Missing.DELETED: Reason.NOT_FOUND,
    Missing.EXPIRED: Reason.NOT_FOUND,
    Missing.ROUTE_NOT_ON_THIS_VERSION: Reason.NOT_SUPPORTED,
    Missing.WRONG_ID_KIND: Reason.NOT_SUPPORTED,
    Missing.CORRUPT: Reason.UNREADABLE,
    Missing.REFUSED_CONTENT: Reason.UNREADABLE,
}
"""Why a forge does not tell something; every other reason of the ladder is a refusal."""


@dataclass
class LiveForge:
    """A forge that answers now. `mask` is applied to every answer before it is kept."""

    forge: "AskedForge"
    mask: Callable[[bytes], bytes]
    record: Recording = field(default_factory=Recording)

    def ask(self, ask: Ask) -> Raw:
        """The one answer; what was asked before is not asked again."""
        if ask not in self.record.answers:
            self.record.answers[ask] = (("", self._answer(ask)),)
        return self.record.answers[ask]

    def _answer(self, ask: Ask) -> bytes | Unknown:
        found = guarded(lambda: find_probe(ask.probe))
        if isinstance(found, Unknown):
            return found
        probe = found
        if probe.kind is not Asks.FORGE:
            return Unknown(Reason.NOT_SUPPORTED, f"{probe.name} is a question to a host, and no forge answers it")
        answer = guarded(lambda: probe.ask(self.forge, Subject(ask.of.value), dict(ask.with_)))
        if isinstance(answer, Unknown):
            detail = self.mask(answer.detail.encode("utf-8", "surrogateescape")).decode("utf-8", "replace")
            return replace(answer, detail=detail)
        return masked_answer(answer, self.mask)


@dataclass
class AskedForge:
    """The forge of an attempt by its ladder of routes, as probes see it (`Forge` in `model`). `seconds`: the budget."""

    ladder: Ladder
    attempt: Attempt
    log_ended: float | None
    seconds: float
    clock: Callable[[], float] = time.monotonic

    def __post_init__(self) -> None:
        self._until = self.clock() + self.seconds
        self._left = CALLS
        self._known: dict[Hashable, object] = {}

    @property
    def kind(self) -> Kind:
        """Which program it is."""
        return self.ladder.reach.server.kind

    def runs(self, query: RunQuery, repo: str | None = None) -> Listed:
        """Runs of the attempt's repository, or of another one. Raises HostRefusedError, as all of them."""
        named = repo or self.attempt.run.repo or ""

        def work() -> Listed:
            found = tuple(self.ladder.runs(named, query))
            return Listed(found, whole=self.ladder.lacking is None)

        return self._once(("runs", named, query), work)

    def attempts(self, run: Run) -> tuple[Attempt, ...]:
        """The newest attempt of every job of a run."""
        return self._once(("attempts", run.repo, run.id, run.number), lambda: self.ladder.attempts(run))

    def repositories(self) -> tuple[str, ...]:
        """Other repositories, the one that changed last first."""
        found = self._ask("repositories")
        return tuple(name for name in cast("tuple[str, ...]", found) if name != self.attempt.run.repo)

    def compared(self, before: str, after: str) -> Compared:
        """What lies between two commits."""
        return cast(Compared, self._ask("compared", self.attempt.run.repo or "", before, after))

    def workflow(self, ref: str) -> bytes:
        """The attempt's workflow file at a commit, or at the newest of a branch."""
        return cast(bytes, self._ask("workflow_text", replace(self.attempt.run, commit=ref)))

    def default_branch(self) -> str | None:
        """The branch that counts where none is named."""
        return cast("str | None", self._ask("default_branch", self.attempt.run.repo or ""))

    def _ask(self, what: str, *arguments: Hashable) -> object:
        return self._once((what, *arguments), lambda: cast(object, self.ladder.ask(what, *arguments)))

    def _once(self, key: Hashable, work: Callable[[], T]) -> T:
        """The answer, which is asked for once and within what is left of the budget."""
        if key not in self._known:
            left = self._until - self.clock()
            if left <= 0:
                raise HostRefusedError(Reason.BUDGET, f"the budget of {self.seconds:g} s was used up")
            if not self._left:
                raise HostRefusedError(Reason.BUDGET, f"the forge is asked for {CALLS} things at most")
            self._left -= 1
            self._known[key] = within(left, lambda: _told(work))
        answer = self._known[key]
        if isinstance(answer, Unknown):
            raise HostRefusedError(answer.reason, answer.detail)
        return cast(T, answer)


def _told(work: Callable[[], T]) -> T | Unknown:
    try:
        return work()
    except MissingLogError as e:
        return Unknown(_REASONS.get(e.reason, Reason.REFUSED), f"{e.asked}: {e.reason}: {e.help}")
