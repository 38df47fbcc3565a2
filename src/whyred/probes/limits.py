"""The resource limits of a process, which every job that it starts inherits, and what is taken of them.

The form is that of /proc/PID/limits in proc_pid_limits(5): name, soft limit, hard limit, unit; what they do stands in
getrlimit(2).
"""

import re
from collections.abc import Mapping

from whyred.model.evidence import Reason, Unknown
from whyred.model.host import Host, HostRefusedError, Subject
from whyred.model.probe import Cost, Facts, Kind, Probe
from whyred.probes.answer import Fields, Parts, every, pack, refusal, told
from whyred.probes.place import who

FIELDS = {
    "meant": "the limit that the words of the error speak of, such as `file_size_bytes`; absent: of none",
    "meant_value": "that limit, in its own unit; absent: it is not set, or the words speak of none",
    "meant_low": "whether that limit is lower than any system sets it by itself, so that somebody lowered it",
    "open_files": "descriptors that one process may have open (soft limit); absent: unlimited",
    "open_files_hard": "up to which a process may raise that limit itself; absent: unlimited",
    "open_now": "descriptors that the asked process itself has open",
    "processes": "processes and threads that the user may have, root apart (soft limit); absent: unlimited",
    "user_processes": "processes that the user has now, each counted once whatever its threads",
    "file_size_bytes": "the largest file a process may write, in bytes; absent: unlimited, as is usual",
    "address_space_bytes": "virtual memory of one process in bytes; absent: unlimited, as is usual",
    "data_bytes": "heap and other private memory of one process in bytes; absent: unlimited, as is usual",
    "stack_bytes": "the stack of a process's first thread in bytes; absent: unlimited; 8 MiB is usual",
    "cpu_seconds": "processor time of one process in seconds; absent: unlimited, as is usual",
    "locked_bytes": "memory that a process may lock, in bytes; absent: unlimited",
    "host_files_percent": "open files of the machine in percent of fs.file-max; above it nobody may open any (ENFILE)",
    "watches": "files that one user may watch with inotify: fs.inotify.max_user_watches",
    "watchers": "inotify instances that one user may have: fs.inotify.max_user_instances",
}
_NAMES = {
    "Max open files": "open_files",
    "Max processes": "processes",
    "Max file size": "file_size_bytes",
    "Max address space": "address_space_bytes",
    "Max data size": "data_bytes",
    "Max stack size": "stack_bytes",
    "Max cpu time": "cpu_seconds",
    "Max locked memory": "locked_bytes",
}
_LINE = re.compile(r"^(Max [a-z ]+?) {2,}(\d+|unlimited) +(\d+|unlimited)\b")
_SPEAKS_OF = (
    (re.compile(r"mlock|memlock|io_uring|lock (?:jvm )?memory|memory locking", re.I), ("locked_bytes",)),
    (re.compile(r"too many open files|EMFILE|os error 24\b", re.I), ("open_files",)),
    (
        re.compile(
            r"temporarily unavailable|helper thread|new thread|native thread|pthread_create|EAGAIN|WouldBlock|"
            r"clone|fork",
            re.I,
        ),
        ("processes",),
    ),
    (
        re.compile(
            r"file size limit|file too large|SIGXFSZ|EFBIG|signal:? 25|no space left|metadata stub|\b153\b", re.I
        ),
        ("file_size_bytes",),
    ),
    (re.compile(r"cpu (?:time )?limit|SIGXCPU|signal:? 24|\b152\b", re.I), ("cpu_seconds",)),
    # A quarter of the stack's limit is what arguments and environment may take (execve(2), Limits on size).
    (re.compile(r"overflow(?:ed)? .*stack|stack overflow|argument li(?:st|ne) too long|E2BIG", re.I), ("stack_bytes",)),
    (re.compile(r"allocat|bad_alloc|memory|ENOMEM", re.I), ("address_space_bytes", "data_bytes")),
)
"""The words of an error and the limits they may speak of; bash says `No space left` where a file may not grow."""
_LOWER_THAN = {
    "open_files": 1024,  # INR_OPEN_CUR, include/uapi/linux/fs.h
    "processes": 512,  # kernel/fork.c sets half of what fits in memory: 512 are those of a machine with 128 MiB
    "locked_bytes": 64 << 10,  # MLOCK_LIMIT, include/uapi/linux/resource.h, before Linux 5.16 made it 8 MiB
    "stack_bytes": 8 << 20,  # _STK_LIM, include/uapi/linux/resource.h
}
"""Below which a limit was lowered by somebody. The others are unlimited where nobody set them."""


