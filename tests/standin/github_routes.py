"""The operations of GitHub's REST API that a client of Actions uses."""

from collections.abc import Callable

from standin import github_shapes as shapes
from standin.api_actions import cancel_run, start_again
from standin.github_call import JSON, Call, RefusedError, route
from standin.github_text import annotations
from standin.wire import Reply, as_json
from standin.world import Attempt, Job, Run, Status


@route("GET /meta")
def meta(_call: Call) -> Reply:
    """Which GitHub it is."""
    return as_json({"verifiable_password_authentication": False, "installed_version": "3.16.0"}, kind=JSON)


@route("GET /rate_limit")
def rate_limit(call: Call) -> Reply:
    """The counts; asking is free."""
    call.github.remaining += 1
    core = {"limit": 5000, "remaining": call.github.remaining, "used": 5000 - call.github.remaining, "reset": 0}
    return as_json({"resources": {"core": core}, "rate": core}, kind=JSON)


@route("GET /user")
def own_user(call: Call) -> Reply:
    """Whose token it is, and its scopes in a header."""
    if call.user is None:
        raise RefusedError(401, "Requires authentication")
    return as_json(shapes.user(call.at[0], call.user), kind=JSON).plus(("X-OAuth-Scopes", "repo, workflow"))


@route("GET R$")
def one_repo(call: Call) -> Reply:
    """A repository."""
    return as_json(shapes.repository(*call.at, call.repo), kind=JSON)


@route("GET R/branches/{branch}")
def one_branch(call: Call) -> Reply:
    """A branch."""
    sha = call.repo.branches().get(call.params["branch"])
    if sha is None:
        raise RefusedError(404, "Branch not found")
    return as_json({"name": call.params["branch"], "commit": {"sha": sha}, "protected": False}, kind=JSON)


@route("GET R/branches")
def branches(call: Call) -> Reply:
    """All branches."""
    return call.listed(
        "", [{"name": n, "commit": {"sha": s}, "protected": False} for n, s in call.repo.branches().items()]
    )


@route("GET R/pulls/{number}")
def one_pull(call: Call) -> Reply:
    """A pull request."""
    number = call.params["number"]
    pull = call.repo.pulls.get(int(number)) if number.isdecimal() else None
    if pull is None:
        raise RefusedError(404, "Not Found")
    return as_json(shapes.pull(*call.at, call.repo, pull), kind=JSON)


@route("GET R/pulls")
def pulls(call: Call) -> Reply:
    """Open pull requests, newest first."""
    return call.listed(
        "", [shapes.pull(*call.at, call.repo, p) for _, p in sorted(call.repo.pulls.items(), reverse=True)]
    )


@route("GET R/compare/{basehead}")
def compare(call: Call) -> Reply:
    """What lies between two commits."""
    before, _, after = call.params["basehead"].partition("...")
    commits = call.repo.changes.get((before, after))
    if commits is None:
        raise RefusedError(404, "Not Found")
    files = [{"filename": name, "status": "modified"} for names in commits for name in names]
    return as_json({"status": "ahead", "total_commits": len(commits), "files": files}, kind=JSON)


@route("GET R/actions/runs")
@route("GET R/actions/workflows/{workflow}/runs")
def runs(call: Call) -> Reply:
    """Runs, newest first. `status` takes a status or a conclusion."""
    query, found = call.request.query, call.repo.runs[::-1]
    values: dict[str, Callable[[Run], set[str | None]]] = {
        "branch": lambda run: {run.branch},
        "event": lambda run: {run.event},
        "head_sha": lambda run: {run.sha},
        "status": lambda run: set(shapes.pair(run.status).values()),
        "actor": lambda run: {run.repo.owner.name},
    }
    for key, of in values.items():
        if key in query:
            found = [run for run in found if of(run) & set(query[key])]
    if workflow := call.params.get("workflow"):
        if workflow not in call.repo.workflows:
            raise RefusedError(404, "Not Found")
        found = [run for run in found if run.workflow == workflow]
    return call.listed("workflow_runs", [shapes.run(*call.at, run, shapes.attempts(run)) for run in found])


@route("GET R/actions/runs/{run}")
@route("GET R/actions/runs/{run}/attempts/{attempt}")
def one_run(call: Call) -> Reply:
    """A run, or one of its attempts."""
    return as_json(shapes.run(*call.at, call.run(), call.attempt_number()), kind=JSON)


