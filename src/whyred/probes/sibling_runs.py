"""How other runs of the forge ended: of the same commit, of the same branch, of other commits and repositories around
the same minute, and on which runners.

A commit that is green once is not to blame for what is red another time; runs of many commits that are all red at one
time have something else in common: the host, the network, a service.
"""

from collections.abc import Callable, Mapping, Sequence

from whyred.model.cause import Value
from whyred.model.evidence import Reason, Unknown
from whyred.model.forge import Forge, Kind, Listed, RunQuery
from whyred.model.host import Subject
from whyred.model.probe import Cost, Facts, Probe
from whyred.model.probe import Kind as Asks
from whyred.model.run import Attempt, Conclusion, Run, Status
from whyred.probes.answer import Parts, every, pack, told
from whyred.probes.forge_rows import attempt_row, begun, is_green, is_red, own, run_row, same_run, same_tree
from whyred.probes.sibling_answer import Rows, Siblings, taken

FIELDS = {
    "same_commit": "how the other tries of this job on the same files ended: `green`, `red`, `both`, or `none` ended",
    "green_here": "whether such a try was green on the runner that this one was red on",
    "green_elsewhere": "whether such a try was green on another runner",
    "red_elsewhere": "whether such a try was red on another runner",
    "red_alone": "the same, while the same workflow was green for another commit around it: so the runners were well",
    "twins": "how many runs of the same commit by another event or workflow were made within two minutes of this one "
    "and may have run at the same time",
    "twin": "the first of these: its event and workflow",
    "newer_began": "whether a newer run of the same branch and workflow was made before this attempt ended, or in the "
    "very second",
    "others_red": "how many runs of other commits, other repositories' too, ran around it and were red",
    "others_green": "how many of these were green",
    "all_red": "whether there are at least two of these, of two commits, and not one is green",
    "runner_green": "how many tries of a job of this name, of any commit, were green on the same runner",
    "runner_red": "how many of these were red on the same runner",
    "elsewhere_green": "how many of these were green on other runners",
    "elsewhere_red": "how many of these were red on other runners",
    "cancelled": "whether the forge says that the job was cancelled",
    "attempt": "the number of the try, counted from 1",
    "silent_seconds": "seconds between the last line of the log and the end of the attempt",
}
_NEWEST = 50
"""Runs of the repository that are listed: one page of every forge."""
_OF_COMMIT = 20
_LOOKED_AT = 2
"""Runs of each kind whose jobs are asked for, and other repositories whose runs are."""
_TWIN = 120.0
"""Seconds within which two runs were made at once."""
_NO_RUNNER = Unknown(Reason.NOT_SUPPORTED, "the forge does not tell which runner took a job")
_AROUND = 600.0
"""Seconds before the beginning and after the end of a run in which others ran around it."""


def ask(forge: Forge, _subject: Subject, _arguments: Mapping[str, str]) -> bytes:
    """The lists of runs, and the jobs of the few that matter."""
    newest = told(lambda: forge.runs(RunQuery(_NEWEST)))
    listed = () if isinstance(newest, Unknown) else newest.runs
    run = own(forge, listed)
    commit = newest if _has_all(newest, run) else told(lambda: forge.runs(RunQuery(_OF_COMMIT, commit=run.commit)))
    alike = _alike(forge, run, commit)
    around = [] if forge.kind is Kind.FORGEJO else _around(run, listed)  # which tells nobody who took a job
    jobs = [_jobs(forge, other) for other in (run, *alike, *around)]
    return pack(
        {
            "kind": forge.kind.value,
            "attempt": attempt_row(forge.attempt),
            "run": run_row(run),
            "log_ended": forge.log_ended,
            "newest": _list(newest),
            "commit": _list(commit),
            "jobs": jobs,
            "beside": _beside(forge),
        }
    )


def _has_all(newest: Listed | Unknown, run: Run) -> bool:
    """Whether the list of the newest runs has every run of the commit; or the commit is none to ask for."""
    if run.commit is None:
        return True
    return not isinstance(newest, Unknown) and newest.whole and len(newest.runs) < _NEWEST


def _alike(forge: Forge, run: Run, commit: Listed | Unknown) -> list[Run]:
    """Runs of the same workflow on the same files whose jobs tell most: the green ones first."""
    if isinstance(commit, Unknown):
        return []
    found = [o for o in commit.runs if _is_alike(run, o, forge.kind) and (is_red(o) or is_green(o))]
    return sorted(found, key=lambda other: not is_green(other))[:_LOOKED_AT]


