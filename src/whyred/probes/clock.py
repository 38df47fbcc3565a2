"""Whether the host's clock is right: against the asking machine's, time servers and files, and whether a process is
given another clock by a library.

A clock alone cannot tell that it is wrong; where there is nothing to hold it against, that stays unknown.
"""

import re
from collections.abc import Mapping
from functools import partial

from whyred.model.evidence import Reason, Unknown
from whyred.model.host import ClockedHost, Host, HostRefusedError, Subject
from whyred.model.probe import Cost, Facts, Kind, Probe
from whyred.probes.answer import Parts, every, pack, printable, refusal, told
from whyred.probes.place import absolute, entrance, follow
from whyred.probes.preloaded import defined

FIELDS = {
    "fault": "how the clock is wrong: the offset and against what, or what gives the process another clock; absent: "
    "nothing tells",
    "right": "whether the clock is right; unknown where there is nothing to hold it against",
    "offset_seconds": "seconds that the host's clock is ahead of the one it is held against (behind: less than 0)",
    "against": "what it is held against: `chrony`, or `the asking machine` over ssh",
    "synchronised": "whether the system says that a time server sets its clock",
    "behind_seconds": "seconds by which the clock is behind the newest of the files that the system itself wrote",
}
_FALSE_SECONDS = 60
"""An offset above it breaks tokens and certificates; one below is no fault of this kind."""
_STAMPS = (
    *("/var/lib/systemd/timesync/clock", "/usr/lib/clock-epoch", "/var/lib/dpkg/status", "/var/lib/rpm"),
    *("/etc/hostname", "/etc/machine-id", "/etc/resolv.conf", "/var/log/wtmp", "/usr/bin/env"),
)
_TIME = frozenset({"time", "gettimeofday", "clock_gettime"})
_FAKES = ("FAKETIME", "FAKETIME_TIMESTAMP_FILE")
"""What libfaketime reads (its README)."""
_PRELOAD = "LD_PRELOAD"
_PASSING_ON = re.compile(r"lib(?:asan|tsan|lsan|ubsan|clang_rt\.)[^/]*$")
"""Sanitizers define the functions of time to watch their arguments, and pass the true time on."""
_CHRONY = re.compile(r"^System time\s*: ([0-9.]+) seconds (fast|slow) of NTP time", re.MULTILINE)
_UNSET = re.compile(r"^Leap status\s*: Not synchronised", re.MULTILINE)


def ask(host: Host, subject: Subject, arguments: Mapping[str, str]) -> bytes:
    """The host's time, what others say, and the libraries that the process loads before all."""
    far = host if isinstance(host, ClockedHost) else None
    try:
        before = far.asking_time() if far else None
        now = host.run(["date", "-u", "+%s"]).out.decode("ascii", "replace").strip()
        after = far.asking_time() if far else None
    except HostRefusedError as e:
        return refusal(e.unknown)
    return pack(
        {
            "now": int(now) if now.isdecimal() and len(now) < 16 else None,
            "asking": None if before is None or after is None else [int(before), int(after) + 1],
            "timedatectl": told(lambda: host.run(["timedatectl", "show", "-p", "NTPSynchronized"], 0.5)),
            "chronyc": told(lambda: host.run(["chronyc", "-n", "tracking"], 0.5)),
            "stamps": {path: told(partial(_stamp, host, path)) for path in _STAMPS},
            "preloaded": told(partial(_preloaded, host, subject)),
        }
    )


def _stamp(host: Host, path: str) -> int:
    return int(host.stat(path).modified)


def _preloaded(host: Host, subject: Subject) -> list[dict[str, object]]:
    """The libraries that are loaded before all others, and which functions of time they replace."""
    if subject.pid is None:
        return []
    env = host.environ(subject.pid, [_PRELOAD, *_FAKES])
    entry = entrance(host, subject)
    everywhere = told(lambda: host.read(f"{entry}/etc/ld.so.preload").decode("utf-8", "replace"))
    texts = {_PRELOAD: env.get(_PRELOAD, ""), "/etc/ld.so.preload": everywhere if isinstance(everywhere, str) else ""}
    rows: list[dict[str, object]] = []
    for by, text in texts.items():
        for path in re.split(r"[\s:]+", text.strip()):
            if path:
                replaced = told(partial(_replaced, host, subject, entry, path))
                rows.append({"by": by, "path": path, "replaces": replaced, "told": any(k in env for k in _FAKES)})
    return rows


