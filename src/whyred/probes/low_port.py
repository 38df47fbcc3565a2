"""Whether a process, and what it starts, may listen on a port that is kept for root.

Ports below `net.ipv4.ip_unprivileged_port_start` (1024 unless somebody set it) want CAP_NET_BIND_SERVICE (ip(7),
capabilities(7)). What a user other than root starts has of its capabilities only the ambient ones.
"""

import re
from collections.abc import Mapping

from whyred.model.evidence import Reason, Unknown
from whyred.model.host import Host, HostRefusedError, Subject
from whyred.model.probe import Cost, Facts, Kind, Probe
from whyred.probes.answer import Parts, every, pack, refusal, told, without_process

FIELDS = {
    "refused": "whether the kernel lets what this process starts not listen on the port; absent without a port",
    "first_free": "the lowest port on which everybody may listen (net.ipv4.ip_unprivileged_port_start)",
    "capable": "whether what this process starts may listen on every port (CAP_NET_BIND_SERVICE)",
    "uid": "the number of its user, as whyred sees it",
}
_BIND_SERVICE = 10
"""The number of CAP_NET_BIND_SERVICE (linux/capability.h)."""
_START = "/proc/sys/net/ipv4/ip_unprivileged_port_start"
_LINES = ("Uid:", "CapEff:", "CapAmb:")
_PORT = re.compile(r"[0-9]{1,5}")


def ask(host: Host, subject: Subject, arguments: Mapping[str, str]) -> bytes:
    """The lines of its status and the setting, which is that of the asker's network."""
    if subject.pid is None:
        return without_process()
    me = f"/proc/{subject.pid}"
    try:
        lines = host.read(f"{me}/status").decode("utf-8", "replace").split("\n")
    except HostRefusedError as e:
        return refusal(e.unknown)
    status = "\n".join(line for line in lines if line.startswith(_LINES))
    return pack({"status": status, "start": told(lambda: _start(host, me)), "port": arguments.get("port", "")})


def _start(host: Host, me: str) -> str:
    """The setting, where it is that of the process. Raises HostRefusedError."""
    if host.link(f"{me}/ns/net") != host.link("/proc/self/ns/net"):
        raise HostRefusedError(Reason.NOT_SUPPORTED, "the process has a network namespace of its own: ask in it")
    return host.read(_START).decode("ascii", "replace").strip()


def read(data: bytes) -> Facts:
    """The facts of an answer."""
    parts = Parts(data)
    if parts.broken is not None:
        return every(FIELDS, parts.broken)
    status, start, port = parts.text("status"), parts.text("start"), parts.text("port")
    for text in (status, port):
        if isinstance(text, Unknown):
            return every(FIELDS, text)
    strange = Unknown(Reason.NOT_SUPPORTED, "this kernel does not tell it")
    first = start if isinstance(start, Unknown) else int(start) if _PORT.fullmatch(start) else strange
    words = {name: value.split() for name, _, value in (line.partition(":") for line in str(status).split("\n"))}
    try:
        uid = int(words["Uid"][1])
        kept = words["CapEff"] if uid == 0 else words["CapAmb"]
        capable = bool(int(kept[0], 16) >> _BIND_SERVICE & 1)
    except (KeyError, IndexError, ValueError):
        return {**every(FIELDS, strange), "first_free": first}
    refused = _refused(str(port), first, capable)
    return {"refused": refused, "first_free": first, "capable": capable, "uid": uid}


def _refused(port: str, first: int | Unknown, capable: bool) -> bool | Unknown | None:
    if not port:
        return None
    if not _PORT.fullmatch(port):
        return Unknown(Reason.NOT_APPLICABLE, f"{port!r} is no port")
    if isinstance(first, Unknown):
        return first
    return 0 < int(port) < first and not capable


PROBE = Probe(
    name="low-port",
    title="Whether a process may listen on a port that is kept for root",
    kind=Kind.PROCESS,
    cost=Cost.CHEAP,
    privilege="none",
    fields=FIELDS,
    ask=ask,
    read=read,
    needs={"port": "optional: the number of the port"},
    pack=({},),
)
