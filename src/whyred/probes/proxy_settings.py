"""The proxies that a process's environment and the files of its user name, and what is wrong with them.

Names and passwords in a proxy's address are left out of the answer. No packet is sent: whether a proxy can answer is
judged by who listens and where routes lead.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import partial

from whyred.model.evidence import Reason, Unknown
from whyred.model.host import Host, HostRefusedError, Subject
from whyred.model.probe import Cost, Facts, Kind, Probe
from whyred.probes.answer import Fields, Parts, every, pack, printable, refusal, told, without_process
from whyred.probes.network import Network, ask_network, literal, read_network
from whyred.probes.resolver import File, addresses, ask_file, read_file

FIELDS = {
    "fault": "what is wrong with a proxy that is set; absent where nothing tells or none is set",
    "used": "whether what the log names is a proxy of these settings; absent without `said`",
    "set": "whether a proxy is set for http or https",
    "proxies": "host and port of every proxy that is set, with commas between them; absent: none",
    "set_by": "which variables and files set them, with commas between them; absent: none",
    "no_proxy": "the hosts that are asked without a proxy; absent: not set",
    "differing": "whether a variable has another value in small letters than in capitals (curl reads only http_proxy)",
    "elsewhere": "files of the host that set a proxy which this process does not have; absent: none",
}
_SCHEMES = ("http", "https", "all")
_KEYS = [f"{s}_proxy" for s in _SCHEMES] + [f"{s}_PROXY" for s in ("HTTP", "HTTPS", "ALL")]
_TOOLS = ["CARGO_HTTP_PROXY", "PIP_PROXY", "npm_config_proxy", "npm_config_https_proxy"]
_WITHOUT = ["no_proxy", "NO_PROXY"]
_HOME = ["HOME", "CARGO_HOME"]
_OF_USER = (".gitconfig", ".config/git/config", ".curlrc", ".npmrc", ".config/pip/pip.conf", ".cargo/config.toml")
_OF_ALL = ("/etc/gitconfig", "/etc/pip.conf", "/etc/npmrc")
_ELSEWHERE = ("/etc/environment", "/etc/profile.d/proxy.sh")
_LINE = re.compile(r"^[ \t]*(?:export[ \t]+)?(?:https?[-_.]?)?proxy[ \t]*[=: \t][ \t]*(?P<value>[^\n]*)", re.I | re.M)
_ENDPOINT = re.compile(
    r"(?:(?P<scheme>[a-z][a-z0-9+]*)://)?(?P<host>\[[0-9A-Fa-f:.%]+\]|[^\s/:@\[\]]+)(?::(?P<port>\d+))?/?"
)
_STRANGE = re.compile(r"[\s\"'<>`$\\{}]")
_PORTS = {"https": 443, "socks4": 1080, "socks5": 1080, "socks5h": 1080, "socks4a": 1080}
_SAID = re.compile(
    r"proxy(?: name)?: (?P<name>[\w.-]+)|dial tcp\d? (?:lookup )?(?P<at>\S+?)(?::? |$)|^(?P<plain>\[?[\w.:-]+\]?)$"
)


@dataclass(frozen=True, slots=True)
class _Setting:
    """One proxy. `host` is empty where the value is no address of one."""

    by: str
    value: str
    host: str = ""
    port: int = 0

    @property
    def endpoint(self) -> str:
        return f"{self.host}:{self.port}"


def ask(host: Host, subject: Subject, arguments: Mapping[str, str]) -> bytes:
    """Environment, files of settings as the process sees them, and its network."""
    if subject.pid is None:
        return without_process()
    try:
        env = host.environ(subject.pid, [*_KEYS, *_TOOLS, *_WITHOUT, *_HOME])
    except HostRefusedError as e:
        return refusal(e.unknown)
    home = env.get("HOME", "")
    files = [*_OF_ALL, *(f"{home}/{f}" for f in _OF_USER if home.startswith("/"))]
    return pack(
        {
            "env": {k: _masked(v) for k, v in env.items() if k not in _HOME},
            "files": {f: told(partial(_proxies_in, host, subject, f)) for f in files},
            "elsewhere": {f: told(partial(_proxies_in, host, subject, f)) for f in _ELSEWHERE},
            "hosts": ask_file(host, subject, "/etc/hosts"),
            "said": arguments.get("said"),
            **ask_network(host, subject),
        }
    )


def _proxies_in(host: Host, subject: Subject, path: str) -> list[str]:
    """The values of the lines of a file that set a proxy."""
    table = ask_file(host, subject, path)
    text = table["text"]
    if isinstance(text, Unknown):
        raise HostRefusedError(text.reason, text.detail)
    lines = text.decode("utf-8", "replace") if isinstance(text, bytes) else ""
    # a password may hold a `#`, which begins a comment elsewhere
    values = (_masked(m["value"]).partition("#")[0] for m in _LINE.finditer(lines))
    bare = (v.strip().rstrip(";").strip("\"'") for v in values)
    return [v for v in bare if v]


def _masked(value: str) -> str:
    """Without users and passwords, which may themselves hold an `@`, a `/` or a `#`."""
    return re.sub(r"\S+", lambda m: _bare(m[0]), value)


def _bare(word: str) -> str:
    before, at, address = word.rpartition("@")
    scheme, slashes, _ = before.partition("//")
    return f"{scheme}{slashes}***@{address}" if at and slashes else f"***@{address}" if at else word


def read(data: bytes) -> Facts:
    """The facts of an answer."""
    parts = Parts(data)
    if parts.broken is not None:
        return every(FIELDS, parts.broken)
    env = parts.table("env")
    if isinstance(env, Unknown):
        return every(FIELDS, env)
    settings, network = _settings(parts, env), read_network(parts)
    hosts = read_file(parts, "hosts", Unknown(Reason.NOT_APPLICABLE))
    facts: Fields = {
        "fault": _fault(settings, network, hosts),
        "used": None if parts.absent("said") else _used(settings, parts.text("said")),
        "set": bool(settings),
        "proxies": _joined(s.endpoint for s in settings if s.host),
        "set_by": _joined(s.by for s in settings),
        "no_proxy": next((printable(str(env.parts[k])) for k in _WITHOUT if k in env.parts), None),
        "differing": any(k in env.parts and env.parts.get(k.upper(), env.parts[k]) != env.parts[k] for k in _KEYS[:3]),
    }
    return facts | {"elsewhere": None if settings else _elsewhere(parts)}


def _joined(texts: Iterable[str]) -> str | None:
    return printable(",".join(dict.fromkeys(texts))) or None


def _settings(parts: Parts, env: Parts) -> list[_Setting]:
    found = [_setting(k, str(env.parts[k])) for k in (*_KEYS, *_TOOLS) if env.parts.get(k)]
    files = parts.table("files")
    for path, values in {} if isinstance(files, Unknown) else files.parts.items():
        found += [_setting(path, v) for v in values] if isinstance(values, list) else []
    return [s for s in found if s.value.lower() not in ("null", "none", "false", "direct")]


def _setting(by: str, value: str) -> _Setting:
    bare = value.replace("***@", "")
    found = None if _STRANGE.search(value) else _ENDPOINT.fullmatch(bare)
    if found is None or int(found["port"] or 1) not in range(1, 65536):
        return _Setting(by, value)
    port = int(found["port"]) if found["port"] else _PORTS.get(found["scheme"] or "", 80)
    return _Setting(by, value, found["host"].strip("[]"), port)


def _fault(settings: list[_Setting], network: Network | Unknown, hosts: File | Unknown) -> str | Unknown | None:
    for one in settings:
        if not one.host:
            return printable(f"{one.by} is `{one.value}`, which is no address of a proxy")
    for one in settings:
        address = literal(one.host)
        named = addresses(hosts.text or "", one.host) if isinstance(hosts, File) else []
        known = named if address is None else [address]
        if known and isinstance(network, Unknown):
            return network
        why = [network.fault(a, one.port) for a in known] if isinstance(network, Network) else []
        if why and all(why):
            return printable(f"{one.by} names {one.endpoint}: {why[0]}")
    return None


def _used(settings: list[_Setting], said: str | Unknown) -> bool | Unknown:
    """Words that name no address are those of a proxy: then any that is set is meant."""
    if isinstance(said, Unknown):
        return said
    found = _SAID.search(said)
    if found is None:
        return bool(settings)
    wanted = (found["name"] or found["at"] or found["plain"]).lower()
    machine, colon, port = wanted.rpartition(":")
    known = {(s.host.lower(), str(s.port)) for s in settings}
    return (machine.strip("[]"), port) in known if colon and port.isdecimal() else wanted in {h for h, _ in known}


def _elsewhere(parts: Parts) -> str | Unknown | None:
    files = parts.table("elsewhere")
    if isinstance(files, Unknown):
        return files
    return _joined(path for path, values in files.parts.items() if isinstance(values, list) and values)


PROBE = Probe(
    name="proxy-settings",
    title="The proxies that a process and its user's files name, and whether they can answer",
    kind=Kind.PROCESS,
    cost=Cost.CHEAP,
    privilege="the same user or root",
    fields=FIELDS,
    ask=ask,
    read=read,
    needs={"said": "optional: host and port that the log names, or its words about the proxy"},
    pack=({},),
)
