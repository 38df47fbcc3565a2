"""A workflow file: the one that a dispatch is about, with the branch or tag it is on, or that of a run. By the API of
Forgejo and Gitea, or by the web pages where there is a web login and no token.

Source: modules/actions/workflows.go of Forgejo 7 to 16 and Gitea 1.21 to 1.26: the first of the folders that is there
counts, the others do not.
"""

import base64
import binascii
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import quote

from whyred.model.forge import Kind
from whyred.model.source import Missing, MissingLogError
from whyred.sources._fields import Fields, objects
from whyred.sources._forge_api import get, repo_path
from whyred.sources.http import By
from whyred.sources.reach import Reach

_FOLDERS = {
    Kind.FORGEJO: (".forgejo/workflows", ".gitea/workflows", ".github/workflows"),
    Kind.GITEA: (".gitea/workflows", ".github/workflows"),
}


@dataclass(frozen=True, slots=True)
class Found:
    """A workflow file: its path, its text, and the whole name of the branch or tag (`refs/heads/main`)."""

    path: str
    text: bytes
    ref: str


def find(reach: Reach, repo: str, file: str, ref: str, default: str | None = None) -> Found:
    """The workflow of this file name on a branch or tag; `default`: the branch whose file counts in place of that.

    Raises MissingLogError: no such branch or tag, no such workflow, or neither may be seen.
    """
    if reach.http.token is None and reach.http.signed_in:
        return _by_web(reach, repo, file, ref)
    whole = _whole(reach, repo, ref)
    at = default or whole.split("/", 2)[2]
    for folder in _FOLDERS[reach.server.kind]:
        names = _listed(reach, repo, folder, at)
        if names is None:
            continue
        if file not in names:
            raise _none(repo, file, at, f"there are: {', '.join(sorted(names)) or 'none'} (in {folder})")
        return Found(f"{folder}/{file}", _text(reach, repo, f"{folder}/{file}", at), whole)
    raise _none(repo, file, at, f"it has none of the folders {', '.join(_FOLDERS[reach.server.kind])}")


def at_commit(reach: Reach, repo: str, file: str, commit: str) -> bytes:
    """The text of the workflow of this file name, as it was at a commit. Raises MissingLogError."""
    for folder in _FOLDERS[reach.server.kind]:
        try:
            return _text(reach, repo, f"{folder}/{file}", commit)
        except MissingLogError as e:
            if e.reason is not Missing.NOT_FOUND:
                raise
    raise _none(repo, file, commit, f"it is in none of the folders {', '.join(_FOLDERS[reach.server.kind])}")


def _none(repo: str, file: str, at: str, what: str) -> MissingLogError:
    return MissingLogError(
        Missing.NOT_FOUND, f"look for the workflow {file} of {repo} on {at}", f"there is no such workflow; {what}"
    )


def _whole(reach: Reach, repo: str, ref: str) -> str:
    """The whole name of a branch or tag; a short one is a branch before it is a tag."""
    tried = [("refs/heads/", "branches"), ("refs/tags/", "tags")]
    for prefix, plural in [(p, w) for p, w in tried if ref.startswith(p)] or tried:
        name = ref.removeprefix(prefix)
        if _is_there(reach, f"{repo_path(repo)}/{plural}/{quote(name, safe='/')}"):
            return prefix + name
    get(reach, repo_path(repo))  # where the repository itself cannot be seen, that is the reason
    raise MissingLogError(
        Missing.NOT_FOUND, f"look for {ref} in {repo}", f"it has no branch or tag {ref}: name one with --ref"
    )


def _is_there(reach: Reach, path: str) -> bool:
    try:
        get(reach, path)
    except MissingLogError as e:
        if e.reason in (Missing.NOT_FOUND, Missing.ROUTE_NOT_ON_THIS_VERSION):
            return False
        raise
    return True


def _listed(reach: Reach, repo: str, folder: str, ref: str) -> set[str] | None:
    """The names of a folder's files; None where there is no such folder."""
    try:
        found = get(reach, f"{repo_path(repo)}/contents/{folder}", {"ref": ref}).json()
    except MissingLogError as e:
        if e.reason is Missing.NOT_FOUND:
            return None
        raise
    return {name for item in objects(found) if (name := item.text("name"))}


def _text(reach: Reach, repo: str, path: str, ref: str) -> bytes:
    reply = get(reach, f"{repo_path(repo)}/contents/{quote(path)}", {"ref": ref})
    # Fields cuts texts to a length that people read, and this is a file.
    content = Fields(reply.json()).data.get("content")
    try:
        return base64.b64decode(content if isinstance(content, str) else "", validate=False)
    except (binascii.Error, ValueError) as e:
        help_ = "the file's content is not what the API says it is (base64): is there a proxy in between?"
        raise MissingLogError(Missing.REFUSED_CONTENT, reply.asked, help_) from e


def _by_web(reach: Reach, repo: str, file: str, ref: str) -> Found:
    """The file as the pages give it raw: they take the web login, and the API does not."""
    for prefix, kind, name in _kinds(ref):
        for folder in _FOLDERS[reach.server.kind]:
            path = f"{folder}/{file}"
            reply = reach.http.get(f"/{quote(repo)}/raw/{kind}/{quote(name)}/{quote(path)}", By.WEB)
            if reply.status == 200 and reply.kind != "text/html":
                return Found(path, reply.body, prefix + name)
    help_ = "check the names; the web login's user may be one who may not see the repository (whyred login --web)"
    raise MissingLogError(Missing.NOT_FOUND, f"look for the workflow {file} of {repo} on {ref}", help_)


def _kinds(ref: str) -> Iterator[tuple[str, str, str]]:
    for prefix, kind in (("refs/heads/", "branch"), ("refs/tags/", "tag")):
        if ref.startswith(prefix) or not ref.startswith("refs/"):
            yield prefix, kind, ref.removeprefix(prefix)
