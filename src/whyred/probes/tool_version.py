"""Whether a tool is there, which one is found first on a PATH, and what version it states.

The name of the tool may come from a log, so it can be anything: only tools from a fixed list are started, because
not every program that is given `--version` does nothing. A tool that somebody else may rewrite is not started either.
"""

import re
from collections.abc import Mapping

from whyred.model.evidence import Reason, Unknown
from whyred.model.host import Host, HostRefusedError, Stat, Subject
from whyred.model.probe import Cost, Facts, Kind, Probe
from whyred.probes.answer import Parts, every, pack, printable, refusal, told
from whyred.probes.place import Place, entrance, follow, who

FIELDS = {
    "present": "whether a program of that name is on the PATH",
    "path": "the path of the first one; absent when there is none",
    "version": "the first line it prints when asked for its version; absent when there is none",
    "older": "whether the version that it prints is older than the one asked for (`wanted`); absent without one",
    "others": "the paths at which later folders of the PATH have other files of that name, with commas; absent: none",
    "minor": "for rustc the second number of the version, 95 for 1.95.0; absent for every other tool",
}
_STARTED = {
    *("rustc", "rustdoc", "rustfmt", "rustup", "cargo", "sccache", "just"),
    *("ar", "as", "c++", "cc", "clang", "clang++", "g++", "gcc", "ld", "ld.lld", "ld.mold", "lld", "mold", "rust-lld"),
    *("cmake", "make", "ninja", "pkg-config", "bash", "sh", "curl", "tar", "unzip", "zstd", "git", "git-lfs"),
    *("bun", "deno", "node", "npm", "npx", "pnpm", "yarn", "python", "python3", "pip", "pip3", "uv", "ruby", "perl"),
    *("php", "go", "gradle", "mvn", "dotnet", "docker", "podman"),
}
"""Tools that only print when asked for their version."""
_OF_RUSTUP = frozenset({"rustc", "rustdoc", "rustfmt", "cargo", "rustup"})
_WORD = {"go": "version"}
"""Tools that want another word than `--version`."""
_FILES = {
    "Go": "go",
    "CMake": "cmake",
    "Node.js": "node",
    "Node": "node",
    "Python": "python3",
    "Ruby": "ruby",
    "PHP": "php",
}
_FILES |= {"GNU Make": "make", "Make": "make", "Cargo": "cargo", "Rust": "rustc", "Bash": "bash", "Perl": "perl"}
"""What messages call a tool, and its program."""
_NUMBER = re.compile(r"\d+(?:\.\d+)*")
_STATED = re.compile(r"\d+(?:\.\d+)+")
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._+-]{0,63}")
_RUSTC = re.compile(r"rustc 1\.([0-9]{1,4})\.")
_STICKY = 0o1000


def ask(host: Host, subject: Subject, arguments: Mapping[str, str]) -> bytes:
    """Where the tool is, as the subject sees it, and what it prints."""
    tool = _FILES.get(arguments.get("tool", ""), arguments.get("tool", ""))
    if not _NAME.fullmatch(tool):
        return refusal(Unknown(Reason.NOT_APPLICABLE, f"{tool!r} is no plain name of a program"))
    try:
        entry = entrance(host, subject)
        folders = arguments["path"] if "path" in arguments else _path_of(host, subject)
        found = _search(host, entry, subject, folders, tool)
    except HostRefusedError as e:
        return refusal(e.unknown)
    wanted = arguments.get("wanted")
    if found is None:
        return pack({"tool": tool, "path": None, "printed": None, "wanted": wanted})
    path, place = found
    others = told(lambda: _others(host, entry, folders, tool, place))
    printed = _version(host, entry, path, place, tool)
    return pack({"tool": tool, "path": path, "printed": printed, "wanted": wanted, "others": others})


def _others(host: Host, entry: str, folders: str, tool: str, chosen: Place) -> list[str]:
    """The paths of other files of that name, in the order of the PATH. Raises `HostRefusedError`."""
    found: dict[str, str] = {}
    for folder in folders.split(":"):
        path = f"{folder.rstrip('/')}/{tool}"
        if path.startswith("/"):
            place = follow(host, entry, path)
            if place.stat and place.stat.kind == "file" and place.stat.mode & 0o111 and place.path != chosen.path:
                found.setdefault(place.path, path)
    return list(found.values())


def _path_of(host: Host, subject: Subject) -> str:
    """The subject's own PATH; raises `HostRefusedError`."""
    pid = subject.pid if subject.pid is not None else int(host.link(who(Subject("whyred"))))
    return host.environ(pid, ["PATH"]).get("PATH", "/usr/local/bin:/usr/bin:/bin")


def _search(host: Host, entry: str, subject: Subject, folders: str, tool: str) -> tuple[str, Place] | None:
    """The first regular file that somebody may execute, as execvp(3) would take it; relative folders are left out.

    A folder that is closed to whyred is passed over only where whyred asks for itself: another process may see the
    tool there. Raises `HostRefusedError` then.
    """
    for folder in folders.split(":"):
        path = f"{folder.rstrip('/')}/{tool}"
        if not path.startswith("/"):
            continue
        try:
            place = follow(host, entry, path)
        except HostRefusedError as e:
            if subject.pid is None and e.unknown.reason is Reason.NO_PERMISSION:
                continue
            raise
        if place.stat and place.stat.kind == "file" and place.stat.mode & 0o111:
            return path, place
    return None


