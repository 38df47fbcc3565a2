"""The REST API: what comes before every operation, and the operations that Forgejo and Gitea share."""

import base64
from dataclasses import replace

from standin import api_actions, api_gitea, shapes
from standin.auth import caller, check_scope, warning
from standin.forge import ROUTES, Call, Forge, RefusedError, Route, find_route, moved, route
from standin.wire import Reply, Request, as_json, no_route
from standin.world import CommitStatus, Pull, Status

__all__ = ["ROUTES", "answer_api", "api_actions", "api_gitea"]
SIGN_IN = "Only signed in user is allowed to call APIs."


def answer_api(forge: Forge, request: Request) -> Reply:
    """The answer to anything below `/api/`."""
    try:
        reply = _answer(forge, request)
    except RefusedError as refused:
        reply = refused.reply
    return reply.plus(warning(forge)) if request.one("token") or request.one("access_token") else reply


def _answer(forge: Forge, request: Request) -> Reply:
    if request.path == "/api/healthz":
        return _health(forge)
    if not request.path.startswith(("/api/v1/", "/api/forgejo/v1/")):
        return no_route()
    user, scopes = caller(forge, request)
    if forge.signin and user is None:
        return as_json({"message": SIGN_IN}, 403)
    if request.path == "/api/forgejo/v1/version" and forge.profile.forgejo:
        kind = "application/json; charset=utf-8" if forge.profile.generation > 11 else "text/plain; charset=utf-8"
        return as_json({"version": forge.profile.version}, kind=kind)
    found, params = find_route(forge, request)
    call = Call(forge, request, params, user)
    _check(call, found, scopes)
    return found.answer(call)


def _check(call: Call, found: Route, scopes: tuple[str, ...]) -> None:
    forge = call.forge
    if found.scope and call.user is not None:
        check_scope(forge, scopes, f"{'read' if found.method == 'GET' else 'write'}:{found.scope}")
    if "repo" in call.params:
        owner, name = call.params["owner"], call.params["repo"]
        call.found = forge.world.find_repo(owner, name)
        if call.found is None and (to := moved(forge, call.request, owner, name)) is not None:
            raise RefusedError(to)
        if call.found is None or not call.found.may_read(call.user):
            raise RefusedError(forge.hidden())
    if "/actions/" in found.operation and call.found and not call.found.actions and not call.repo.may_write(call.user):
        raise call.refuse("user should have specific read permission or be a repo admin or a site admin", 403)
    if found.needs and call.user is None:
        raise call.refuse("token is required", 401)
    if found.needs == "write" and not call.repo.may_write(call.user):
        raise call.refuse("user should be an owner or a collaborator with write access", 403)
    owners = found.needs == "owner" or (found.needs == "list" and forge.profile.owner_only_lists)
    if owners and not call.repo.may_write(call.user):
        raise call.refuse("user should be the owner of the repo", 403)


def _health(forge: Forge) -> Reply:
    check = [{"status": "pass", "time": shapes.when(forge.world.now)}]
    checks = {"cache:ping": check, "database:ping": check}
    body = {"status": "pass", "description": forge.profile.name, "checks": checks}
    return as_json(body, kind="application/json")


@route("GET /version", scope="")
def version(call: Call) -> Reply:
    """The version string."""
    return as_json({"version": call.forge.profile.version})


@route("GET /user", scope="user", needs="login")
def own_user(call: Call) -> Reply:
    """Who the token belongs to."""
    return as_json(shapes.user(call.forge, call.user, own=True)) if call.user else call.forge.hidden()


@route("GET /repos/search")
def search(call: Call) -> Reply:
    """The repositories that may be seen, by default all (routers/api/v1/repo/repo.go, Search)."""
    seen = [repo for repo in call.forge.world.repos if repo.may_read(call.user)]
    found = [shapes.repository(call.forge, repo, call.user) for repo in seen]
    return _counted(call, {"ok": True, "data": found}, len(found))


