"""`runs` and `status`: what ran, what is red since when, and what waits for whom."""

from collections import defaultdict
from contextlib import suppress
from dataclasses import replace

from whyred.app.forges import Forges
from whyred.app.ladder import Ladder
from whyred.model.forge import Address, Kind, RunQuery
from whyred.model.overview import Line, Overview, Waiting, line
from whyred.model.run import Run, Status
from whyred.model.source import MissingLogError
from whyred.sources.reach import Offered

_LOOK = 100
"""Runs that are looked through for `status`."""
_RUNNERS = 10
"""Workflows for whose last run it is asked who ran it."""
_WAITING = 10
"""Waiting runs whose jobs are looked at."""


def runs(address: Address, query: RunQuery, forges: Forges) -> list[Run]:
    """Runs of a repository, newest first. Raises MissingLogError, also where none is listed, but by a list that knows
    every run.
    """
    ladder, address = forges.of(address)
    found = _listed(forges, ladder, address.repo, query)
    if ladder.lacking is not None:
        forges.note(_may_lack(ladder.lacking))
    return found


def _listed(forges: Forges, ladder: Ladder, repo: str, query: RunQuery) -> list[Run]:
    """The runs, with what the first list that answered does not tell of them and another does."""
    found = ladder.runs(repo, query)
    if not found and ladder.lacking is not None:
        raise ladder.lacking
    if any(run.event is None for run in found):
        with suppress(MissingLogError):  # a gain, not a need: the rows say all else
            found = ladder.ask("completed", repo, found)
    forges.remember(found)
    return found


def _may_lack(lacking: MissingLogError) -> str:
    return f"there may be runs that are not listed: {lacking.help}"


def statuses(addresses: list[Address], forges: Forges) -> list[Overview]:
    """How several repositories are. What cannot be asked of one keeps none of the others from being told.

    Raises MissingLogError where nothing could be asked of any.
    """
    found: list[Overview] = []
    for named in addresses:
        address, server = named, named.root or forges.options.server or "its server"
        try:
            ladder, address = forges.of(named)
            server = ladder.reach.server.root
            found.append(_status(forges, ladder, address))
        except MissingLogError as e:
            found.append(Overview(address.repo or ".", server, (), refused=e))
    refused = [one.refused for one in found if one.refused is not None]
    if len(refused) == len(found):
        raise refused[0]
    return found


def _status(forges: Forges, ladder: Ladder, address: Address) -> Overview:
    """How the workflows of a repository are on its default branch (or the one named), and what waits."""
    notes: list[str] = []
    branch = address.branch or _default_branch(ladder, address.repo, notes)
    found = _listed(forges, ladder, address.repo, RunQuery(limit=_LOOK))
    if ladder.lacking is not None:
        notes.append(_may_lack(ladder.lacking))
    by_workflow: dict[str, list[Run]] = defaultdict(list)
    for run in found:
        if branch is None or run.branch in (None, branch):
            by_workflow[run.workflow or "?"].append(run)
    if found and not by_workflow:
        told = "nothing ran on" if ladder.lacking is None else "no run is listed of"
        yet = " yet" if ladder.lacking is None else ""
        notes.append(f"{told} the branch {branch}{yet}; whyred runs {address.repo} lists what ran on others")
    waiting = [r for r in found if r.status in (Status.WAITING, Status.BLOCKED)][:_WAITING]
    return Overview(
        address.repo,
        ladder.reach.server.root,
        tuple(_run_by(ladder, [line(by_workflow[name]) for name in sorted(by_workflow)])),
        tuple(_waiting(ladder, address.repo, waiting, notes)),
        tuple(notes),
        branch,
    )


def _run_by(ladder: Ladder, lines: list[Line]) -> list[Line]:
    """The lines with who ran their last run: Forgejo tells that nobody, so it is not asked."""
    if ladder.reach.server.kind is Kind.FORGEJO:
        return lines
    return [replace(one, runners=_runners_of(ladder, one.last)) for one in lines[:_RUNNERS]] + lines[_RUNNERS:]


def _runners_of(ladder: Ladder, run: Run) -> tuple[str, ...]:
    try:
        attempts = ladder.attempts(run)
    except MissingLogError:
        return ()  # who ran it is a gain: without, the line says all else
    names = (attempt.runner.name for attempt in attempts if attempt.runner is not None)
    return tuple(dict.fromkeys(name for name in names if name))


def _default_branch(ladder: Ladder, repo: str, notes: list[str]) -> str | None:
    try:
        branch: str | None = ladder.ask("default_branch", repo)
    except MissingLogError as e:
        notes.append(f"runs of all branches, for the default branch is not told ({e.reason})")
        return None
    return branch


def _waiting(ladder: Ladder, repo: str, runs_: list[Run], notes: list[str]) -> list[Waiting]:
    if not runs_:
        return []
    offered = _runners(ladder, repo, notes)
    found = []
    for run in runs_:
        try:
            attempts = ladder.attempts(run)
        except MissingLogError as e:
            notes.append(f"{run.label} waits; for what is not told ({e.reason}: {e.help})")
            continue
        for attempt in attempts:
            if attempt.status not in (Status.WAITING, Status.BLOCKED):
                continue
            told = attempt if attempt.waits_for or (attempt.job and attempt.job.labels) else ladder.steps(attempt)
            labels = told.job.labels if told.job else None
            who = None if offered is None or labels is None else _who(offered, labels)
            found.append(Waiting(told, who))
    return found


def _who(offered: tuple[Offered, ...], labels: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(f"{r.name} ({r.status})" for r in offered if set(labels) <= set(r.labels))


def _runners(ladder: Ladder, repo: str, notes: list[str]) -> tuple[Offered, ...] | None:
    try:
        offered: tuple[Offered, ...] = ladder.ask("runners", repo)
    except MissingLogError as e:
        notes.append(f"which runners offer which labels is not told ({e.reason}: {e.help})")
        return None
    return offered
