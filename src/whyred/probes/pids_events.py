"""How many processes and threads a control group and the machine may have, and how often one was refused.

cgroup v2 and v1 alike: pids.max, pids.current, pids.events (Documentation/admin-guide/cgroup-v2.rst of the kernel,
"PID"). systemd's TasksMax= is pids.max of the unit's group. The machine's own limits: kernel.pid_max and
kernel.threads-max (proc_sys_kernel(5)); /proc/loadavg tells how many there are.
"""

import re
from collections.abc import Mapping

from whyred.model.evidence import Reason, Unknown
from whyred.model.host import Host, HostRefusedError, Subject
from whyred.model.probe import Cost, Facts, Kind, Probe
from whyred.probes.answer import Fields, Parts, every, pack, printable, refusal, told
from whyred.probes.control_groups import group_with
from whyred.probes.mounts import read_mounts
from whyred.probes.place import mountinfo, who

FIELDS = {
    "refused": "how often the group or one above it refused a process or thread, since the group exists",
    "limit": "the smallest number of processes and threads that the group and those above it may have; absent: none",
    "current": "processes and threads of the group and those below it now",
    "left": "how many more the tightest of the groups takes; absent: no limit",
    "cgroup": "the path of the group",
    "host_limit": "processes and threads that the machine may have: the smaller of kernel.pid_max and threads-max",
    "host_current": "processes and threads of the machine now",
    "host_percent": "host_current in percent of host_limit",
}
_OF_HOST = ("host_limit", "host_current", "host_percent")
_FILES = ("max", "current", "events")
_UNLIMITED = 1 << 62


def ask(host: Host, subject: Subject, arguments: Mapping[str, str]) -> bytes:
    """The files of the subject's group and of those above it, and the machine's limits."""
    try:
        mounts = read_mounts(mountinfo(host, Subject("whyred")))
        groups = host.read(f"{who(subject)}/cgroup").decode("utf-8", "surrogateescape")
    except HostRefusedError as e:
        return refusal(e.unknown)
    parts: dict[str, object] = {
        "pid_max": told(lambda: host.read("/proc/sys/kernel/pid_max")),
        "threads_max": told(lambda: host.read("/proc/sys/kernel/threads-max")),
        "loadavg": told(lambda: host.read("/proc/loadavg")),
        "groups": Unknown(Reason.NOT_SUPPORTED, "no control group that counts processes is mounted here"),
    }
    group = group_with("pids", mounts, groups)
    if group is not None:  # a root group has no such files
        parts["cgroup"] = group.path
        parts["groups"] = [{name: _file(host, f"{at}/pids.{name}") for name in _FILES} for at in group.upwards()]
    return pack(parts)


def _file(host: Host, path: str) -> bytes | Unknown:
    return told(lambda: host.read(path))


def read(data: bytes) -> Facts:
    """The facts of an answer."""
    parts = Parts(data)
    if parts.broken is not None:
        return every(FIELDS, parts.broken)
    groups = parts.tables("groups")
    if isinstance(groups, Unknown):
        return every(FIELDS, groups) | _of_host(parts)
    group = parts.text("cgroup")
    return _of_groups(groups) | {"cgroup": group if isinstance(group, Unknown) else printable(group)} | _of_host(parts)


def _of_groups(groups: list[Parts]) -> Fields:
    own = _number(groups[0], "current") if groups else Unknown(Reason.NOT_FOUND, "there is no group")
    rows = [(_number(g, "max"), _number(g, "current"), _refused(g)) for g in groups]
    limits = [(m, c) for m, c, _ in rows if isinstance(m, int) and m < _UNLIMITED]
    refused = [r for _, _, r in rows if isinstance(r, int)]
    hidden = next((m for m, _, _ in rows if isinstance(m, Unknown) and m.reason is not Reason.NOT_FOUND), None)
    root = Unknown(Reason.NOT_SUPPORTED, "the kernel does not count this for the root control group")
    return {
        "refused": max(refused) if refused else (hidden or root),
        "limit": hidden or min((m for m, _ in limits), default=None),
        "left": hidden or min((max(0, m - c) for m, c in limits if isinstance(c, int)), default=None),
        "current": root if isinstance(own, Unknown) and own.reason is Reason.NOT_FOUND else own,
    }


def _of_host(parts: Parts) -> Fields:
    pids, threads, load = _number(parts, "pid_max"), _number(parts, "threads_max"), parts.text("loadavg")
    for value in (pids, threads, load):
        if isinstance(value, Unknown):
            return every(_OF_HOST, value)
    counted = re.search(r" \d+/(\d{1,18}) ", str(load))
    if counted is None:
        return every(_OF_HOST, parts.strange("loadavg"))
    limit, current = min(n for n in (pids, threads) if isinstance(n, int)), int(counted[1])
    return {"host_limit": limit, "host_current": current, "host_percent": current * 1000 // max(1, limit) / 10}


def _refused(group: Parts) -> int | Unknown:
    text = group.text("events")
    if isinstance(text, Unknown):
        return text
    counted = re.search(r"^max (\d{1,18})$", text, re.MULTILINE)
    return group.strange("events") if counted is None else int(counted[1])


def _number(parts: Parts, key: str) -> int | Unknown:
    text = parts.text(key)
    if isinstance(text, Unknown):
        return text
    word = text.strip()
    if word == "max":
        return _UNLIMITED
    return int(word) if word.isascii() and word.isdecimal() and len(word) < 19 else parts.strange(key)


PROBE = Probe(
    name="pids-events",
    title="Process and thread limits of a control group and of the machine",
    kind=Kind.PROCESS,
    cost=Cost.CHEAP,
    privilege="none",
    fields=FIELDS,
    ask=ask,
    read=read,
    pack=({},),
)