def _is_alike(run: Run, other: Run, kind: Kind | None) -> bool:
    known = run.workflow is not None and run.workflow == other.workflow
    return known and not same_run(run, other) and same_tree(run, other, kind)


def _around(run: Run, listed: Sequence[Run]) -> list[Run]:
    """Runs of the same workflow of other commits, next to this one in time."""
    at = begun(run)
    found = [o for o in listed if o.workflow == run.workflow and o.commit != run.commit and (is_red(o) or is_green(o))]
    dated = [o for o in found if at is not None and begun(o) is not None]
    return sorted(dated, key=lambda other: abs((begun(other) or 0) - (at or 0)))[:_LOOKED_AT]


def _jobs(forge: Forge, run: Run) -> dict[str, object]:
    name = forge.attempt.job.name if forge.attempt.job else None
    found = told(lambda: forge.attempts(run))
    if isinstance(found, Unknown):
        return {"run": run_row(run), "attempts": found}
    rows = [attempt_row(a) for a in found if a.job is not None and a.job.name == name]
    return {"run": run_row(run), "attempts": rows, "jobs": len(found)}


def _beside(forge: Forge) -> object:
    """Runs of other repositories. GitHub's runners are seldom shared by them, so it is not asked."""
    if forge.kind not in (Kind.FORGEJO, Kind.GITEA):
        return Unknown(Reason.NOT_APPLICABLE, "repositories of this forge seldom share a runner")
    names = told(forge.repositories)
    if isinstance(names, Unknown):
        return names
    found = [told(_listing(forge, name)) for name in names[:_LOOKED_AT]]
    return [row for one in found if not isinstance(one, Unknown) for row in map(run_row, one.runs)]


def _listing(forge: Forge, repo: str) -> Callable[[], Listed]:
    return lambda: forge.runs(RunQuery(_OF_COMMIT), repo)


def _list(listed: Listed | Unknown) -> object:
    if isinstance(listed, Unknown):
        return listed
    return {"whole": listed.whole, "runs": [run_row(run) for run in listed.runs]}


def read(data: bytes) -> Facts:
    """The facts of an answer."""
    found = taken(Parts(data))
    if isinstance(found, Unknown):
        return every(FIELDS, found)
    facts = {**_of_commit(found), **_of_time(found), **_of_runner(found), **_of_attempt(found)}
    return {**facts, "red_alone": _red_alone(found, facts["red_elsewhere"])}


def _of_commit(it: Siblings) -> Facts:
    tries = [
        a for a in it.tries
        if (_is_alike(it.run, a.run, it.kind) or (same_run(it.run, a.run) and a.number != it.attempt.number))
    ]  # fmt: skip
    reds, greens = any(map(is_red, tries)), any(map(is_green, tries))
    ended: Value | Unknown = "both" if reds and greens else "green" if greens else "red" if reds else "none"
    if not greens and it.closed is not None:
        ended = it.closed
    lacking = None if tries else it.closed or _lacking(it.commit, it.run)
    if lacking is not None:
        return {**every(("same_commit", *_PLACED), lacking), **_twins(it)}
    return {"same_commit": ended, **_placed(it, tries), **_twins(it)}


_PLACED = ("green_here", "green_elsewhere", "red_elsewhere")


def _placed(it: Siblings, tries: Sequence[Attempt]) -> Facts:
    """On which runners the tries of the commit ended how."""
    here = _runner(it.attempt)
    on = {(_runner(a), is_green(a)) for a in tries if _runner(a) is not None and (is_green(a) or is_red(a))}
    if tries and (here is None or not on):
        return every(_PLACED, _NO_RUNNER)
    return {
        "green_here": (here, True) in on,
        "green_elsewhere": any(green and runner != here for runner, green in on),
        "red_elsewhere": any(not green and runner != here for runner, green in on),
    }


def _lacking(rows: Rows | Unknown, run: Run) -> Unknown | None:
    """Why a run that is not in the list may be there all the same."""
    if isinstance(rows, Unknown):
        return rows
    if run.commit is None:
        return Unknown(Reason.NOT_SUPPORTED, "the forge does not tell the commit of this run")
    return None if rows.whole else Unknown(Reason.NOT_SUPPORTED, "the list of runs that could be had may lack some")


