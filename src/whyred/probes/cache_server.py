"""Whether anybody can answer where the jobs of a runner look for the cache of the forge.

The address comes from the log or from the runner's own environment. No packet is sent: it is judged by who listens in
the process's network namespace and where its routes lead.
"""

import re
from collections.abc import Mapping

from whyred.model.evidence import Reason, Unknown
from whyred.model.host import Host, HostRefusedError, Subject
from whyred.model.probe import Cost, Facts, Kind, Probe
from whyred.probes.answer import Parts, every, pack, printable, refusal, without_process
from whyred.probes.network import Address, ask_network, literal, read_network
from whyred.probes.resolver import addresses, ask_file, read_file

FIELDS = {
    "fault": "why nobody can answer at the address; absent where nothing speaks against it or there is none",
    "own_fault": "the same, only where the log names the very address that the environment does; absent otherwise",
    "url": "where the process's environment says the cache is, without the token in its path; absent: it says nothing",
}
_KEYS = ("ACTIONS_CACHE_URL", "ACTIONS_RESULTS_URL")
"""What actions/cache reads, version 1 and 2 of its service (actions/toolkit, packages/cache)."""
_ENDPOINT = re.compile(r"(?:(?P<scheme>https?)://)?(?P<host>\[[0-9A-Fa-f:.]+\]|[\w.-]+)(?::(?P<port>\d{1,5}))?(?:/|$)")


def ask(host: Host, subject: Subject, arguments: Mapping[str, str]) -> bytes:
    """The address, the names of the hosts file and the network of the process."""
    if subject.pid is None:
        return without_process()
    try:
        env = host.environ(subject.pid, _KEYS)
    except HostRefusedError as e:
        return refusal(e.unknown)
    named = [m[0] for k in _KEYS if (m := _ENDPOINT.match(env.get(k, "")))]
    hosts = ask_file(host, subject, "/etc/hosts")
    url = named[0] if named else None
    known = {"url": url, "named": named, "said": arguments.get("address")}
    return pack({**known, "address": arguments.get("address") or url, "hosts": hosts, **ask_network(host, subject)})


def read(data: bytes) -> Facts:
    """The facts of an answer."""
    parts = Parts(data)
    if parts.broken is not None:
        return every(FIELDS, parts.broken)
    fault = _fault(parts)
    return {
        "fault": fault,
        "own_fault": fault if _is_own(parts) else None,
        "url": None if parts.absent("url") else parts.text("url"),
    }


def _is_own(parts: Parts) -> bool:
    """Whether the log names an address that the environment names as well."""
    said, named = parts.parts.get("said"), parts.parts.get("named")
    wanted = _endpoint(said) if isinstance(said, str) else None
    return wanted is not None and isinstance(named, list) and wanted in {_endpoint(str(n)) for n in named}


def _endpoint(text: str) -> tuple[str, int] | None:
    """Host and port of an address; None where the text is none."""
    found = _ENDPOINT.match(text)
    if found is None:
        return None
    return found["host"].lower(), int(found["port"] or (443 if found["scheme"] == "https" else 80))


def _fault(parts: Parts) -> str | Unknown | None:
    if parts.absent("address"):
        return None
    text, network = parts.text("address"), read_network(parts)
    if isinstance(text, Unknown):
        return text
    if isinstance(network, Unknown):
        return network
    found = _endpoint(text)
    if found is None:
        return Unknown(Reason.NOT_APPLICABLE, "what the log names is no address")
    name, port = found
    faults = [network.fault(address, port) for address in _known(parts, name)]
    return printable(faults[0]) if faults and all(faults) else None


def _known(parts: Parts, name: str) -> list[Address]:
    address, hosts = literal(name), read_file(parts, "hosts", Unknown(Reason.NOT_APPLICABLE))
    if address is not None:
        return [address]
    return [] if isinstance(hosts, Unknown) else addresses(hosts.text or "", name)


PROBE = Probe(
    name="cache-server",
    title="Whether anybody can answer where jobs look for the cache of the forge",
    kind=Kind.PROCESS,
    cost=Cost.CHEAP,
    privilege="the same user or root",
    fields=FIELDS,
    ask=ask,
    read=read,
    needs={"address": "optional: host and port that the log names"},
    pack=({},),
)
