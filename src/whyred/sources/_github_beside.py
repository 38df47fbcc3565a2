"""What GitHub tells beside runs: what lies between two commits, and the workflow file of a run.

Source: docs.github.com, REST API endpoints for commits ("Compare two commits") and for repository contents.
"""

import base64
import binascii
from urllib.parse import quote

from whyred.model.forge import Compared
from whyred.model.run import Run
from whyred.model.source import Missing, MissingLogError
from whyred.sources._fields import Fields
from whyred.sources._github_api import get, repo_path
from whyred.sources.reach import Reach

_FILES = 300
"""Files of a comparison that GitHub names at most."""


def compared(reach: Reach, repo: str, before: str, after: str) -> Compared:
    """What lies between two commits. Raises MissingLogError."""
    path = f"{repo_path(repo)}/compare/{quote(before, safe='')}...{quote(after, safe='')}"
    told = Fields(get(reach, path, {"per_page": 1}).json())
    listed = told.parts("files")
    # A file that was renamed is told by both its names.
    names = [name for file in listed for key in ("filename", "previous_filename") if (name := file.text(key))]
    straight = told.text("status") in ("ahead", "identical")
    whole = isinstance(told.data.get("files"), list) and len(listed) < _FILES
    return Compared(told.whole("total_commits") or 0, tuple(dict.fromkeys(names)), straight, whole=whole)


def workflow_text(reach: Reach, run: Run) -> bytes:
    """The workflow file of a run as it was at the run's commit. Raises MissingLogError."""
    if run.repo is None or run.workflow is None or run.commit is None:
        help_ = "the forge does not tell its workflow file or its commit"
        raise MissingLogError(Missing.NOT_FOUND, f"read the workflow file of {run.label}", help_)
    path = f"{repo_path(run.repo)}/contents/.github/workflows/{quote(run.workflow, safe='')}"
    reply = get(reach, path, {"ref": run.commit})
    content = Fields(reply.json()).data.get("content")
    try:
        return base64.b64decode(content if isinstance(content, str) else "", validate=False)
    except (binascii.Error, ValueError) as e:
        help_ = "the file's content is not what the API says it is (base64): is there a proxy in between?"
        raise MissingLogError(Missing.REFUSED_CONTENT, reply.asked, help_) from e
