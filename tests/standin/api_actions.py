"""The Actions part of Forgejo's API: runs, jobs, logs, tasks, runners, artifacts, dispatch, cancel."""

import io
import json
import zipfile
from collections.abc import Callable
from email.utils import formatdate, parsedate_to_datetime
from typing import TypeVar

from standin import shapes
from standin.forge import Call, route
from standin.profiles import Profile
from standin.rows import TICKS
from standin.wire import Reply, as_json, ranged
from standin.world import Attempt, Job, Repo, Run, Status

R = "/repos/{owner}/{repo}"
T = TypeVar("T")


def paged(call: Call, items: list[T]) -> list[T]:
    """Without `page` everything comes, `limit` or not (reference 10); else 30 where `limit` asks for nothing."""
    page, limit = call.request.number("page", 0), min(call.request.number("limit", 30), call.forge.most)
    return items[(page - 1) * limit : page * limit] if page > 0 else items


def run_of(call: Call, name: str = "run_id") -> Run:
    """The run of an id in the path; raises the 404s of an unknown one and of another repository's."""
    number = call.number(name)
    run = call.forge.world.find_run(number)
    if run is None:
        raise call.refuse(f"run with id {number}: resource does not exist", 404)
    if run.repo is not call.repo:
        raise call.refuse("resource does not exist", 404)
    return run


def job_of(call: Call) -> Job:
    """The job of an id in the path, with the same 404s."""
    number = call.number("job_id")
    job = call.forge.world.find_job(number)
    if job is None:
        raise call.refuse(f"run job with id {number}: resource does not exist", 404)
    if job.run.repo is not call.repo:
        raise call.refuse("resource does not exist", 404)
    return job


@route(f"GET {R}/actions/runs", on="forgejo")
def runs(call: Call) -> Reply:
    """The runs, newest first (Forgejo 14: oldest first); unknown filters are ignored, an unknown status is a 400."""
    found = list(call.repo.runs) if call.forge.profile.runs_oldest_first else call.repo.runs[::-1]
    query, later = call.request.query, call.forge.profile.generation >= 15
    for status in query.get("status", []):
        if status not in {known.value for known in Status}:
            raise call.refuse(f"unknown status: {status}", 400)
    wanted: dict[str, Callable[[Run], str]] = {
        "status": lambda run: run.told(fails_early=call.forge.profile.fails_early).value,
        "event": lambda run: {"schedule": "push"}.get(run.event, run.event),
        "head_sha": lambda run: run.sha,
        "run_number": lambda run: str(run.index),
        **({"workflow_id": lambda run: run.workflow, "ref": lambda run: f"refs/heads/{run.branch}"} if later else {}),
    }
    for key, value in wanted.items():
        if key in query:
            found = [run for run in found if value(run) in query[key]]
    shown = [shapes.run(call.forge, run, call.user) for run in paged(call, found)]
    return as_json({"workflow_runs": shown, "total_count": len(found)})


@route(f"GET {R}/actions/runs/{{run_id}}")
def one_run(call: Call) -> Reply:
    """A run by the database's id."""
    return as_json(shapes.run(call.forge, run_of(call), call.user))


@route(f"GET {R}/actions/runs/{{run_id}}/jobs")
def run_jobs(call: Call) -> Reply:
    """The jobs: no steps, no times."""
    return as_json([shapes.job(call.forge, job) for job in run_of(call).jobs])


@route(f"GET {R}/actions/tasks")
def tasks(call: Call) -> Reply:
    """The attempts; `status` filters from 15 on."""
    found, profile = shapes.tasks(call.forge, call.repo), call.forge.profile
    if profile.generation >= 15 and "status" in call.request.query:
        found = [task for task in found if task["status"] in call.request.query["status"]]
    reply = as_json({"workflow_runs": paged(call, found), "total_count": len(found)})
    counted = not profile.forgejo and profile.release >= (1, 26)
    return reply.plus(("X-Total-Count", str(len(found)))) if counted else reply


def attempt_of(call: Call, job: Job) -> Attempt:
    """The attempt that a log is asked of: the one shown, or `?attempt=N`; raises the 404s."""
    if "attempt" in call.request.query:
        asked = call.request.one("attempt")
        number = int(asked) if asked.isdecimal() else 0
        found = next((a for a in job.attempts if a.number == number), None)
        if found is None:
            raise call.refuse(f"task with job_id {job.id} and attempt {number}: resource does not exist", 404)
    elif job.task is None:
        raise call.refuse("job has not been executed yet", 404)
    else:
        found = job.task
    return found


