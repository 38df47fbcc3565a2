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
from whyred.probes.sibling_answer import NEWEST, Siblings, lacking, taken
from whyred.probes.sibling_times import of_time, red_alone, twins

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
_OF_COMMIT = 20
_LOOKED_AT = 2
"""Runs of each kind whose jobs are asked for, and other repositories whose runs are."""
_NO_RUNNER = Unknown(Reason.NOT_SUPPORTED, "the forge does not tell which runner took a job")


def ask(forge: Forge, _subject: Subject, _arguments: Mapping[str, str]) -> bytes:
    """The lists of runs, and the jobs of the few that matter."""
    newest = told(lambda: forge.runs(RunQuery(NEWEST)))
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
    return not isinstance(newest, Unknown) and newest.whole and len(newest.runs) < NEWEST


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
    facts = {**_of_commit(found), **of_time(found), **_of_runner(found), **_of_attempt(found)}
    return {**facts, "red_alone": red_alone(found, facts["red_elsewhere"])}


def _of_commit(it: Siblings) -> Facts:
    tries = [
        a for a in it.tries
        if (_is_alike(it.run, a.run, it.kind) or (same_run(it.run, a.run) and a.number != it.attempt.number))
    ]  # fmt: skip
    reds, greens = any(map(is_red, tries)), any(map(is_green, tries))
    ended: Value | Unknown = "both" if reds and greens else "green" if greens else "red" if reds else "none"
    if not greens and it.closed is not None:
        ended = it.closed
    missing = None if tries else it.closed or lacking(it.commit, it.run)
    if missing is not None:
        return {**every(("same_commit", *_PLACED), missing), **twins(it)}
    return {"same_commit": ended, **_placed(it, tries), **twins(it)}


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
