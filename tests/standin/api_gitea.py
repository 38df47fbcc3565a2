"""The Actions part of Gitea's API, from reference 1.4: GitHub-like pairs of status and conclusion, jobs with steps.

Traps kept: 1.25 has `steps: null` and lists only owners may read; 1.26.0 gives each step the job's conclusion.
"""

from collections.abc import Callable
from typing import Any, TypeVar

from standin import shapes
from standin.api_actions import R, start_again
from standin.forge import Call, Forge, RefusedError, route
from standin.wire import Reply, as_json, ranged
from standin.world import Attempt, Job, Run, Status, Step

Shape = dict[str, Any]
T = TypeVar("T")
_STATUS = {Status.WAITING: "queued", Status.BLOCKED: "waiting", Status.RUNNING: "in_progress"}
_CONCLUSION = {
    Status.SUCCESS: "success",
    Status.FAILURE: "failure",
    Status.CANCELLED: "cancelled",
    Status.SKIPPED: "skipped",
}


def _pair(status: Status) -> Shape:
    """There is no `conclusion` before the end."""
    pair = {"status": _STATUS.get(status, "completed")}
    return pair | ({"conclusion": _CONCLUSION[status]} if status in _CONCLUSION else {})


def _missing(call: Call, why: str) -> RefusedError:
    return RefusedError(call.forge.error("not found", 404, errors=[why]))


