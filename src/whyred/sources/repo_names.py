"""The names of the secrets and variables that a repository's jobs get, by the API of Forgejo and Gitea.

Of secrets no API ever gives more than names; of variables, which it gives whole, only the names are kept.
Source: routers/api/v1/api.go of Forgejo 8 to 16 and Gitea 1.21 to 1.27; secrets and variables of a repository are for
its owner, those of an organisation for its members.
"""

from contextlib import suppress
from urllib.parse import quote

from whyred.model.forge import Kind
from whyred.model.source import Missing, MissingLogError
from whyred.sources._forge_api import PAGE, get, listed, repo_path
from whyred.sources.reach import Reach

NAME = "repo-names"
SERVES = "Forgejo's and Gitea's API: names of secrets and variables, no logs"
ORDER = 132
KINDS = frozenset({Kind.FORGEJO, Kind.GITEA})
_PAGES = 20
"""Pages of names of one scope that are looked at."""


def refuses(reach: Reach) -> MissingLogError | None:
    """They are shown to a token alone."""
    if reach.http.token is None:
        help_ = "the names of secrets and variables are shown to a token of the owner only: whyred login"
        return MissingLogError(Missing.NEEDS_TOKEN, f"list the secrets at {reach.server.root}", help_)
    return None


def secret_names(reach: Reach, repo: str) -> tuple[frozenset[str], bool]:
    """The names in capitals, and whether the owner's are among them as well. Raises MissingLogError."""
    return _names(reach, repo, "secrets")


def variable_names(reach: Reach, repo: str) -> tuple[frozenset[str], bool]:
    """The names in capitals, and whether the owner's are among them as well. Raises MissingLogError."""
    return _names(reach, repo, "variables")


def _names(reach: Reach, repo: str, what: str) -> tuple[frozenset[str], bool]:
    own = _listed(reach, f"{repo_path(repo)}/actions/{what}")
    owner = repo.split("/", 1)[0]
    with suppress(MissingLogError):  # the owner is a person, or one who shows them to members alone
        get(reach, f"/orgs/{quote(owner, safe='')}")
        return own | _listed(reach, f"/orgs/{quote(owner, safe='')}/actions/{what}"), True
    return own, False


def _listed(reach: Reach, path: str) -> frozenset[str]:
    """Every name of a list, which is a plain one on all versions. Raises MissingLogError."""
    names: set[str] = set()
    for page in range(1, _PAGES + 1):
        items = listed(get(reach, path, {"page": page, "limit": PAGE}))
        new = {name.upper() for item in items if (name := item.text("name"))} - names
        names |= new
        if not new or len(items) < PAGE:
            break
    return frozenset(names)
