"""Whether a variable of a process, such as JAVA_HOME, leads to what a program looks for below it."""

from collections.abc import Mapping

from whyred.model.evidence import Unknown
from whyred.model.host import Host, HostRefusedError, Subject
from whyred.model.probe import Cost, Facts, Kind, Lasting, Probe
from whyred.probes.answer import KEPT_BACK, Parts, every, is_secret, pack, printable, refusal, told, without_process
from whyred.probes.place import entrance, follow

FIELDS = {
    "value": Lasting("the value of the variable; absent where it is not set or empty"),
    "missing": "the path that it leads to, where nothing is there; absent where something is, or it is not set",
}


def ask(host: Host, subject: Subject, arguments: Mapping[str, str]) -> bytes:
    """The variable, and whether its path leads to something as the process sees it."""
    if subject.pid is None:
        return without_process()
    name, below, pid = arguments.get("variable", ""), arguments.get("below", ""), subject.pid
    if is_secret(name):
        return refusal(KEPT_BACK)
    try:
        value = host.environ(pid, [name]).get(name) or None
        entry = entrance(host, subject)
    except HostRefusedError as e:
        return refusal(e.unknown)
    if value is None or not value.startswith("/"):
        return pack({"value": value, "path": None, "exists": None})
    path = f"{value.rstrip('/')}/{below}" if below else value
    return pack({"value": value, "path": path, "exists": told(lambda: follow(host, entry, path).stat is not None)})


def read(data: bytes) -> Facts:
    """The facts of an answer."""
    parts = Parts(data)
    if parts.broken is not None:
        return every(FIELDS, parts.broken)
    if parts.absent("value"):
        return {"value": None, "missing": None}
    value = parts.text("value")
    if isinstance(value, Unknown):
        return every(FIELDS, value)
    if parts.absent("path"):
        return {"value": printable(value), "missing": None}
    exists, path = parts.flag("exists"), parts.text("path")
    if isinstance(exists, Unknown) or isinstance(path, Unknown):
        return {"value": printable(value), "missing": exists if isinstance(exists, Unknown) else path}
    return {"value": printable(value), "missing": None if exists else printable(path)}


PROBE = Probe(
    name="variable-path",
    title="Whether a variable of a process leads to what is looked for below it",
    kind=Kind.PROCESS,
    cost=Cost.CHEAP,
    privilege="the same user or root",
    fields=FIELDS,
    ask=ask,
    read=read,
    needs={
        "variable": "the name of the variable, such as `JAVA_HOME`",
        "below": "optional: what is looked for below its path, such as `bin/java`",
    },
    pack=({"variable": "JAVA_HOME", "below": "bin/java"},),
)
