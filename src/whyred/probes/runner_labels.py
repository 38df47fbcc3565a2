"""How many runner daemons of a host offer a label. actions/runner's labels are kept by the forge and not known here."""

from collections.abc import Mapping

from whyred.model.evidence import Reason, Unknown
from whyred.model.host import Daemon, Host, HostRefusedError, Subject
from whyred.model.probe import Cost, Facts, Kind, Probe
from whyred.probes import runner_files
from whyred.probes.answer import Parts, every, pack, printable, refusal, told
from whyred.probes.runner_processes import find_daemons

FIELDS = {
    "offered": "number of runner daemons on the host that offer the label",
    "labels": "the names of the labels that they offer, with commas between them; absent: none",
    "runners": "number of runner daemons on the host",
}


def ask(host: Host, subject: Subject, arguments: Mapping[str, str]) -> bytes:
    """The labels of each runner daemon, and the one that is looked for."""
    try:
        daemons = [d for d in find_daemons(host.processes()) if d.kind in runner_files.REGISTERED]
    except HostRefusedError as e:
        return refusal(e.unknown)
    return pack({"label": arguments.get("label", ""), "runners": [{"labels": _labels(host, d)} for d in daemons]})


def _labels(host: Host, daemon: Daemon) -> list[str] | Unknown:
    """The names of the labels, without the kind of place behind them (`native:host`): those of the configuration, else
    those of the registration."""
    if daemon.kind == runner_files.ACTIONS:
        return Unknown(Reason.NOT_SUPPORTED, "the forge keeps the labels of this kind of runner")
    subject = Subject(daemon.name, daemon.process.pid, daemon.process.unit)
    config = told(lambda: runner_files.config(host, subject, daemon))
    if isinstance(config, Unknown):
        return config
    if isinstance(config.said, Unknown):
        return config.said
    said = config.said
    registered = told(lambda: runner_files.registration(host, subject, daemon, said))
    if not said.labels and isinstance(registered, Unknown):
        return registered
    found = said.labels or (() if isinstance(registered, Unknown) else registered.labels)
    return [label.partition(":")[0] for label in found]


def read(data: bytes) -> Facts:
    """The facts of an answer."""
    parts = Parts(data)
    if parts.broken is not None:
        return every(FIELDS, parts.broken)
    label, runners = parts.text("label"), parts.tables("runners")
    if isinstance(label, Unknown) or isinstance(runners, Unknown):
        return every(FIELDS, label if isinstance(label, Unknown) else parts.strange("runners"))
    lists = [r.texts("labels") for r in runners]
    known = [names for names in lists if not isinstance(names, Unknown)]
    refused = next((names for names in lists if isinstance(names, Unknown)), None)
    offered = sum(label in names for names in known)
    names = sorted({printable(name) for one in known for name in one})
    return {
        "offered": refused if refused is not None and not offered else offered,
        "labels": ",".join(names) or refused,
        "runners": len(runners),
    }


PROBE = Probe(
    name="runner-labels",
    title="How many runners of a host offer a label",
    kind=Kind.HOST,
    cost=Cost.MODERATE,
    privilege="read access to the runners' files: most often root",
    fields=FIELDS,
    ask=ask,
    read=read,
    needs={"label": "the label that a job asks for"},
)
