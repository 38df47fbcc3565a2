"""`access`: the table of every route to a server: whether it works for this user and this run, why not, what would."""

from types import ModuleType
from typing import cast

from whyred.app.flow import begun
from whyred.app.forges import Forges
from whyred.app.ladder import Ladder
from whyred.app.resolve import chosen
from whyred.model.access import Access, Table
from whyred.model.forge import Address, RunQuery
from whyred.model.run import Attempt, Run
from whyred.model.source import MissingLogError
from whyred.sources.reach import Logs, Runs, Want

_GIVES = (("runs", "runs"), ("attempts", "jobs"), ("steps", "steps"), ("log", "logs"))


def access(address: Address, forges: Forges) -> Table:
    """The table for the server of an address, tried on the run it names or on the newest one of its repository."""
    resolver, address = forges.resolver(address)
    ladder, attempt, note = resolver.ladder, None, None
    run: Run | None = None
    if address.repo:
        try:
            run = forges.run(resolver, address)
            attempt = chosen(resolver.attempts(run, address))
        except MissingLogError as e:
            note = f"no attempt to try them on: {e.reason}: {e.help}"
    rows = [
        _row(route, ladder, address.repo, run, attempt)
        for route in ladder.named()
        if any(hasattr(route, name) for name, _ in _GIVES)
    ]
    rows += [_other(*other) for other in _OTHERS]
    label = None if attempt is None else f"{attempt.run.label}{':' + attempt.job.name if attempt.job else ''}"
    return Table(str(ladder.reach.server), label, tuple(rows), note)


_OTHERS = (
    ("tap", "rows kept by `whyred tap` between runner and forge"),
    ("bundle", "what `whyred save` wrote"),
)


def _other(name: str, serves: str) -> Access:
    return Access(name, serves, ("logs",), None)


def _row(route: ModuleType, ladder: Ladder, repo: str, run: Run | None, attempt: Attempt | None) -> Access:
    gives = tuple(told for name, told in _GIVES if hasattr(route, name))
    try:
        if "logs" in gives:
            refused = route.refuses(ladder.reach)
            if refused is not None:
                return Access(route.NAME, route.SERVES, gives, works=False, refusal=refused)
            if attempt is None:
                return Access(route.NAME, route.SERVES, gives, works=None)
            _first(cast(Logs, route), ladder, attempt)
        elif "runs" in gives and repo:
            commit = run.commit if run is not None else None
            next(iter(cast(Runs, route).runs(ladder.reach, repo, RunQuery(limit=1, commit=commit))), None)
        elif not repo:
            return Access(route.NAME, route.SERVES, gives, works=None)
        elif hasattr(route, "default_branch"):
            route.default_branch(ladder.reach, repo)
    except MissingLogError as e:
        return Access(route.NAME, route.SERVES, gives, works=False, refusal=e)
    return Access(route.NAME, route.SERVES, gives, works=True)


def _first(route: Logs, ladder: Ladder, attempt: Attempt) -> None:
    """Opens the log and reads its beginning; the rest is left. Raises MissingLogError, also where it is empty."""
    begun(route.log(ladder.reach, attempt, Want(tail=1 << 16)))
