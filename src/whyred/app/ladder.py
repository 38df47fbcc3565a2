"""The ladder: every route to a server in its order, the first that works, and why each one before it did not."""

import importlib
import itertools
import pkgutil
import re
from collections.abc import Callable, Collection, Iterable
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, TypeVar, cast

import whyred.sources
from whyred.app.by_script import by_script
from whyred.app.flow import begun, limited
from whyred.model.forge import Kind, RunQuery
from whyred.model.run import Attempt, Conclusion, Run, Status
from whyred.model.source import Fetched, Missing, MissingLogError
from whyred.model.trouble import UserError
from whyred.sources._web import by_ids
from whyred.sources.reach import Attempts, Logs, Reach, Runs, Steps, Want

if TYPE_CHECKING:
    from whyred.app.kept_logs import KeptLogs

T = TypeVar("T")
Tried = list[tuple[str, MissingLogError]]

_FINAL = (Missing.NOT_STARTED, Missing.EXPIRED, Missing.STILL_RUNNING)
"""What is true of the log itself, whatever the route: no other one needs to be asked."""
_NO_SERVER = (Missing.UNREACHABLE, Missing.TLS_FAILED, Missing.RATE_LIMITED)
"""What is true of the server, so that only its own machine may still help."""
_EXACT = "web-state"
_KINDS = re.compile(rb"^KINDS\b.{0,99}?=\s*(?:frozenset\(\{([^{}]*)\}\)$)?", re.M)
"""In the file of a route, the kinds of forges that it is for."""
_BEST = (
    Missing.EXPIRED,
    Missing.NOT_STARTED,
    Missing.STILL_RUNNING,
    Missing.TOO_LARGE,
    Missing.DELETED,
    Missing.NEEDS_TWO_FACTOR,
    Missing.TLS_FAILED,
    Missing.UNREACHABLE,
    Missing.RATE_LIMITED,
    Missing.NEEDS_WEB_LOGIN,
    Missing.NEEDS_TOKEN,
    Missing.NO_PERMISSION,
    Missing.CORRUPT,
    Missing.NOT_FOUND,
    Missing.REFUSED_CONTENT,
    Missing.SERVER_ERROR,
    Missing.WRONG_ID_KIND,
    Missing.ROUTE_NOT_ON_THIS_VERSION,
)
"""Of several refusals, the one that a user can do most about comes first."""


def routes(kind: Kind | None = None) -> list[ModuleType]:
    """Every route to a forge (of this kind), in the order in which they are tried."""
    folder = whyred.sources.__path__[0]
    names = (m.name for m in pkgutil.iter_modules([folder]) if not m.name.startswith("_"))
    if kind is not None:
        # Reading a file for the one line costs a tenth of importing what routes to other forges need.
        names = (name for name in names if _may_serve(Path(folder, f"{name}.py").read_bytes(), kind))
    modules = (importlib.import_module(f"whyred.sources.{name}") for name in names)
    return sorted((m for m in modules if hasattr(m, "KINDS")), key=lambda m: int(m.ORDER))


def _may_serve(source: bytes, kind: Kind) -> bool:
    found = _KINDS.search(source)
    return found is not None and (found[1] is None or f"Kind.{kind.name}".encode() in found[1])


def worst(tried: Tried, partial: Collection[str] = ()) -> MissingLogError:
    """One error for all that was tried: the refusal that most can be done about, with the others. `partial`: routes
    that know not every run, so that what they do not find may be there all the same.
    """
    if len(tried) == 1:
        return tried[0][1]

    def rank(refused: tuple[str, MissingLogError]) -> tuple[int, bool]:
        name, error = refused
        weak = error.reason is Missing.NOT_FOUND and name in partial
        return _BEST.index(Missing.SERVER_ERROR if weak else error.reason), weak

    best = min(tried, key=rank)[1]
    return MissingLogError(best.reason, best.asked, best.help, tuple(tried))