def unreadable(profile: Profile, attempt: Attempt) -> str:
    """The server's own words when the rows cannot be read, with its paths in them; empty when they can."""
    repo = attempt.job.run.repo
    name = f"{repo.full_name}/{attempt.id % 256:02x}/{attempt.id}.log" + (".zst" if profile.retention else "")
    if attempt.missing == "lost":
        at = f"/srv/{profile.name.partition('-')[0]}/data/actions_log/{name}"
        return f'storage open "{name}": open {at}: no such file or directory'
    return "" if len(attempt.log) else f'dbfs open "actions_log/{name}": file does not exist'


@route(f"GET {R}/actions/jobs/{{job_id}}/logs", on="forgejo")
def job_log(call: Call) -> Reply:
    """The whole text: Range, If-Modified-Since; 500 where a row is not there yet or the file is gone."""
    attempt = attempt_of(call, job_of(call))
    if attempt.missing == "expired":
        raise call.refuse("logs have expired", 404)
    if why := unreadable(call.forge.profile, attempt):
        admin = call.user is not None and call.user.admin
        raise call.refuse(f"open logs for task {attempt.id}: {why}" if admin else "", 500)
    changed = (attempt.stopped or attempt.updated) // TICKS
    last = ("Last-Modified", formatdate(changed, usegmt=True))
    since = call.request.header("If-Modified-Since")
    if since and parsedate_to_datetime(since).timestamp() >= changed:
        return Reply(304, b"", (("Accept-Ranges", "bytes"), last))
    return ranged(call.request, attempt.log.size, attempt.log.read, last)


@route(f"GET {R}/actions/runs/{{run_id}}/logs")
def run_logs(call: Call) -> Reply:
    """A zip of every job's text; what is missing is said in a member `.MISSING`."""
    run, kept = run_of(call), io.BytesIO()
    with zipfile.ZipFile(kept, "w", zipfile.ZIP_DEFLATED) as archive:
        for job in run.jobs:
            name = "".join(c for c in job.name if c.isprintable() and c not in "/\\") + f"-{job.id}-attempt-"
            task = job.task
            why = why_missing(call.forge.profile, task)
            member = zipfile.ZipInfo(f"{name}{job.attempt}.{'MISSING' if why else 'log'}")
            member.compress_type = zipfile.ZIP_DEFLATED
            with archive.open(member, "w", force_zip64=True) as file:
                pieces = [f"{why}\n".encode()] if why or task is None else task.log.read(0, task.log.size)
                for piece in pieces:
                    file.write(piece)
    place = ("Content-Disposition", f'attachment; filename="run-{run.id}-logs.zip"')
    return Reply(200, kept.getvalue(), (place, ("Content-Type", "application/zip")))


def why_missing(profile: Profile, task: Attempt | None) -> str:
    """The text of a `.MISSING` member; empty when there is a log."""
    if task is None:
        return "job has not been executed yet"
    if task.missing == "expired":
        return "logs have been cleaned up"
    why = unreadable(profile, task)
    return f"log open failed: {why}" if why else ""


@route(f"GET {R}/actions/runners/jobs", needs="write")
@route("GET /admin/runners/jobs", scope="admin", needs="login")
def runner_jobs(call: Call) -> Reply:
    """Jobs that wait or run, for runners with these labels; `null` when there are none."""
    labels = [label for label in call.request.one("labels").split(",") if label]
    repos = [call.found] if call.found else call.forge.world.repos
    found = [job for repo in repos for run in repo.runs for job in run.jobs]
    open_ = [job for job in found if job.status in {Status.WAITING, Status.RUNNING}]
    if labels or call.forge.profile.generation < 14:
        open_ = [job for job in open_ if labels and set(job.labels) <= set(labels)]
    return as_json([shapes.job(call.forge, job) for job in reversed(open_)] or None)


@route(f"GET {R}/actions/runners", on="forgejo")
@route("GET /admin/actions/runners", scope="admin", needs="login", on="forgejo")
def runners(call: Call) -> Reply:
    """The runners; those of the whole server only with `visible=true`."""
    seen = call.found is None or call.request.one("visible") == "true"
    found = [
        {
            "id": runner.id,
            "uuid": f"00000000-0000-4000-8000-{runner.id:012d}",
            "owner_id": 0,
            "repo_id": 0,
            "name": runner.name,
            "status": runner.status,
            "version": "v12.8.2-src",
            "labels": list(runner.labels),
            "description": "",
            "ephemeral": False,
        }
        for runner in (call.forge.world.runners if seen else [])
    ]
    return _counted(found)


def _counted(found: list[shapes.Shape]) -> Reply:
    expose = ("Access-Control-Expose-Headers", "X-Total-Count")
    return as_json(found).plus(expose, ("X-Total-Count", str(len(found))))


