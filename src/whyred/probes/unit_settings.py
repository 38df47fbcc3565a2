"""What systemd gives a unit: private /tmp, environment, writable paths.

Of the environment only names go into the answer, and the value of TMPDIR: the rest may be secret.
"""

import re
from collections.abc import Iterable, Mapping

from whyred.model.evidence import Reason, Unknown
from whyred.model.host import Host, HostRefusedError, Subject
from whyred.model.probe import Cost, Facts, Kind, Probe
from whyred.probes.answer import Fields, Parts, every, pack, printable, refusal, told
from whyred.workflows.variables import read_unit_environment

FIELDS = {
    "private_tmp": "whether the unit has a /tmp of its own whose directory lies in the host's /tmp, where a cleaner "
    "can remove it; false for `disconnected`, which has none there",
    "dynamic_user": "whether the unit runs as a user made for it (before systemd 257 this implies a private /tmp)",
    "environment": "the names in Environment=, with commas between them; absent: none",
    "tmpdir": "the value of TMPDIR in Environment=; absent: not set there",
    "environment_files": "the files of EnvironmentFile=, with commas between them; absent: none",
    "read_write_paths": "the paths of ReadWritePaths=, with commas between them; absent: none",
    "protect_system": "ProtectSystem=: `no`, `yes`, `full` or `strict`",
    "address_families": "RestrictAddressFamilies=: those it may use, or after `~` may not; absent: all of them",
    "no_network": "whether it has a network of its own with nothing in it (PrivateNetwork=), or IPAddressDeny= shuts "
    "out every address and IPAddressAllow= lets in none but those of the machine itself",
    "addresses_denied": "IPAddressDeny=: the addresses it may not reach, with commas between them; absent: none",
    "executable_memory_denied": "MemoryDenyWriteExecute=: whether no memory may become executable, which JITs need",
    "namespaces_denied": "RestrictNamespaces=: `yes`, or the only kinds of namespaces it may make; absent: all",
    "started": "when its main process was started, as systemd writes it; absent: never",
    "fragment": "the path of the unit file; absent: none",
    "drop_ins": "number of drop-in files that change it",
    "drop_in_files": "their paths, the strongest last, with commas between them; absent: none",
    "needs_reload": "whether the unit's files were changed and systemd has not read them again (daemon-reload)",
}
_ASKED = {
    "LoadState": "loaded",
    "PrivateTmp": "no",
    "PrivateTmpEx": "",
    "DynamicUser": "no",
    "EnvironmentFiles": "",
    "ReadWritePaths": "",
    "ProtectSystem": "no",
    "RestrictAddressFamilies": "~",
    "PrivateNetwork": "no",
    "IPAddressDeny": "",
    "IPAddressAllow": "",
    "MemoryDenyWriteExecute": "no",
    "RestrictNamespaces": "no",
    "ExecMainStartTimestamp": "",
    "FragmentPath": "",
    "DropInPaths": "",
    "NeedDaemonReload": "no",
}
"""Properties of org.freedesktop.systemd1(5) and what their absence means; PrivateTmpEx exists from systemd 257."""
_OF_MACHINE = re.compile(r"127\.|::1(?:/|$)")
_NAME = re.compile(r"[A-Za-z0-9:_.@\\-]{1,255}")
_SECONDS = 0.9
"""For each of the two calls: both are ended within a probe's time."""


def ask(host: Host, subject: Subject, arguments: Mapping[str, str]) -> bytes:
    """What `systemctl show` prints for the unit, its environment without values."""
    unit = subject.unit
    if unit is None:
        return refusal(Unknown(Reason.NOT_APPLICABLE, f"{subject.name} belongs to no systemd unit"))
    if not _NAME.fullmatch(unit) or unit.startswith("-"):
        return refusal(Unknown(Reason.NOT_APPLICABLE, f"{unit!r} is no name of a unit"))
    try:
        lines = _shown(host, unit, _ASKED)
    except HostRefusedError as e:
        return refusal(e.unknown)
    shown = "\n".join(v for v in lines if v.partition("=")[0] in _ASKED)
    # Asked apart: a script prints the rest, but nothing of a unit's environment, whose values may be secret.
    environment = told(lambda: _environment(host, unit))
    if isinstance(environment, Unknown):
        return pack({"shown": shown, "environment": environment, "tmpdir": environment})
    return pack({"shown": shown, "environment": sorted(environment), "tmpdir": environment.get("TMPDIR")})


