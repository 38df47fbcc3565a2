"""The certificates that a process's programs trust: the system's store, and the variables and files that replace it.

Of the files only the number of certificates goes into the answer. Paths are looked at as the process sees them.
"""

import posixpath
import re
from collections.abc import Iterable, Mapping
from functools import partial

from whyred.model.evidence import Unknown
from whyred.model.host import Host, HostRefusedError, Stat, Subject
from whyred.model.probe import Cost, Facts, Kind, Probe
from whyred.probes.answer import Fields, Parts, every, pack, printable, refusal, told, without_process
from whyred.probes.person import READ, Person, ask_person, read_person
from whyred.probes.place import absolute, entrance, follow

FIELDS = {
    "fault": "why certificates cannot be checked: a named file is missing or holds none, the store is empty; "
    "absent where nothing speaks against them",
    "certificates": "number of certificates in the system's store",
    "narrowed": "which variable replaces the store by a file of few certificates; absent: none does",
    "not_in_store": "certificates that were put beside the system's store and are not in it; absent: none",
    "added": "number of certificates that were put beside the system's store for it to take in",
    "node_knows": "whether Node.js is told of more than its own list (NODE_EXTRA_CA_CERTS, --use-system-ca)",
    "set_by": "the variables and files that name certificates, with commas between them; absent: none",
}
_REPLACING = (
    *("SSL_CERT_FILE", "CURL_CA_BUNDLE", "GIT_SSL_CAINFO", "REQUESTS_CA_BUNDLE", "PIP_CERT", "CARGO_HTTP_CAINFO"),
    *("AWS_CA_BUNDLE", "NIX_SSL_CERT_FILE", "npm_config_cafile", "NPM_CONFIG_CAFILE"),
)
_ADDING = "NODE_EXTRA_CA_CERTS"
_NODE = "NODE_OPTIONS"
_STORES = (
    *("/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/ca-bundle.pem"),
    *("/etc/ssl/cert.pem", "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem"),
)
"""Debian, Fedora, SUSE, Alpine, newer Fedora; Go looks at the same ones (crypto/x509/root_linux.go)."""
_FOLDER = "/etc/ssl/certs"
_BESIDE = ("/usr/local/share/ca-certificates", "/etc/pki/ca-trust/source/anchors")
"""What update-ca-certificates(8) and update-ca-trust(8) take in."""
_OF_USER = (".gitconfig", ".curlrc", ".npmrc", ".config/pip/pip.conf", ".cargo/config.toml")
_OF_ALL = ("/etc/gitconfig", "/etc/pip.conf")
_LINE = re.compile(
    r"^[ \t]*(?:sslCAInfo|cacert|cafile|cainfo|cert)[ \t]*[=: \t][ \t]*[\"']?(?P<path>/[^\"'#\n]+)", re.I | re.M
)
_BEGIN = re.compile(rb"-----BEGIN (?:TRUSTED |X509 )?CERTIFICATE-----")
_BODY = re.compile(rb"-----BEGIN CERTIFICATE-----([A-Za-z0-9+/=\s]+)-----END")
_FEW = 10
"""Fewer are no list of the public authorities, which has more than 100."""
_MOST_FILES = 64
_LIMIT = 8 << 20


def ask(host: Host, subject: Subject, arguments: Mapping[str, str]) -> bytes:
    """The variables and files, what they name, and the system's store."""
    if subject.pid is None:
        return without_process()
    pid = subject.pid
    try:
        env = host.environ(pid, [*_REPLACING, _ADDING, _NODE, "HOME", "CARGO_HOME"])
        entry = entrance(host, subject)
    except HostRefusedError as e:
        return refusal(e.unknown)
    named = {k: env[k] for k in (*_REPLACING, _ADDING) if env.get(k)}
    home = env.get("HOME", "")
    for file in (*_OF_ALL, *(f"{home}/{f}" for f in _OF_USER if home.startswith("/"))):
        if paths := _named_in(host, entry, file):
            named[file] = paths[-1]
    look = partial(_file, host, subject, entry)
    body = _store(host, entry)
    return pack(
        {
            "person": ask_person(host, subject),
            "named": {by: {"path": path, **look(path)} for by, path in named.items()},
            "stores": [{"path": path, **look(path)} for path in _STORES],
            "hashed": told(lambda: sum(n[-2:-1] == "." and len(n) == 10 for n in host.names(entry + _FOLDER))),
            "beside": _beside(host, entry, body),
            "node_options": "--use-system-ca" in env.get(_NODE, "") or "--use-openssl-ca" in env.get(_NODE, ""),
        }
    )


def _named_in(host: Host, entry: str, path: str) -> list[str]:
    """The paths that a file of settings names; what may not be read, names none."""
    try:
        place = follow(host, entry, path)
        text = host.read(place.reach) if place.stat and place.stat.kind == "file" else b""
    except HostRefusedError:
        return []
    return [m["path"].strip() for m in _LINE.finditer(text.decode("utf-8", "replace"))]


