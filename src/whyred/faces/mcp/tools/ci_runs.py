"""The runs of a repository, or the jobs and steps of one run."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from whyred.faces.mcp.answer import Answer, Next
from whyred.faces.mcp.budget import short
from whyred.faces.mcp.call import Call
from whyred.model.trouble import UserError

if TYPE_CHECKING:
    from whyred.model.forge import Address
    from whyred.model.run import Attempt, Run

TITLE = "List runs, or the jobs of a run"
DESCRIPTION = (
    "Lists the runs of a repository, newest first; of a target that names a run (owner/repo#12) its jobs with their "
    "steps. Sift runs by branch, workflow, status, event or commit."
)
INPUT: Mapping[str, Any] = {
    "target": {"type": "string", "description": "owner/repo, owner/repo#RUN, a URL, or '.'", "default": "."},
    "branch": {"type": "string", "description": "Only those of this branch"},
    "workflow": {"type": "string", "description": "Only those of this workflow file, such as ci.yml"},
    "status": {"type": "string", "description": "Only those with this status or conclusion: failure, success, running"},
    "event": {"type": "string", "description": "Only those that this event started: push, pull_request"},
    "commit": {"type": "string", "description": "Only those of this commit"},
    "limit": {"type": "integer", "minimum": 1, "maximum": 200, "default": 20, "description": "How many at most"},
}
REQUIRED: tuple[str, ...] = ()
OUTPUT: Mapping[str, Any] = {
    "run": {"type": ["object", "null"], "description": "The run whose jobs these are."},
    "runs": {"type": "array", "items": {"type": "object", "properties": {"run": {"type": "string"}}}},
    "jobs": {"type": "array", "items": {"type": "object", "properties": {"target": {"type": "string"}}}},
    "notes": {"type": "array", "items": {"type": "string"}},
}
LISTS = ("runs", "jobs", "notes")
LIMIT = 1500
WRITES, LOCAL, LARGE = False, False, False


def run(call: Call) -> Answer:
    """Asks for runs, or for the jobs of one."""
    address = call.address(call.arguments["target"])
    if address.run is None and address.job is None:
        return _runs(call, address)
    forges = call.forges()
    ladder, found = forges.attempts(address)
    attempts = [ladder.steps(attempt) for attempt in found]
    jobs = [_job(attempt) for attempt in attempts]
    run_ = attempts[0].run if attempts else None
    data = {"run": _run(run_) if run_ else None, "runs": [], "jobs": jobs, "notes": call.notes}
    rows = [f"{job['target']}: {job['conclusion']}; {'; '.join(job['steps'])}" for job in jobs]
    red = [run_.label for job in jobs if run_ is not None and job["conclusion"] == "failure"]
    return Answer(f"{len(jobs)} jobs.", "\n".join(rows), data, LISTS, _why(red))


def _runs(call: Call, address: "Address") -> Answer:
    from whyred.app.overview import runs
    from whyred.model.forge import RunQuery
    from whyred.model.target import workflow_name

    given = call.arguments
    workflow = workflow_name(given["workflow"]) if "workflow" in given else address.workflow
    query = RunQuery(
        given["limit"],
        branch=given.get("branch", address.branch),
        workflow=workflow,
        event=given.get("event", address.event),
        commit=given.get("commit", address.commit),
        status=_status(given["status"]) if "status" in given else address.status,
    )
    found = [_run(one) for one in runs(address, query, call.forges())]
    rows = [
        f"{r['run']}  {r['conclusion']}  {r['workflow'] or '?'}  {r['branch'] or ''}  {r['began'] or ''}" for r in found
    ]
    data = {"run": None, "runs": found, "jobs": [], "notes": call.notes}
    red = [str(one["run"]) for one in found if one["conclusion"] == "failure"]
    return Answer(f"{len(found)} runs." if found else "No run matches.", "\n".join(rows), data, LISTS, _why(red))


def _why(red: Sequence[str]) -> tuple[Next, ...]:
    return tuple(Next("ci_why", {"target": target}) for target in red[:1])


def _run(one: "Run") -> dict[str, Any]:
    from whyred.reports.runs import length, when, word

    return {
        "run": one.label,
        "id": one.id,
        "conclusion": word(one.status, one.conclusion),
        "workflow": one.workflow,
        "event": one.event,
        "branch": one.branch,
        "commit": (one.commit or "")[:10] or None,
        "began": when(one.started or one.created) or None,
        "took": length(one.started, one.ended) or None,
        "title": short((one.title or "").partition("\n")[0], 80),
    }


def _job(attempt: "Attempt") -> dict[str, Any]:
    from whyred.model.run import numbered
    from whyred.reports.runs import length, word

    names = zip(numbered(attempt.steps), attempt.steps, strict=True)
    steps = [
        f"{n if isinstance(n, int) else '-'} {short(step.name, 60)}: {word(step.status, step.conclusion)}"
        for n, step in names
    ]
    name = attempt.job.name if attempt.job else None
    return {
        "target": f"{attempt.run.label}:{name}" if name else attempt.run.label,
        "id": attempt.job.id if attempt.job else None,
        "attempt": attempt.number,
        "conclusion": word(attempt.status, attempt.conclusion),
        "runner": attempt.runner.name if attempt.runner else None,
        "waits_for": attempt.waits_for,
        "took": length(attempt.started, attempt.ended) or None,
        "steps": steps,
    }


def _status(text: str) -> str:
    """What whyred calls it. Raises UserError."""
    from whyred.model.target import STATUSES, status_word

    word = status_word(text)
    if word is None:
        raise UserError("status is wrong", f"{text[:60]!r} is none", f"Say one of {', '.join(STATUSES)}")
    return word
