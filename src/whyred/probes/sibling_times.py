"""Of the answer of `sibling-runs`: what ran at the same time, and how that ended."""

from collections.abc import Sequence

from whyred.model.cause import Value
from whyred.model.evidence import Reason, Unknown
from whyred.model.probe import Facts
from whyred.model.run import Run
from whyred.probes.answer import every
from whyred.probes.forge_rows import begun, is_green, is_red, same_run
from whyred.probes.sibling_answer import NEWEST, Rows, Siblings, lacking

_TWIN = 120.0
"""Seconds within which two runs were made at once."""
_AROUND = 600.0
"""Seconds before the beginning and after the end of a run in which others ran around it."""


def of_time(it: Siblings) -> Facts:
    """Whether a newer run of the branch began before the end, and how runs of other commits around it ended."""
    rows = it.newest if isinstance(it.newest, Unknown) else it.newest.runs
    if isinstance(rows, Unknown):
        return every(("newer_began", "others_red", "others_green", "all_red"), rows)
    assert isinstance(it.newest, Rows)
    covered = it.newest.reaches(it.run, NEWEST)
    old = Unknown(Reason.NOT_SUPPORTED, f"the run is not among the newest {NEWEST} that the forge lists")
    newer = _newer(it, rows)
    if newer is False and not covered:
        newer = old
    others = _others(it)
    reds, greens = [o for o in others if is_red(o)], [o for o in others if is_green(o)]
    if not others and not covered:
        return {"newer_began": newer, **every(("others_red", "others_green", "all_red"), old)}
    together = len({(o.repo, o.commit) for o in reds}) >= 2 and not greens
    return {"newer_began": newer, "others_red": len(reds), "others_green": len(greens), "all_red": together}


def red_alone(it: Siblings, elsewhere: Value | Unknown | None) -> Value | Unknown | None:
    """Two runners may sit on one sick host: only that others got through says that it was well."""
    if elsewhere is not True:
        return elsewhere
    return any(is_green(o) and (o.repo, o.workflow) == (it.run.repo, it.run.workflow) for o in _others(it))


def twins(it: Siblings) -> Facts:
    """The runs of the same commit that were made at once with this one."""
    rows = () if isinstance(it.commit, Unknown) else it.commit.runs
    found = [other for other in rows if _is_twin(it.run, other)]
    missing = None if found else lacking(it.commit, it.run)
    if missing is None and begun(it.run) is None:
        missing = Unknown(Reason.NOT_SUPPORTED, "the forge does not tell when this run was made")
    if missing is not None:
        return {"twins": missing, "twin": missing}
    first = found[0] if found else None
    return {"twins": len(found), "twin": f"{first.label}: {first.event} {first.workflow}" if first else None}


def _is_twin(run: Run, other: Run) -> bool:
    """Whether both were made at once for one commit, and no times show that one had ended before the other began."""
    at, its = begun(run), begun(other)
    if same_run(run, other) or run.commit is None or run.commit != other.commit or at is None or its is None:
        return False
    differs = other.event is not None and other.workflow is not None
    differs = differs and (other.event, other.workflow) != (run.event, run.workflow)
    return differs and abs(at - its) <= _TWIN and _met(run, other) is not False


def _others(it: Siblings) -> list[Run]:
    """Runs of other commits around this one."""
    rows = () if isinstance(it.newest, Unknown) else it.newest.runs
    return [o for o in (*rows, *it.beside) if _is_other(it.run, o) and _met(it.run, o, _AROUND)]


def _is_other(run: Run, other: Run) -> bool:
    return (run.repo, run.commit) != (other.repo, other.commit) and None not in (run.commit, other.commit)


def _met(one: Run, other: Run, margin: float = 0.0) -> bool | None:
    """Whether two runs ran at the same time, to within some seconds; None where a time is not told."""
    starts = (one.started or begun(one), other.started or begun(other))
    if starts[0] is None or starts[1] is None or one.ended is None or other.ended is None:
        return None
    return starts[0] - margin < other.ended and starts[1] < one.ended + margin


def _newer(it: Siblings, rows: Sequence[Run]) -> Value | Unknown:
    """Whether another run was made after this one and before its end; the last line of a log is before that."""
    at, ended = begun(it.run), it.ended
    if at is None or it.run.branch is None or it.run.workflow is None:
        return Unknown(Reason.NOT_SUPPORTED, "the forge does not tell the branch, the workflow or the time of this run")
    alike = [o for o in rows if (o.branch, o.workflow) == (it.run.branch, it.run.workflow) and not same_run(it.run, o)]
    made = [when for o in alike if (when := begun(o)) is not None and when > at]
    known = max((t for t in (ended, it.log_ended) if t is not None), default=None)
    if known is not None and any(when <= known for when in made):
        return True
    latest = ended if ended is not None else it.run.ended  # the run ends no earlier than any of its jobs
    if made and latest is None:
        return Unknown(Reason.NOT_SUPPORTED, "the forge does not tell when this attempt ended")
    unsure = [when for when in made if latest is not None and when <= latest]
    return (
        Unknown(Reason.NOT_SUPPORTED, "the forge tells when the run ended, and not when this job did")
        if unsure
        else False
    )