@route("GET /repos/{owner}/{repo}")
def one_repo(call: Call) -> Reply:
    """The repository."""
    return as_json(shapes.repository(call.forge, call.repo, call.user))


def _branch(call: Call, name: str, sha: str) -> shapes.Shape:
    who = {"name": call.repo.owner.name, "email": "person@example.invalid", "username": call.repo.owner.name}
    unsigned = {
        "verified": False,
        "reason": "gpg.error.not_signed_commit",
        "signature": "",
        "signer": None,
        "payload": "",
    }
    commit = {
        "id": sha,
        "message": next((run.title for run in call.repo.runs if run.sha == sha), "first") + "\n",
        "url": f"{call.forge.root}/{call.repo.full_name}/commit/{sha}",
        "author": who,
        "committer": who,
        "verification": unsigned,
        "timestamp": "2026-11-23T19:28:29Z",
        **dict.fromkeys(("added", "removed", "modified")),
    }
    return {
        "name": name,
        "commit": commit,
        "protected": False,
        "required_approvals": 0,
        "enable_status_check": False,
        "status_check_contexts": [],
        "user_can_push": call.repo.may_write(call.user),
        "user_can_merge": call.repo.may_write(call.user),
        "effective_branch_protection_name": "",
    }


@route("GET /repos/{owner}/{repo}/branches")
def branches(call: Call) -> Reply:
    """All branches with their heads."""
    found = [_branch(call, name, sha) for name, sha in call.repo.branches().items()]
    return _counted(call, found, len(found))


@route("GET /repos/{owner}/{repo}/branches/{branch}")
def one_branch(call: Call) -> Reply:
    """A branch with its head."""
    sha = call.repo.branches().get(call.params["branch"])
    return as_json(_branch(call, call.params["branch"], sha)) if sha else call.forge.hidden()


@route("GET /repos/{owner}/{repo}/contents/{filepath}")
def contents(call: Call) -> Reply:
    """A file, or what a folder holds (routers/api/v1/repo/file.go, GetContents)."""
    path, files = call.params["filepath"], call.repo.files
    ref = call.request.query.get("ref", [call.repo.default_branch])[0]
    if not call.repo.commit(ref):
        return call.forge.hidden()
    if path in files:
        content = base64.encodebytes(files[path].encode()).decode().replace("\n", "")
        told = {"name": path.rpartition("/")[2], "path": path, "type": "file", "size": len(files[path])}
        return as_json({**told, "encoding": "base64", "content": content})
    names = [{"name": name.rpartition("/")[2], "type": "file"} for name in files if name.rpartition("/")[0] == path]
    return as_json(names) if names else call.forge.hidden()


def _pull(call: Call, pull: Pull) -> shapes.Shape:
    return {
        "id": pull.number,
        "number": pull.number,
        "title": pull.title,
        "state": "open",
        "html_url": f"{call.forge.root}/{call.repo.full_name}/pulls/{pull.number}",
        "head": {"label": pull.head, "ref": pull.head, "sha": pull.sha, "repo_id": call.repo.id},
        "base": {"label": pull.base, "ref": pull.base, "repo_id": call.repo.id},
        "merged": False,
        "user": shapes.user(call.forge, call.repo.owner),
    }


@route("GET /repos/{owner}/{repo}/pulls")
def pulls(call: Call) -> Reply:
    """The pull requests, newest first."""
    found = [_pull(call, pull) for _, pull in sorted(call.repo.pulls.items(), reverse=True)]
    return _counted(call, found, len(found))


@route("GET /repos/{owner}/{repo}/pulls/{index}")
def one_pull(call: Call) -> Reply:
    """A pull request: its head is what runs are looked up by."""
    pull = call.repo.pulls.get(call.number("index"))
    return as_json(_pull(call, pull)) if pull else call.forge.hidden()


