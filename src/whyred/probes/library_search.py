"""Whether a system library, its header, its link name or its pkg-config file is on the host.

A header or `-l` name that is nowhere may as well be one of the project's own. It counts as a part of the system that
is missing only where distributions ship a library of that name, or the library itself is there without the files that
compilers want, which are in a package of their own (Debian policy 8.4: -dev).
"""

import re
from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase

from whyred.model.evidence import Reason, Unknown
from whyred.model.host import Host, HostRefusedError, Subject
from whyred.model.probe import Cost, Facts, Kind, Probe
from whyred.probes.answer import Parts, every, pack, printable, refusal, told
from whyred.probes.libraries import library_folders
from whyred.probes.place import entrance, who
from whyred.probes.searching import first, is_file, spread
from whyred.probes.system_libraries import HEADERS, LIBRARIES

FIELDS = {
    "found": "whether a folder in which loader, linker, compiler or pkg-config look has it",
    "path": "its path; absent when there is none",
    "runtime": "the versioned library of that name that is there, such as libz.so.1; absent when none is",
    "known": "whether distributions ship a library of that name: it is no part of the project",
    "system_part_missing": "whether it is nowhere, and is part of a library of the system",
}
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._+/-]{0,127}")
_VARIABLES = ("LD_LIBRARY_PATH", "LIBRARY_PATH", "CPATH", "C_INCLUDE_PATH", "CPLUS_INCLUDE_PATH", "PKG_CONFIG_PATH")
_HEADERS = (
    "/usr/include",
    "/usr/local/include",
    "/usr/include/*",
    "/usr/lib/gcc/*/*/include",
    "/usr/lib/llvm-*/include",
)
_COPIES = ("/usr/include/node",)
"""Copies of other libraries' headers (zlib, openssl, libuv), which node-gyp alone hands to a compiler."""
_VERSIONED = re.compile(r"\.so\.[0-9.]+$")


def ask(host: Host, subject: Subject, arguments: Mapping[str, str]) -> bytes:
    """Where the file is, as the subject sees it. Exactly one of the arguments names it."""
    kind, name = next(((k, v) for k, v in arguments.items() if k in NEEDS), ("", ""))
    name = name.removeprefix("-l").removeprefix(":") if kind == "link" else name
    if not _NAME.fullmatch(name) or ".." in name:
        return refusal(Unknown(Reason.NOT_APPLICABLE, f"{name!r} is no plain name of a library or a header"))
    try:
        entry = entrance(host, subject)
        pid = subject.pid if subject.pid is not None else int(host.link(who(Subject("whyred"))))
        env = told(lambda: host.environ(pid, _VARIABLES))
        env = {} if isinstance(env, Unknown) else env
        folders = library_folders(host, entry, env)
        found = first(host, entry, _paths(host, entry, env, folders, kind, name), is_file)
        runtime = None if kind in ("library", "header") or found else _runtime(host, entry, folders, name)
    except HostRefusedError as e:
        return refusal(e.unknown)
    return pack({"kind": kind, "name": name, "path": found, "runtime": runtime})


def _paths(host: Host, entry: str, env: Mapping[str, str], folders: list[str], kind: str, name: str) -> Iterable[str]:
    """The paths that are tried, in the order in which the tool tries them."""
    if kind == "header":
        own = [f for v in ("CPATH", "C_INCLUDE_PATH", "CPLUS_INCLUDE_PATH") for f in env.get(v, "").split(":")]
        usual = [f for f in spread(host, entry, [*_HEADERS, "/usr/include/c++/*"]) if f not in _COPIES]
        return [f"{f}/{name}" for f in (*own, *usual) if f]
    if kind == "package":
        own = [f for f in env.get("PKG_CONFIG_PATH", "").split(":") if f]
        shared = [f"{f}/pkgconfig" for f in (*folders, "/usr/share", "/usr/local/share")]
        return [f"{f}/{name}.pc" for f in (*own, *shared)]
    if kind == "library":
        return [f"{f}/{name}" for f in folders]
    own = [f for f in env.get("LIBRARY_PATH", "").split(":") if f]
    places = [*own, *folders, *spread(host, entry, ["/usr/lib/gcc/*/*", "/usr/lib/llvm-*/lib"])]
    return [f"{p}/{file}" for file in files(kind, name) for p in places]


def files(kind: str, name: str) -> list[str]:
    """What stands for it below the folders that are searched."""
    if kind == "link":
        name = name.removeprefix("-l").removeprefix(":")
    if not _NAME.fullmatch(name) or ".." in name:
        return []
    if kind == "package":
        return [f"pkgconfig/{name}.pc"]
    plain = kind != "link" or re.search(r"\.(?:so|a|o|ld)(?:$|\.)", name)
    return [name] if plain else [f"lib{name}.so", f"lib{name}.a"]


def _runtime(host: Host, entry: str, folders: list[str], name: str) -> str | None:
    """The library as programs load it: libNAME.so.1 is there where only the -dev package is missing."""
    stem = f"lib{name.removeprefix('lib')}.so."
    found = spread(host, entry, [f"{f}/{stem}*" for f in folders])
    return next((f for f in found if _VERSIONED.search(f)), None)


def read(data: bytes) -> Facts:
    """The facts of an answer."""
    parts = Parts(data)
    if parts.broken is not None:
        return every(FIELDS, parts.broken)
    kind, name = parts.text("kind"), parts.text("name")
    if isinstance(kind, Unknown) or isinstance(name, Unknown):
        return every(FIELDS, parts.strange("name"))
    path = None if parts.absent("path") else parts.text("path")
    runtime = None if parts.absent("runtime") else parts.text("runtime")
    known = _is_known(kind, name)
    found: bool | Unknown = path if isinstance(path, Unknown) else path is not None
    missing = found if isinstance(found, Unknown) else not found and (known or runtime is not None)
    return {
        "found": found,
        "path": printable(path) if isinstance(path, str) else path,
        "runtime": printable(runtime) if isinstance(runtime, str) else runtime,
        "known": known,
        "system_part_missing": missing,
    }


def _is_known(kind: str, name: str) -> bool:
    """By its name alone."""
    if kind == "header":
        return any(fnmatchcase(name, pattern) for pattern in HEADERS)
    stem = re.sub(r"\.(?:so|a)(?:\..*)?$", "", name)
    names = {name, stem, stem.removeprefix("lib"), re.sub(r"^lib(.*?)-?[0-9.]*$", r"\1", stem)}
    return bool(names & LIBRARIES) or re.fullmatch(r"crt\w{1,10}\.o|ld[-.]\S*|libc\S*", name) is not None


NEEDS = {
    "library": "optional: a library as programs load it, such as libssl.so.3",
    "link": "optional: a library as the linker is told it: -lz or z, or a file such as crt1.o",
    "header": "optional: a header as a source includes it, such as openssl/ssl.h",
    "package": "optional: a package of pkg-config, such as openssl",
}

PROBE = Probe(
    name="library-search",
    title="Whether a system library, its header or its pkg-config file is there",
    kind=Kind.PROCESS,
    cost=Cost.MODERATE,
    privilege="none; the same user or root for folders that the process's environment adds",
    fields=FIELDS,
    ask=ask,
    read=read,
    needs=NEEDS,
)
