"""JSON objects of the API: users, repositories, runs, jobs, tasks, commit statuses. Keys as recorded per version."""

from datetime import UTC, datetime
from typing import Any

from standin.forge import Forge
from standin.rows import TICKS
from standin.world import CommitStatus, Job, Repo, Run, Status, User

Shape = dict[str, Any]
EPOCH = "1970-01-01T00:00:00Z"
NEVER = "0001-01-01T00:00:00Z"


def when(ticks: int) -> str:
    """A time as the API writes it; a time that is not known is the epoch."""
    return datetime.fromtimestamp(ticks // TICKS, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def user(forge: Forge, who: User, *, own: bool = False) -> Shape:
    """A user; `own` is how an admin or the user sees it."""
    shape: Shape = {
        "id": who.id,
        "login": who.name,
        "login_name": "",
        "source_id": 0,
        "full_name": "",
        "email": f"{who.name}@example.invalid",
        "avatar_url": f"{forge.root}/avatars/{who.name}",
        "html_url": f"{forge.root}/{who.name}",
        "language": "",
        "is_admin": own and who.admin,
        "last_login": EPOCH if own else NEVER,
        "created": "2026-11-23T19:27:53Z",
        "restricted": False,
        "active": own,
        "prohibit_login": False,
        "location": "",
        "pronouns": "",
        "website": "",
        "description": "",
        "visibility": "public",
        "followers_count": 0,
        "following_count": 0,
        "starred_repos_count": 0,
        "username": who.name,
    }
    if not forge.profile.forgejo:
        del shape["pronouns"]
    if forge.profile.generation < 11:
        shape = {key: value for key, value in shape.items() if key not in {"html_url", "source_id"}}
    return shape


_NOT_IN_7 = {"default_update_style", "globally_editable_wiki", "topics"}
_ONLY_16 = {"has_wiki_contents", "wiki_ssh_url", "wiki_clone_url"}


_ON = (
    *("has_issues", "has_wiki", "has_pull_requests", "has_projects", "has_releases", "has_packages", "has_actions"),
    *("allow_merge_commits", "allow_rebase", "allow_rebase_explicit", "allow_squash_merge", "allow_rebase_update"),
    "allow_fast_forward_only_merge",
)
_OFF = (
    *("empty", "fork", "template", "mirror", "archived", "internal", "has_wiki_contents", "globally_editable_wiki"),
    *("ignore_whitespace_conflicts", "default_delete_branch_after_merge", "default_allow_maintainer_edit"),
)
_EMPTY = ("description", "language", "link", "original_url", "website", "avatar_url", "mirror_interval")
_COUNTS = ("stars_count", "forks_count", "watchers_count", "open_issues_count", "release_counter")
_SAME: Shape = {
    **dict.fromkeys(_ON, True),
    **dict.fromkeys(_OFF, False),
    **dict.fromkeys(_EMPTY, ""),
    **dict.fromkeys(_COUNTS, 0),
    **dict.fromkeys(("parent", "repo_transfer")),
    "size": 7,
    "created_at": "2026-11-23T19:27:59Z",
    "updated_at": "2026-11-23T19:28:40Z",
    "archived_at": EPOCH,
    "internal_tracker": {
        "enable_time_tracker": True,
        "allow_only_contributors_to_track_time": True,
        "enable_issue_dependencies": True,
    },
    "wiki_branch": "main",
    "default_merge_style": "merge",
    "default_update_style": "merge",
    "object_format_name": "sha1",
    "mirror_updated": NEVER,
}
"""What is alike in every repository here."""


def repository(forge: Forge, repo: Repo, viewer: User | None) -> Shape:
    """A repository."""
    root, full = forge.root, repo.full_name
    shape: Shape = {
        **_SAME,
        "id": repo.id,
        "owner": user(forge, repo.owner),
        "name": repo.name,
        "full_name": full,
        "private": repo.private,
        "languages_url": f"{root}/api/v1/repos/{full}/languages",
        "html_url": f"{root}/{full}",
        "url": f"{root}/api/v1/repos/{full}",
        "ssh_url": f"ssh://git@127.0.0.1/{full}.git",
        "clone_url": f"{root}/{full}.git",
        "open_pr_counter": len(repo.pulls),
        "default_branch": repo.default_branch,
        "has_actions": repo.actions,
        "permissions": {"admin": repo.may_write(viewer), "push": repo.may_write(viewer), "pull": True},
        "wiki_ssh_url": f"ssh://git@127.0.0.1/{full}.wiki.git",
        "wiki_clone_url": f"{root}/{full}.wiki.git",
        "topics": None if forge.profile.name == "forgejo-11" else [],
    }
    if not forge.profile.forgejo:
        return _gitea_repository(forge, shape)
    gone = (_NOT_IN_7 if forge.profile.generation < 11 else set()) | (
        _ONLY_16 if forge.profile.generation < 16 else set()
    )
    return {key: value for key, value in shape.items() if key not in gone}


_NOT_IN_GITEA = {"default_update_style", "globally_editable_wiki", "wiki_branch", *_ONLY_16}


def _gitea_repository(forge: Forge, shape: Shape) -> Shape:
    old = forge.profile.release < (1, 25)
    gone: set[str] = set(_NOT_IN_GITEA)
    more: Shape = {"licenses": None if old else [], "projects_mode": "all"}
    if forge.profile.release >= (1, 25):
        gone |= {"parent", "repo_transfer"}
        more |= {"allow_manual_merge": False, "autodetect_manual_merge": False, "has_code": True}
    if forge.profile.release >= (1, 26):
        more |= {"branch_count": 1}
    return {key: value for key, value in shape.items() if key not in gone} | more


_HOOKS = {"push": "push", "schedule": "push", "pull_request": "pull_request", "pull_request_target": "pull_request"}
"""What the column `event` says of a run, as the API words it (modules/webhook/type.go, Event): nothing for a run by
hand, and for a schedule the push that brought it."""


def run(forge: Forge, of: Run, viewer: User | None) -> Shape:
    """A run of Forgejo 12 and later (reference 1.3): no `duration` when it is 0, times that are not known 1970."""
    seconds = (of.stopped or of.started) // TICKS - of.started // TICKS
    return {
        "id": of.id,
        "title": of.title,
        "repository": repository(forge, of.repo, viewer),
        "workflow_id": of.workflow,
        "index_in_repo": of.index,
        "trigger_user": user(forge, of.repo.owner, own=True),
        "ScheduleID": 0,
        "prettyref": of.branch,
        "is_ref_deleted": False,
        "commit_sha": of.sha,
        "is_fork_pull_request": False,
        "need_approval": False,
        "approved_by": 0,
        "event": _HOOKS.get(of.event, ""),
        "event_payload": event_payload(forge, of),
        "trigger_event": of.event,
        "status": of.told(fails_early=forge.profile.fails_early).value,
        "started": when(of.started),
        "stopped": when(of.stopped),
        "created": when(of.created),
        "updated": when(of.stopped or of.started or of.created),
        **({"duration": seconds * 1_000_000_000} if seconds else {}),
        "html_url": f"{forge.root}/{of.repo.full_name}/actions/runs/{of.index}",
    }


def event_payload(forge: Forge, of: Run) -> str:
    """Big and full of personal data, as it really is: clients are to drop it on arrival."""
    commit = f'{{"id":"{of.sha}","message":"{"x" * 4000}","author":{{"email":"person@example.invalid"}}}}'
    return f'{{"ref":"refs/heads/{of.branch}","after":"{of.sha}","commits":[{commit}]}}'


def job(forge: Forge, of: Job) -> Shape:
    """A job of Forgejo; 11 to 14 know less about it."""
    task = of.task
    shape: Shape = {
        "id": of.id,
        "run_id": of.run.id,
        "attempt": of.attempt,
        "handle": f"00000000-0000-4000-8000-{of.id:06d}{of.attempt:06d}",
        "repo_id": of.run.repo.id,
        "owner_id": of.run.repo.owner.id,
        "name": of.name,
        "needs": list(of.needs) or None,
        "runs_on": list(of.labels),
        "task_id": task.id if task else 0,
        "status": of.status.value,
    }
    gone = {"run_id", "attempt", "handle"} if forge.profile.generation < 16 else set()
    return {key: value for key, value in shape.items() if key not in gone}


def tasks(forge: Forge, repo: Repo) -> list[Shape]:
    """Every attempt that a runner picked up, newest first; `run_number` is the number that people see."""
    found = sorted(((a, j) for r in repo.runs for j in r.jobs for a in j.attempts), key=lambda pair: -pair[0].id)
    return [
        {
            "id": attempt.id,
            "name": of.name,
            "head_branch": of.run.branch,
            "head_sha": of.run.sha,
            "run_number": of.run.index,
            "event": of.run.event,
            "display_title": of.run.title,
            "status": attempt.status.value,
            "workflow_id": of.run.workflow,
            "url": f"{forge.root}/{repo.full_name}/actions/runs/{of.run.index}",
            "created_at": when(attempt.started),
            "updated_at": when(attempt.updated),
            "run_started_at": when(attempt.started),
        }
        for attempt, of in found
    ]


def commit_status(forge: Forge, of: CommitStatus) -> Shape:
    """One row that Actions wrote; Forgejo before 16 writes a skipped job as success."""
    run = of.job.run
    status = "success" if of.status == Status.SKIPPED and forge.profile.generation < 16 else of.status
    place = f"{run.index}/jobs/{of.job.index}"
    if forge.profile.web_ids == "database":
        place = f"{run.id}/jobs/{of.job.id}"
    return {
        "id": of.id,
        "status": status,
        "target_url": f"{forge.prefix}/{run.repo.full_name}/actions/runs/{place}",
        "description": of.description,
        "url": f"{forge.root}/api/v1/repos/{run.repo.full_name}/statuses/{run.sha}",
        "context": f"{run.workflow.removesuffix('.yml')} / {of.job.name} ({run.event})",
        "creator": None,
        "created_at": when(of.time),
        "updated_at": when(of.time),
    }
