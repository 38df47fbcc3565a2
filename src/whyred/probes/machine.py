"""What a machine has left as a whole: memory, processors, kills for want of memory, and what its clock says.

Source: proc_meminfo(5), proc_vmstat(5), proc_loadavg(5), timedatectl(1).
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime

from whyred.model.evidence import Reason, Unknown
from whyred.model.host import Host, HostRefusedError, Subject
from whyred.model.probe import Cost, Facts, Kind, Probe
from whyred.probes.answer import Fields, Parts, every, pack, told

FIELDS = {
    "memory_available_percent": "memory that new programs can have, in percent of all, 0 to 100",
    "memory_bytes": "memory of the machine, in bytes",
    "swap_free_bytes": "free swap space, in bytes; 0 where there is none",
    "oom_kills": "processes that the kernel ended for want of memory since the machine was started, in all groups",
    "load": "processes that ran or waited, on average over the last minute",
    "processors": "number of processors",
    "clock": "what the machine's clock says, in UTC, to the second",
    "clock_synchronized": "whether systemd says that the clock is kept right over the network",
    "up_seconds": "how long the machine has been running, in seconds",
}
_MEMORY = ("MemTotal", "MemAvailable", "SwapFree")


def ask(host: Host, subject: Subject, arguments: Mapping[str, str]) -> bytes:
    """Lines of /proc, and one property of timedatectl."""

    def lines(path: str, wanted: str) -> str:
        text = host.read(path, 8 << 20).decode("ascii", "replace")
        return "\n".join(re.findall(rf"^(?:{wanted})\b.*$", text, re.MULTILINE))

    def synchronized() -> str:
        shown = host.run(["timedatectl", "show", "-p", "NTPSynchronized"], 1.0)
        if shown.code != 0:
            raise HostRefusedError(Reason.NOT_SUPPORTED, "timedatectl cannot ask systemd here")
        return shown.out.decode("ascii", "replace").strip()

    return pack(
        {
            "memory": told(lambda: lines("/proc/meminfo", "|".join(_MEMORY))),
            "kills": told(lambda: lines("/proc/vmstat", "oom_kill")),
            "load": told(lambda: host.read("/proc/loadavg").decode("ascii", "replace").strip()),
            "stat": told(lambda: lines("/proc/stat", r"btime|cpu\d+")),
            "uptime": told(lambda: host.read("/proc/uptime").decode("ascii", "replace").strip()),
            "synchronized": told(synchronized),
        }
    )


def read(data: bytes) -> Facts:
    """The facts of an answer."""
    parts = Parts(data)
    if parts.broken is not None:
        return every(FIELDS, parts.broken)
    stat, synchronized = parts.text("stat"), parts.text("synchronized")
    up, booted = _number(parts, "uptime", r"(\d{1,12})"), _number(parts, "stat", r"^btime (\d{1,12})$")
    kept = synchronized if isinstance(synchronized, Unknown) else synchronized == "NTPSynchronized=yes"
    load = parts.text("load")
    found = re.match(r"\d{1,6}\.\d\d\b", load) if isinstance(load, str) else None
    return _of_memory(parts) | {
        "oom_kills": _number(parts, "kills", r"^oom_kill (\d{1,18})$"),
        "load": load if isinstance(load, Unknown) else float(found[0]) if found else parts.strange("load"),
        "processors": stat if isinstance(stat, Unknown) else len(re.findall(r"^cpu\d", stat, re.MULTILINE)),
        "clock": _clock(booted, up),
        "clock_synchronized": kept,
        "up_seconds": up,
    }


def _of_memory(parts: Parts) -> Fields:
    total, available, swap = (_number(parts, "memory", rf"^{name}: +(\d{{1,15}}) kB$") for name in _MEMORY)
    share = available if isinstance(available, Unknown) else total
    if isinstance(total, int) and isinstance(available, int) and total > 0:
        return {
            "memory_available_percent": min(available, total) * 1000 // total / 10,
            "memory_bytes": total << 10,
            "swap_free_bytes": swap if isinstance(swap, Unknown) else swap << 10,
        }
    return every(("memory_available_percent", "memory_bytes", "swap_free_bytes"), _unknown(share, parts))


def _unknown(value: int | Unknown, parts: Parts) -> Unknown:
    return value if isinstance(value, Unknown) else parts.strange("memory")


def _clock(booted: int | Unknown, up: int | Unknown) -> str | Unknown:
    if isinstance(booted, Unknown):
        return booted
    if isinstance(up, Unknown):
        return up
    try:
        return datetime.fromtimestamp(booted + up, UTC).strftime("%Y-%m-%d %H:%M:%S")
    except (ValueError, OverflowError, OSError):
        return Unknown(Reason.UNREADABLE, "the machine's clock is beyond all years")


def _number(parts: Parts, key: str, regex: str) -> int | Unknown:
    text = parts.text(key)
    if isinstance(text, Unknown):
        return text
    found = re.search(regex, text, re.MULTILINE)
    return parts.strange(key) if found is None else int(found[1])


PROBE = Probe(
    name="machine",
    title="Memory, load, kills for want of memory, and the clock of a machine",
    kind=Kind.HOST,
    cost=Cost.MODERATE,
    privilege="none",
    fields=FIELDS,
    ask=ask,
    read=read,
    pack=({},),
)
