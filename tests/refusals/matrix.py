"""The refusal matrix: every cell, and the table of reasons and sources that they are put together to."""

from collections.abc import Mapping

from refusals import faulty, forges, hubs, machine, network, runner, stored
from refusals.cell import Cell
from whyred.model.source import Missing

CELLS: tuple[Cell, ...] = tuple(
    cell for part in (forges, hubs, faulty, network, machine, runner, stored) for cell in part.CELLS
)
SOURCES: Mapping[str, str] = {
    "first-contact": "asking a server what it is, before any route",
    "web-login": "`whyred login --web`",
    "forgejo-api": "Forgejo's API",
    "gitea-api": "Gitea's API",
    "github": "GitHub's REST API and the storage of its logs",
    "gitlab": "GitLab's API",
    "web-state": "job pages of Forgejo and Gitea",
    "web-download": "the download of those pages",
    "web-runs": "their list of runs",
    "tasks-api": "the list of tasks",
    "commit-statuses": "the statuses of a commit",
    "forge-database": "the forge's database",
    "forge-disk": "the forge's log files",
    "tap": "rows that `whyred tap` kept",
    "runner-journal": "the runner's own log",
    "local": "runs of `whyred run`",
    "bundle": "a bundle",
    "downloads": "a downloaded zip or folder",
    "files": "a log file",
}
"""The columns, in their order."""


def ordered() -> tuple[Cell, ...]:
    """The cells as the table has them: by reason, then by source, then as they were made."""
    reasons, sources = list(Missing), list(SOURCES)
    return tuple(sorted(CELLS, key=lambda c: (reasons.index(c.reason), sources.index(c.source))))
