"""Whether a program file fits the machine: ELF class and machine, interpreter, libraries and versions, or a #! line.

The kernel says `No such file or directory` when the file is there and its interpreter is not, and `Exec format error`
for another machine (execve(2)); the loader names one library or version, the first that is missing (ld.so(8)).
"""

import posixpath
from collections.abc import Mapping

from whyred.model.evidence import Reason, Unknown
from whyred.model.host import Host, HostRefusedError, Subject
from whyred.model.probe import Cost, Facts, Kind, Probe
from whyred.probes.answer import Fields, Parts, every, pack, printable, refusal, told
from whyred.probes.elf import MAGIC, Elf, machine_of, read_elf
from whyred.probes.libraries import Blocks, file_behind, library_folders
from whyred.probes.place import absolute, entrance, who
from whyred.probes.searching import first, is_file, is_program

FIELDS = {
    "fits": "whether machine, interpreter, libraries and versions are such that it can be started here",
    "exists": "whether a regular file is there",
    "kind": "`elf`, `script` (its first line is #!), `empty` or `other`",
    "machine": "for what machine it was made, such as `x86_64` or `aarch64`; absent for scripts",
    "host_machine": "the machine that the host's own programs are made for",
    "interpreter": "the loader it names, or the program of its #! line; absent when it names none",
    "interpreter_exists": "whether that file is there; absent when it names none",
    "carriage_return": "whether its #! line ends in a carriage return, which belongs to the interpreter's name then",
    "missing_libraries": "the libraries it needs that no folder of the loader has, with commas; absent: none",
    "missing_versions": "the versions it wants that the libraries here do not have, with commas; absent: none",
    "defines_version": "whether it, as a library, has the version asked for; absent without one",
}
_COMPATIBLE = {"x86_64": {"x86_64", "x86"}, "aarch64": {"aarch64", "arm"}, "ppc64": {"ppc64", "ppc"}}
"""What a kernel runs besides its own: programs of the 32-bit machine."""
_LINE = 256
"""Bytes of a #! line that the kernel reads (execve(2))."""


def ask(host: Host, subject: Subject, arguments: Mapping[str, str]) -> bytes:
    """What the file says of itself, and what the host has of it."""
    try:
        entry, env = entrance(host, subject), _environ(host, subject)
        path = _path(host, entry, subject, arguments, env)
        if isinstance(path, Unknown):
            return refusal(path)
        reach = file_behind(host, entry, path) if path is not None else None
        if reach is None:
            return pack({"exists": False})
        data = Blocks(host, reach)
        head = data(0, _LINE)
        parts: dict[str, object] = {"exists": True, "head": _kind(head), "host": told(lambda: _machine(host))}
        if head.startswith(MAGIC):
            elf = read_elf(data)
            parts |= {"elf": None} if elf is None else _ask_elf(host, entry, env, reach, elf)
            parts["defines"] = arguments["version"] in elf.defines if elf and "version" in arguments else None
        elif head.startswith(b"#!"):
            parts |= _ask_script(host, entry, head)
        return pack(parts)
    except HostRefusedError as e:
        return refusal(e.unknown)


def _environ(host: Host, subject: Subject) -> dict[str, str]:
    """Of a process that is closed to whyred nothing: PATH and LD_LIBRARY_PATH are seldom needed."""
    pid = subject.pid if subject.pid is not None else int(host.link(who(Subject("whyred"))))
    env = told(lambda: host.environ(pid, ["PATH", "LD_LIBRARY_PATH"]))
    return {} if isinstance(env, Unknown) else env


def _path(
    host: Host, entry: str, subject: Subject, arguments: Mapping[str, str], env: Mapping[str, str]
) -> str | Unknown | None:
    """The file asked about: a path, or the first program of a name on the PATH."""
    if "tool" in arguments:
        folders = env.get("PATH", "").split(":")
        if "/" in arguments["tool"] or not env.get("PATH"):
            return Unknown(Reason.NOT_APPLICABLE, "this is no plain name of a program, or the PATH is not known")
        return first(host, entry, [f"{f.rstrip('/')}/{arguments['tool']}" for f in folders], is_program)
    return absolute(host, subject, arguments.get("path", ""))


def _kind(head: bytes) -> str:
    if not head:
        return "empty"
    return "elf" if head.startswith(MAGIC) else "script" if head.startswith(b"#!") else "other"


def _machine(host: Host) -> str | None:
    return machine_of(host.read("/proc/self/exe", 64))


