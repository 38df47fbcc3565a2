"""What a process's network namespace holds, from /proc/PID/net: who listens, where routes lead, which addresses are its
own (proc_pid_net(5)). No packet is sent.

Addresses stand there in hexadecimal, in the byte order of the machine; whyred takes it for little-endian, as all
machines of today's runners are.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from whyred.model.evidence import Unknown
from whyred.model.host import Host, Subject
from whyred.probes.answer import Parts, told
from whyred.probes.place import who

Address = IPv4Address | IPv6Address
IPNetwork = IPv4Network | IPv6Network
_LIMIT = 8 << 20
"""Bytes of one table: 50,000 connections."""
_TABLES = ("tcp", "tcp6", "udp", "udp6")
_LISTENS = {"tcp": "0A", "tcp6": "0A", "udp": "07", "udp6": "07"}
"""TCP_LISTEN, and TCP_CLOSE for an unconnected UDP socket (include/net/tcp_states.h of the kernel)."""
_UP, _REJECT = 0x1, 0x200
"""RTF_UP and RTF_REJECT (linux/route.h)."""
_NOBODYS = tuple(
    map(ip_network, ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "240.0.0.0/4", "2001:db8::/32", "100::/64"))
)
"""Addresses that no machine has: for documentation (RFC 5737, RFC 3849), reserved (RFC 1112), discarded (RFC 6666)."""
_OWN_V4 = re.compile(r"\|-- (\d+\.\d+\.\d+\.\d+)\n\s+/32 host LOCAL")


@dataclass(frozen=True, slots=True)
class Listener:
    """A socket that waits. `inode` is its number in /proc/PID/fd, `uid` its owner as whyred sees it."""

    kind: str
    address: Address
    port: int
    uid: int
    inode: int


@dataclass(frozen=True, slots=True)
class Network:
    """One network namespace."""

    listeners: tuple[Listener, ...]
    routes: tuple[IPNetwork, ...]
    """Where routes lead other than over loopback."""
    own: frozenset[Address]

    def is_own(self, address: Address) -> bool:
        """Whether packets to the address stay in this namespace."""
        return address.is_loopback or address.is_unspecified or address in self.own

    def at(self, kind: str, address: Address, port: int) -> Listener | None:
        """Who takes what is sent to the address: bound to it, or to every address."""
        alike = (kind, f"{kind}6")
        for one in self.listeners:
            if one.kind in alike and one.port == port and _takes(one.address, address):
                return one
        return None

    def fault(self, address: Address, port: int, kind: str = "tcp") -> str:
        """Why nobody can answer at an address; empty where nothing tells."""
        if self.is_own(address):
            gone = self.at(kind, address, port) is None
            return f"nobody listens on {shown(address, port)} in this network namespace" if gone else ""
        if any(address in net for net in _NOBODYS if net.version == address.version):
            return f"{address} is an address that no machine has (reserved for documentation or by the standard)"
        if not any(address in net for net in self.routes if net.version == address.version):
            return f"no route leads to {address} from this network namespace"
        return ""


def shown(address: Address, port: int) -> str:
    """An address with its port, for people."""
    return f"[{address}]:{port}" if address.version == 6 else f"{address}:{port}"


def _takes(bound: Address, wanted: Address) -> bool:
    """Whether a socket bound to one address is reached at another; one of all IPv6 addresses takes IPv4 as well."""
    mapped = bound.ipv4_mapped if isinstance(bound, IPv6Address) else None
    return bound.is_unspecified or wanted.is_unspecified or wanted in (bound, mapped)


def literal(text: str) -> Address | None:
    """The address that a text is; None for a name."""
    try:
        return ip_address(text.strip("[]").partition("%")[0])
    except ValueError:
        return None


def ask_network(host: Host, subject: Subject) -> Mapping[str, object]:
    """The tables, of the sockets only those that wait."""
    folder = f"{who(subject)}/net"
    parts: dict[str, object] = {name: told(partial(_waiting, host, folder, name)) for name in _TABLES}
    for name in ("route", "ipv6_route", "fib_trie", "if_inet6"):
        parts[name] = told(partial(host.read, f"{folder}/{name}", _LIMIT))
    if isinstance(parts["fib_trie"], bytes):
        parts["fib_trie"] = "\n".join(sorted(set(_OWN_V4.findall(parts["fib_trie"].decode("ascii", "replace")))))
    return parts


def _waiting(host: Host, folder: str, name: str) -> str:
    lines = host.read(f"{folder}/{name}", _LIMIT).decode("ascii", "replace").split("\n")[1:]
    rows = [line.split() for line in lines]
    return "\n".join(f"{r[1]} {r[7]} {r[9]}" for r in rows if len(r) > 9 and r[3] == _LISTENS[name])


def read_network(parts: Parts) -> Network | Unknown:
    """The namespace of an answer. A kernel without IPv6 has no tables of it."""
    texts = {}
    for name in (*_TABLES, "route", "ipv6_route", "fib_trie", "if_inet6"):
        text = parts.text(name)
        if isinstance(text, Unknown) and not (name.endswith("6") or name == "ipv6_route"):
            return text
        texts[name] = "" if isinstance(text, Unknown) else text
    try:
        listeners = tuple(one for name in _TABLES for one in _listeners(name, texts[name]))
        routes: tuple[IPNetwork, ...] = (*_routes(texts["route"]), *_routes6(texts["ipv6_route"]))
        own = frozenset([*map(ip_address, texts["fib_trie"].split()), *_own6(texts["if_inet6"])])
    except (ValueError, IndexError):
        return parts.strange("route")
    return Network(listeners, routes, own)


def _listeners(kind: str, text: str) -> list[Listener]:
    found = []
    for line in text.split("\n"):
        if line:
            at, uid, inode = line.split()
            address, port = at.split(":")
            found.append(Listener(kind, _address(address), int(port, 16), int(uid), int(inode)))
    return found


def _address(digits: str) -> Address:
    """Four bytes at a time, the last one first."""
    data = bytes.fromhex(digits)
    turned = b"".join(data[at : at + 4][::-1] for at in range(0, len(data), 4))
    return ip_address(turned)


def _routes(text: str) -> list[IPv4Network]:
    found = []
    for row in map(str.split, text.split("\n")[1:]):
        if row and row[0] != "lo" and int(row[3], 16) & (_UP | _REJECT) == _UP:
            mask = IPv4Address(bytes.fromhex(row[7])[::-1])
            found.append(IPv4Network((IPv4Address(bytes.fromhex(row[1])[::-1]), str(mask))))
    return found


def _routes6(text: str) -> list[IPv6Network]:
    found = []
    for row in map(str.split, text.split("\n")):
        if row and row[9] != "lo" and int(row[8], 16) & (_UP | _REJECT) == _UP:
            found.append(IPv6Network((IPv6Address(bytes.fromhex(row[0])), int(row[1], 16)), strict=False))
    return [net for net in found if not (net.is_link_local or net.is_multicast)]


def _own6(text: str) -> list[IPv6Address]:
    return [IPv6Address(bytes.fromhex(line.split()[0])) for line in text.split("\n") if line]
