"""Under which name, labels and address a runner is registered with its forge. Of the uuid only a short hash is told."""

from collections.abc import Mapping
from dataclasses import asdict

from whyred.model.evidence import Unknown
from whyred.model.host import Host, HostRefusedError, Subject
from whyred.model.probe import Cost, Facts, Kind, Probe
from whyred.probes import runner_files
from whyred.probes.answer import Parts, every, pack, printable, refusal, told

FIELDS = {
    "exists": "whether the registration file is there: without it the daemon cannot be started again",
    "key": "a hash of the uuid under which the forge knows the runner: equal keys are one registration",
    "name": "the name under which it was registered; absent: the file says none",
    "labels": "the labels that it was registered with, with commas between them; absent: none (or kept by the forge)",
    "address": "the address of the forge, without credentials; absent: the file says none",
    "changed_since_start": "whether the file was changed after the daemon was started: registered again, or replaced",
    "file": "the path of the registration file",
}
_SLACK = 60_000
"""Milliseconds: a daemon writes the file itself at its start, when it declares its labels."""


def ask(host: Host, subject: Subject, arguments: Mapping[str, str]) -> bytes:
    """The registration without its token, and when the daemon was started."""
    try:
        daemon = runner_files.runner(host, subject)
        config = runner_files.config(host, subject, daemon)
        found = runner_files.registration(host, subject, daemon, config.said)
    except HostRefusedError as e:
        return refusal(e.unknown)
    began = told(lambda: round(runner_files.started(host, subject.pid or 0) * 1000))
    changed = None if found.modified is None else round(found.modified * 1000)
    told_of = {"file": found.path, "labels": list(found.labels), "modified": changed, "started": began}
    return pack({k: v for k, v in asdict(found).items() if k not in ("path", "work")} | told_of)


def read(data: bytes) -> Facts:
    """The facts of an answer."""
    parts = Parts(data)
    if parts.broken is not None:
        return every(FIELDS, parts.broken)
    labels = parts.texts("labels")
    return {
        "exists": parts.flag("exists"),
        **{k: _text(parts, k) for k in ("key", "name", "address", "file")},
        "labels": labels if isinstance(labels, Unknown) else ",".join(map(printable, labels)) or None,
        "changed_since_start": _changed(parts),
    }


def _text(parts: Parts, key: str) -> str | Unknown | None:
    if parts.absent(key):
        return None
    text = parts.text(key)
    return printable(text) if isinstance(text, str) else text


def _changed(parts: Parts) -> bool | Unknown:
    if parts.absent("modified"):
        return False
    began, changed = parts.number("started"), parts.number("modified")
    if isinstance(began, Unknown):
        return began
    return changed if isinstance(changed, Unknown) else changed > began + _SLACK


PROBE = Probe(
    name="runner-registration",
    title="How a runner is registered with its forge",
    kind=Kind.DAEMON,
    cost=Cost.CHEAP,
    privilege="read access to the registration file: most often the runner's user or root",
    fields=FIELDS,
    ask=ask,
    read=read,
    pack=({},),
)