class Ladder:
    """Asks one forge. `only`: the name of the one route that the user wants (`--route`)."""

    def __init__(self, reach: Reach, only: str | None = None) -> None:
        self.reach = reach
        self._named = [m for m in routes(reach.server.kind) if reach.server.kind in m.KINDS]
        # A route to a machine or a folder counts where somebody opened it, be it that the machine cannot be reached.
        closed = [m for m in self._named if getattr(m, "WITHOUT_SERVER", False)]
        closed = [m for m in closed if m.refuses(reach) not in (None, reach.away, reach.runner_away)]
        self._routes = [m for m in self._named if m not in closed]
        self._only = self._known(only)
        self.kept: KeptLogs | None = None
        """The logs that are kept on this machine."""
        self.lacking: MissingLogError | None = None
        """Why the runs that were listed last may not be all: the list that knows every one was refused."""

    def _known(self, only: str | None) -> str | None:
        """The one route that the user wants. Raises UserError where this kind of server has none of that name."""
        names = [m.NAME for m in self._named]
        if only is None or only in names:
            return only
        why = f"a {self.reach.server.kind.value} has {', '.join(names)}"
        raise UserError(f"there is no route {only!r} to {self.reach.server.root}", why, "Name one of these")

    def named(self) -> list[ModuleType]:
        """The routes this kind of server may have, those included that nobody opened."""
        return self._named

    def runs(self, repo: str, query: RunQuery) -> list[Run]:
        """Runs of a repository, newest first. `lacking` tells whether there may be others."""
        self.lacking = None
        tried: Tried = []
        partial: list[str] = []
        for route in self._listing():
            if not hasattr(route, "runs") or self._server_is_gone(route, tried):
                continue
            try:
                kept = (r for r in cast(Runs, route).runs(self.reach, repo, query) if query.keeps(r))
                found = list(itertools.islice(kept, query.limit))
            except MissingLogError as e:
                tried.append((route.NAME, e))
                continue
            if not getattr(route, "PARTIAL", False):
                return found
            partial.append(route.NAME)  # a list made of tasks or statuses knows no run before a runner took it
            if found:
                self.lacking = self._lacking(repo, partial, tried)
                return found
        if not partial or any(e.reason is Missing.REFUSED_CONTENT for _, e in tried):
            # Where something answers in the place of the list that knows all, an empty one that does not says nothing.
            raise self._none("runs", tried)
        self.lacking = self._lacking(repo, partial, tried)
        if query.number is None and query.id is None:
            return []
        asked = f"look for a run of {repo} on {self.reach.server.root}"
        raise MissingLogError(Missing.NOT_FOUND, asked, f"it is not listed: {self.lacking.help}")

    def _lacking(self, repo: str, partial: list[str], tried: Tried) -> MissingLogError:
        """Why a list may lack runs: what was asked knows not every run, and what does refused."""
        listed = f"{' and '.join(partial)} know{'' if partial[1:] else 's'} not every run"
        asked, weak = f"list all runs of {repo}", [m.NAME for m in self._named if getattr(m, "PARTIAL", False)]
        whole = [(name, e) for name, e in tried if name not in weak]
        if not whole:
            help_ = f"{listed}: name another route, or none" if self._only in partial else listed
            return MissingLogError(Missing.ROUTE_NOT_ON_THIS_VERSION, asked, help_)
        best = worst(whole)
        return MissingLogError(best.reason, asked, f"{listed}, and the whole list is closed: {best.help}", tuple(tried))

    def _listing(self) -> list[ModuleType]:
        """The routes to a list of runs: the one that the user wants where that is what it is for, else every one."""
        wanted = [m for m in self._named if self._only == m.NAME and not hasattr(m, "log")]
        return wanted or self._routes

    def attempts(self, run: Run) -> tuple[Attempt, ...]:
        """The newest attempt of every job of a run."""
        return self._first("attempts", lambda route: cast(Attempts, route).attempts(self.reach, run), self._routes)[0]

    def steps(self, attempt: Attempt) -> Attempt:
        """The attempt with its steps; as it was where no route tells them. Steps of which not one is known how it ended
        give way to those of a route that knows.
        """
        if any(step.conclusion is not Conclusion.UNKNOWN for step in attempt.steps):
            return attempt
        among = sorted(self._routes, key=lambda m: m.NAME != _EXACT) if self.reach.http.signed_in else self._routes
        try:
            return self._first("steps", lambda route: cast(Steps, route).steps(self.reach, attempt), among)[0]
        except MissingLogError:
            return attempt  # steps are a gain, not a need: the log says by itself where they are guessed to begin

    def ask(self, what: str, *arguments: object) -> Any:
        """What the first route that has a function of this name answers (`default_branch`, `pull`, `runners`, ...).

        Raises MissingLogError.
        """
        return self._first(what, lambda route: getattr(route, what)(self.reach, *arguments), self._routes)[0]

    def log(self, attempt: Attempt, want: Want) -> Fetched:
        """The log of an attempt by the first route that gives it: its first bytes are there, unless it is followed."""

        def ask(route: ModuleType) -> Fetched:
            fetched = limited(cast(Logs, route).log(self.reach, attempt, want), want.most)
            live = want.follow and fetched.attempt.status is not Status.DONE
            return fetched if live else begun(fetched, some=want.steps is not None)

        kept = self.kept if self._only is None else None
        found = kept.load(attempt, want) if kept is not None else None
        if found is not None:
            return limited(found, want.most)
        fetched, tried = self._first("log", ask, self._preferred(attempt, want))
        fetched = replace(fetched, refused=(*tried, *fetched.refused))
        live = want.follow and fetched.attempt.status is not Status.DONE
        by_steps = want.steps is None and not live and not want.text_only and self._has_runners_of_act()
        if by_steps and not any(e.reason in _NO_SERVER for _, e in tried):
            fetched = by_script(self, fetched, middle=want.tail is not None)
        by_server = not any(
            fetched.route.startswith(m.NAME) for m in self._named if getattr(m, "WITHOUT_SERVER", False)
        )
        return kept.keeping(attempt, want, fetched) if kept is not None and by_server else fetched

    def _has_runners_of_act(self) -> bool:
        """Whether its runners mark the first step of a job alone."""
        return self.reach.server.kind in (Kind.FORGEJO, Kind.GITEA)

    def _preferred(self, attempt: Attempt, want: Want) -> list[ModuleType]:
        """The routes for a log. Where steps matter the one that is told their boundaries comes first; where only the
        text does, it comes last: it gives times to a microsecond, and costs a request a step. So it does where only the
        end is wanted, for it has no way to that but all the lines before.
        """
        if self._only is not None:
            return [self._wanted(self._only)]
        exact = self.reach.http.signed_in or not self._api_cuts(attempt)
        text_only = want.text_only or (want.tail is not None and want.steps is None)
        if text_only or not exact:
            return sorted(self._routes, key=lambda m: text_only and m.NAME == _EXACT)
        return sorted(self._routes, key=lambda m: m.NAME != _EXACT)

    def _api_cuts(self, attempt: Attempt) -> bool:
        """Whether the API tells the times that a log can be cut by: Forgejo's never does, Gitea's does from 1.26 on.
        Steps that another route told have none. Of public repositories the web pages tell them exactly to everybody.
        """
        if self.reach.server.kind not in (Kind.FORGEJO, Kind.GITEA):
            return True
        timed = not attempt.steps or any(step.started is not None for step in attempt.steps)
        return by_ids(self.reach) and timed

    def _wanted(self, only: str) -> ModuleType:
        """The one route for a log that the user wants. Raises UserError where it gives none."""
        route = next(m for m in self._named if only == m.NAME)
        if hasattr(route, "log"):
            return route
        names = ", ".join(m.NAME for m in self._named if hasattr(m, "log"))
        raise UserError(f"the route {only} gives no logs", f"it is for {route.SERVES}", f"Name one of {names}")

    def _first(self, what: str, ask: Callable[[ModuleType], T], among: Iterable[ModuleType]) -> tuple[T, Tried]:
        tried: Tried = []
        for route in among:
            if not hasattr(route, what) or self._server_is_gone(route, tried):
                continue
            try:
                return ask(route), tried
            except MissingLogError as e:
                tried.append((route.NAME, e))
                if what == "log" and e.reason in _FINAL:
                    break
        raise self._none(what, tried)

    def _none(self, what: str, tried: Tried) -> MissingLogError:
        if tried:
            return worst(tried, [m.NAME for m in self._named if getattr(m, "PARTIAL", False)])
        help_ = f"no route of whyred gives {what} of {self.reach.server}"
        return MissingLogError(Missing.ROUTE_NOT_ON_THIS_VERSION, f"ask {self.reach.server.root} for {what}", help_)

    def _server_is_gone(self, route: ModuleType, tried: Tried) -> bool:
        """Whether the server did not answer a route before this one, so that it needs not be asked again."""
        gone = any(e.reason in _NO_SERVER for _, e in tried)
        return gone and not getattr(route, "WITHOUT_SERVER", False)
