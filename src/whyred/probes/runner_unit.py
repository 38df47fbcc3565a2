"""Which systemd unit a runner daemon is the service of: the one that a command for the runner must name.

Source: systemd, docs/CGROUP_DELEGATION.md: a service has one group, below slices alone. What lies below another unit
(`user@1000.service`, a container's scope) is the unit of another manager, and the host's systemctl does not know it.
"""

import re
from collections.abc import Mapping

from whyred.model.evidence import Reason, Unknown
from whyred.model.host import Host, HostRefusedError, Process, Subject
from whyred.model.probe import Cost, Facts, Kind, Probe
from whyred.probes.answer import Parts, every, pack, printable, refusal, without_process
from whyred.probes.runner_processes import SHARED, find_daemons

FIELDS = {
    "unit": "the name of the unit of the host's own systemd; absent: the runner was not started by one, but by a "
    "person, a container or a user's systemd",
}
_SERVICE = re.compile(r"^(?:0:|[1-9][0-9]*:name=systemd):(?:/[^/\n]+\.slice)*/([^/\n]+\.service)$", re.MULTILINE)
"""The line of /proc/PID/cgroup that systemd keeps, `0::PATH` (v2) or `1:name=systemd:PATH` (v1): cgroups(7)."""
_USER_MANAGER = "user@"


def ask(host: Host, subject: Subject, arguments: Mapping[str, str]) -> bytes:
    """The control groups of the daemon; of a process that is no runner daemon none."""
    if subject.pid is None:
        return without_process()
    try:
        argv = host.read(f"/proc/{subject.pid}/cmdline", 1 << 17).decode("utf-8", "surrogateescape")
        process = Process(subject.pid, 0, 0, "", tuple(argv.rstrip("\0").split("\0")), 0)
        if not any(daemon.kind not in SHARED for daemon in find_daemons([process])):
            return refusal(Unknown(Reason.NOT_APPLICABLE, f"{subject.name} is no runner daemon"))
        return pack({"groups": host.read(f"/proc/{subject.pid}/cgroup", 1 << 16)})
    except HostRefusedError as e:
        return refusal(e.unknown)


def read(data: bytes) -> Facts:
    """The facts of an answer."""
    groups = Parts(data).text("groups")
    if isinstance(groups, Unknown):
        return every(FIELDS, groups)
    names = [name for name in _SERVICE.findall(groups) if not name.startswith(_USER_MANAGER)]
    return {"unit": printable(names[0]) if names else None}


PROBE = Probe(
    name="runner-unit",
    title="The systemd unit of a runner daemon",
    kind=Kind.DAEMON,
    cost=Cost.CHEAP,
    privilege="none; root where /proc hides the processes of others",
    fields=FIELDS,
    ask=ask,
    read=read,
)
