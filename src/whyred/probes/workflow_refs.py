"""Which version of the workflow file ran: the one at the run's commit, against the newest on its branch.

Source: Forgejo's and Gitea's documentation of events: a run by `schedule`, `pull_request_target` and the like takes the
workflow from the default branch or the base of the pull request, whatever branch somebody edits it on.
"""

from collections.abc import Mapping

from whyred.model.cause import Value
from whyred.model.evidence import Reason, Unknown
from whyred.model.forge import Forge, RunQuery
from whyred.model.host import HostRefusedError, Subject
from whyred.model.probe import Cost, Facts, Kind, Probe
from whyred.probes.answer import Parts, every, pack, printable, told
from whyred.probes.forge_rows import own

FIELDS = {
    "event": "what started the run (`push`, `schedule`, ...)",
    "from_base": "whether such an event takes the workflow from the default or base branch, not its own",
    "branch": "the branch whose newest version the run's own was compared with",
    "changed_since": "whether the workflow file on that branch is another one now than at the run's commit",
}
_FROM_BASE = ("schedule", "pull_request_target", "workflow_run", "issue_comment", "issues", "release", "delete")


def ask(forge: Forge, _subject: Subject, _arguments: Mapping[str, str]) -> bytes:
    """The file at both places, held against each other here: its text is nobody's business."""
    listed = told(lambda: forge.runs(RunQuery(50)))
    run = own(forge, () if isinstance(listed, Unknown) else listed.runs)
    branch = told(lambda: _branch(forge, run.branch))
    same: object
    if run.commit is None or not isinstance(branch, str):
        same = Unknown(Reason.NOT_SUPPORTED, "the forge does not tell the commit or the branch of this run")
        same = branch if isinstance(branch, Unknown) else same
    else:
        commit = run.commit
        same = told(lambda: forge.workflow(commit) == forge.workflow(branch))
    return pack({"event": run.event, "branch": branch, "same": same})


def _branch(forge: Forge, branch: str | None) -> str | None:
    """The branch that somebody edits: the run's own, the default one where the run names none or a pull request."""
    if branch is not None and not branch.startswith(("#", "refs/")):
        return branch
    if branch is not None:
        raise HostRefusedError(Reason.NOT_SUPPORTED, "the run is about a pull request or a tag, not about a branch")
    return forge.default_branch()


def read(data: bytes) -> Facts:
    """The facts of an answer."""
    parts = Parts(data)
    if parts.broken is not None:
        return every(FIELDS, parts.broken)
    event, branch, same = parts.text("event"), parts.text("branch"), parts.flag("same")
    from_base: Value | Unknown = event if isinstance(event, Unknown) else event in _FROM_BASE
    changed: Value | Unknown = same if isinstance(same, Unknown) else not same
    if changed is False and from_base is not False:
        changed = Unknown(Reason.NOT_SUPPORTED, "by this event the version that was edited may be on another branch")
    return {
        "event": event if isinstance(event, Unknown) else printable(event),
        "from_base": from_base,
        "branch": branch if isinstance(branch, Unknown) else printable(branch),
        "changed_since": changed,
    }


PROBE = Probe(
    name="workflow-refs",
    title="Which version of the workflow file ran, and whether its branch has another one now",
    kind=Kind.FORGE,
    cost=Cost.DEAR,
    privilege="a token or web login that may read the repository's files",
    fields=FIELDS,
    ask=ask,
    read=read,
)
