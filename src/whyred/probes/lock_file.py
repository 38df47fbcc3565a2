"""Whether a lock file of git is still held: its age, and the git processes that are alive in its repository.

git makes `NAME.lock` beside the file it writes and removes it when it ends (git's lockfile.h); one that was killed
leaves it behind, and every later git in that repository refuses. Which process made it git does not write down.
"""

import posixpath
from collections.abc import Mapping, Sequence

from whyred.model.evidence import Reason, Unknown
from whyred.model.host import Host, HostRefusedError, Process, Subject
from whyred.model.probe import Cost, Facts, Kind, Probe
from whyred.probes.answer import Fields, Parts, every, pack, refusal, told
from whyred.probes.place import Place, absolute, entrance, follow

FIELDS = {
    "stale": "whether the lock is there and no living git can hold it: none works in its repository or is older",
    "held": "whether the lock is there and a git that works in its repository is older than it",
    "exists": "whether the lock file is there now",
    "gone": "whether the folder of the lock is there and the lock is not: whoever held it has let go",
    "age_seconds": "seconds since the lock was last written to; absent where there is none",
    "size_bytes": "its size in bytes; absent where there is none",
    "uid": "its owner's number, as whyred sees it; absent where there is none",
    "gits": "the git processes that work in that repository now",
}
_ABSENT = ("age_seconds", "size_bytes", "uid")
_PROGRAMS = ("git", "git-lfs", "jgit", "gix")
_TICKS = 100
"""Clock ticks a second in /proc/PID/stat: USER_HZ is 100 on every Linux whyred runs on (proc(5))."""
_OTHER_VIEW = Unknown(
    Reason.NOT_SUPPORTED, "a git runs in other mounts (a container), where the same folder may have another path"
)
_SLACK = 2.0
"""Seconds by which a start, told in ticks after a boot told in seconds, may be off."""


def ask(host: Host, subject: Subject, arguments: Mapping[str, str]) -> bytes:
    """The lock and its folder, the host's clock, and every git process with the folder it works in."""
    try:
        path = absolute(host, subject, arguments.get("path", ""))
        entry = entrance(host, subject)
        lock, folder = follow(host, entry, path), follow(host, entry, posixpath.dirname(path))
        processes = [p for p in host.processes() if _is_git(p)]
    except HostRefusedError as e:
        return refusal(e.unknown)
    return pack(
        {
            "repository": _repository(lock),
            "folder": folder.stat is not None,
            "stat": lock.stat,
            "clock": told(lambda: host.read("/proc/stat").decode("ascii", "replace").partition("btime ")[2].split()[0]),
            "uptime": told(lambda: host.read("/proc/uptime").decode("ascii", "replace")),
            "gits": [_of_process(host, p, _mounts(host, subject)) for p in processes],
        }
    )


def _is_git(process: Process) -> bool:
    return process.name in _PROGRAMS or (process.name.startswith("git-") and bool(process.argv))


def _repository(lock: Place) -> str:
    """The folder that holds the `.git` of the lock; of a bare repository its own."""
    parts = lock.path.split("/")
    cut = parts.index(".git") if ".git" in parts else len(parts) - 1
    return "/".join(parts[:cut]) or "/"


def _mounts(host: Host, subject: Subject) -> int | None:
    """The subject's mount namespace; that of whyred where the host itself is asked about."""
    if subject.pid is None:
        return host.identity.mounts
    return next((p.mounts for p in host.processes() if p.pid == subject.pid), None)


def _of_process(host: Host, process: Process, mounts: int | None) -> Mapping[str, object]:
    return {
        "elsewhere": process.mounts != mounts or mounts is None,
        "started": process.started,
        "cwd": told(lambda: host.link(f"/proc/{process.pid}/cwd")),
        "folders": [a for a in process.argv[1:] if a.startswith(("/", "--git-dir=/", "--work-tree=/"))],
    }


def read(data: bytes) -> Facts:
    """The facts of an answer."""
    parts = Parts(data)
    if parts.broken is not None:
        return every(FIELDS, parts.broken)
    gits = parts.tables("gits")
    near = gits if isinstance(gits, Unknown) else _near(gits, parts.text("repository"))
    count = near if isinstance(near, Unknown) else len(near)
    folder = parts.flag("folder")
    if parts.absent("stat"):
        absent: Fields = {"stale": False, "held": False, "exists": False, "gone": folder, "gits": count}
        return absent | every(_ABSENT, None)
    stat = parts.stat("stat")
    if isinstance(stat, Unknown):
        return every(FIELDS, stat) | {"gits": count}
    made = _since_boot(parts, stat.modified)
    facts: Fields = {"exists": True, "gone": False, "size_bytes": stat.size, "uid": stat.uid, "gits": count}
    facts["age_seconds"] = _age(parts, stat.modified)
    return facts | _of_holder(near, made)


def _near(gits: Sequence[Parts], repository: str | Unknown) -> list[int] | Unknown:
    """When the git processes of a repository were started, in ticks after boot."""
    if isinstance(repository, Unknown):
        return repository
    found = []
    for git in gits:
        cwd, folders, started = git.text("cwd"), git.texts("folders"), git.number("started")
        for part in (folders, started):
            if isinstance(part, Unknown):
                return part
        if isinstance(cwd, Unknown):
            if cwd.reason is Reason.NOT_FOUND:
                continue  # it has ended meanwhile
            return cwd
        assert not isinstance(folders, Unknown)
        assert not isinstance(started, Unknown)
        named = [cwd.removesuffix(" (deleted)"), *(f.partition("=")[2] or f for f in folders)]
        if any(n == repository or n.startswith(repository.rstrip("/") + "/") for n in named):
            found.append(started)
        elif git.flag("elsewhere") is not False:
            return _OTHER_VIEW
    return found


def _since_boot(parts: Parts, moment: float) -> float | Unknown:
    """A moment in seconds after boot."""
    boot = parts.text("clock")
    if isinstance(boot, Unknown):
        return boot
    return moment - int(boot) if boot.isascii() and boot.isdigit() and len(boot) < 15 else parts.strange("clock")


def _age(parts: Parts, moment: float) -> int | Unknown:
    made, uptime = _since_boot(parts, moment), parts.text("uptime")
    for part in (made, uptime):
        if isinstance(part, Unknown):
            return part
    try:
        return max(0, int(float(str(uptime).split()[0]) - float(str(made))))
    except (IndexError, ValueError, OverflowError):
        return parts.strange("uptime")


def _of_holder(near: list[int] | Unknown, made: float | Unknown) -> Fields:
    if isinstance(near, Unknown):
        return {"stale": near, "held": near}
    if not near:
        return {"stale": True, "held": False}
    if isinstance(made, Unknown):
        return {"stale": made, "held": made}
    older = [s for s in near if s / _TICKS <= made + _SLACK]
    return {"stale": not older, "held": bool(older)}


PROBE = Probe(
    name="lock-file",
    title="Whether a lock file of git is still held by a living git",
    kind=Kind.DIRECTORY,
    cost=Cost.CHEAP,
    privilege="the same user as the git processes, or root",
    fields=FIELDS,
    ask=ask,
    read=read,
    needs={"path": "the lock file, as the process sees it; a relative path counts from its working directory"},
)