def _replaced(host: Host, subject: Subject, entry: str, path: str) -> list[str]:
    """A name without a slash is searched by the loader in its own folders; whyred takes it for what it is called."""
    if _PASSING_ON.search(path):
        return []
    if "/" not in path:
        return ["time"] if "faketime" in path else []
    place = follow(host, entry, absolute(host, subject, path.replace("$LIB", "lib")))
    if place.stat is None or place.stat.kind != "file":
        return []
    return sorted(defined(host.read(place.reach, 16 << 20)) & _TIME)


def read(data: bytes) -> Facts:
    """The facts of an answer."""
    parts = Parts(data)
    if parts.broken is not None:
        return every(FIELDS, parts.broken)
    offset, against = _offset(parts)
    synchronised = _synchronised(parts)
    fault = _other_clock(parts)
    if not fault and isinstance(offset, int) and abs(offset) > _FALSE_SECONDS:
        way = "ahead of" if offset > 0 else "behind"
        fault = f"the host's clock is {abs(offset)} s {way} {against}"
    right: bool | Unknown = not fault
    if not fault and isinstance(offset, Unknown) and synchronised is not True:
        right = offset
    return {
        "fault": printable(fault) or None,
        "right": right,
        "offset_seconds": offset,
        "against": against or None,
        "synchronised": synchronised,
        "behind_seconds": _behind(parts),
    }


def _offset(parts: Parts) -> tuple[int | Unknown, str]:
    chrony = _out(parts, "chronyc")
    found = _CHRONY.search(chrony) if isinstance(chrony, str) and not _UNSET.search(chrony) else None
    if found is not None:
        return round(float(found[1])) * (1 if found[2] == "fast" else -1), "chrony"
    now, asking = parts.number("now"), parts.parts.get("asking")
    if isinstance(now, int) and isinstance(asking, list) and len(asking) == 2 and all(type(n) is int for n in asking):
        first, last = asking
        return (now - last if now > last else now - first if now < first else 0), "the asking machine"
    return Unknown(Reason.NOT_SUPPORTED, "no time server and no other machine to hold this clock against"), ""


def _out(parts: Parts, key: str) -> str | Unknown:
    table = parts.table(key)
    if isinstance(table, Unknown):
        return table
    code = table.number("code")
    return table.text("out") if code == 0 else Unknown(Reason.REFUSED, f"{key} ended with exit code {code}")


def _synchronised(parts: Parts) -> bool | Unknown:
    chrony = _out(parts, "chronyc")
    if isinstance(chrony, str):
        return _UNSET.search(chrony) is None
    shown = _out(parts, "timedatectl")
    if isinstance(shown, Unknown):
        return shown
    return shown.strip() == "NTPSynchronized=yes"


def _other_clock(parts: Parts) -> str:
    rows = parts.tables("preloaded")
    for row in [] if isinstance(rows, Unknown) else rows:
        replaced = row.texts("replaces")
        if isinstance(replaced, list) and replaced:
            path, by = row.text("path"), row.text("by")
            return f"{by} loads {path}, which gives the process a clock of its own ({', '.join(replaced)})"
    return ""


def _behind(parts: Parts) -> int | Unknown:
    stamps, now = parts.table("stamps"), parts.number("now")
    if isinstance(stamps, Unknown) or isinstance(now, Unknown):
        return stamps if isinstance(stamps, Unknown) else now
    known = [n for path in stamps.parts if isinstance(n := stamps.number(path), int)]
    return max(0, max(known) - now) if known else Unknown(Reason.NOT_FOUND, "none of the system's files is there")


PROBE = Probe(
    name="clock",
    title="Whether the clock is right",
    kind=Kind.PROCESS,
    cost=Cost.MODERATE,
    privilege="the same user or root to see which libraries a process loads",
    fields=FIELDS,
    ask=ask,
    read=read,
    pack=({},),
)