def _version(host: Host, entry: str, path: str, place: Place, tool: str) -> bytes | Unknown:
    by_hand = f"ask by hand: {path} {_WORD.get(tool, '--version')}"
    if tool not in _STARTED:
        return Unknown(Reason.REFUSED, f"whyred starts only tools that it knows; {by_hand}")
    if entry and not _is_same(told(lambda: host.stat(path)), place.stat):
        return Unknown(Reason.NOT_SUPPORTED, f"the process sees another file there than whyred; in its place {by_hand}")
    if not _is_trusted(host, place):
        return Unknown(Reason.REFUSED, f"another user may rewrite this program; as that user {by_hand}")
    if tool in _OF_RUSTUP and _is_proxy(host, place) and not _rustup_is_at_home(host):
        return Unknown(
            Reason.REFUSED, f"rustup would write its settings for whyred's user; as the job's user {by_hand}"
        )
    shown = told(lambda: host.run([path, _WORD.get(tool, "--version")], 1.5))
    if isinstance(shown, Unknown):
        return shown
    if shown.code != 0:
        error = (shown.err or shown.out).decode("utf-8", "replace").strip()[:300]
        return Unknown(Reason.REFUSED, f"{path} ended with exit code {shown.code}: {error}")
    return (shown.out.strip() or shown.err.strip())[:4096].split(b"\n")[0]


def _is_proxy(host: Host, place: Place) -> bool:
    """Whether this is rustup under another name, which then starts the tool of a toolchain."""
    folder, _, name = place.reach.rpartition("/")
    return name == "rustup" or _is_same(told(lambda: host.stat(f"{folder}/rustup")), place.stat)


def _rustup_is_at_home(host: Host) -> bool:
    """Whether rustup has its settings already: where it has none it makes them, and a probe writes nothing."""
    try:
        found = host.environ(int(host.link(who(Subject("whyred")))), ["HOME", "RUSTUP_HOME"])
        home = found.get("RUSTUP_HOME") or f"{found.get('HOME', '')}/.rustup"
        return host.stat(f"{home}/settings.toml").kind == "file"
    except (HostRefusedError, ValueError):
        return False


def _is_same(ours: Stat | Unknown, theirs: Stat | None) -> bool:
    if not isinstance(ours, Stat) or theirs is None or not ours.device:  # 0: the host does not tell devices
        return False
    return (ours.device, ours.inode) == (theirs.device, theirs.inode)


def _is_trusted(host: Host, place: Place) -> bool:
    """Whether only root or whyred's own user can have put the file there: else a job could have root start its own."""
    status = told(lambda: host.read("/proc/self/status").decode("utf-8", "replace"))
    found = re.search(r"^Uid:\s+\d+\s+(\d+)", status, re.MULTILINE) if isinstance(status, str) else None
    if found is None or place.stat is None:
        return False
    own = int(found[1])
    return _only_by(own, place.stat) and all(_only_by(own, d) or d.mode & _STICKY for d in place.crossed)


def _only_by(own: int, stat: Stat) -> bool:
    """Whether only root and `own` may write. For a plain user the group counts as his: it often is his alone."""
    others = 0o002 if own != 0 or stat.gid == 0 else 0o022
    return stat.uid in (0, own) and not stat.mode & others


def read(data: bytes) -> Facts:
    """The facts of an answer."""
    parts = Parts(data)
    if parts.broken is not None:
        return every(FIELDS, parts.broken)
    if parts.absent("path"):
        return every(FIELDS, None) | {"present": False}
    path, printed, tool = parts.text("path"), parts.text("printed"), parts.text("tool")
    if isinstance(path, Unknown):
        return every(FIELDS, path)
    version = printed if isinstance(printed, Unknown) else printable(printed.strip())
    return {
        "present": True,
        "path": printable(path),
        "version": version,
        "older": _older(parts, version),
        "others": _names(parts),
        "minor": _minor(tool, version),
    }


def _older(parts: Parts, version: str | Unknown) -> bool | Unknown | None:
    """Compared as far as the version asked for goes: 1.85.1 is not older than 1.85."""
    if "wanted" not in parts.parts or parts.absent("wanted"):
        return None
    wanted = parts.text("wanted")
    if isinstance(wanted, Unknown):
        return wanted
    if isinstance(version, Unknown):
        return version
    least, stated = _NUMBER.search(wanted), _STATED.search(version)
    if least is None or stated is None:
        return Unknown(Reason.UNREADABLE, "no version number is in what is wanted, or in what the tool prints")
    want, have = ([int(n[:9]) for n in m[0].split(".")] for m in (least, stated))
    return (have + [0] * len(want))[: len(want)] < want


def _names(parts: Parts) -> str | Unknown | None:
    if "others" not in parts.parts:
        return None
    names = parts.texts("others")
    return names if isinstance(names, Unknown) else printable(",".join(names)) or None


def _minor(tool: str | Unknown, version: str | Unknown) -> int | Unknown | None:
    if tool != "rustc":
        return None
    if isinstance(version, Unknown):
        return version
    number = _RUSTC.match(version)
    return int(number[1]) if number else Unknown(Reason.UNREADABLE, "rustc states no version of the form 1.N.N")


PROBE = Probe(
    name="tool-version",
    title="Which tool is found on a PATH, and its version",
    kind=Kind.PROCESS,
    cost=Cost.MODERATE,
    privilege="the same user or root for a process's own PATH",
    fields=FIELDS,
    ask=ask,
    read=read,
    needs={
        "tool": "the plain name of the program",
        "wanted": "optional: the least version that something asks for, such as 1.85",
        "path": "optional: the PATH to search instead of the subject's own",
    },
    pack=({"tool": "bash"}, {"tool": "git"}),
)
