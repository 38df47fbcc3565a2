"""The value of one variable in a process's environment, as it was when its program was started.

An environment holds secrets: only the key that was asked for is read, and of a key whose name speaks of a secret only
whether it is set.
"""

from collections.abc import Mapping

from whyred.model.evidence import Unknown
from whyred.model.host import Host, Subject
from whyred.model.probe import Cost, Facts, Kind, Lasting, Probe
from whyred.probes.answer import KEPT_BACK, Parts, every, is_secret, pack, printable, refusal, told, without_process

FIELDS = {
    "set": Lasting("whether the variable is in the environment, be it empty"),
    "value": Lasting("its value; absent when it is not set, unknown when its name speaks of a secret"),
    "absolute": Lasting("whether the value begins with a slash; absent when it is not set"),
}


def ask(host: Host, subject: Subject, arguments: Mapping[str, str]) -> bytes:
    """The chosen key and no other."""
    if subject.pid is None:
        return without_process()
    key, pid = arguments.get("key", ""), subject.pid
    found = told(lambda: host.environ(pid, [key]))
    if isinstance(found, Unknown):
        return refusal(found)
    value: object = found.get(key)
    return pack({"set": key in found, "value": KEPT_BACK if key in found and is_secret(key) else value})


def read(data: bytes) -> Facts:
    """The facts of an answer."""
    parts = Parts(data)
    if parts.broken is not None:
        return every(FIELDS, parts.broken)
    if parts.absent("value"):
        return {"set": parts.flag("set"), "value": None, "absolute": None}
    value = parts.text("value")
    if isinstance(value, Unknown):
        return {"set": parts.flag("set"), "value": value, "absolute": value}
    return {"set": parts.flag("set"), "value": printable(value), "absolute": value.startswith("/")}


PROBE = Probe(
    name="process-env",
    title="The value of one environment variable of a process",
    kind=Kind.PROCESS,
    cost=Cost.CHEAP,
    privilege="the same user or root",
    fields=FIELDS,
    ask=ask,
    read=read,
    needs={"key": "the name of the variable"},
    pack=({"key": "TMPDIR"}, {"key": "BASH_ENV"}),
)