def _twins(it: Siblings) -> Facts:
    rows = () if isinstance(it.commit, Unknown) else it.commit.runs
    found = [other for other in rows if _is_twin(it.run, other)]
    lacking = None if found else _lacking(it.commit, it.run)
    if lacking is None and begun(it.run) is None:
        lacking = Unknown(Reason.NOT_SUPPORTED, "the forge does not tell when this run was made")
    if lacking is not None:
        return {"twins": lacking, "twin": lacking}
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


def _met(one: Run, other: Run, margin: float = 0.0) -> bool | None:
    """Whether two runs ran at the same time, to within some seconds; None where a time is not told."""
    starts = (one.started or begun(one), other.started or begun(other))
    if starts[0] is None or starts[1] is None or one.ended is None or other.ended is None:
        return None
    return starts[0] - margin < other.ended and starts[1] < one.ended + margin


def _of_time(it: Siblings) -> Facts:
    rows = it.newest if isinstance(it.newest, Unknown) else it.newest.runs
    if isinstance(rows, Unknown):
        return every(("newer_began", "others_red", "others_green", "all_red"), rows)
    assert isinstance(it.newest, Rows)
    covered = it.newest.reaches(it.run, _NEWEST)
    old = Unknown(Reason.NOT_SUPPORTED, f"the run is not among the newest {_NEWEST} that the forge lists")
    newer = _newer(it, rows)
    if newer is False and not covered:
        newer = old
    others = _others(it)
    reds, greens = [o for o in others if is_red(o)], [o for o in others if is_green(o)]
    if not others and not covered:
        return {"newer_began": newer, **every(("others_red", "others_green", "all_red"), old)}
    together = len({(o.repo, o.commit) for o in reds}) >= 2 and not greens
    return {"newer_began": newer, "others_red": len(reds), "others_green": len(greens), "all_red": together}


def _others(it: Siblings) -> list[Run]:
    """Runs of other commits around this one."""
    rows = () if isinstance(it.newest, Unknown) else it.newest.runs
    return [o for o in (*rows, *it.beside) if _is_other(it.run, o) and _met(it.run, o, _AROUND)]


def _red_alone(it: Siblings, elsewhere: Value | Unknown | None) -> Value | Unknown | None:
    """Two runners may sit on one sick host: only that others got through says that it was well."""
    if elsewhere is not True:
        return elsewhere
    return any(is_green(o) and (o.repo, o.workflow) == (it.run.repo, it.run.workflow) for o in _others(it))


def _is_other(run: Run, other: Run) -> bool:
    return (run.repo, run.commit) != (other.repo, other.commit) and None not in (run.commit, other.commit)


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


def _of_runner(it: Siblings) -> Facts:
    fields = ("runner_green", "runner_red", "elsewhere_green", "elsewhere_red")
    here = _runner(it.attempt)
    others = [a for a in it.tries if not (same_run(it.run, a.run) and a.number == it.attempt.number)]
    placed = [a for a in others if _runner(a) is not None]
    if here is None or (others and not placed):
        return every(fields, _NO_RUNNER)
    return {
        "runner_green": sum(is_green(a) and _runner(a) == here for a in placed),
        "runner_red": sum(is_red(a) and _runner(a) == here for a in placed),
        "elsewhere_green": sum(is_green(a) and _runner(a) != here for a in placed),
        "elsewhere_red": sum(is_red(a) and _runner(a) != here for a in placed),
    }


def _runner(attempt: Attempt) -> str | None:
    return attempt.runner.name if attempt.runner is not None else None


def _of_attempt(it: Siblings) -> Facts:
    untold = Unknown(Reason.NOT_SUPPORTED, "the forge does not tell it")
    ended, conclusion = it.ended, it.attempt.conclusion
    silent: Value | Unknown = untold
    if ended is not None and it.log_ended is not None:
        silent = round(max(0.0, ended - it.log_ended), 1)
    is_told = it.attempt.status is Status.DONE or conclusion is not Conclusion.UNKNOWN
    return {
        "cancelled": conclusion is Conclusion.CANCELLED if is_told else untold,
        "attempt": it.attempt.number if it.attempt.number is not None else untold,
        "silent_seconds": silent,
    }


PROBE = Probe(
    name="sibling-runs",
    title="How other runs ended: of the same commit, of the same branch, around the same minute",
    kind=Asks.FORGE,
    cost=Cost.DEAR,
    privilege="a token or web login that may read the repository's runs; its list of runners is not asked for",
    fields=FIELDS,
    ask=ask,
    read=read,
)
