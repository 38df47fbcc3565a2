"""What keeps a package manager from asking its registry, and whether its cache could do instead.

Of each file only the line that says `offline` goes into the answer.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

from whyred.model.evidence import Reason, Unknown
from whyred.model.host import Host, HostRefusedError, Subject
from whyred.model.probe import Cost, Facts, Kind, Probe
from whyred.probes.answer import Fields, Parts, every, pack, printable, refusal, told, without_process
from whyred.probes.place import entrance, follow

FIELDS = {
    "forced": "what keeps the tool that the log speaks of offline; absent: nothing that the runner has, or no `said`",
    "online": "whether the tool does not say itself that it is offline, and nothing that the runner has makes it so",
    "cold": "whether that tool's cache is missing or empty; absent where whyred does not know its cache",
    "settings": "all settings of the process and its user that keep a tool offline; absent: none",
    "cargo_home": "where cargo keeps what it downloaded",
    "crates": "number of downloaded crates that lie there",
}


@dataclass(frozen=True, slots=True)
class _Tool:
    """How one tool says that it is offline, what makes it so, and the folder below HOME that it needs then.

    `variables`: names and the values that do it. `files`: paths below HOME, or absolute, and the line that does it.
    """

    name: str
    says: str
    variables: Mapping[str, str]
    files: Mapping[str, str]
    cache: str = ""


_YES = r"(?i)(?:1|true|yes|on)"
_TOOLS = (
    _Tool(
        "cargo",
        r"--(?:offline|frozen)\b|`net.offline`",
        {"CARGO_NET_OFFLINE": r"true"},
        {"CARGO_HOME/config.toml": r"^\s*(?:net\.)?offline\s*=\s*true", "CARGO_HOME/config": r"^\s*offline\s*=\s*true"},
        "CARGO_HOME/registry/cache",
    ),
    _Tool(
        "go",
        r"GOPROXY=off|-mod=vendor",
        {"GOPROXY": r"off", "GOFLAGS": r".*-mod=vendor.*"},
        {".config/go/env": r"^(?:GOPROXY=off|GOFLAGS=.*-mod=vendor)"},
        "GOPATH/pkg/mod/cache/download",
    ),
    _Tool(
        "npm",
        r"only-if-cached|ENOTCACHED",
        {"npm_config_offline": _YES, "NPM_CONFIG_OFFLINE": _YES},
        {".npmrc": r"^\s*offline\s*=\s*true", "/etc/npmrc": r"^\s*offline\s*=\s*true"},
        ".npm/_cacache/index-v5",
    ),
    _Tool(
        "pip",
        r"No matching distribution found|Could not find a version that satisfies",
        {"PIP_NO_INDEX": _YES},
        dict.fromkeys(
            (".config/pip/pip.conf", ".pip/pip.conf", "/etc/pip.conf"), r"^\s*no[-_]index\s*[=:]\s*(?i:1|t|y|on)"
        ),
    ),
    _Tool(
        "uv",
        r"[Nn]etwork connectivity is disabled",
        {"UV_OFFLINE": _YES},
        {".config/uv/uv.toml": r"^\s*offline\s*=\s*true"},
    ),
    _Tool(
        "maven",
        r"in offline mode",
        {"MAVEN_ARGS": r"(?:.* )?(?:-o|--offline)(?: .*)?"},
        {".m2/settings.xml": r"<offline>\s*true\s*</offline>"},
        ".m2/repository",
    ),
    _Tool(
        "yarn",
        r"[Nn]etwork (?:access|requests?) (?:is|are|have been) disabled",
        {"YARN_ENABLE_NETWORK": r"(?i)(?:0|false)"},
        {},
    ),
)
_SILENT = "pip"
"""Says the same of a package that does not exist and of one that it may not look for."""
_PLACES = {"CARGO_HOME": ".cargo", "GOPATH": "go"}


def ask(host: Host, subject: Subject, arguments: Mapping[str, str]) -> bytes:
    """Variables, files and caches."""
    if subject.pid is None:
        return without_process()
    keys = [key for tool in _TOOLS for key in tool.variables]
    try:
        env = host.environ(subject.pid, [*keys, *_PLACES, "HOME"])
        entry = entrance(host, subject)
    except HostRefusedError as e:
        return refusal(e.unknown)
    places = {path: _absolute(path, env) for tool in _TOOLS for path in (*tool.files, tool.cache) if path}
    lines = {
        p: told(partial(_lines, host, entry, places[p], w)) for t in _TOOLS for p, w in t.files.items() if places[p]
    }
    caches = {t.cache: told(partial(_entries, host, entry, places[t.cache])) for t in _TOOLS if places.get(t.cache)}
    cargo = _absolute("CARGO_HOME/registry/cache", env)
    return pack(
        {
            "said": arguments.get("said"),
            "env": {k: env[k] for k in keys if k in env},
            "lines": lines,
            "caches": caches,
            "cargo_home": _absolute("CARGO_HOME", env) or None,
            "crates": told(partial(_crates, host, entry, cargo)) if cargo else None,
        }
    )


def _absolute(path: str, env: Mapping[str, str]) -> str:
    """The path with its first name filled in; empty where the process has no HOME."""
    first, slash, rest = path.partition("/")
    if path.startswith("/"):
        return path
    home = env.get("HOME", "")
    if first in _PLACES:
        place = env.get(first) or (f"{home}/{_PLACES[first]}" if home else "")
        path = f"{place}{slash}{rest}"
    else:
        path = f"{home}/{path}"
    return path if path.startswith("/") and not path.startswith("//") else ""


def _lines(host: Host, entry: str, path: str, wanted: str) -> str:
    """The first line of a file that is wanted; empty without one, or without the file."""
    place = follow(host, entry, path)
    text = host.read(place.reach).decode("utf-8", "replace") if place.stat and place.stat.kind == "file" else ""
    found = re.search(wanted, text, re.MULTILINE)
    return found[0].strip() if found else ""


def _entries(host: Host, entry: str, path: str) -> int:
    place = follow(host, entry, path)
    return len(host.names(place.reach)) if place.stat and place.stat.kind == "directory" else 0


def _crates(host: Host, entry: str, path: str) -> int:
    place = follow(host, entry, path)
    if not place.stat or place.stat.kind != "directory":
        return 0
    return sum(n.endswith(".crate") for index in host.names(place.reach) for n in host.names(f"{place.reach}/{index}"))


def read(data: bytes) -> Facts:
    """The facts of an answer."""
    parts = Parts(data)
    if parts.broken is not None:
        return every(FIELDS, parts.broken)
    env, lines, caches = (parts.table(k) for k in ("env", "lines", "caches"))
    for part in (env, lines, caches):
        if isinstance(part, Unknown):
            return every(FIELDS, part)
    assert isinstance(env, Parts)
    assert isinstance(lines, Parts)
    assert isinstance(caches, Parts)
    facts: Fields = {
        "forced": None,
        "online": None,
        "cold": None,
        "settings": printable("; ".join(s for t in _TOOLS for s in _forced(t, env, lines))) or None,
        "cargo_home": None if parts.absent("cargo_home") else parts.text("cargo_home"),
        "crates": Unknown(Reason.NOT_APPLICABLE, "no HOME") if parts.absent("crates") else parts.number("crates"),
    }
    said = parts.parts.get("said")
    tool = next((t for t in _TOOLS if isinstance(said, str) and re.search(t.says, said)), None)
    if tool is None:
        return facts
    facts["forced"] = printable("; ".join(_forced(tool, env, lines))) or None
    facts["online"] = tool.name == _SILENT and facts["forced"] is None
    if tool.cache in caches.parts:
        count = caches.number(tool.cache)
        facts["cold"] = count if isinstance(count, Unknown) else count == 0
    return facts


def _forced(tool: _Tool, env: Parts, lines: Parts) -> list[str]:
    """What keeps the tool offline."""
    found = [
        f"{k}={env.text(k)}" for k, value in tool.variables.items() if re.fullmatch(value, str(env.parts.get(k, "")))
    ]
    return found + [
        f"{path}: {lines.text(path)}"
        for path in tool.files
        if isinstance(lines.parts.get(path), str) and lines.parts[path]
    ]


PROBE = Probe(
    name="offline-settings",
    title="What keeps a package manager from asking its registry",
    kind=Kind.PROCESS,
    cost=Cost.CHEAP,
    privilege="the same user or root",
    fields=FIELDS,
    ask=ask,
    read=read,
    needs={"said": "optional: the words with which the tool says that it is offline"},
    pack=({},),
)
