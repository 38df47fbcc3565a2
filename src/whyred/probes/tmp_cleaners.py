"""Processes that remove from a temporary directory, as their command lines tell.

Known are tmpreaper(8), tmpwatch(8), `systemd-tmpfiles --clean` (tmpfiles.d(5)), and commands and scripts given to a
shell in which find or rm removes from /tmp or /var/tmp. Nothing of a command line goes into the answer.
"""

import re
from collections.abc import Mapping

from whyred.model.evidence import Reason, Unknown
from whyred.model.host import Host, HostRefusedError, Process, Subject
from whyred.model.probe import Cost, Facts, Kind, Probe
from whyred.probes.answer import Parts, every, pack, printable, refusal

FIELDS = {
    "running": "number of processes that remove from /tmp or /var/tmp now, or wait to do it again",
    "names": "their names and numbers, with commas between them; absent: there is none",
}
_PROGRAM = re.compile(r"(?:^|/)(?:tmpreaper|tmpwatch)$")
_REMOVES = re.compile(
    r"\bfind\s[^;|&]*(?:/var)?/tmp(?:\s|/\s|$)[^;|&]*(?:-delete\b|-exec(?:dir)?\s+(?:/\S*/)?(?:rm|rmdir)\b)"
    r"|\brm\s+-\w*[rR]\w*\s+(?:-\S+\s+)*['\"]?(?:/var)?/tmp(?:/\*|/?(?:\s|$))"
    r"|\bsystemd-tmpfiles\s(?:.*\s)?--clean\b"
)
_LONGEST = 1 << 16
"""Characters of a command line that are looked at."""


def ask(host: Host, subject: Subject, arguments: Mapping[str, str]) -> bytes:
    """Which processes are cleaners."""
    try:
        processes = host.processes()
    except HostRefusedError as e:
        return refusal(e.unknown)
    found = [f"{p.name} ({p.pid})" for p in processes if _cleans(p)]
    return pack({"cleaners": found, "whole": any(p.pid == 1 for p in processes)})


def _cleans(process: Process) -> bool:
    words = process.argv
    if not words:
        return False
    return _PROGRAM.search(words[0]) is not None or _REMOVES.search(" ".join(words)[:_LONGEST]) is not None


def read(data: bytes) -> Facts:
    """The facts of an answer."""
    parts = Parts(data)
    if parts.broken is not None:
        return every(FIELDS, parts.broken)
    found = parts.texts("cleaners")
    if isinstance(found, Unknown):
        return every(FIELDS, found)
    if not found and parts.flag("whole") is not True:
        hidden = Unknown(Reason.NO_PERMISSION, "/proc hides the processes of other users (hidepid): ask as root")
        return every(FIELDS, hidden)
    return {"running": len(found), "names": ",".join(printable(n) for n in found) or None}


PROBE = Probe(
    name="tmp-cleaners",
    title="Processes that remove from temporary directories",
    kind=Kind.HOST,
    cost=Cost.CHEAP,
    privilege="none; root where /proc hides the processes of others",
    fields=FIELDS,
    ask=ask,
    read=read,
    pack=({},),
)
