"""Whether the folder that a process works in still has a name, and whether the attempt's workspace is there.

The kernel adds ` (deleted)` to the link /proc/PID/cwd of a process whose folder was removed (proc_pid_cwd(5)). A folder
of the same name that was made since is another one: the process stays in the removed one.
"""

from collections.abc import Mapping

from whyred.model.evidence import Reason, Unknown
from whyred.model.host import Host, HostRefusedError, Subject
from whyred.model.probe import Cost, Facts, Kind, Probe
from whyred.probes.answer import Parts, every, pack, printable, refusal, told
from whyred.probes.place import who

FIELDS = {
    "deleted": "whether the folder that the process works in was removed",
    "path": "the folder that the process works in, or worked in before it was removed",
    "workspace": "the folder of the attempt's checkout, where it is known",
    "workspace_exists": "whether that folder is there now; unknown where it is not known",
}
_DELETED = " (deleted)"


def ask(host: Host, subject: Subject, arguments: Mapping[str, str]) -> bytes:
    """Where the process works, and the state of the workspace."""
    me, folder = who(subject), arguments.get("folder", "")
    parts: dict[str, object] = {"cwd": told(lambda: host.link(f"{me}/cwd"))}
    if folder.startswith("/"):
        parts |= {"folder": folder, "there": told(lambda: _there(host, folder))}
    if subject.pid is None and not folder:
        return refusal(Unknown(Reason.NO_SUBJECT, "this question is about a process or a workspace"))
    return pack(parts)


def _there(host: Host, folder: str) -> bool:
    try:
        return host.stat(folder).kind == "directory"
    except HostRefusedError as e:
        if e.unknown.reason is Reason.NOT_FOUND:
            return False
        raise


def read(data: bytes) -> Facts:
    """The facts of an answer."""
    parts = Parts(data)
    if parts.broken is not None:
        return every(FIELDS, parts.broken)
    cwd = parts.text("cwd")
    facts = every(("deleted", "path"), cwd if isinstance(cwd, Unknown) else None)
    if isinstance(cwd, str):
        facts |= {"deleted": cwd.endswith(_DELETED), "path": printable(cwd.removesuffix(_DELETED))}
    if "folder" not in parts.parts:
        unknown = Unknown(Reason.NOT_APPLICABLE, "the attempt's workspace is not known")
        return facts | every(("workspace", "workspace_exists"), unknown)
    folder = parts.text("folder")
    return facts | {
        "workspace": folder if isinstance(folder, Unknown) else printable(folder),
        "workspace_exists": parts.flag("there"),
    }


PROBE = Probe(
    name="working-directory",
    title="Whether the folder that a process works in was removed",
    kind=Kind.PROCESS,
    cost=Cost.CHEAP,
    privilege="the same user or root",
    fields=FIELDS,
    ask=ask,
    read=read,
    needs={"folder": "optional: the absolute path of the attempt's checkout"},
    pack=({},),
)