def _ask_elf(host: Host, entry: str, env: Mapping[str, str], reach: str, elf: Elf) -> dict[str, object]:
    interpreter = elf.interpreter
    parts: dict[str, object] = {"elf": elf.machine, "interpreter": interpreter}
    if interpreter is not None:
        parts["interpreter_exists"] = told(lambda: file_behind(host, entry, interpreter) is not None)
    origin = posixpath.dirname(reach.removeprefix(entry))
    own = [f.replace("$ORIGIN", origin).replace("${ORIGIN}", origin) for f in elf.folders.split(":") if f]
    folders = [*own, *library_folders(host, entry, env)]
    missing, versions = [], []
    wanted = dict(elf.needs)
    for name in elf.libraries:
        found = name if "/" in name else first(host, entry, [f"{f}/{name}" for f in folders], is_file)
        if isinstance(found, Unknown):
            return parts | {"missing": found, "versions": found}
        if found is None:
            missing.append(name)
        elif name in wanted:
            versions += _lacking(host, entry, found, wanted[name])
    return parts | {"missing": missing, "versions": versions}


def _lacking(host: Host, entry: str, path: str, wanted: tuple[str, ...]) -> list[str]:
    """The versions that a library here does not define; none where it defines none at all, as musl's does."""
    reach = file_behind(host, entry, path)
    library = read_elf(Blocks(host, reach)) if reach is not None else None
    if library is None or not library.defines:
        return []
    return [v for v in wanted if v not in library.defines]


def _ask_script(host: Host, entry: str, head: bytes) -> dict[str, object]:
    line = head.partition(b"\n")[0][2:].decode("utf-8", "surrogateescape")
    name = line.strip(" \t").split(" ")[0].split("\t")[0].rstrip("\r")
    return {
        "interpreter": name or None,
        "interpreter_exists": told(lambda: file_behind(host, entry, name) is not None) if name else None,
        "carriage_return": line.endswith("\r"),
    }


def read(data: bytes) -> Facts:
    """The facts of an answer."""
    parts = Parts(data)
    if parts.broken is not None:
        return every(FIELDS, parts.broken)
    exists = parts.flag("exists")
    if exists is not True:
        return every(FIELDS, exists if isinstance(exists, Unknown) else None) | {"exists": exists}
    kind, facts = parts.text("head"), every(FIELDS, None)
    facts |= {"exists": True, "kind": kind, "host_machine": _optional(parts, "host")}
    if kind == "elf":
        if parts.absent("elf"):
            broken = Unknown(Reason.UNREADABLE, "its head is that of a program, and the rest is cut or broken")
            return every(FIELDS, broken) | {k: facts[k] for k in ("exists", "kind", "host_machine")}
        facts |= {"machine": parts.text("elf"), "defines_version": _flag(parts, "defines")}
        facts |= {"missing_libraries": _names(parts, "missing"), "missing_versions": _names(parts, "versions")}
    elif kind == "script":
        facts["carriage_return"] = parts.flag("carriage_return")
    facts |= {"interpreter": _optional(parts, "interpreter"), "interpreter_exists": _flag(parts, "interpreter_exists")}
    return facts | {"fits": _fits(facts)}


def _fits(facts: Fields) -> bool | Unknown | None:
    """Whether nothing speaks against starting it; None for what is neither a program nor a script with a #! line."""
    if facts["kind"] not in ("elf", "script"):
        return None
    machine, host = facts["machine"], facts["host_machine"]
    if isinstance(machine, str) and isinstance(host, str) and machine not in _COMPATIBLE.get(host, {host}):
        return False
    if facts["interpreter_exists"] is False or facts["carriage_return"] is True:
        return False
    wants = (facts["missing_libraries"], facts["missing_versions"])
    if any(isinstance(w, str) for w in wants):
        return False
    unknown = next((v for v in (machine, host, facts["interpreter_exists"], *wants) if isinstance(v, Unknown)), None)
    return True if unknown is None else unknown


def _optional(parts: Parts, key: str) -> str | Unknown | None:
    if key not in parts.parts or parts.absent(key):
        return None
    value = parts.text(key)
    return printable(value) if isinstance(value, str) else value


def _flag(parts: Parts, key: str) -> bool | Unknown | None:
    return None if key not in parts.parts or parts.absent(key) else parts.flag(key)


def _names(parts: Parts, key: str) -> str | Unknown | None:
    names = parts.texts(key)
    return names if isinstance(names, Unknown) else printable(",".join(names)) or None


PROBE = Probe(
    name="program-file",
    title="Whether a program file fits the machine: interpreter, libraries, versions",
    kind=Kind.PROCESS,
    cost=Cost.MODERATE,
    privilege="read access to the file; the same user or root to look into another mount namespace",
    fields=FIELDS,
    ask=ask,
    read=read,
    needs={
        "path": "optional: the file, as the process sees it; a relative one counts from its working directory",
        "tool": "optional: the plain name of a program, looked for on the process's PATH in place of a path",
        "version": "optional: a version of symbols, such as GLIBC_2.34, that the file may define as a library",
    },
)
