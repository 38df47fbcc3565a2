"""Whether a program is on a process's PATH and, where it is not, whether it is installed beside it all the same.

A tool that rustup, nvm, pip or a package put into a folder of its own reaches a person's PATH through a profile, which
no job reads. Installed and not on the PATH is another fault than not installed.
"""

import re
from collections.abc import Iterable, Mapping

from whyred.diagnosis.package_script import OF_MACHINES
from whyred.model.evidence import Reason, Unknown
from whyred.model.host import Host, HostRefusedError, Subject
from whyred.model.probe import Cost, Facts, Kind, Probe
from whyred.probes import project_tool
from whyred.probes.answer import Fields, Parts, every, pack, printable, refusal
from whyred.probes.place import entrance, who
from whyred.probes.profiles import Profile, defines, folders, homes, profiles
from whyred.probes.searching import first, is_program, listed, spread

FIELDS = {
    "on_path": "whether a program of that name is on the PATH of the process",
    "path": "its path there; absent when there is none",
    "off_path": "whether no folder of the PATH has it, and a usual folder for programs or one that a profile names has,"
    " or a profile defines it; absent when only a folder of a single product (/opt/NAME) has it",
    "installed": "whether it is on the PATH, or anywhere else that was looked at; absent when it is nowhere, and a"
    " program on the PATH is called nearly so",
    "lacks": "whether it is nowhere and the machine's to have: a well-known program, or one that the job's checkout"
    " neither brings nor makes, which was read",
    "machine_program_missing": "whether it is a well-known program of machines (git, node, cargo) and not on the PATH",
    "lookalike": "of a name that is nowhere: the program on the PATH whose name is one slip away (two letters swapped,"
    " or one inside it too few or too many); absent when there is none",
    "elsewhere": "the path outside the PATH at which it was found; absent when it is on the PATH or nowhere",
    "named_in": "the profile that puts that folder on the PATH of people; absent when none does",
    "defined_in": "the profile that defines an alias or a function of that name; absent when none does",
    "other_user": "the path of such a program in the home folder of somebody else; absent when none was seen",
}
_OF_HOME = (
    *(".cargo/bin", ".local/bin", "bin", "go/bin", ".go/bin", ".npm-global/bin", ".deno/bin", ".bun/bin", ".volta/bin"),
    *(
        ".pyenv/shims",
        ".pyenv/bin",
        ".rbenv/shims",
        ".rbenv/bin",
        ".asdf/shims",
        ".asdf/bin",
        ".dotnet",
        ".local/go/bin",
    ),
    *(".local/share/mise/shims", ".dotnet/tools", ".krew/bin", ".juliaup/bin", ".poetry/bin", ".nix-profile/bin"),
    *(".linuxbrew/bin", ".yarn/bin", ".local/share/pnpm", ".rustup/toolchains/*/bin", ".nvm/versions/node/*/bin"),
    *(".sdkman/candidates/*/current/bin", ".local/share/fnm/node-versions/*/installation/bin", ".ghcup/bin"),
)
_OF_HOST = (
    *("/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin", "/usr/games", "/snap/bin"),
    *("/usr/local/go/bin", "/usr/local/cargo/bin", "/home/*/.linuxbrew/bin", "/run/current-system/sw/bin"),
    "/nix/var/nix/profiles/default/bin",
)
"""Where installers put programs that people call; `*` stands for any name."""
_BUNDLES = (
    *("/opt/*/bin", "/opt/*", "/opt/*/*/bin", "/usr/local/*/bin", "/usr/local/lib/*/bin", "/usr/lib/jvm/*/bin"),
    *("/usr/lib/llvm-*/bin", "/usr/lib/go-*/bin"),
)
"""Folders of single products. A program in one may be that product's own, such as the python of a venv."""
_LETTERS = re.compile(r"[A-Za-z][A-Za-z0-9._+-]{2,63}")
_LONG = 5
"""A shorter name has too many neighbours that are programs of their own."""
_MOST_FOLDERS = 30
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._+-]{0,63}")


def ask(host: Host, subject: Subject, arguments: Mapping[str, str]) -> bytes:
    """Where the program is, as the subject sees it: names of files, and nothing of what profiles hold."""
    tool = arguments.get("tool", "")
    if not _NAME.fullmatch(tool):
        return refusal(Unknown(Reason.NOT_APPLICABLE, f"{tool!r} is no plain name of a program"))
    try:
        entry = entrance(host, subject)
        pid = subject.pid if subject.pid is not None else int(host.link(who(Subject("whyred"))))
        env = host.environ(pid, ["PATH", "HOME"])
        on_path = _first(host, entry, env.get("PATH", "/usr/local/bin:/usr/bin:/bin").split(":"), tool)
        if isinstance(on_path, str):
            return pack({"on_path": on_path})
        beside = _ask_beside(host, entry, homes(host, entry, subject, env), tool)
        on_path_and_kind = {"on_path": on_path, "of_machines": tool in OF_MACHINES}
        if any(beside.values()):
            return pack(on_path_and_kind | beside)
        if on_path is None:
            beside["lookalike"] = _lookalike(host, entry, env.get("PATH", "/usr/local/bin:/usr/bin:/bin"), tool)
        project = None if tool in OF_MACHINES else _ask_project(host, arguments)
        return pack(on_path_and_kind | {"project": project} | beside)
    except HostRefusedError as e:
        return refusal(e.unknown)