def _counted(call: Call, body: object, count: int) -> Reply:
    expose = ("Access-Control-Expose-Headers", "X-Total-Count")
    return as_json(body).plus(expose, ("X-Total-Count", str(count)))


def _written(call: Call, sha: str) -> list[CommitStatus]:
    """The rows of a commit; Forgejo 7 and Gitea write none whose state is that of the row before."""
    rows: list[CommitStatus] = []
    for row in call.repo.statuses(sha):
        before = next((r for r in reversed(rows) if r.job is row.job), None)
        if (
            (call.forge.profile.forgejo and call.forge.profile.generation >= 11)
            or before is None
            or before.status != row.status
        ):
            rows.append(replace(row, id=len(rows) + 1))
    return rows


@route("GET /repos/{owner}/{repo}/commits")
def commits(call: Call) -> Reply:
    """The commits of a branch, newest first (routers/api/v1/repo/commits.go, GetAllCommits)."""
    found = call.repo.history(call.request.one("sha"))
    if not found:
        raise RefusedError(call.forge.hidden())
    page, size = max(1, call.request.number("page", 1)), min(call.request.number("limit", 30), 50)
    root, full = f"{call.forge.root}/api/v1/repos", call.repo.full_name
    shown: list[shapes.Shape] = [
        {
            "url": f"{root}/{full}/git/commits/{sha}",
            "sha": sha,
            "created": "2026-11-23T19:28:29Z",
            "html_url": f"{call.forge.root}/{full}/commit/{sha}",
            "commit": {"url": f"{root}/{full}/git/commits/{sha}", "message": "a commit\n"},
            **dict.fromkeys(("author", "committer", "files", "stats")),
            "parents": [],
        }
        for sha in found[(page - 1) * size : page * size]
    ]
    return _counted(call, shown, len(found))


@route("GET /repos/{owner}/{repo}/compare/{basehead}")
def compare(call: Call) -> Reply:
    """The commits between two, newest first, with their files (routers/api/v1/repo/compare.go, CompareDiff)."""
    before, _, after = call.params["basehead"].partition("...")
    files = call.repo.changes.get((before, after))
    if files is None:
        raise RefusedError(call.forge.hidden())
    shas = [before, *(f"{n:040x}" for n in range(1, len(files))), after]
    rows = [
        {
            "sha": sha,
            "parents": [{"sha": parent}],
            "files": [{"filename": name, "status": "modified"} for name in names],
        }
        for parent, sha, names in zip(shas, shas[1:], files, strict=False)
    ]
    return as_json({"total_commits": len(rows), "commits": rows[::-1]})


@route("GET /repos/{owner}/{repo}/commits/{ref}/statuses")
def statuses(call: Call) -> Reply:
    """The whole history, newest first; rows of one second come in an order of their own (reference 10)."""
    sha = call.repo.commit(call.params["ref"])
    rows = sorted(_written(call, sha), key=lambda row: (-(row.time // 10_000_000), row.id * 7 % 5, row.id))
    return _counted(call, [shapes.commit_status(call.forge, row) for row in rows], len(rows))


@route("GET /repos/{owner}/{repo}/commits/{ref}/status")
def combined_status(call: Call) -> Reply:
    """The last row of each context, and what they come to."""
    forge, sha = call.forge, call.repo.commit(call.params["ref"])
    latest = {row.job.id: row for row in _written(call, sha)}
    rows = [shapes.commit_status(forge, row) for row in sorted(latest.values(), key=lambda row: row.id)]
    kinds = {row["status"] for row in rows}
    state = next((k for k in ("error", "failure", "pending") if k in kinds), Status.SUCCESS.value)
    body = {
        "state": state if rows else "",
        "sha": sha,
        "total_count": len(rows),
        "statuses": rows,
        "repository": shapes.repository(forge, call.repo, call.user),
        "commit_url": "",
        "url": "",
    }
    return _counted(call, body, len(rows))
