"""`runs` and `status`: what ran, what is red since when, and what waits for whom."""

from collections import defaultdict

from whyred.app.forges import Forges
from whyred.app.ladder import Ladder
from whyred.app.seen import remember
from whyred.model.forge import Address, RunQuery
from whyred.model.overview import Overview, Waiting, line
from whyred.model.run import Run, Status
from whyred.model.source import MissingLogError
from whyred.sources.reach import Offered

_LOOK = 100
"""Runs that are looked through for `status`."""
_WAITING = 10
"""Waiting runs whose jobs are looked at."""


def runs(address: Address, query: RunQuery, forges: Forges) -> list[Run]:
    """Runs of a repository, newest first. Raises MissingLogError."""
    ladder, address = forges.of(address)
    found = ladder.runs(address.repo, query)
    remember(found)
    return found


def status(address: Address, forges: Forges) -> Overview:
    """How the workflows of a repository are on its default branch (or the one named), and what waits."""
    ladder, address = forges.of(address)
    notes: list[str] = []
    branch = address.branch or _default_branch(ladder, address.repo, notes)
    found = ladder.runs(address.repo, RunQuery(limit=_LOOK))
    remember(found)
    by_workflow: dict[str, list[Run]] = defaultdict(list)
    for run in found:
        if branch is None or run.branch in (None, branch):
            by_workflow[run.workflow or "?"].append(run)
    waiting = [r for r in found if r.status in (Status.WAITING, Status.BLOCKED)][:_WAITING]
    return Overview(
        address.repo,
        ladder.reach.server.root,
        tuple(line(by_workflow[name]) for name in sorted(by_workflow)),
        tuple(_waiting(ladder, address.repo, waiting, notes)),
        tuple(notes),
    )


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