def _listed(call: Call, key: str, items: list[T], show: Callable[[T], Shape], *, pages: bool = True) -> Reply:
    """A page of a list; from 1.26 on `limit` counts also without `page`, and there are a count and links."""
    new = call.forge.profile.release >= (1, 26)
    limit, page = min(call.request.number("limit", 30), call.forge.most), max(1, call.request.number("page", 1))
    pages = pages and (new or "page" in call.request.query)
    shown = items[(page - 1) * limit : page * limit] if pages else items
    reply = as_json({key: [show(item) for item in shown], "total_count": len(items)})
    if not new:
        return reply
    last = -(-len(items) // limit)
    if not pages or last <= page:
        return reply.plus(("Access-Control-Expose-Headers", "X-Total-Count"), ("X-Total-Count", str(len(items))))
    at = call.forge.root + call.request.raw.partition("?")[0]
    links = ",".join(f'<{at}?limit={limit}&page={n}>; rel="{rel}"' for n, rel in ((page + 1, "next"), (last, "last")))
    expose = ("Access-Control-Expose-Headers", "Link, X-Total-Count")
    return reply.plus(expose, ("Link", links), ("X-Total-Count", str(len(items))))


def _run_of(call: Call) -> Run:
    run = call.forge.world.find_run(call.number("run"))
    if run is None or run.repo is not call.repo:
        named = f"run with id {call.number('run')}: " if call.forge.profile.release >= (1, 26) else ""
        raise _missing(call, f"{named}resource does not exist")
    return run


def _run(call: Call, run: Run) -> Shape:
    root, full = call.forge.root, run.repo.full_name
    shown = run.index if call.forge.profile.web_ids == "index" else run.id
    who = shapes.user(call.forge, run.repo.owner)
    return {
        "id": run.id,
        "url": f"{root}/api/v1/repos/{full}/actions/runs/{run.id}",
        "html_url": f"{root}/{full}/actions/runs/{shown}",
        "display_title": run.title,
        "path": f"{run.workflow}@refs/heads/{run.branch}",
        "event": run.event,
        "run_attempt": 0,
        "run_number": run.index,
        "head_sha": run.sha,
        "head_branch": run.branch,
        **_pair(run.status),
        "actor": who,
        "trigger_actor": who,
        "repository": shapes.repository(call.forge, run.repo, call.user),
        "started_at": shapes.when(run.started),
        "completed_at": shapes.when(run.stopped),
    }


def _step(call: Call, job: Job, step: Step, number: int) -> Shape:
    status = job.status if call.forge.profile.steps == "job-conclusion" else step.status
    return {
        "name": step.name,
        "number": number,
        **_pair(status),
        "started_at": shapes.when(step.started),
        "completed_at": shapes.when(step.stopped),
    }


def _job(call: Call, job: Job) -> Shape:
    root, run, task = call.forge.root, job.run, job.task
    full, index = run.repo.full_name, call.forge.profile.web_ids == "index"
    place = f"{run.index}/jobs/{job.index}" if index else f"{run.id}/jobs/{job.id}"
    steps: list[Shape] | None = None
    if call.forge.profile.steps != "null":
        steps = [_step(call, job, step, number) for number, step in enumerate(task.steps if task else [])]
    return {
        "id": job.id,
        "url": f"{root}/api/v1/repos/{full}/actions/jobs/{job.id}",
        "html_url": f"{root}/{full}/actions/runs/{place}",
        "run_id": run.id,
        "run_url": f"{root}/api/v1/repos/{full}/actions/runs/{run.id}",
        "name": job.name,
        "labels": list(job.labels),
        "run_attempt": len(job.attempts),
        "head_sha": run.sha,
        "head_branch": run.branch,
        **_pair(job.status),
        **({"runner_id": 1, "runner_name": task.runner} if task else {}),
        "steps": steps,
        "created_at": shapes.when(run.created),
        "started_at": shapes.when(task.started if task else 0),
        "completed_at": shapes.when(task.stopped if task else 0),
    }


@route(f"GET {R}/actions/runs", needs="list", on="gitea")
def runs(call: Call) -> Reply:
    """The runs, newest first."""
    query = call.request.query
    for status in query.get("status", []):
        if status not in {*_STATUS.values(), *_CONCLUSION.values(), "completed"}:
            raise call.refuse(f"Invalid status {status}", 400)
    found = [
        run
        for run in call.repo.runs[::-1]
        if _fits(query, "status", {*_pair(run.status).values()})
        and _fits(query, "branch", {run.branch})
        and _fits(query, "event", {run.event})
        and _fits(query, "head_sha", {run.sha})
    ]
    return _listed(call, "workflow_runs", found, lambda run: _run(call, run))


def _fits(query: dict[str, list[str]], key: str, values: set[str | None]) -> bool:
    return key not in query or bool(values & set(query[key]))


@route(f"GET {R}/actions/runs/{{run}}", on="gitea")
def one_run(call: Call) -> Reply:
    """A run by the database's id."""
    return as_json(_run(call, _run_of(call)))


@route(f"GET {R}/actions/runs/{{run}}/jobs", on="gitea")
def run_jobs(call: Call) -> Reply:
    """The jobs of a run; none for a run that is not there."""
    run = call.forge.world.find_run(call.number("run"))
    found = run.jobs if run and run.repo is call.repo else []
    return _listed(call, "jobs", found, lambda job: _job(call, job), pages=False)


@route(f"GET {R}/actions/jobs", needs="list", on="gitea")
def jobs(call: Call) -> Reply:
    """Every job of the repository, oldest first."""
    found = [job for run in call.repo.runs for job in run.jobs]
    return _listed(call, "jobs", found, lambda job: _job(call, job))


@route(f"GET {R}/actions/jobs/{{job_id}}", needs="login", on="gitea")
def one_job(call: Call) -> Reply:
    """A job."""
    return as_json(_job(call, _job_of(call, "resource does not exist")))


def _job_of(call: Call, why: str) -> Job:
    job = call.forge.world.find_job(call.number("job_id"))
    if job is None or job.run.repo is not call.repo:
        raise _missing(call, why)
    return job


@route(f"GET {R}/actions/jobs/{{job_id}}/logs", needs="login", on="gitea")
def job_log(call: Call) -> Reply:
    """The whole text as an attachment, never to strangers. An unknown job is a 500 before 1.26; there is no `attempt`.

    Neither Last-Modified nor 304.
    """
    new, number = call.forge.profile.release >= (1, 26), call.number("job_id")
    if not new and call.forge.world.find_job(number) is None:
        raise call.refuse("", 500)
    job = _job_of(call, f"run job with id {number}: resource does not exist" if new else "job not found")
    task = job.task
    if task is None:
        raise _missing(call, "job not started")
    if task.missing == "expired":
        raise _missing(call, "logs have been cleaned up")
    if task.missing == "lost" or not len(task.log):
        raise call.refuse("", 500)
    return ranged(call.request, task.log.size, task.log.read, *attachment(call.forge, task), plain_refusal=True)


def attachment(forge: Forge, task: Attempt) -> list[tuple[str, str]]:
    """The headers that name a log as a file; 1.26 writes them differently."""
    name = f"{task.job.run.workflow.removesuffix('.yml')}-{_safe(task.job.name)}-{task.id}.log"
    expose = ("Access-Control-Expose-Headers", "Content-Disposition")
    if forge.profile.release >= (1, 26) and not forge.profile.forgejo:
        policy = ("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; sandbox")
        return [expose, ("Content-Disposition", f"attachment; filename={name}"), policy]
    return [expose, ("Content-Disposition", f"attachment; filename=\"{name}\"; filename*=UTF-8''{name}")]


def _safe(name: str) -> str:
    return "".join(c if c.isprintable() and c.isascii() and c not in "/\\" else "_" for c in name)


@route(f"GET {R}/actions/runners", needs="owner", on="gitea")
def runners(call: Call) -> Reply:
    """The runners that may take this repository's jobs."""
    found = [
        {
            "id": runner.id,
            "name": runner.name,
            "status": "offline" if runner.status == "offline" else "online",
            "busy": runner.status == "active",
            **({"disabled": False} if call.forge.profile.release >= (1, 26) else {}),
            "ephemeral": False,
            "labels": [{"id": 0, "name": label, "type": "custom"} for label in runner.labels],
        }
        for runner in call.forge.world.runners
    ]
    return as_json({"runners": found, "total_count": len(found)})


@route(f"GET {R}/actions/runners/{{runner_id}}", needs="owner", on="gitea")
def one_runner(call: Call) -> Reply:
    """A runner; none of these tests needs more than the refusal."""
    raise RefusedError(call.forge.error("Runner not found", 404, errors=None))


def _again(call: Call, chosen: list[Job]) -> Reply:
    if not call.repo.may_write(call.user):
        raise call.refuse("user should have a permission to write to actions", 403)
    if not _run_of(call).status.done:
        raise call.refuse("this workflow run is not done", 400)
    for job in chosen:
        job.again()
    return as_json(_run(call, _run_of(call)), 201)


@route(f"POST {R}/actions/runs/{{run}}/rerun", needs="login", on="gitea")
def rerun(call: Call) -> Reply:
    """All jobs again."""
    return _again(call, _run_of(call).jobs)


@route(f"POST {R}/actions/runs/{{run}}/rerun-failed-jobs", needs="login", on="gitea")
def rerun_failed(call: Call) -> Reply:
    """The failed and cancelled jobs again."""
    return _again(call, [j for j in _run_of(call).jobs if j.status in {Status.FAILURE, Status.CANCELLED}])


@route(f"POST {R}/actions/runs/{{run}}/jobs/{{job_id}}/rerun", needs="login", on="gitea")
def rerun_job(call: Call) -> Reply:
    """One job again."""
    return _again(call, [_job_of(call, "resource does not exist")])


@route(f"POST {R}/actions/workflows/{{workflow_id}}/dispatches", needs="login", on="gitea")
def dispatch(call: Call) -> Reply:
    """Starts a run; other refusals than Forgejo's."""
    asked = call.request.json()
    ref, workflow = asked.get("ref", ""), call.params["workflow_id"]
    if not ref:
        raise call.refuse("[Ref]: Required", 422)
    if not call.repo.may_write(call.user):
        raise call.refuse("user should have a permission to write to actions", 403)
    if workflow not in call.repo.workflows:
        raise call.refuse(f'workflow "{workflow}" doesn\'t exist', 404)
    if not call.repo.commit(ref):
        raise call.refuse(f"ref {ref} doesn't exist", 404)
    run = start_again(call.repo, workflow, ref)
    if call.forge.profile.release >= (1, 26) and call.request.one("return_run_details") == "true":
        at = f"{call.forge.root}/api/v1/repos/{call.repo.full_name}/actions/runs/{run.id}"
        return as_json({"workflow_run_id": run.id, "run_url": at, "html_url": _run(call, run)["html_url"]})
    return Reply(204)