def ask(host: Host, subject: Subject, arguments: Mapping[str, str]) -> bytes:
    """The limits of the subject; of a host, those of whyred there."""
    me = who(subject)
    try:
        limits = host.read(f"{me}/limits")
    except HostRefusedError as e:
        return refusal(e.unknown)
    return pack(
        {
            "limits": limits,
            "said": arguments.get("said", ""),
            "open": told(lambda: len(host.names(f"{me}/fd"))),
            "user": told(lambda: _of_user(host, subject)),
            "files": told(lambda: host.read("/proc/sys/fs/file-nr")),
            "watches": told(lambda: host.read("/proc/sys/fs/inotify/max_user_watches")),
            "watchers": told(lambda: host.read("/proc/sys/fs/inotify/max_user_instances")),
        }
    )


def _of_user(host: Host, subject: Subject) -> int:
    pid = host.link("/proc/self") if subject.pid is None else str(subject.pid)
    processes = host.processes()
    uid = next((p.uid for p in processes if str(p.pid) == pid), None)
    if uid is None:
        raise HostRefusedError(Reason.NOT_FOUND, f"process {pid} is not there")
    return sum(p.uid == uid for p in processes)


def read(data: bytes) -> Facts:
    """The facts of an answer."""
    parts = Parts(data)
    if parts.broken is not None:
        return every(FIELDS, parts.broken)
    text, said = parts.text("limits"), parts.text("said")
    if isinstance(text, Unknown):
        return every(FIELDS, text)
    if isinstance(said, Unknown):
        return every(FIELDS, said)
    facts = every(FIELDS, Unknown(Reason.NOT_SUPPORTED, "this kernel does not tell this limit")) | _limits(text)
    facts |= {"open_now": parts.number("open"), "user_processes": parts.number("user")} | _of_host(parts)
    return facts | _meant(facts, said)


def _of_host(parts: Parts) -> Fields:
    """The form of file-nr: files that are open, 0, how many may be (proc_sys_fs(5))."""
    facts: Fields = {"watches": _sysctl(parts, "watches"), "watchers": _sysctl(parts, "watchers")}
    text = parts.text("files")
    if isinstance(text, Unknown):
        return facts | {"host_files_percent": text}
    numbers = [int(n[:20]) for n in text.split() if n.isdecimal()]
    if len(numbers) != 3 or numbers[2] == 0:
        return facts | {"host_files_percent": parts.strange("files")}
    return facts | {"host_files_percent": numbers[0] * 1000 // numbers[2] / 10}


def _sysctl(parts: Parts, key: str) -> int | Unknown:
    text = parts.text(key)
    if isinstance(text, Unknown):
        return text
    return int(text[:20]) if text.strip().isdecimal() else parts.strange(key)


def _limits(text: str) -> Fields:
    found: Fields = {}
    for line in text.split("\n"):
        row = _LINE.match(line)
        field = _NAMES.get(row[1]) if row else None
        if row and field:
            found[field] = _number(row[2])
            if field == "open_files":
                found["open_files_hard"] = _number(row[3])
    return found


def _number(text: str) -> int | None:
    return None if text == "unlimited" else int(text[:20])


def _meant(facts: Fields, said: str) -> Fields:
    fields = next((fields for words, fields in _SPEAKS_OF if words.search(said)), ())
    told_ = {f: v for f in fields if isinstance(v := facts[f], int)}
    lowest = min(told_, key=lambda f: told_[f], default=fields[0] if fields else None)
    if lowest is None:
        why = Unknown(Reason.NOT_APPLICABLE, "the error's words speak of no limit that whyred knows")
        return {"meant": None, "meant_value": None, "meant_low": why}
    value = facts[lowest]
    if isinstance(value, Unknown):
        return {"meant": lowest, "meant_value": value, "meant_low": value}
    low = isinstance(value, int) and (lowest not in _LOWER_THAN or value < _LOWER_THAN[lowest])
    return {"meant": lowest, "meant_value": value, "meant_low": low}


PROBE = Probe(
    name="limits",
    title="Resource limits of a process, and what is taken of them",
    kind=Kind.PROCESS,
    cost=Cost.CHEAP,
    privilege="none; the same user or root for the number of open descriptors",
    fields=FIELDS,
    ask=ask,
    read=read,
    needs={"said": "optional: the words of the error, which say the limit that is meant"},
    pack=({},),
)