def _artifacts(call: Call, run: Run) -> list[shapes.Shape]:
    before = sum(len(r.artifacts) for repo in call.forge.world.repos for r in repo.runs if r.id < run.id)
    return [
        {
            "id": before + number,
            "name": name,
            "size_in_bytes": len(data),
            "archive_download_url": f"{call.forge.root}/api/v1/repos/{run.repo.full_name}/actions/artifacts/"
            f"{before + number}/zip",
            "expired": False,
            "run_id": run.id,
            "created_at": shapes.when(run.stopped),
            "updated_at": shapes.when(run.stopped),
            "expires_at": shapes.when(run.stopped + 90 * 86_400 * TICKS),
        }
        for number, (name, data) in enumerate(run.artifacts.items(), 1)
    ]


@route(f"GET {R}/actions/artifacts", on="forgejo")
@route(f"GET {R}/actions/runs/{{run_id}}/artifacts", on="forgejo")
def artifacts(call: Call) -> Reply:
    """The artifacts of the repository or of a run."""
    chosen = [run_of(call)] if "run_id" in call.params else call.repo.runs
    return _counted([shape for run in chosen for shape in _artifacts(call, run)])


@route(f"GET {R}/actions/artifacts/{{artifact_id}}", on="forgejo")
def one_artifact(call: Call) -> Reply:
    """An artifact."""
    found = [shape for run in call.repo.runs for shape in _artifacts(call, run)]
    shape = next((s for s in found if s["id"] == call.number("artifact_id")), None)
    if shape is None:
        raise call.refuse("resource does not exist", 404)
    return as_json(shape)


@route(f"GET {R}/actions/artifacts/{{artifact_id}}/zip", on="forgejo")
def artifact_zip(call: Call) -> Reply:
    """An artifact's archive."""
    shape = json.loads(one_artifact(call).whole())
    run = next(run for run in call.repo.runs if run.id == shape["run_id"])
    return zip_of(shape["name"], run.artifacts[shape["name"]])


def zip_of(name: str, data: bytes) -> Reply:
    """An archive with one file."""
    kept = io.BytesIO()
    with zipfile.ZipFile(kept, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.txt", data)
    place = ("Content-Disposition", f"attachment; filename={name}.zip; filename*=UTF-8''{name}.zip")
    return Reply(200, kept.getvalue(), (place, ("Content-Type", "application/zip")))


@route(f"POST {R}/actions/runs/{{run_id}}/cancel", needs="write")
def cancel(call: Call) -> Reply:
    """Cancels a run; 204 also when it was over long ago."""
    cancel_run(run_of(call))
    return Reply(204)


def cancel_run(run: Run) -> None:
    """What a cancel does: the forge calls it over at once, the runner's last rows come later."""
    for job in run.jobs:
        if not job.status.done:
            if job.task is not None:
                job.task.end(Status.CANCELLED)
            job.status = Status.CANCELLED
            run.record(job, "failure", "Has been cancelled")
    run.end_if_done()


@route(f"POST {R}/actions/workflows/{{workflowname}}/dispatches", needs="write")
@route(f"POST {R}/actions/workflows/{{workflowfilename}}/dispatches", needs="write")
def dispatch(call: Call) -> Reply:
    """Starts a run of a workflow; a workflow without `workflow_dispatch` is accepted too (reference 10)."""
    asked = call.request.json()
    ref, workflow = asked.get("ref", ""), call.params.get("workflowfilename") or call.params["workflowname"]
    if not ref:
        raise call.refuse("ref is empty", 400)
    if not call.repo.commit(ref):
        raise call.refuse(f"could not expand reference '{ref}'", 500)
    if workflow not in call.repo.workflows:
        raise call.refuse("workflow not found", 500)
    run = start_again(call.repo, workflow, ref)
    if asked.get("return_run_info"):
        return as_json({"id": run.id, "run_number": run.index, "jobs": [job.name for job in run.jobs]}, 201)
    kind = (("Content-Type", "application/json;charset=utf-8"),)
    return Reply(204, b"", kind if call.forge.profile.generation == 11 else ())


def start_again(repo: Repo, workflow: str, ref: str) -> Run:
    """A dispatched run with the jobs that the workflow's first run had; they wait for a runner."""
    like = next(run for run in repo.runs if run.workflow == workflow)
    run = repo.push(f"dispatched {workflow}", workflow, ref, repo.commit(ref), "workflow_dispatch")
    for job in like.jobs:
        run.job(job.name, *job.steps, labels=job.labels, needs=job.needs)
    return run
