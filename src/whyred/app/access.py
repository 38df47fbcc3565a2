"""`access`: the table of every route to a server: whether it works for this user and this run, why not, what would."""

from types import ModuleType
from typing import cast

from whyred.app.flow import begun
from whyred.app.forges import Forges
from whyred.app.ladder import Ladder, worst
from whyred.app.resolve import RED, chosen
from whyred.model.access import Access, Table
from whyred.model.forge import Address, RunQuery
from whyred.model.run import Attempt, Conclusion, Run, Status
from whyred.model.source import Missing, MissingLogError
from whyred.sources._forge_api import not_started
from whyred.sources.reach import Logs, Runs, Want

_LOOK = 30
"""Runs among which one is sought that has a log."""
_GIVES = (("runs", "runs"), ("attempts", "jobs"), ("steps", "steps"), ("log", "logs"))


def access(address: Address, forges: Forges) -> Table:
    """The table for the server of an address, tried on the run it names or on the newest one of its repository."""
    resolver, address = forges.resolver(address)
    ladder, attempt, note = resolver.ladder, None, None
    run: Run | None = None
    if address.repo:
        try:
            run = _sample(ladder, address.repo) if _names_none(address) else forges.run(resolver, address)
            attempt = chosen(resolver.attempts(run, address))
        except MissingLogError as e:
            note = f"nothing to try the logs on ({e.reason}): {e.help}"
    rows = [
        _row(route, ladder, address.repo, run, attempt)
        for route in ladder.named()
        if any(hasattr(route, name) for name, _ in _GIVES)
    ]
    rows.append(Access("bundle", "what `whyred save` wrote", ("logs",), None))
    label = None if attempt is None else f"{attempt.run.label}{':' + attempt.job.name if attempt.job else ''}"
    return Table(str(ladder.reach.server), label, tuple(rows), note, _unwritten(rows, attempt))


def _names_none(address: Address) -> bool:
    """Whether an address names a repository, and no run of it."""
    named = (address.run, address.job, address.commit, address.branch, address.pull)
    return all(part is None for part in named)


def _sample(ladder: Ladder, repo: str) -> Run:
    """A run to try the routes on: the newest that ran to its end, of any branch; else the newest of all."""
    found = ladder.runs(repo, RunQuery(limit=_LOOK))
    if not found:
        raise _no_run(ladder, repo)
    return next((run for run in found if run.conclusion in (*RED, Conclusion.SUCCESS)), found[0])


def _no_run(ladder: Ladder, repo: str) -> MissingLogError:
    """Why there is no run: only a list that would know of every run can say that there is none."""
    tried: list[tuple[str, MissingLogError]] = []
    for route in ladder.named():
        if not hasattr(route, "runs") or getattr(route, "PARTIAL", False) or getattr(route, "WITHOUT_SERVER", False):
            continue
        try:
            next(iter(cast(Runs, route).runs(ladder.reach, repo, RunQuery(limit=1))), None)
        except MissingLogError as e:
            tried.append((route.NAME, e))
        else:
            tried.clear()
            break
    asked = f"look for runs of {repo}"
    if not tried:
        return MissingLogError(Missing.NOT_FOUND, asked, "nothing ran in this repository yet")
    best = worst(tried)
    return MissingLogError(best.reason, asked, f"the lists asked know of no run: {best.help}")


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


def _unwritten(rows: list[Access], attempt: Attempt | None) -> MissingLogError | None:
    """Why nobody has a log of the attempt, as a route tells or as its status does."""
    told = [row.refusal for row in rows if "logs" in row.gives and row.refusal is not None]
    found = next((refused for refused in told if refused.reason is Missing.NOT_STARTED), None)
    if found is None and attempt is not None and attempt.status in (Status.WAITING, Status.BLOCKED):
        return not_started(f"look for the log of {attempt.run.label}", attempt)
    return found


def _first(route: Logs, ladder: Ladder, attempt: Attempt) -> None:
    """Opens the log and reads its beginning; the rest is left. Raises MissingLogError, also where it is empty."""
    begun(route.log(ladder.reach, attempt, Want(tail=1 << 16)))
