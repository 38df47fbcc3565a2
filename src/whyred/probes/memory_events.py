"""Whether the kernel ended processes of a control group for want of memory, and what the group may use.

cgroup v2: memory.events, memory.max, memory.current (Documentation/admin-guide/cgroup-v2.rst of the kernel). v1:
memory.oom_control, memory.failcnt, memory.limit_in_bytes, memory.usage_in_bytes. The root group of v2 has none of
them; there /proc/vmstat counts for the whole machine.
"""

from collections.abc import Mapping

from whyred.model.evidence import Reason, Unknown
from whyred.model.host import Host, HostRefusedError, Subject
from whyred.model.probe import Cost, Facts, Kind, Probe
from whyred.probes.answer import Fields, Parts, every, pack, printable, refusal, told
from whyred.probes.control_groups import group_with
from whyred.probes.mounts import read_mounts
from whyred.probes.place import mountinfo, who

FIELDS = {
    "oom_kill": "processes of the group and those below it that the kernel ended for want of memory, since it exists",
    "oom": "how often the group was out of memory (v1: how often it met its limit)",
    "limit_bytes": "the smallest memory limit of the group and its parents in bytes; absent: no limit",
    "current_bytes": "memory the group uses now, in bytes",
    "cgroup": "the path of the group",
}
_NO_LIMIT_V1 = 1 << 62
"""v1 writes `no limit` as the largest multiple of the page size that fits in 63 bits."""
_ROOT = Unknown(Reason.NOT_SUPPORTED, "the kernel does not count this for the root control group")


def ask(host: Host, subject: Subject, arguments: Mapping[str, str]) -> bytes:
    """The counters of the subject's group; of a host, of its root group."""
    try:
        mounts = read_mounts(mountinfo(host, Subject("whyred")))
        groups = "" if subject.pid is None else host.read(f"{who(subject)}/cgroup").decode("utf-8", "surrogateescape")
    except HostRefusedError as e:
        return refusal(e.unknown)
    group = group_with("memory", mounts, groups)
    if group is None:
        return refusal(Unknown(Reason.NOT_SUPPORTED, "no control group with a memory controller is mounted here"))
    v2 = group.version == 2
    limit = "memory.max" if v2 else "memory.limit_in_bytes"
    parts: dict[str, object] = {"version": group.version, "cgroup": group.path}
    parts["limits"] = [_file(host, f"{at}/{limit}") for at in group.upwards()]
    names = ("memory.events", "memory.current") if v2 else ("memory.oom_control", "memory.usage_in_bytes")
    parts["events"], parts["current"] = (_file(host, f"{group.folder}/{n}") for n in names)
    if not v2:
        parts["failures"] = _file(host, f"{group.folder}/memory.failcnt")
    if group.path == "/" and isinstance(parts["events"], Unknown):
        parts["vmstat"] = told(lambda: _kills(host))
    return pack(parts)


def _file(host: Host, path: str) -> bytes | Unknown:
    return told(lambda: host.read(path))


def _kills(host: Host) -> str:
    lines = host.read("/proc/vmstat").decode("ascii", "replace").split("\n")
    return "\n".join(line for line in lines if line.startswith("oom_kill "))


def read(data: bytes) -> Facts:
    """The facts of an answer."""
    parts = Parts(data)
    if parts.broken is not None:
        return every(FIELDS, parts.broken)
    group = parts.text("cgroup")
    facts: Fields = {"cgroup": group if isinstance(group, Unknown) else printable(group), "limit_bytes": _limit(parts)}
    if "vmstat" in parts.parts:
        return facts | {"oom_kill": _counter(parts, "vmstat", "oom_kill"), "oom": _ROOT, "current_bytes": _ROOT}
    version = parts.number("version")
    oom = _counter(parts, "events", "oom") if version == 2 else _number(parts, "failures")
    kills = _counter(parts, "events", "oom_kill")
    return facts | {"oom_kill": kills, "oom": oom, "current_bytes": _number(parts, "current")}


def _limit(parts: Parts) -> int | Unknown | None:
    limits = parts.parts.get("limits")
    if not isinstance(limits, list):
        return parts.strange("limits")
    read_ = [_number(Parts.of({"limit": limit}), "limit") for limit in limits]
    found = [n for n in read_ if isinstance(n, int) and n < _NO_LIMIT_V1]
    own = read_[0] if read_ else parts.strange("limits")
    # A missing file is no refusal: the root group of v2 has no limit to read.
    if isinstance(own, Unknown) and own.reason is not Reason.NOT_FOUND:
        return own
    return min(found, default=None)


def _number(parts: Parts, key: str) -> int | Unknown:
    text = parts.text(key)
    if isinstance(text, Unknown):
        return text
    if text.strip() == "max":
        return _NO_LIMIT_V1
    number = _whole(text)
    return parts.strange(key) if number is None else number


def _counter(parts: Parts, key: str, name: str) -> int | Unknown:
    """One line `name number` of a file of counters."""
    text = parts.text(key)
    if isinstance(text, Unknown):
        return text
    for line in text.split("\n"):
        found, _, number = line.partition(" ")
        if found == name:
            value = _whole(number)
            return parts.strange(key) if value is None else value
    return Unknown(Reason.NOT_SUPPORTED, f"this kernel does not count `{name}`")


def _whole(text: str) -> int | None:
    text = text.strip()
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 20 else None


PROBE = Probe(
    name="memory-events",
    title="Out-of-memory kills and memory limit of a process's control group",
    kind=Kind.PROCESS,
    cost=Cost.CHEAP,
    privilege="none",
    fields=FIELDS,
    ask=ask,
    read=read,
    pack=({},),
)
