"""What probes of a forge keep of runs and attempts, and how they tell one from another. No title, which is a commit's
message, goes into an answer.
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from whyred.model.attempt_json import AttemptFormatError, attempt_from_json, attempt_to_json
from whyred.model.evidence import Reason, Unknown
from whyred.model.forge import Forge, Kind
from whyred.model.run import Attempt, Conclusion, Run, Status

RED = (Conclusion.FAILURE, Conclusion.TIMED_OUT)
_VARIED = (
    "workflow_dispatch",
    "repository_dispatch",
    "workflow_run",
    "workflow_call",
    "pull_request_target",
    "issue_comment",
)
"""Events whose runs of one commit may do different things: they carry inputs, or check out something else."""


def run_row(run: Run) -> dict[str, Any]:
    """A run as an answer keeps it."""
    told: dict[str, Any] = attempt_to_json(Attempt(_bare(run)))["run"]
    return told


def attempt_row(attempt: Attempt) -> dict[str, Any]:
    """An attempt as an answer keeps it."""
    return attempt_to_json(replace(attempt, run=_bare(attempt.run), steps=(), url=None))


def read_run(row: object) -> Run | Unknown:
    """The run of a row."""
    found = read_attempt({"run": row})
    return found if isinstance(found, Unknown) else found.run


def read_attempt(row: object) -> Attempt | Unknown:
    """The attempt of a row."""
    try:
        return attempt_from_json(row)
    except AttemptFormatError as e:
        return Unknown(Reason.UNREADABLE, f"the recorded answer holds no run: {e}")


def _bare(run: Run) -> Run:
    return replace(run, title=None, url=None)


def same_run(one: Run, other: Run) -> bool:
    """Whether two rows tell of one run."""
    if one.repo != other.repo:
        return False
    if one.id is not None and other.id is not None:
        return one.id == other.id
    # On GitHub every workflow counts its own runs.
    return one.number is not None and one.number == other.number and one.workflow in (None, other.workflow)


def begun(run: Run) -> float | None:
    """When a run was made, or else began."""
    return run.created if run.created is not None else run.started


def own(forge: Forge, listed: Iterable[Run]) -> Run:
    """The attempt's run, with what a list of runs tells of it and its own page does not."""
    run = forge.attempt.run
    row = next((other for other in listed if same_run(run, other)), None)
    if row is None:
        return run
    told = {name: value for name in _LISTED if getattr(run, name) is None and (value := getattr(row, name)) is not None}
    return replace(run, **told)


_LISTED = ("workflow", "event", "commit", "id", "number", "branch", "created", "started", "ended")


def is_red(run: Run | Attempt) -> bool:
    """Whether it has ended, and not well."""
    return run.conclusion in RED


def is_green(run: Run | Attempt) -> bool:
    """Whether it has ended well."""
    return run.status in (Status.DONE, Status.UNKNOWN) and run.conclusion is Conclusion.SUCCESS


def same_tree(one: Run, other: Run, kind: Kind | None) -> bool:
    """Whether two runs of one commit are sure to have worked on the same files in the same way. On GitHub a run of a
    pull request checks out its merge with the base branch, which may have moved between the two.
    """
    varied = (*_VARIED, "pull_request") if kind not in (Kind.FORGEJO, Kind.GITEA) else _VARIED
    events = (one.event, other.event)
    return one.commit is not None and one.commit == other.commit and not any(e is None or e in varied for e in events)