def _ask_beside(host: Host, entry: str, own: list[str], tool: str) -> dict[str, object]:
    files = profiles(host, entry, own)
    named = {folder: p.path for p in files for folder in folders(p)}
    usual = spread(host, entry, [*(f"{h}/{f}" for h in own for f in _OF_HOME), *_OF_HOST])
    elsewhere = _first(host, entry, [*named, *usual], tool)
    bundle = other = None
    if elsewhere is None:
        bundle = _first(host, entry, spread(host, entry, _BUNDLES), tool)
        others = [h for h in ("/root", *spread(host, entry, ["/home/*"])) if h not in own]
        other = _first(host, entry, spread(host, entry, [f"{h}/{f}" for h in others for f in _OF_HOME]), tool)
    folder = elsewhere.rpartition("/")[0] if isinstance(elsewhere, str) else ""
    return {
        "elsewhere": elsewhere,
        "bundle": bundle,
        "named_in": named.get(folder),
        "defined_in": _definer(files, tool),
        "other_user": other if isinstance(other, str) else None,
    }


def _ask_project(host: Host, arguments: Mapping[str, str]) -> bytes:
    checkout = {"tool": arguments["tool"], "folder": arguments.get("checkout", "")}
    return project_tool.ask(host, Subject("workflow"), checkout | {"script": arguments.get("script", "")})


def _lookalike(host: Host, entry: str, path: str, tool: str) -> str | None:
    folders_of_path = [f.rstrip("/") for f in dict.fromkeys(path.split(":")) if f.startswith("/")]
    names = (n for f in folders_of_path[:_MOST_FOLDERS] for n in listed(host, entry + f))
    return next((n for n in names if is_slip(tool, n)), None)


def is_slip(typed: str, meant: str) -> bool:
    """Whether a person who means one name may type the other: `gti`, `pyhton3`, `carggo`.

    Only slips that do not make the name of a sibling: clang-19 is no slip of clang-18, nor is cmake one of make, nor
    dockerd of docker. So the first and the last letter stay for what is too few or too many, and digits for all.
    """
    if typed == meant or not _LETTERS.fullmatch(typed) or re.sub(r"\D", "", typed) != re.sub(r"\D", "", meant):
        return False
    if len(typed) == len(meant):
        wrong = [n for n, (a, b) in enumerate(zip(typed, meant, strict=True)) if a != b]
        swapped = len(wrong) == 2 and wrong[1] == wrong[0] + 1
        return swapped and typed[wrong[0]] == meant[wrong[1]] and typed[wrong[1]] == meant[wrong[0]]
    short, long = sorted((typed, meant), key=len)
    inside = any(long[:n] + long[n + 1 :] == short for n in range(1, len(short)))
    return len(short) >= _LONG and len(long) == len(short) + 1 and short[-1] == long[-1] and inside


def _first(host: Host, entry: str, places: Iterable[str], tool: str) -> str | Unknown | None:
    return first(host, entry, [f"{p.rstrip('/')}/{tool}" for p in places], is_program)


def _definer(files: Iterable[Profile], tool: str) -> str | None:
    return next((p.path for p in files if defines(p, tool)), None)


def read(data: bytes) -> Facts:
    """The facts of an answer."""
    parts = Parts(data)
    if parts.broken is not None:
        return every(FIELDS, parts.broken)
    path = None if parts.absent("on_path") else parts.text("on_path")
    if isinstance(path, str):
        there: Fields = {"on_path": True, "path": printable(path), "off_path": False, "installed": True}
        return every(FIELDS, None) | there | {"lacks": False, "machine_program_missing": False}
    keys = ("elsewhere", "bundle", "named_in", "defined_in", "other_user")
    texts: Fields = {key: _text(parts, key) for key in keys}
    bundle = texts.pop("bundle")
    if isinstance(path, Unknown):
        return every(FIELDS, path) | {k: v for k, v in texts.items() if isinstance(v, str)}
    texts["lookalike"] = _text(parts, "lookalike") if "lookalike" in parts.parts else None
    facts = texts | {"on_path": False, "path": None, "machine_program_missing": parts.flag("of_machines")}
    if isinstance(texts["elsewhere"], str) or isinstance(texts["defined_in"], str):
        return facts | {"off_path": True, "installed": True, "lacks": False}
    if isinstance(texts["elsewhere"], Unknown):
        return facts | dict.fromkeys(("off_path", "installed", "lacks"), texts["elsewhere"])
    if isinstance(bundle, str):
        return facts | {"elsewhere": bundle, "off_path": None, "installed": True, "lacks": False}
    if texts["lookalike"] is not None:
        return facts | {"off_path": False, "installed": None, "lacks": None}
    if isinstance(bundle, Unknown):
        return facts | {"off_path": False, "installed": bundle, "lacks": bundle}
    return facts | {"off_path": False, "installed": False, "lacks": _lacks(parts)}


def _lacks(parts: Parts) -> bool | Unknown:
    """Of a program that is nowhere: whether neither a package of the project brings it nor the project makes it."""
    if "project" in parts.parts and parts.absent("project"):
        return True
    project = parts.text("project")
    if isinstance(project, Unknown):
        return project
    facts = project_tool.read(project.encode())
    own = facts["own"]
    return own if isinstance(own, Unknown) else own is not True and facts["made"] is None


def _text(parts: Parts, key: str) -> str | Unknown | None:
    value = None if parts.absent(key) else parts.text(key)
    return printable(value) if isinstance(value, str) else value


PROBE = Probe(
    name="program-search",
    title="Whether a program is on the PATH, or installed beside it",
    kind=Kind.PROCESS,
    cost=Cost.MODERATE,
    privilege="the same user or root for a process's own PATH and home folder",
    fields=FIELDS,
    ask=ask,
    read=read,
    needs={
        "tool": "the plain name of the program",
        "checkout": "optional: the absolute path of the checkout; the program knows the job's",
        "script": "optional: the line by which the log says that a package manager ran it",
    },
)
