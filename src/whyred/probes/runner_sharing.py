"""Whether runner daemons of a host share what each needs for itself: registration, work folder, cache.

Asked of one runner it tells what that one shares with others; asked of a host, what any two share. A home alone may be
shared: it is the folders below it that must not be.
"""

import json
from collections import Counter
from collections.abc import Iterable, Mapping

from whyred.model.evidence import Reason, Unknown
from whyred.model.host import Daemon, Host, HostRefusedError, Stat, Subject
from whyred.model.probe import Cost, Facts, Kind, Probe
from whyred.probes import runner_files
from whyred.probes.answer import Parts, every, pack, printable, refusal, told
from whyred.probes.runner_processes import find_daemons, hidden

FIELDS = {
    "registration_shared": "whether two daemons run with one registration: the forge takes them for one runner",
    "work_folder_shared": "whether two daemons make workspaces and keep clones of actions in one folder",
    "cache_shared": "whether two daemons keep their cache server's files in one folder: the second has no cache",
    "state_shared": "whether any of these is shared",
    "home_shared": "whether two daemons have the same HOME, so that their jobs share what tools keep there",
    "folder_shared": "whether two daemons have the same working directory",
    "shared_with": "the names of the runners that share any of registration, work folder or cache, with commas between "
    "them; absent: none",
    "runners": "number of runner daemons that were compared",
}
_STATE = ("registration", "work_folder", "cache")
_KEPT = ("home", "folder")
_MOST = 32
"""Runner daemons of one host that are compared."""


def ask(host: Host, subject: Subject, arguments: Mapping[str, str]) -> bytes:
    """What each runner daemon of the host has for its own."""
    try:
        processes = host.processes()
    except HostRefusedError as e:
        return refusal(e.unknown)
    daemons, unseen = [d for d in find_daemons(processes) if d.kind in runner_files.REGISTERED], hidden(processes)
    own = next((d for d in daemons if d.process.pid == subject.pid), None)
    if subject.pid is not None and own is None:
        return refusal(Unknown(Reason.NOT_APPLICABLE, f"{subject.name} is no runner that has files of its own"))
    rows = [_state(host, d) | {"name": d.name, "pid": d.process.pid} for d in daemons[:_MOST]]
    return pack({"of": subject.pid, "runners": rows, "unseen": unseen})


def _state(host: Host, daemon: Daemon) -> dict[str, object]:
    """The places of one runner, each in words that are equal for two runners only where it is the same place."""
    pid = daemon.process.pid
    subject = Subject(daemon.name, pid, daemon.process.unit)
    config = told(lambda: runner_files.config(host, subject, daemon))
    said = config if isinstance(config, Unknown) else config.said
    registered = told(lambda: runner_files.registration(host, subject, daemon, said))
    work = runner_files.work_folder(host, subject, daemon, said, registered)
    cache = runner_files.cache_folder(host, subject, daemon, said)
    return {
        "registration": registered if isinstance(registered, Unknown) else registered.key,
        "work_folder": _identity(host, subject, work),
        "cache": _identity(host, subject, cache),
        "home": _identity(host, subject, told(lambda: runner_files.home(host, pid))),
        "folder": _identity(host, subject, told(lambda: host.link(f"/proc/{pid}/cwd"))),
    }


def _identity(host: Host, subject: Subject, path: str | Unknown | None) -> str | Unknown | None:
    """A folder by its device and inode: two containers may have different folders of one name. One that is not there
    yet is nobody's."""
    if path is None or isinstance(path, Unknown):
        return path
    place = told(lambda: runner_files.seen(host, subject, path))
    if isinstance(place, Unknown):
        return place
    return None if place.stat is None else _number(place.stat, place.path)


def _number(stat: Stat, path: str) -> str:
    return f"{stat.device}:{stat.inode}" if stat.device else json.dumps([path, stat.inode])


def read(data: bytes) -> Facts:
    """The facts of an answer."""
    parts = Parts(data)
    if parts.broken is not None:
        return every(FIELDS, parts.broken)
    rows, unseen = parts.tables("runners"), parts.text("unseen") if parts.parts.get("unseen") else None
    if isinstance(rows, Unknown):
        return every(FIELDS, rows)
    me = None if parts.absent("of") else parts.number("of")
    if isinstance(me, Unknown):
        return every(FIELDS, me)
    shared = {key: _shared(rows, key, me) for key in (*_STATE, *_KEPT)}
    facts: dict[str, str | int | bool | Unknown | None] = {
        f"{key}_shared": value if isinstance(value, Unknown) else bool(value) for key, value in shared.items()
    }
    facts["state_shared"] = _any([facts[f"{key}_shared"] for key in _STATE])
    names = [shared[key] for key in _STATE]
    found = sorted({name for one in names if not isinstance(one, Unknown) for name in one})
    unknown = next((one for one in names if isinstance(one, Unknown)), None)
    facts["shared_with"] = ",".join(found) or unknown
    facts |= {"runners": len(rows)}
    if isinstance(unseen, Unknown):  # what was found is so; what was not may be hidden
        facts = {field: value or unseen for field, value in facts.items()}
    return facts


def _shared(rows: Iterable[Parts], key: str, me: int | None) -> set[str] | Unknown:
    """The names of the runners that have this in common (with me, where one runner is asked about)."""
    known: list[tuple[str, str, int]] = []
    refused: list[Unknown] = []
    for row in rows:
        value, name, pid = (None if row.absent(key) else row.text(key)), row.text("name"), row.number("pid")
        if isinstance(value, Unknown):
            refused.append(value)
        elif value is not None and isinstance(name, str) and isinstance(pid, int):
            known.append((value, printable(name), pid))
    often = Counter(value for value, _, _ in known)
    mine = next((value for value, _, pid in known if pid == me), None)
    if me is None:
        found = {name for value, name, _ in known if often[value] > 1}
    else:
        found = {name for value, name, pid in known if value == mine and pid != me}
    return refused[0] if refused and not found else found


def _any(values: Iterable[object]) -> bool | Unknown:
    """Whether one is true; unknown where none is and one may be."""
    held = list(values)
    if True in held:
        return True
    return next((v for v in held if isinstance(v, Unknown)), False)


PROBE = Probe(
    name="runner-sharing",
    title="What the runner daemons of a host share and should not",
    kind=Kind.HOST,
    cost=Cost.MODERATE,
    privilege="root, or the user of all runners",
    fields=FIELDS,
    ask=ask,
    read=read,
    needs={"said": "optional: words of the error that no runner prints whose folders are its own"},
    pack=({},),
)
