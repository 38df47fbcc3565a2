"""What Forgejo's and Gitea's API tells of a repository itself: its default branch, a pull request, the
workflow file of a run, its runners, what lies between two commits, and which other repositories there are.

Source: routers/api/v1/repo/{repo,pull,compare}.go, routers/api/v1/shared/runners.go of Forgejo 7 to 16 and Gitea
1.21 to 1.27.
"""

import html
import re
from urllib.parse import quote, unquote

from whyred.model.forge import Compared, Kind
from whyred.model.run import Run
from whyred.model.source import Missing, MissingLogError
from whyred.sources._fields import Fields, objects
from whyred.sources._forge_api import absent, get, repo_path
from whyred.sources._web import Page, visit
from whyred.sources._workflow_file import at_commit
from whyred.sources.reach import Offered, Reach

NAME = "repo-api"
SERVES = "Forgejo's and Gitea's API: branches, pull requests and runners, no logs"
ORDER = 128
KINDS = frozenset({Kind.FORGEJO, Kind.GITEA})
_HIDDEN = (Missing.NOT_FOUND, Missing.NEEDS_TOKEN)
_COMMITS = re.compile(r'href="[^"]{0,500}/commits/branch/([^"?#]{1,500})"')
"""On the page of a repository: the commits of its default branch (templates/repo/sub_menu.tmpl, home.tmpl)."""
_PAGE = 4 << 20
"""Bytes of a page that are looked at."""
_RUNNERS = "/repos/{owner}/{repo}/actions/runners"
_OTHERS = 8
"""Repositories that are listed."""


def refuses(reach: Reach) -> MissingLogError | None:
    """Every version has it."""
    return None


def default_branch(reach: Reach, repo: str) -> str | None:
    """The branch that counts where none is named. Raises MissingLogError."""
    try:
        return Fields(get(reach, repo_path(repo)).json()).text("default_branch")
    except MissingLogError as e:
        if not _hidden(reach, e):
            raise
    return _default_branch_by_page(reach, repo)


def _hidden(reach: Reach, refused: MissingLogError) -> bool:
    """Whether the API hides what the web login's user may well see: to it nobody is logged in."""
    return reach.http.token is None and reach.http.signed_in and refused.reason in _HIDDEN


def _default_branch_by_page(reach: Reach, repo: str) -> str:
    """The branch that a repository's own page shows, with a link to its commits."""
    path = "/" + quote(repo)
    reply = visit(reach, path)
    if reply.status != 200:
        raise Page(reach, path, known=False).refusal(reply)
    if found := _COMMITS.search(reply.body[:_PAGE].decode("utf-8", "replace")):
        return unquote(html.unescape(found[1]))
    help_ = "its page tells no branch, and the API wants a token (whyred login): or name the branch"
    raise MissingLogError(Missing.NEEDS_TOKEN, reply.asked, help_)


def pull(reach: Reach, repo: str, number: int) -> str:
    """The newest commit of a pull request. Raises MissingLogError."""
    path = f"{repo_path(repo)}/pulls/{number}"
    try:
        sha = Fields(get(reach, path).json()).part("head").text("sha")
    except MissingLogError as e:
        if _hidden(reach, e):
            help_ = "the API alone tells its commit: whyred login, or name a run, or the commit as OWNER/REPO@SHA"
            raise MissingLogError(Missing.NEEDS_TOKEN, e.asked, help_) from e
        if e.reason is not Missing.NOT_FOUND:
            raise
        help_ = f"no pull request {number} is to be seen (an issue has no runs): {e.help}"
        raise MissingLogError(e.reason, e.asked, help_) from e
    if sha is None:
        raise MissingLogError(Missing.NOT_FOUND, f"read pull request {number} of {repo}", "it names no commit")
    return sha


def workflow_text(reach: Reach, run: Run) -> bytes:
    """The workflow file of a run as it was at the run's commit. Raises MissingLogError."""
    if run.repo is None or run.workflow is None or run.commit is None:
        help_ = "the forge does not tell its workflow file or its commit"
        raise MissingLogError(Missing.NOT_FOUND, f"read the workflow file of {run.label}", help_)
    return at_commit(reach, run.repo, run.workflow, run.commit)


def runners(reach: Reach, repo: str) -> tuple[Offered, ...]:
    """The runners that may take this repository's jobs, with the labels they offer (Forgejo 15+, Gitea 1.24+; for
    owners and admins). Raises MissingLogError.
    """
    since = "15" if reach.server.kind is Kind.FORGEJO else "1.24"
    if refused := absent(reach, _RUNNERS, "list of runners", since):
        raise refused
    reply = get(reach, f"{repo_path(repo)}/actions/runners", {"visible": "true", "page": 1, "limit": 50}).json()
    items = objects(reply if isinstance(reply, list) else Fields(reply).data.get("runners"))
    return tuple(_offered(item) for item in items)


def _offered(item: Fields) -> Offered:
    labels = item.texts("labels") or tuple(name for part in item.parts("labels") if (name := part.text("name")))
    # A label may say how its jobs are run (`native:host`); `runs-on` names only what stands before the colon.
    names = tuple(dict.fromkeys(label.partition(":")[0] for label in labels))
    return Offered(item.text("name") or "?", names, item.text("status") or "unknown")


def compared(reach: Reach, repo: str, before: str, after: str) -> Compared:
    """What lies between two commits (Forgejo 8+, Gitea 1.22+; older servers have no such page). Raises
    MissingLogError.

    The server lists the commits of `after` that `before` lacks, with their files and parents: where `before` is the
    parent of one of them, or the same commit, nothing else tells the two apart.
    """
    path = f"{repo_path(repo)}/compare/{quote(before, safe='')}...{quote(after, safe='')}"
    told = Fields(get(reach, path, {"files": "true", "verification": "false", "stat": "false"}).json())
    commits = told.parts("commits")
    parents = {parent.text("sha") for commit in commits for parent in commit.parts("parents")}
    files = [name for commit in commits for file in commit.parts("files") if (name := file.text("filename"))]
    named = all(isinstance(commit.data.get("files"), list) for commit in commits)
    count = told.whole("total_commits")
    straight = before in parents or before == after
    return Compared(len(commits), tuple(dict.fromkeys(files)), straight, whole=named and count == len(commits))


def repositories(reach: Reach) -> tuple[str, ...]:
    """The repositories that changed last and have Actions, newest first. Raises MissingLogError."""
    found = get(reach, "/repos/search", {"sort": "updated", "order": "desc", "limit": _OTHERS, "page": 1}).json()
    items = objects(Fields(found).data.get("data"))
    return tuple(
        name for item in items if item.data.get("has_actions") is not False and (name := item.text("full_name"))
    )