def _shown(host: Host, unit: str, properties: Iterable[str]) -> list[str]:
    """The lines of `systemctl show` with these properties. Raises HostRefusedError."""
    shown = host.run(["systemctl", "show", "--no-pager", "-p", ",".join(properties), "--", unit], _SECONDS)
    if shown.code != 0:
        no = _said_no(" ".join(shown.err.decode("utf-8", "replace").split()))
        raise HostRefusedError(no.reason, no.detail)
    return shown.out.decode("utf-8", "replace").split("\n")


def _environment(host: Host, unit: str) -> dict[str, str]:
    lines = _shown(host, unit, ["Environment"])
    return read_unit_environment("".join(v.partition("=")[2] for v in lines if v.startswith("Environment=")))


def _said_no(text: str) -> Unknown:
    if "not been booted with systemd" in text or "Failed to connect to bus" in text:
        return Unknown(Reason.NOT_SUPPORTED, f"systemd does not run here: {text}")
    return Unknown(Reason.REFUSED, f"systemctl show failed: {text or 'it says nothing'}")


def read(data: bytes) -> Facts:
    """The facts of an answer."""
    parts = Parts(data)
    if parts.broken is not None:
        return every(FIELDS, parts.broken)
    text = parts.text("shown")
    if isinstance(text, Unknown):
        return every(FIELDS, text)
    shown = dict(_ASKED)
    for line in printable(text).split("\n"):
        key, _, value = line.partition("=")
        # systemctl prints one line for each file of EnvironmentFiles
        shown[key] = f"{shown[key]}\n{value}" if key == "EnvironmentFiles" else value
    if shown["LoadState"] == "not-found":
        return every(FIELDS, Unknown(Reason.NOT_FOUND, "systemd knows no such unit"))
    return _of_shown(shown) | _of_environment(parts)


def _of_shown(shown: Mapping[str, str]) -> Fields:
    files = re.findall(r"^(.+) \(ignore_errors=(?:yes|no)\)$", shown["EnvironmentFiles"], re.MULTILINE)
    started = shown["ExecMainStartTimestamp"]
    return {
        "private_tmp": shown["PrivateTmp"] == "yes" and shown["PrivateTmpEx"] != "disconnected",
        "dynamic_user": shown["DynamicUser"] == "yes",
        "environment_files": ",".join(files) or None,
        "read_write_paths": ",".join(shown["ReadWritePaths"].split()) or None,
        "protect_system": shown["ProtectSystem"],
        "address_families": None if shown["RestrictAddressFamilies"] in ("", "~") else shown["RestrictAddressFamilies"],
        "no_network": shown["PrivateNetwork"] == "yes" or _shut_out(shown),
        "addresses_denied": ",".join(shown["IPAddressDeny"].split()) or None,
        "executable_memory_denied": shown["MemoryDenyWriteExecute"] == "yes",
        "namespaces_denied": None if shown["RestrictNamespaces"] in ("", "no") else shown["RestrictNamespaces"],
        "started": None if started in ("", "n/a", "0") else started,
        "fragment": shown["FragmentPath"] or None,
        "drop_ins": len(shown["DropInPaths"].split()),
        "drop_in_files": ",".join(shown["DropInPaths"].split()) or None,
        "needs_reload": shown["NeedDaemonReload"] == "yes",
    }


def _shut_out(shown: Mapping[str, str]) -> bool:
    """`any` is written as 0.0.0.0/0 and ::/0; what is allowed wins (systemd.resource-control(5), IPAddressAllow=)."""
    allowed = shown["IPAddressAllow"].split()
    return "0.0.0.0/0" in shown["IPAddressDeny"].split() and all(_OF_MACHINE.match(a) for a in allowed)


def _of_environment(parts: Parts) -> Fields:
    names = parts.texts("environment")
    tmpdir = None if parts.absent("tmpdir") else parts.text("tmpdir")
    return {
        "environment": names if isinstance(names, Unknown) else ",".join(map(printable, names)) or None,
        "tmpdir": printable(tmpdir) if isinstance(tmpdir, str) else tmpdir,
    }


PROBE = Probe(
    name="unit-settings",
    title="What systemd gives the subject's unit",
    kind=Kind.PROCESS,
    cost=Cost.MODERATE,
    privilege="none",
    fields=FIELDS,
    ask=ask,
    read=read,
    pack=({},),
)
