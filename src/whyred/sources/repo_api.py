"""What Forgejo's and Gitea's API tells of a repository itself: its default branch, a pull request, the
workflow file of a run, its runners.

Source: routers/api/v1/repo/{repo,pull}.go, routers/api/v1/shared/runners.go of Forgejo 7 to 16 and Gitea 1.21 to 1.27.
"""

from whyred.model.forge import Kind
from whyred.model.run import Run
from whyred.model.source import Missing, MissingLogError
from whyred.sources._fields import Fields, objects
from whyred.sources._forge_api import absent, get, repo_path
from whyred.sources._workflow_file import at_commit
from whyred.sources.reach import Offered, Reach

NAME = "repo-api"
SERVES = "Forgejo's and Gitea's API: branches, pull requests and runners, no logs"
ORDER = 128
KINDS = frozenset({Kind.FORGEJO, Kind.GITEA})
_RUNNERS = "/repos/{owner}/{repo}/actions/runners"


def refuses(reach: Reach) -> MissingLogError | None:
    """Every version has it."""
    return None


def default_branch(reach: Reach, repo: str) -> str | None:
    """The branch that counts where none is named."""
    return Fields(get(reach, repo_path(repo)).json()).text("default_branch")


def pull(reach: Reach, repo: str, number: int) -> str:
    """The newest commit of a pull request."""
    path = f"{repo_path(repo)}/pulls/{number}"
    sha = Fields(get(reach, path).json()).part("head").text("sha")
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
