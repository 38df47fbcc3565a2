"""How a runner differs from the other runners of its kind on the host: a fault that only one of them has.

Whoever is set up from the same recipe has the same PATH and finds the same tools. Only what can be told of both is held
beside each other.
"""

import posixpath
from collections.abc import Mapping, Sequence

from whyred.model.evidence import Reason, Unknown
from whyred.model.host import Daemon, Host, HostRefusedError, Subject
from whyred.model.probe import Cost, Facts, Kind, Probe
from whyred.probes.answer import Parts, every, pack, printable, refusal, told
from whyred.probes.runner_files import seen
from whyred.probes.runner_processes import SHARED, find_daemons

FIELDS = {
    "only_here_missing": "whether the tool is missing on this runner's PATH and found on that of every other one",
    "tool_differs": "whether every other runner finds one and the same file as the tool, and this one another or none",
    "path_differs": "whether the others all have one PATH and this one has another",
    "tool_here": "the path of the tool on this runner; absent: it is not found",
    "tool_elsewhere": "the path of the tool on the others; absent: it is not found, or not the same for all",
    "siblings": "number of other runners of the same kind on the host",
}
_MOST = 16
"""Other runners that are held beside this one."""
_OWN_KIND = "whyred-runner"


def ask(host: Host, subject: Subject, arguments: Mapping[str, str]) -> bytes:
    """PATH of this runner and of the others, and which file the tool is for each."""
    tool = arguments.get("tool", "")
    try:
        daemons = find_daemons(host.processes())
    except HostRefusedError as e:
        return refusal(e.unknown)
    own = next((d for d in daemons if d.process.pid == subject.pid and d.kind not in SHARED), None)
    if own is None:
        return refusal(Unknown(Reason.NOT_APPLICABLE, f"{subject.name} is no runner daemon"))
    others = [d for d in daemons if _alike(own, d)][:_MOST]
    return pack({"own": _of(host, own, tool), "others": [_of(host, d, tool) for d in others]})


def _alike(own: Daemon, other: Daemon) -> bool:
    """Of the same kind; of whyred's own runners those with the same parent, which were started together."""
    if own.kind != other.kind or own.process.pid == other.process.pid:
        return False
    return own.kind != _OWN_KIND or own.process.parent == other.process.parent


def _of(host: Host, daemon: Daemon, tool: str) -> dict[str, object]:
    subject = Subject(daemon.name, daemon.process.pid, daemon.process.unit)
    path = told(lambda: host.environ(daemon.process.pid, ["PATH"]).get("PATH", ""))
    if isinstance(path, Unknown) or not tool or "/" in tool or tool in (".", ".."):
        return {"PATH": path, "tool": Unknown(Reason.NOT_APPLICABLE, "no tool of a plain name is asked about")}
    return {"PATH": path, "tool": told(lambda: _found(host, subject, path.split(":"), tool))}


def _found(host: Host, subject: Subject, folders: Sequence[str], tool: str) -> dict[str, object] | None:
    """The first file on the PATH that somebody may execute. Raises `HostRefusedError` where a folder is closed."""
    for folder in folders:
        if not folder.startswith("/"):
            continue
        path = posixpath.join(folder, tool)
        stat = seen(host, subject, path).stat
        if stat is not None and stat.kind == "file" and stat.mode & 0o111:
            return {"path": path, "file": f"{stat.device}:{stat.inode}" if stat.device else f"{path} {stat.size}"}
    return None


def read(data: bytes) -> Facts:
    """The facts of an answer."""
    parts = Parts(data)
    if parts.broken is not None:
        return every(FIELDS, parts.broken)
    own, others = parts.table("own"), parts.tables("others")
    if isinstance(own, Unknown) or isinstance(others, Unknown):
        return every(FIELDS, parts.strange("own"))
    if not others:
        nobody = Unknown(Reason.NO_SUBJECT, "this host has no other runner of this kind")
        return every(FIELDS, nobody) | {"siblings": 0}
    tools = [_tool(p) for p in (own, *others)]
    paths = [p.text("PATH") for p in (own, *others)]
    return _of_tools(tools) | {"path_differs": _differs(paths), "siblings": len(others)}


def _tool(parts: Parts) -> tuple[str, str] | Unknown | None:
    """Path and identity of the file."""
    if parts.absent("tool"):
        return None
    table = parts.table("tool")
    if isinstance(table, Unknown):
        return table
    path, file = table.text("path"), table.text("file")
    if isinstance(path, Unknown) or isinstance(file, Unknown):
        return table.strange("path")
    return printable(path), file


def _of_tools(tools: Sequence[tuple[str, str] | Unknown | None]) -> dict[str, str | bool | Unknown | None]:
    refused = next((t for t in tools if isinstance(t, Unknown)), None)
    if refused is not None:
        return dict.fromkeys(("only_here_missing", "tool_differs", "tool_here", "tool_elsewhere"), refused)
    own, *others = [None if isinstance(t, Unknown) else t for t in tools]
    same = others[0] if len({o and o[1] for o in others}) == 1 else None
    return {
        "only_here_missing": own is None and None not in others,
        "tool_differs": same is not None and (own is None or own[1] != same[1]),
        "tool_here": own and own[0],
        "tool_elsewhere": same and same[0],
    }


def _differs(paths: Sequence[str | Unknown]) -> bool | Unknown:
    refused = next((p for p in paths if isinstance(p, Unknown)), None)
    if refused is not None:
        return refused
    own, *others = paths
    return len(set(others)) == 1 and own != others[0]


PROBE = Probe(
    name="runner-differences",
    title="How a runner differs from the others of its kind: PATH and a tool",
    kind=Kind.DAEMON,
    cost=Cost.MODERATE,
    privilege="root, or the user of all runners",
    fields=FIELDS,
    ask=ask,
    read=read,
    needs={"tool": "optional: the plain name of a program"},
)
