"""How a repository's workflows are: the last run of each, since when it is red, and what waits for a runner."""

from dataclasses import dataclass

from whyred.model.run import Attempt, Conclusion, Run, Status
from whyred.model.source import MissingLogError


@dataclass(frozen=True, slots=True)
class Line:
    """One workflow on one branch. `red_since`: the first run of the failing ones at the end, None when it is not red;
    `last_green` the run before; `commits_since` the commits of the runs between them, oldest first; `runners` who ran
    the last one, as far as the forge tells.
    """

    workflow: str
    last: Run
    red_since: Run | None = None
    last_green: Run | None = None
    commits_since: tuple[str, ...] = ()
    runners: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Waiting:
    """A job that waits. `offered`: the runners that offer its labels; None where the forge does not tell this user."""

    attempt: Attempt
    offered: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Overview:
    """One repository, on this branch (None: on all). `notes` say what could not be found out; `refused` why nothing
    could.
    """

    repo: str
    server: str
    lines: tuple[Line, ...]
    waiting: tuple[Waiting, ...] = ()
    notes: tuple[str, ...] = ()
    branch: str | None = None
    refused: MissingLogError | None = None

    @property
    def red(self) -> bool:
        """Whether any workflow is red, a job waits for a label that nobody offers, or nothing could be asked."""
        lines = any(line.red_since is not None for line in self.lines)
        return self.refused is not None or lines or any(w.offered == () for w in self.waiting)


_RED = (Conclusion.FAILURE, Conclusion.TIMED_OUT)


def line(runs: list[Run]) -> Line:
    """The line of one workflow from its runs, newest first (at least one). Cancelled and skipped runs say nothing about
    red or green.
    """
    told = [r for r in runs if r.status is Status.DONE and r.conclusion in (*_RED, Conclusion.SUCCESS)]
    reds: list[Run] = []
    green: Run | None = None
    for run in told:
        if run.conclusion is Conclusion.SUCCESS:
            green = run
            break
        reds.append(run)
    commits = tuple(dict.fromkeys(r.commit for r in reversed(reds) if r.commit))
    workflow = runs[0].workflow or "?"
    return Line(workflow, runs[0], reds[-1] if reds else None, green if reds else None, commits)
