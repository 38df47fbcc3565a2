"""JSON objects of GitHub's REST API: runs, jobs with steps, repositories, pull requests, runners."""

from typing import Any

from standin.github_text import annotations, numbered
from standin.shapes import when
from standin.world import Attempt, Job, Pull, Repo, Run, Runner, Status, User

Shape = dict[str, Any]
FIRST_RUN, FIRST_JOB = 19_000_000_000, 54_000_000_000
_STATUS = {Status.WAITING: "queued", Status.BLOCKED: "waiting", Status.RUNNING: "in_progress"}


def run_id(run: Run) -> int:
    """GitHub's ids are big; they are no numbers that people see."""
    return FIRST_RUN + run.id


def job_id(job: Job, attempt: int) -> int:
    """Each attempt of a job has an id of its own."""
    return FIRST_JOB + job.id * 100 + attempt


def pair(status: Status) -> Shape:
    """Status and conclusion; the conclusion is null before the end."""
    over = status.done
    return {
        "status": "completed" if over else _STATUS.get(status, "queued"),
        "conclusion": status.value if over else None,
    }


def _time(ticks: int) -> str | None:
    return when(ticks) if ticks else None


def user(root: str, who: User) -> Shape:
    """A user."""
    return {"login": who.name, "id": who.id, "type": "User", "url": f"{root}/users/{who.name}", "site_admin": False}


def repository(root: str, web: str, repo: Repo) -> Shape:
    """A repository."""
    return {
        "id": repo.id,
        "name": repo.name,
        "full_name": repo.full_name,
        "private": repo.private,
        "owner": user(root, repo.owner),
        "html_url": f"{web}/{repo.full_name}",
        "url": f"{root}/repos/{repo.full_name}",
        "default_branch": repo.default_branch,
        "visibility": "private" if repo.private else "public",
    }


def attempts(run: Run) -> int:
    """The number of the run's newest attempt: GitHub counts them per run."""
    return max((job.attempt for job in run.jobs), default=1)


def state_at(run: Run, number: int) -> Status:
    """The run's status in one of its attempts."""
    if number == attempts(run):
        return run.status
    found = [a.status for job in run.jobs for a in job.attempts if a.number == number]
    return Status.FAILURE if Status.FAILURE in found else next(iter(found), Status.SUCCESS)


def run(root: str, web: str, of: Run, number: int) -> Shape:
    """A run, seen at one of its attempts."""
    at = f"{root}/repos/{of.repo.full_name}/actions/runs/{run_id(of)}"
    tried = [a for job in of.jobs for a in job.attempts if a.number == number]
    began = min((a.started for a in tried), default=of.created)
    pulls = [p for p in of.repo.pulls.values() if p.head == of.branch]
    return {
        "id": run_id(of),
        "name": of.workflow.removesuffix(".yml"),
        "node_id": f"WFR_{run_id(of)}",
        "head_branch": of.branch,
        "head_sha": of.sha,
        "path": f".github/workflows/{of.workflow}",
        "display_title": of.title,
        "run_number": of.index,
        "event": of.event,
        **pair(state_at(of, number)),
        "workflow_id": 1000 + sorted(of.repo.workflows).index(of.workflow),
        "check_suite_id": 2000 + of.id,
        "url": at,
        "html_url": f"{web}/{of.repo.full_name}/actions/runs/{run_id(of)}",
        "pull_requests": [{"number": p.number, "head": {"ref": p.head, "sha": p.sha}} for p in pulls],
        "created_at": when(of.created),
        "updated_at": when(of.stopped or of.started or of.created),
        "actor": user(root, of.repo.owner),
        "run_attempt": number,
        "run_started_at": when(began),
        "triggering_actor": user(root, of.repo.owner),
        "jobs_url": f"{at}/jobs",
        "logs_url": f"{at}/logs",
        "check_suite_url": f"{root}/repos/{of.repo.full_name}/check-suites/{2000 + of.id}",
        "artifacts_url": f"{at}/artifacts",
        "cancel_url": f"{at}/cancel",
        "rerun_url": f"{at}/rerun",
        "previous_attempt_url": f"{at}/attempts/{number - 1}" if number > 1 else None,
        "head_commit": {"id": of.sha, "message": of.title, "timestamp": when(of.created)},
        "repository": repository(root, web, of.repo),
        "head_repository": repository(root, web, of.repo),
    }


def job(root: str, web: str, of: Job, attempt: Attempt | None) -> Shape:
    """A job in one of its attempts; one that no runner has has no steps."""
    number = attempt.number if attempt else of.attempt
    status, own = (attempt.status if attempt else of.status), job_id(of, number)
    full, run_at = of.run.repo.full_name, run_id(of.run)
    return {
        "id": own,
        "run_id": run_at,
        "workflow_name": of.run.workflow.removesuffix(".yml"),
        "head_branch": of.run.branch,
        "run_url": f"{root}/repos/{full}/actions/runs/{run_at}",
        "run_attempt": number,
        "node_id": f"CR_{own}",
        "head_sha": of.run.sha,
        "url": f"{root}/repos/{full}/actions/jobs/{own}",
        "html_url": f"{web}/{full}/actions/runs/{run_at}/job/{own}",
        **pair(status),
        "created_at": when(of.run.created),
        "started_at": when(attempt.started if attempt else of.run.created),
        "completed_at": _time(attempt.stopped if attempt else 0),
        "name": of.name,
        "steps": [_step(number, step) for number, step in numbered(attempt)] if attempt else [],
        "check_run_url": f"{root}/repos/{full}/check-runs/{own}",
        "labels": list(of.labels),
        "runner_id": 1 if attempt else None,
        "runner_name": attempt.runner if attempt else None,
        "runner_group_id": 1 if attempt else None,
        "runner_group_name": "Default" if attempt else None,
    }


def _step(number: int, step: Any) -> Shape:
    times = {"started_at": _time(step.started), "completed_at": _time(step.stopped)}
    return {"name": step.name, **pair(step.status), "number": number, **times}


def check_run(root: str, web: str, of: Job, attempt: Attempt | None) -> Shape:
    """The check run of a job."""
    shape = job(root, web, of, attempt)
    count = len(annotations(attempt)) if attempt else 0
    at = f"{root}/repos/{of.run.repo.full_name}/check-runs/{shape['id']}/annotations"
    output = {"title": None, "summary": None, "text": None, "annotations_count": count, "annotations_url": at}
    kept = ("id", "name", "head_sha", "status", "conclusion", "started_at", "completed_at", "html_url")
    return {**{key: shape[key] for key in kept}, "output": output}


def pull(root: str, web: str, repo: Repo, of: Pull) -> Shape:
    """A pull request."""
    return {
        "number": of.number,
        "title": of.title,
        "state": "open",
        "html_url": f"{web}/{repo.full_name}/pull/{of.number}",
        "head": {"ref": of.head, "sha": of.sha, "repo": repository(root, web, repo)},
        "base": {"ref": of.base, "repo": repository(root, web, repo)},
        "user": user(root, repo.owner),
    }


def runner(of: Runner) -> Shape:
    """A self-hosted runner."""
    return {
        "id": of.id,
        "name": of.name,
        "os": "linux",
        "status": "offline" if of.status == "offline" else "online",
        "busy": of.status == "active",
        "labels": [{"id": number, "name": label, "type": "custom"} for number, label in enumerate(of.labels, 1)],
    }
