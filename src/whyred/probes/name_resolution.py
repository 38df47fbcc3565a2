"""Whether a process can resolve names: the resolver's settings as it sees them, and where its routes lead.

No packet is sent, but by getent(1) where the process shares whyred's namespaces and a name is asked about.
"""

import re
from collections.abc import Mapping
from functools import partial

from whyred.model.evidence import Reason, Unknown
from whyred.model.host import Host, HostRefusedError, Subject
from whyred.model.probe import Cost, Facts, Kind, Probe
from whyred.probes.answer import Parts, every, pack, printable, refusal, told
from whyred.probes.network import ask_network, read_network
from whyred.probes.place import entrance, who
from whyred.probes.resolver import NOT_ASKED, addresses, ask_resolver, name_servers, read_settings, resolver_fault

FIELDS = {
    "fault": "why no name can be resolved with these settings; absent where nothing speaks against them",
    "servers": "the name servers that are asked, with commas between them; absent: none is named",
    "routes": "number of routes that lead out of the network namespace; 0: it has loopback and nothing else",
    "hosts_address": "the address that /etc/hosts gives the name; absent: none",
    "pinned": "the same where the name is another machine's: not this host's own, and no name of a container's host",
    "resolves": "whether the name resolves now; only where the process shares whyred's namespaces",
}
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,252}")
_OWN_NAMES = frozenset({"localhost", "ip6-localhost", "ip6-loopback"})
_OTHER = Unknown(Reason.NOT_SUPPORTED, "the process has namespaces of its own, in which whyred looks nothing up")


def ask(host: Host, subject: Subject, arguments: Mapping[str, str]) -> bytes:
    """Files and tables; the name is looked up where that says something of the process."""
    name = arguments.get("host", "")
    try:
        shared = _shared(host, subject)
    except HostRefusedError as e:
        return refusal(e.unknown)
    parts: dict[str, object] = {**ask_network(host, subject), **ask_resolver(host, subject), "name": name or None}
    parts["own"] = told(lambda: host.read("/proc/sys/kernel/hostname").decode("utf-8", "replace").strip())
    if not _NAME.fullmatch(name):
        return pack(parts | {"looked_up": NOT_ASKED})
    return pack(parts | {"looked_up": told(lambda: host.run(["getent", "ahosts", name], 1.5)) if shared else _OTHER})


def _shared(host: Host, subject: Subject) -> bool:
    """Whether the subject sees the files and the network that whyred sees."""
    if entrance(host, subject):
        return False
    own, theirs = (told(partial(host.link, f"{w}/ns/net")) for w in ("/proc/self", who(subject)))
    return isinstance(own, str) and own == theirs


def read(data: bytes) -> Facts:
    """The facts of an answer."""
    parts = Parts(data)
    if parts.broken is not None:
        return every(FIELDS, parts.broken)
    settings, network = read_settings(parts), read_network(parts)
    facts = {"routes": network if isinstance(network, Unknown) else len(network.routes), "resolves": _resolves(parts)}
    if isinstance(settings, Unknown):
        return every(("fault", "servers", "hosts_address", "pinned"), settings) | facts
    fault = resolver_fault(settings, network)
    known = [] if parts.absent("name") else addresses(settings.hosts.text or "", str(parts.text("name")))
    return facts | {
        "fault": fault if isinstance(fault, Unknown) else printable(fault) or None,
        "servers": printable(",".join(name_servers(settings.resolv.text or ""))) or None,
        "hosts_address": str(known[0]) if known else None,
        "pinned": _pinned(parts, str(known[0])) if known else None,
    }


def _pinned(parts: Parts, address: str) -> str | Unknown | None:
    """The address, where the hosts file sends another machine's name to it."""
    name, own = str(parts.text("name")).lower(), parts.text("own")
    if name.split(".")[0] in _OWN_NAMES or name.endswith(".internal"):
        return None
    if isinstance(own, Unknown):
        return own
    own = own.lower()
    return None if own.split(".")[0] == name.split(".")[0] else address


def _resolves(parts: Parts) -> bool | Unknown:
    output = parts.table("looked_up")
    if isinstance(output, Unknown):
        return output
    code = output.number("code")
    if isinstance(code, Unknown):
        return code
    # 2: the name was not found, or no server answered (getent(1) tells the two apart in nothing)
    return code == 0 if code in (0, 2) else Unknown(Reason.REFUSED, f"getent ended with exit code {code}")


PROBE = Probe(
    name="name-resolution",
    title="Whether names can be resolved: resolver settings, name servers, routes",
    kind=Kind.PROCESS,
    cost=Cost.CHEAP,
    privilege="the same user or root where the process has a mount namespace of its own",
    fields=FIELDS,
    ask=ask,
    read=read,
    needs={"host": "optional: the name that could not be resolved"},
    pack=({},),
)
