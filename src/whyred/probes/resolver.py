"""The settings of the C library's resolver as a process sees them: resolv.conf, nsswitch.conf, hosts."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from whyred.model.evidence import Reason, Unknown
from whyred.model.host import Host, HostRefusedError, Stat, Subject
from whyred.probes.answer import Parts, told
from whyred.probes.network import Address, Network, literal
from whyred.probes.person import READ, ask_person, read_person
from whyred.probes.place import entrance, follow

_MOST = 3
"""Name servers that the C library asks; those after them count for nothing (MAXNS, resolv.conf(5))."""
_DNS = ("dns", "resolve")
"""Services of nsswitch.conf that ask name servers: resolv.conf's, or systemd-resolved."""
_PORT = 53
_RESOLVED = "/run/systemd/resolve/io.systemd.Resolve"
"""The socket of systemd-resolved, which needs neither resolv.conf nor a route of the process (nss-resolve(8))."""


@dataclass(frozen=True, slots=True)
class File:
    """A file of settings: its text (None: there is none), and what stands in the way of reading it."""

    text: str | None
    obstacle: str = ""


@dataclass(frozen=True, slots=True)
class Settings:
    """resolv.conf, nsswitch.conf, hosts, and whether systemd-resolved can be asked over its socket."""

    resolv: File
    switch: File
    hosts: File
    resolved: bool


def ask_file(host: Host, subject: Subject, path: str) -> Mapping[str, object]:
    """A file as the subject sees it."""
    try:
        place = follow(host, entrance(host, subject), path)
    except HostRefusedError as e:
        return {"stat": e.unknown, "text": None, "dangling": False}
    text = told(lambda: host.read(place.reach)) if place.stat and place.stat.kind == "file" else None
    return {"stat": place.stat, "text": text, "dangling": place.dangling}


def ask_resolver(host: Host, subject: Subject) -> Mapping[str, object]:
    """The three files, and who the subject is."""
    names = ("resolv.conf", "nsswitch.conf", "hosts")
    files = {name: ask_file(host, subject, f"/etc/{name}") for name in names}
    return {"person": ask_person(host, subject), "resolved": ask_file(host, subject, _RESOLVED)} | files


def read_file(parts: Parts, name: str, person: Parts | Unknown) -> File | Unknown:
    """A file of an answer."""
    table = parts.table(name)
    if isinstance(table, Unknown):
        return table
    if table.absent("stat"):
        return File(None, "it is a link to nothing" if table.flag("dangling") is True else "it is not there")
    stat, text = table.stat("stat"), table.text("text")
    if isinstance(stat, Unknown):
        return stat
    if stat.kind != "file":
        return File(None, f"it is a {stat.kind}")
    who = person if isinstance(person, Unknown) else read_person(person)
    if not isinstance(who, Unknown) and not who.may(stat, READ):
        return File(None, f"its mode is {stat.mode:04o}: the process may not read it")
    return text if isinstance(text, Unknown) else File(text)


def name_servers(text: str) -> list[str]:
    """Those that are asked."""
    return re.findall(r"^nameserver[ \t]+(\S+)", text, re.MULTILINE)[:_MOST]


def addresses(hosts: str, name: str) -> list[Address]:
    """What the hosts file says of a name."""
    found = []
    for line in hosts.split("\n"):
        address, *names = line.partition("#")[0].split() or [""]
        if name.lower() in map(str.lower, names) and (known := literal(address)) is not None:
            found.append(known)
    return found


def resolver_fault(settings: Settings, network: Network | Unknown) -> str | Unknown:
    """Why no name can be resolved with these settings; empty where nothing tells."""
    resolv, services = settings.resolv, _services(settings.switch.text or "")
    if settings.resolved and "resolve" in services:
        return ""
    if (why := _switched_off(services)) or (why := _unusable(resolv)):
        return why
    servers = name_servers(resolv.text or "")
    told_by = f"/etc/resolv.conf names {', '.join(servers)}"
    if not servers:
        servers = ["127.0.0.1"]  # what the C library then asks (resolv.conf(5))
        told_by = "/etc/resolv.conf names no name server"
        if resolv.obstacle:
            told_by = f"/etc/resolv.conf cannot be used: {resolv.obstacle}"
    if isinstance(network, Unknown):
        return network
    faults = [_server_fault(server, network) for server in servers]
    return f"{told_by}: {faults[0]}" if all(faults) else ""


def _unusable(resolv: File) -> str:
    """Whether nobody could take the file for one of the resolver."""
    return f"/etc/resolv.conf: {resolv.obstacle}" if resolv.obstacle.startswith("its mode") else ""


def _services(text: str) -> list[str]:
    """The words of the line `hosts:`; its default is `dns [!UNAVAIL=return] files` (nsswitch.conf(5))."""
    found = re.search(r"^[ \t]*hosts:[ \t]*([^#\n]*)", text, re.MULTILINE)
    return re.findall(r"\[[^]]*\]|\S+", found[1]) if found else ["dns"]


def _switched_off(services: list[str]) -> str:
    for service, after in zip(services, (*services[1:], ""), strict=True):
        if service in _DNS:
            return ""
        if service == "files" and re.fullmatch(r"\[\s*NOTFOUND\s*=\s*return\s*\]", after, re.IGNORECASE):
            break
    return f"/etc/nsswitch.conf lets no name server be asked: `hosts: {' '.join(services)}`"


def _server_fault(server: str, network: Network) -> str:
    address = literal(server)
    if address is None:
        return f"{server} is no address"
    return network.fault(address, _PORT, "udp")


def read_settings(parts: Parts) -> Settings | Unknown:
    """The settings of an answer."""
    person = parts.table("person")
    files = []
    for name in ("resolv.conf", "nsswitch.conf", "hosts"):
        file = read_file(parts, name, person)
        if isinstance(file, Unknown):
            return file
        files.append(file)
    resolved = parts.table("resolved")
    alive = isinstance(resolved, Parts) and isinstance(resolved.stat("stat"), Stat)
    return Settings(files[0], files[1], files[2], alive)


NOT_ASKED = Unknown(Reason.NOT_APPLICABLE, "no name was given to look up")