@route("GET R/actions/runs/{run}/jobs")
@route("GET R/actions/runs/{run}/attempts/{attempt}/jobs")
def run_jobs(call: Call) -> Reply:
    """Jobs of the newest attempt, of a given one, or of all; jobs that wait for others do not exist yet."""
    found: list[tuple[Job, Attempt | None]] = []
    number = call.attempt_number()
    for job in call.run().jobs:
        tried = [a for a in job.attempts if a.number <= number]
        if call.request.one("filter") == "all":
            found += [(job, attempt) for attempt in tried]
        elif tried and (job.task is not None or job.attempt > number):
            found.append((job, tried[-1]))
        if job.task is None and job.attempt <= number and job.status is not Status.BLOCKED:
            found.append((job, None))
    return call.listed("jobs", [shapes.job(*call.at, job, attempt) for job, attempt in found])


@route("GET R/actions/jobs/{job}")
def one_job(call: Call) -> Reply:
    """A job."""
    return as_json(shapes.job(*call.at, *call.job()), kind=JSON)


def _may_download(call: Call) -> None:
    if call.user is None:
        raise RefusedError(403, "Must have admin rights to Repository.")


@route("GET R/actions/jobs/{job}/logs")
def job_log(call: Call) -> Reply:
    """Sends the client on to the storage host; nothing while the job runs, 410 when the text expired."""
    _may_download(call)
    job, attempt = call.job()
    if attempt is None or not attempt.status.done:
        raise RefusedError(404, "Not Found")
    if attempt.missing == "expired":
        raise RefusedError(410, "Gone")
    return Reply(302, b"", (("Location", call.github.link(f"/job/{job.id}/{attempt.number}")),))


@route("GET R/actions/runs/{run}/logs")
@route("GET R/actions/runs/{run}/attempts/{attempt}/logs")
def run_logs(call: Call) -> Reply:
    """Sends the client on to the archive of an attempt."""
    _may_download(call)
    run, number = call.run(), call.attempt_number()
    tried = [a for job in run.jobs for a in job.attempts if a.number <= number]
    if not tried:
        raise RefusedError(404, "Not Found")
    if all(attempt.missing == "expired" for attempt in tried):
        raise RefusedError(410, "Gone")
    return Reply(302, b"", (("Location", call.github.link(f"/run/{run.id}/{number}")),))


@route("GET R/check-runs/{job}")
def one_check(call: Call) -> Reply:
    """The check run of a job: it has the job's id."""
    return as_json(shapes.check_run(*call.at, *call.job()), kind=JSON)


@route("GET R/check-runs/{job}/annotations")
def check_annotations(call: Call) -> Reply:
    """What the job told about files and lines."""
    _, attempt = call.job()
    return call.listed("", annotations(attempt) if attempt else [])


@route("GET R/actions/runners")
def runners(call: Call) -> Reply:
    """Self-hosted runners; for owners."""
    call.writes()
    return call.listed("runners", [shapes.runner(runner) for runner in call.github.world.runners])


@route("GET R/actions/workflows")
def workflows(call: Call) -> Reply:
    """Workflow files."""
    found = [
        {"id": 1000 + n, "name": w.removesuffix(".yml"), "path": f".github/workflows/{w}", "state": "active"}
        for n, w in enumerate(sorted(call.repo.workflows))
    ]
    return call.listed("workflows", found)


def _again(call: Call, chosen: list[Job]) -> Reply:
    call.writes()
    if not call.run().status.done:
        raise RefusedError(403, "The workflow run containing this job is already running")
    for job in chosen:
        job.again()
    return as_json({}, 201, kind=JSON)


@route("POST R/actions/runs/{run}/rerun")
def rerun(call: Call) -> Reply:
    """All jobs again."""
    return _again(call, call.run().jobs)


@route("POST R/actions/runs/{run}/rerun-failed-jobs")
def rerun_failed(call: Call) -> Reply:
    """Failed jobs again."""
    return _again(call, [job for job in call.run().jobs if job.status in {Status.FAILURE, Status.CANCELLED}])


@route("POST R/actions/jobs/{job}/rerun")
def rerun_job(call: Call) -> Reply:
    """One job again."""
    job, _ = call.job()
    call.params["run"] = str(shapes.run_id(job.run))
    return _again(call, [job])


@route("POST R/actions/runs/{run}/cancel")
@route("POST R/actions/runs/{run}/force-cancel")
def cancel(call: Call) -> Reply:
    """Cancels; 409 when the run is over."""
    call.writes()
    if call.run().status.done:
        raise RefusedError(409, "Cannot cancel a workflow run that is completed.")
    cancel_run(call.run())
    return as_json({}, 202, kind=JSON)


@route("POST R/actions/workflows/{workflow}/dispatches")
def dispatch(call: Call) -> Reply:
    """Starts a run of a workflow."""
    call.writes()
    ref, workflow = call.request.json().get("ref", ""), call.params["workflow"]
    if workflow not in call.repo.workflows:
        raise RefusedError(404, "Not Found")
    if not call.repo.commit(ref):
        raise RefusedError(422, f"No ref found for: {ref}")
    start_again(call.repo, workflow, ref)
    return Reply(204)
