"""`rerun`, `cancel`, `dispatch`: what would be changed on a forge is planned, and done when people say so."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from whyred.app.forges import Forges
from whyred.app.ladder import Ladder
from whyred.app.resolve import Resolver
from whyred.model.forge import Address, RunQuery
from whyred.model.run import Attempt, Conclusion, Run, Status
from whyred.model.source import Missing, MissingLogError
from whyred.model.trouble import UserError
from whyred.sources.http import Reply
from whyred.sources.pace import Pace
from whyred.sources.plan import Plan
from whyred.sources.tasks_api import together

T = TypeVar("T")
_LOOK = 50
"""Runs that are looked through for those that have not ended."""
_LATELY = 5
"""Of these the newest whose jobs are looked at, where each is said to be over."""
_APPEARS = 20
"""Times that is looked for a run that was started, until it shows."""
_ENDS = 5
"""Times that is looked whether a cancelled run has ended."""
_OPEN = (Status.WAITING, Status.BLOCKED, Status.RUNNING)


@dataclass(frozen=True, slots=True)
class Planned:
    """What would be done on one forge. `run` is what it is done to, None for a dispatch; `jobs` are the names of the
    jobs that run again or are cancelled, None for all of them. `before`: the ids of the jobs there were.
    """

    ladder: Ladder
    plan: Plan
    repo: str
    run: Run | None = None
    jobs: frozenset[str] | None = None
    before: frozenset[int] = frozenset()
    workflow: str | None = None
    cancels: bool = False


# --- plan ------------------------------------------------------------------------------------------------------------


def rerun(address: Address, forges: Forges, *, failed: bool) -> Planned:
    """The plan to run a run, its failed jobs, or the one job that the address names, again.

    Raises UserError (code 4 where the other side lets nobody, or not this user, do it).
    """
    resolver, address = forges.resolver(address)
    ladder = _able(resolver.ladder, "plan_rerun", "rerun a run")
    run = _asked(f"rerun {address}", lambda: forges.run(resolver, address))
    now = _jobs(ladder, run)
    chosen: list[Attempt] | None = None
    if not failed and (address.job_name is not None or address.job is not None):
        chosen = _asked(f"rerun {run.label}", lambda: resolver.attempts(run, replace(address, attempt=None)))
    job = chosen[0] if chosen else None
    plan: Plan = _asked(f"rerun {run.label}", lambda: ladder.ask("plan_rerun", run, job, failed))
    if plan.calls and any(a.status in _OPEN for a in now):
        plan = replace(plan, title=f"{plan.title} (it has not ended: the server may refuse)")
    again = chosen or [a for a in now if not failed or a.conclusion is not Conclusion.SUCCESS]
    whole = None if not failed and job is None else frozenset(map(_name, again))
    ids = frozenset(a.job.id for a in now if a.job is not None and a.job.id is not None)
    return Planned(ladder, plan, run.repo or address.repo, run, whole, ids)


def _jobs(ladder: Ladder, run: Run) -> tuple[Attempt, ...]:
    """The jobs as they are before; nothing is refused because they cannot be told."""
    try:
        return ladder.attempts(run)
    except MissingLogError:
        return ()


def _name(attempt: Attempt) -> str:
    return attempt.job.name if attempt.job else "job"


def cancel(address: Address, forges: Forges) -> Planned:
    """The plan to cancel a run: the one that the address names, else the only one that has not ended."""
    resolver, address = forges.resolver(address)
    ladder = _able(resolver.ladder, "plan_cancel", "cancel a run")
    run = _asked(f"cancel {address}", lambda: _unfinished(resolver, address, forges))
    if run.status is Status.DONE and not _still_open(ladder, run):
        title = f"cancel {run.label}: it has ended ({run.conclusion}), so there is nothing to do"
        return Planned(ladder, Plan(title, ladder.reach.http.root, ()), address.repo, run, cancels=True)
    plan: Plan = _asked(f"cancel {run.label}", lambda: ladder.ask("plan_cancel", run))
    open_ = frozenset(_name(job) for job in _jobs(ladder, run) if job.status is not Status.DONE)
    return Planned(ladder, plan, address.repo, run, open_, cancels=True)


def _still_open(ladder: Ladder, run: Run) -> bool:
    """Whether jobs of a run go on that is said to be over: Forgejo from 11 on calls a run failed or cancelled as soon
    as one of its jobs is (AggregateJobStatus in models/actions/run_job.go).
    """
    early = run.conclusion in (Conclusion.FAILURE, Conclusion.CANCELLED)
    return early and any(job.status in _OPEN for job in _jobs(ladder, run))


def dispatch(workflow: str, address: Address, ref: str | None, inputs: Mapping[str, str], forges: Forges) -> Planned:
    """The plan to start a workflow, on the default branch where no other is named."""
    ladder, address = forges.of(address)
    ladder = _able(ladder, "plan_dispatch", "start a workflow")
    what = f"start {workflow} of {address.repo}"
    branch = ref if ref is not None else _asked(what, lambda: _default_branch(ladder, address.repo))
    plan: Plan = _asked(what, lambda: ladder.ask("plan_dispatch", address.repo, workflow, branch, inputs))
    return Planned(ladder, plan, address.repo, workflow=workflow.rpartition("/")[2])


def saved(planned: Planned, plan: Plan) -> Planned:
    """A plan that was saved, in place of the one made now. Raises UserError: it is about something else."""
    if plan.root != planned.plan.root or any(f"/{planned.repo}/actions/" not in call.path for call in plan.calls):
        why = f"it is not about {planned.repo} on {planned.plan.root}"
        raise UserError(f"the plan `{plan.title}` does not fit", why, "Name the target that it was made for")
    return replace(planned, plan=plan)


def _able(ladder: Ladder, what: str, says: str) -> Ladder:
    if any(hasattr(route, what) for route in ladder.named()):
        return ladder
    raise UserError(
        f"cannot {says} on {ladder.reach.server}", "whyred changes nothing there", "Do it on the forge's own pages", 4
    )


def _asked(what: str, ask: Callable[[], T]) -> T:
    """What was asked for; a refusal ends the command as one of the change, not of a log."""
    try:
        return ask()
    except MissingLogError as e:
        raise UserError(f"cannot {what}", f"{e.asked}: {e.reason}", e.help, 4) from e


def _default_branch(ladder: Ladder, repo: str) -> str:
    branch = ladder.ask("default_branch", repo)
    if not isinstance(branch, str):
        raise MissingLogError(Missing.NOT_FOUND, f"look for the default branch of {repo}", "name one with --ref")
    return branch


def _unfinished(resolver: Resolver, address: Address, forges: Forges) -> Run:
    """The run that is meant: what is named is meant, be it over; else what runs or waits, if it is only one."""
    if address.run is not None or address.job is not None or address.newest:
        return forges.run(resolver, address)
    ladder, commit = resolver.ladder, address.commit
    if address.pull is not None:
        commit = str(ladder.ask("pull", address.repo, address.pull))
    forges.progress(f"looking for runs of {address.repo} that have not ended")
    query = address.sift(RunQuery(_LOOK, commit=commit, branch=None if commit else address.branch))
    found = ladder.runs(address.repo, query)
    open_ = [run for run in found if run.status is not Status.DONE]
    open_ = open_ or [run for run in found[:_LATELY] if _still_open(ladder, run)]
    if len(open_) == 1:
        return open_[0]
    if not open_:
        why = f"none of its newest {len(found)} runs waits or runs" if found else "it has no runs"
        raise UserError(f"nothing to cancel in {address}", why, "whyred runs lists what ran")
    names = ", ".join(run.label for run in open_)
    raise UserError(f"which run of {address} is to be cancelled?", f"{names} have not ended", "Name one of these")


# --- apply -----------------------------------------------------------------------------------------------------------


def apply(planned: Planned, tell: Callable[[str], None]) -> Run | None:
    """Does what was planned, and gives the run that it is about, as it is now: for a dispatch the new one, None where
    it did not show (`tell` hears why, and of others that began as well).

    Raises UserError: code 4 where the other side refused, 1 where it failed.
    """
    ladder, plan = planned.ladder, planned.plan
    if not plan.calls:
        return planned.run
    newest = _newest(planned) if planned.run is None else None  # before anything is started
    replies: Sequence[Reply] = _asked(plan.title, lambda: ladder.ask("apply", plan))
    if planned.run is not None:
        return _seen(planned, planned.run)
    try:
        new = _told(planned, replies) or _appeared(planned, newest, tell)
    except MissingLogError as e:
        tell(f"the new run is not to be found ({e.reason}): {e.help}")
        return None
    return None if new is None else _seen(planned, new)


def _seen(planned: Planned, run: Run) -> Run:
    """The run as it is after the change. A cancelled one is given a moment to end: servers say yes before that, and to
    runs that were over long ago.
    """
    pace = Pace(planned.ladder.reach.http.sleep, planned.ladder.reach.http.clock)
    for _ in range(_ENDS):
        try:
            run = as_now(run, planned.ladder.attempts(run))
        except MissingLogError:
            return replace(run, status=Status.UNKNOWN, conclusion=Conclusion.UNKNOWN)
        if not planned.cancels or run.status is Status.DONE:
            break
        pace.idle()
    return run


def as_now(run: Run, jobs: Sequence[Attempt]) -> Run:
    """The run as its jobs are now; the times of the attempt before are not those of one under way."""
    status, conclusion = together((a.status, a.conclusion) for a in jobs)
    if status is Status.DONE:
        return replace(run, status=status, conclusion=conclusion)
    return replace(run, status=status, conclusion=conclusion, started=None, ended=None)


def _newest(planned: Planned) -> Run | None:
    """The newest run there is, or one before all others; None where none is listed for this user."""
    try:
        return next(iter(planned.ladder.runs(planned.repo, RunQuery(limit=1))), Run(planned.repo, id=0, number=0))
    except MissingLogError:
        return None  # then only the server's own answer can tell the new one


def _told(planned: Planned, replies: Sequence[Reply]) -> Run | None:
    """The new run as the server's answer tells it."""
    ladder = planned.ladder
    route: Any = next(route for route in ladder.named() if hasattr(route, "dispatched"))
    if hasattr(route, "started"):
        found: Run | None = route.started(ladder.reach, planned.repo, replies)
        return found
    id_ = route.dispatched(replies)
    return None if id_ is None else next(iter(ladder.runs(planned.repo, RunQuery(limit=1, id=id_))), None)


def _appeared(planned: Planned, newest: Run | None, tell: Callable[[str], None]) -> Run | None:
    """The run of this workflow that was not there before, where the server's answer names none."""
    http = planned.ladder.reach.http
    pace = Pace(http.sleep, http.clock)
    for _ in range(_APPEARS):
        listed = planned.ladder.runs(planned.repo, RunQuery(10))
        found = [run for run in listed if newest and _is_newer(run, newest) and _may_be(planned, run)]
        if len(found) > 1:
            tell(f"{len(found)} runs of {planned.workflow} began since: {', '.join(r.label for r in found)}")
        if found:
            return found[0]
        pace.idle()
    return None


def _may_be(planned: Planned, run: Run) -> bool:
    """Whether it can be the run that was started; a list of web pages tells no event."""
    return run.workflow in (None, planned.workflow) and run.event in (None, "workflow_dispatch")


def _is_newer(run: Run, other: Run) -> bool:
    if run.id is not None and other.id is not None:
        return run.id > other.id
    return run.number is not None and other.number is not None and run.number > other.number
