"""Whether cargo's memory of its compiler holds a failure, which it repeats without asking the compiler again.

cargo keeps what `rustc -vV` printed in TARGET/.rustc_info.json, also when that failed (rust-lang/cargo#15358), until
compiler or wrapper change. A healthy file has failures too (rustc 1.63 refuses one of cargo's questions), but always
one answer that begins with `rustc 1.`.
"""

import json
import re
from collections.abc import Mapping
from functools import partial

from whyred.model.evidence import Reason, Unknown
from whyred.model.host import Host, HostRefusedError, Stat, Subject
from whyred.model.probe import Cost, Facts, Kind, Probe
from whyred.probes.answer import Fields, Parts, every, pack, printable, refusal, told
from whyred.probes.cargo_places import environ, targets
from whyred.probes.libraries import file_behind
from whyred.probes.place import entrance, who

FIELDS = {
    "found": "whether a target directory that jobs of this runner use has such a file",
    "path": "the file that holds a failure, else the first one; absent when there is none",
    "poisoned": "whether it holds a failed question for the compiler's version, and no answer to that question",
    "said": "the first line of the error that it repeats; absent when it holds none",
    "before_runner": "whether such a failure was written down before the runner's process was started",
    "version": "the compiler's version that it holds; absent when it holds none",
}
_MOST = 40
_TICKS = 100
"""Clock ticks a second in /proc/PID/stat: USER_HZ is 100 on every Linux whyred runs on (proc(5))."""


def ask(host: Host, subject: Subject, arguments: Mapping[str, str]) -> bytes:
    """The files, and when the runner was started."""
    try:
        entry, env = entrance(host, subject), environ(host, subject)
        files = []
        for target in targets(host, entry, subject, env, arguments.get("folder"))[:_MOST]:
            path = f"{target}/.rustc_info.json"
            reach = told(partial(file_behind, host, entry, path))
            if reach is None:
                continue
            text = reach if isinstance(reach, Unknown) else told(partial(host.read, reach))
            stat = reach if isinstance(reach, Unknown) else told(partial(host.stat, reach))
            files.append({"path": path, "text": text, "stat": stat})
        began = told(lambda: _began(host, subject))
    except HostRefusedError as e:
        return refusal(e.unknown)
    return pack({"files": files, "began": began})


def _began(host: Host, subject: Subject) -> int:
    """When the process was started, in seconds since the epoch. Raises `HostRefusedError`."""
    if subject.pid is None:
        raise HostRefusedError(Reason.NO_SUBJECT, "no process is asked about, so nothing tells when it was started")
    boot = re.search(rb"^btime (\d+)", host.read("/proc/stat"), re.MULTILINE)
    stat = host.read(f"{who(subject)}/stat", 4096).rpartition(b") ")[2].split()
    if boot is None or len(stat) < 20:
        raise HostRefusedError(Reason.UNREADABLE, "/proc does not tell when the process was started")
    return int(boot[1]) + int(stat[19]) // _TICKS


def read(data: bytes) -> Facts:
    """The facts of an answer."""
    parts = Parts(data)
    if parts.broken is not None:
        return every(FIELDS, parts.broken)
    files = parts.tables("files")
    if isinstance(files, Unknown):
        return every(FIELDS, files)
    if not files:
        return every(FIELDS, None) | {"found": False, "poisoned": False, "before_runner": False}
    all_facts = [_of_file(file, parts.number("began")) for file in files]
    known = [f for f in all_facts if not isinstance(f["poisoned"], Unknown)] or all_facts
    return next((f for f in all_facts if f["poisoned"] is True), known[0])


def _of_file(file: Parts, began: int | Unknown) -> Fields:
    path, text = file.text("path"), file.text("text")
    facts: Fields = {"found": True, "path": path if isinstance(path, Unknown) else printable(path)}
    rest = ("poisoned", "said", "before_runner", "version")
    outputs = text if isinstance(text, Unknown) else _outputs(text)
    if isinstance(outputs, Unknown):
        return facts | every(rest, outputs)
    version = next((o["stdout"].partition("\n")[0] for o in outputs if o["stdout"].startswith("rustc 1.")), None)
    failed = [o for o in outputs if not o["success"]]
    poisoned = bool(failed) and version is None
    said = next((line for o in failed for line in o["stderr"].split("\n") if line.strip()), None) if poisoned else None
    stat = file.stat("stat")
    before: bool | Unknown = False
    if poisoned:
        before = _earlier(stat, began)
    return facts | {
        "poisoned": poisoned,
        "said": printable(said[:300]) if said else None,
        "before_runner": before,
        "version": printable(version) if version else None,
    }


def _earlier(stat: Stat | Unknown, began: int | Unknown) -> bool | Unknown:
    """By more than a second: boot time and clock ticks are that coarse."""
    if isinstance(stat, Unknown):
        return stat
    if isinstance(began, Unknown):
        return began
    return stat.modified + 1 < began


def _outputs(text: str) -> list[dict[str, str]] | Unknown:
    try:
        rows = json.loads(text)["outputs"].values()
        return [{"success": "yes" if r["success"] else "", "stdout": r["stdout"], "stderr": r["stderr"]} for r in rows]
    except (ValueError, KeyError, TypeError, AttributeError):
        return Unknown(Reason.UNREADABLE, "the file is not in the form that cargo writes")


PROBE = Probe(
    name="rustc-info",
    title="Whether cargo remembers a failure of its compiler",
    kind=Kind.PROCESS,
    cost=Cost.CHEAP,
    privilege="the same user or root for the process's environment and target directory",
    fields=FIELDS,
    ask=ask,
    read=read,
    needs={"folder": "optional: the checkout, whose target directory is looked at as well"},
)