def _file(host: Host, subject: Subject, entry: str, path: str) -> dict[str, object]:
    """State of a file and how many certificates it holds."""
    try:
        place = follow(host, entry, absolute(host, subject, path))
    except HostRefusedError as e:
        return {"stat": e.unknown, "certificates": e.unknown}
    if place.stat is None or place.stat.kind != "file":
        return {"stat": place.stat, "certificates": None}
    count = told(lambda: len(_BEGIN.findall(host.read(place.reach, _LIMIT))))
    return {"stat": place.stat, "certificates": count}


def _store(host: Host, entry: str) -> set[bytes]:
    """The certificates of the system's store."""
    for path in _STORES:
        try:
            place = follow(host, entry, path)
            if place.stat and place.stat.kind == "file":
                return _bodies(host.read(place.reach, _LIMIT))
        except HostRefusedError:
            continue
    return set()


def _bodies(text: bytes) -> set[bytes]:
    return {b"".join(body.split()) for body in _BODY.findall(text)}


def _beside(host: Host, entry: str, store: set[bytes]) -> list[dict[str, object]] | Unknown:
    """The certificates that wait beside the store, and whether it has them."""
    found: list[dict[str, object]] = []
    for folder in _BESIDE:
        try:
            names = host.names(entry + folder)[:_MOST_FILES]
            for name in (n for n in names if n.endswith((".crt", ".pem", ".cer"))):
                bodies = _bodies(host.read(f"{entry}{folder}/{name}"))
                found.append({"name": name, "taken": bodies <= store} if bodies else {"name": name, "taken": True})
        except HostRefusedError as e:
            if e.unknown.reason.value != "not-found":
                return e.unknown
    return found


def read(data: bytes) -> Facts:
    """The facts of an answer."""
    parts = Parts(data)
    if parts.broken is not None:
        return every(FIELDS, parts.broken)
    table, person = parts.table("named"), parts.table("person")
    if isinstance(table, Unknown):
        return every(FIELDS, table)
    named = {by: Parts.of(row) for by, row in table.parts.items() if isinstance(row, dict)}
    who = person if isinstance(person, Unknown) else read_person(person)
    stores = parts.tables("stores")
    store = stores if isinstance(stores, Unknown) else _first(stores)
    facts: Fields = {
        "fault": _fault(named, who) or _fault_of_store(parts, named, store),
        "certificates": _count(store),
        "narrowed": _joined(_narrowed(named)),
        "node_knows": _ADDING in named or parts.flag("node_options"),
        "set_by": _joined(named),
    }
    return facts | _added(parts)


def _joined(texts: Iterable[str]) -> str | None:
    return printable(",".join(texts)) or None


def _first(stores: list[Parts]) -> Parts | Unknown | None:
    """The first store that is there."""
    for row in stores:
        if not row.absent("stat"):
            stat = row.stat("stat")
            return stat if isinstance(stat, Unknown) else row
    return None


def _count(store: Parts | Unknown | None) -> int | Unknown:
    if store is None:
        return 0
    if isinstance(store, Unknown):
        return store
    return 0 if store.absent("certificates") else store.number("certificates")


def _fault(named: Mapping[str, Parts], who: Person | Unknown) -> str:
    """What is wrong with a file that is named."""
    for by, row in named.items():
        path, stat = row.text("path"), row.stat("stat")
        why = "is not there" if row.absent("stat") else ""
        if isinstance(stat, Stat):
            if stat.kind != "file":
                why = f"is a {stat.kind}"
            elif not isinstance(who, Unknown) and not who.may(stat, READ):
                why = f"may not be read by the process (mode {stat.mode:04o})"
            elif row.number("certificates") == 0:
                why = "holds no certificate"
        if why:
            return printable(f"{by} names {path}, which {why}")
    return ""


def _fault_of_store(parts: Parts, named: Mapping[str, Parts], store: Parts | Unknown | None) -> str | Unknown | None:
    if isinstance(store, Unknown):
        return store
    if any(by in named for by in _REPLACING):
        return None  # the store is not what the programs read
    if store is None:
        hashed = parts.number("hashed")
        there = isinstance(hashed, int) and hashed > 0
        return None if there else f"the system has no store of certificates ({_STORES[0]} or its like)"
    if _count(store) == 0:
        return f"the system's store {store.text('path')} holds no certificate"
    return None


def _narrowed(named: Mapping[str, Parts]) -> list[str]:
    counts = {by: row.number("certificates") for by, row in named.items() if by != _ADDING}
    return [f"{by} ({n} certificates)" for by, n in counts.items() if isinstance(n, int) and 0 < n < _FEW]


def _added(parts: Parts) -> Fields:
    beside = parts.tables("beside")
    if isinstance(beside, Unknown):
        return every(("added", "not_in_store"), beside)
    lost = [posixpath.basename(str(row.text("name"))) for row in beside if row.flag("taken") is False]
    return {"added": len(beside), "not_in_store": _joined(lost)}


PROBE = Probe(
    name="ca-store",
    title="The certificates that a process's programs trust",
    kind=Kind.PROCESS,
    cost=Cost.CHEAP,
    privilege="the same user or root",
    fields=FIELDS,
    ask=ask,
    read=read,
    pack=({},),
)
