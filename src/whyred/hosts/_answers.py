"""Reads what the programs of another machine print (`remote.sh`): names may be hostile, so no line is split at them."""

import os
import posixpath
import re
import stat as modes
from calendar import timegm
from dataclasses import dataclass

from whyred.hosts._identity import machine_name, namespace_number
from whyred.hosts._process import read_process
from whyred.model.host import Identity, Process, Space, Stat
from whyred.probes.mounts import holding, read_mounts

NO_DEVICE = 0
"""`Stat.device` where a host does not tell it: no file system has this number."""
_KINDS = {modes.S_IFDIR: "directory", modes.S_IFREG: "file", modes.S_IFLNK: "link"}
_LETTERS = {"d": "directory", "-": "file", "l": "link"}
_BITS = "rwxrwxrwx"
_SPECIAL = {2: ("s", "S", modes.S_ISUID), 5: ("s", "S", modes.S_ISGID), 8: ("t", "T", modes.S_ISVTX)}
_LISTED = re.compile(
    rb"\s*(?P<inode>\d+) +(?P<kind>[a-zA-Z-])(?P<bits>[rwxsStT-]{9})[^ ]? *"
    rb" (?P<links>\d+) +(?P<uid>\d+) +(?P<gid>\d+) +(?:(?P<size>\d+)|\d+, *\d+)"
    rb" +(?P<month>[A-Z][a-z]{2}) +(?P<day>\d{1,2}) +(?:(?P<hour>\d\d):(?P<minute>\d\d)|(?P<year>\d{4})) "
)
"""The form of POSIX ls -lidn in the POSIX locale; a device has two numbers in place of the size."""
_MONTHS = b"Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()
_FREE = re.compile(rb" +(\d+) +(\d+) +(-?\d+) +(?:\d+%|-) +/")
"""The numbers in the second line of POSIX df -P: all, used, free for unprivileged users."""
_GREPPED = re.compile(rb"/proc/(\d+)/(status|stat|cgroup|cmdline):")
_NAMESPACES = re.compile(rb"/proc/(\d+)/ns/mnt -> (mnt:\[\d+\])$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Greeting:
    """The first answer of a host: who it is, and which programs do there what whyred wants of them."""

    identity: Identity
    pid: int | None
    """Of the shell that answers, where /proc is there to tell."""
    has_stat: bool
    has_stat_of_space: bool
    has_od: bool
    has_grep: bool
    has_tail: bool


def read_greeting(body: bytes) -> Greeting:
    """What the question `hello` printed."""
    told: dict[bytes, bytes] = {}
    for line in body.split(b"\n"):
        key, _, value = line.partition(b" ")
        told.setdefault(key, value)
    text = {k: v.decode("utf-8", "replace").strip() for k, v in told.items()}
    own = b"/proc/%s/cmdline:" % told.get(b"pid", b"")
    boot = text.get(b"boot") or None
    return Greeting(
        identity=Identity(
            machine=machine_name(text.get(b"machine"), boot),
            boot=boot,
            name=text.get(b"name", ""),
            mounts=namespace_number(text.get(b"mounts", "")),
        ),
        pid=int(text[b"pid"]) if text.get(b"pid", "").isdecimal() else None,
        has_stat=len(text.get(b"stat", "").split()) == 11,
        has_stat_of_space=len(text.get(b"space", "").split()) == 5,
        has_od=text.get(b"od") == "yes",
        # One that takes a NUL byte for the end shows the first word of the command line and no more.
        has_grep=own in body and b"\0" in body.partition(own)[2],
        has_tail=text.get(b"tail") == "yes",
    )


def read_names(body: bytes) -> list[str]:
    """Names with a NUL byte after each."""
    return sorted(os.fsdecode(n) for n in body.split(b"\0")[:-1])


def read_stat(body: bytes) -> Stat:
    """Of GNU's and BusyBox's `stat -c '%f %h %u %g %s %d %i %Y %.9Y %Z %.9Z'`. Raises ValueError."""
    mode, links, uid, gid, size, device, inode, modified, modified_precisely, changed, changed_precisely = body.split()
    bits = int(mode, 16)
    return Stat(
        kind=_KINDS.get(modes.S_IFMT(bits), "other"),
        mode=modes.S_IMODE(bits),
        links=int(links),
        uid=int(uid),
        gid=int(gid),
        size=int(size),
        modified=_time(modified, modified_precisely),
        device=int(device),
        inode=int(inode),
        changed=_time(changed, changed_precisely),
    )


def _time(seconds: bytes, precise: bytes) -> float:
    """Both are of the same moment; BusyBox leaves the fraction of the second out."""
    return int(seconds) + int(precise.partition(b".")[2] or b"0") * 1e-9


@dataclass(frozen=True, slots=True)
class Seen:
    """What was said of a path before it was asked for: the text of its state and where it points, or of the error."""

    state: bytes
    target: bytes | None
    error: bytes | None


def read_ahead(body: bytes, mark: bytes) -> list[Seen]:
    """One for each path, in order."""
    return [_seen(block) for block in body.split(b"\n" + mark + b" ")[1:]]


def _seen(block: bytes) -> Seen:
    first, _, rest = block.partition(b"\n")
    if first == b"!":
        return Seen(b"", None, rest)
    return Seen(first, rest.removesuffix(b"\n") or None, None)


def read_listed(body: bytes, now: float) -> Stat:
    """Of `ls -lidn`: the name behind the date is not looked at. `now`: seconds since the epoch. Raises ValueError."""
    found = _LISTED.match(body)
    if found is None:
        raise ValueError(f"ls -l prints a line of another form: {body[:100]!r}")
    return Stat(
        kind=_LETTERS.get(found["kind"].decode(), "other"),
        mode=_mode(found["bits"].decode()),
        links=int(found["links"]),
        uid=int(found["uid"]),
        gid=int(found["gid"]),
        size=int(found["size"] or b"0"),
        modified=_date(found, now),
        device=NO_DEVICE,
        inode=int(found["inode"]),
    )


def _mode(letters: str) -> int:
    mode = 0
    for at, (letter, plain) in enumerate(zip(letters, _BITS, strict=True)):
        with_, without, special = _SPECIAL.get(at, (plain, plain, 0))
        mode |= 0o400 >> at if letter in (plain, with_) else 0
        mode |= special if letter in (with_, without) else 0
    return mode


def _date(found: re.Match[bytes], now: float) -> float:
    """The beginning of the minute, or of the day: `Nov 25 21:58` is of the last half year, `Nov 25  2024` is not."""
    month, day = _MONTHS.index(found["month"]) + 1, int(found["day"])
    if found["year"]:
        return float(timegm((int(found["year"]), month, day, 0, 0, 0)))
    this = 1970 + int(now // 31556952)
    clock = (int(found["hour"]), int(found["minute"]), 0)
    return min((float(timegm((y, month, day, *clock))) for y in (this - 1, this, this + 1)), key=lambda t: abs(t - now))


def read_space(body: bytes, place: str) -> Space:
    """Of `stat -f -c '%S %b %a %c %d'` and a mountinfo text, in whose terms `place` is the path. Raises ValueError."""
    numbers, _, mounts = body.partition(b"\n")
    size, total, free, inodes, free_inodes = map(int, numbers.split())
    return Space(free * size, total * size, free_inodes, inodes, _is_readonly(mounts, place))


def read_free(body: bytes, place: str, mark: bytes) -> Space:
    """Of `df -Pk`, `df -Pi` and a mountinfo text, with a line of the mark between them. Raises ValueError."""
    blocks, inodes, mounts = body.split(mark + b"\n")
    total, free = _of_df(blocks)
    total_inodes, free_inodes = _of_df(inodes) if b"\n" in inodes else (None, None)
    return Space(max(0, free) << 10, total << 10, free_inodes, total_inodes, _is_readonly(mounts, place))


def _of_df(text: bytes) -> tuple[int, int]:
    found = _FREE.search(text.partition(b"\n")[2])
    if found is None:
        raise ValueError(f"df prints a table of another form: {text[:200]!r}")
    return int(found[1]), int(found[3])


def _is_readonly(mounts: bytes, place: str) -> bool:
    found = holding(read_mounts(mounts.decode("utf-8", "surrogateescape")), posixpath.normpath("/" + place.lstrip("/")))
    return found is not None and found.readonly


def read_variables(body: bytes) -> dict[str, str]:
    """Of each variable `= NAME`, in hexadecimal, and a line for each byte of its value. Raises ValueError."""
    found: dict[str, str] = {}
    for block in body.split(b"= ")[1:]:
        key, *value = block.split()
        # of a key that is there twice getenv(3) gives the first
        found.setdefault(os.fsdecode(_bytes(key)), os.fsdecode(_bytes(b"".join(value))))
    return found


def _bytes(digits: bytes) -> bytes:
    return bytes.fromhex(digits.decode("ascii"))


def read_processes(body: bytes, mark: bytes) -> list[Process]:
    """The processes in either form, by pid; one of which a file is missing or cut has ended meanwhile."""
    files, namespaces = _files(body, mark)
    pids = sorted({pid for pid, kind in files if kind == "stat"})
    mounts = {int(pid): namespace_number(link.decode()) for pid, link in _NAMESPACES.findall(namespaces)}
    found = []
    for pid in pids:
        stat, status, cgroup, cmdline = (files.get((pid, k), b"") for k in ("stat", "status", "cgroup", "cmdline"))
        try:
            found.append(read_process(stat, status, cgroup, cmdline, mounts.get(pid)))
        except ValueError:
            continue
    return found


def _files(body: bytes, mark: bytes) -> tuple[dict[tuple[int, str], bytes], bytes]:
    """Content by pid and file, and the namespaces: each behind a line of the mark with its name, or, of grep, behind
    the file's name in every line."""
    grepped, *marked = body.split(b"\n" + mark + b" ")
    files: dict[tuple[int, str], bytes] = {}
    for line in grepped.split(b"\n"):
        if found := _GREPPED.match(line):
            key, text = (int(found[1]), found[2].decode()), line[found.end() :]
            files[key] = text if key not in files else files[key] + b"\n" + text
    for block in marked[:-1]:
        name, _, content = block.partition(b"\n")
        if found := _GREPPED.match(name + b":"):
            files[int(found[1]), found[2].decode()] = content
    return files, marked[-1] if marked else b""
