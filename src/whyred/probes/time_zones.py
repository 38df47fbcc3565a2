"""Which time zone a process has by TZ, and whether its host knows the zone that a log names.

The folders are those that Python's zoneinfo and the C library look in (PEP 615; tzset(3)). Programs with a database of
their own (the JDK, node) do without.
"""

import re
from collections.abc import Mapping

from whyred.model.evidence import Reason, Unknown
from whyred.model.host import Host, HostRefusedError, Subject
from whyred.model.probe import Cost, Facts, Kind, Probe
from whyred.probes.answer import Fields, Parts, every, pack, printable, refusal, told, without_process
from whyred.probes.place import entrance, follow

FIELDS = {
    "tz": "the value of TZ in its environment; absent: not set, the zone of /etc/localtime counts",
    "known": "with `zone`: whether a database of its host has the zone; absent without a database or a zone",
    "lacking": "the zone, where a database is there that does not have it; absent where it has it",
    "no_database": "with `zone`: whether the host has no database of time zones at all; unknown of what is no zone",
}
_FOLDERS = ("/usr/share/zoneinfo", "/usr/lib/zoneinfo", "/usr/share/lib/zoneinfo", "/etc/zoneinfo")
_AREA = re.compile(
    r"(?:Africa|America|Antarctica|Arctic|Asia|Atlantic|Australia|Brazil|Canada|Chile|Etc|Europe|Indian|Mexico|Pacific"
    r"|US)/|(?:[A-Z]{2,4}|[A-Z]{3}\d[A-Z]{3}|GMT[+-]?0|Cuba|Egypt|Eire|Greenwich|Hongkong|Iceland|Iran|Israel|Jamaica"
    r"|Japan|Kwajalein|Libya|NZ-CHAT|Navajo|Poland|Portugal|Singapore|Turkey|Universal|W-SU|Zulu)$"
)
"""How the names of zones begin (tz database, theory.html, Names of timezones; backward)."""
_ZONE = re.compile(r"[A-Za-z][\w+-]{0,40}(?:/[A-Za-z0-9][\w+-]{0,40}){0,2}")


def ask(host: Host, subject: Subject, arguments: Mapping[str, str]) -> bytes:
    """TZ, the folders of zones that have something in them, and those that have this zone."""
    if subject.pid is None:
        return without_process()
    pid, zone = subject.pid, arguments.get("zone", "")
    try:
        env, entry = host.environ(pid, ["TZ"]), entrance(host, subject)
    except HostRefusedError as e:
        return refusal(e.unknown)
    wanted = zone if _ZONE.fullmatch(zone) else ""
    filled = told(lambda: [f for f in _FOLDERS if _filled(host, entry, f)]) if wanted else []
    having = filled
    if isinstance(filled, list):
        having = told(lambda: [f for f in filled if _has(host, entry, f, wanted)])
    return pack({"tz": env.get("TZ"), "zone": wanted, "filled": filled, "having": having})


def _filled(host: Host, entry: str, folder: str) -> bool:
    """Raises HostRefusedError where it may not be looked at."""
    place = follow(host, entry, folder)
    return place.stat is not None and place.stat.kind == "directory" and len(host.names(place.reach)) > 0


def _has(host: Host, entry: str, folder: str, zone: str) -> bool:
    place = follow(host, entry, f"{folder}/{zone}")
    return place.stat is not None and place.stat.kind == "file"


def read(data: bytes) -> Facts:
    """The facts of an answer."""
    parts = Parts(data)
    if parts.broken is not None:
        return every(FIELDS, parts.broken)
    tz = None if parts.absent("tz") else parts.text("tz")
    return {"tz": printable(tz) if isinstance(tz, str) else tz} | _of_zone(parts)


def _of_zone(parts: Parts) -> Fields:
    names = ("known", "lacking", "no_database")
    zone, filled, having = parts.text("zone"), parts.texts("filled"), parts.texts("having")
    for part in (zone, filled, having):
        if isinstance(part, Unknown):
            return every(names, part)
    if not zone:
        return every(names, Unknown(Reason.NOT_APPLICABLE, "the log names no time zone"))
    if not filled:
        none = Unknown(Reason.NOT_APPLICABLE, "no database has a zone of such a name, here or elsewhere")
        return {"known": None, "lacking": None, "no_database": True if _AREA.match(str(zone)) else none}
    return {"known": bool(having), "lacking": None if having else str(zone), "no_database": False}


PROBE = Probe(
    name="time-zones",
    title="The time zone of a process, and whether its host knows the zone of the log",
    kind=Kind.PROCESS,
    cost=Cost.CHEAP,
    privilege="the same user or root",
    fields=FIELDS,
    ask=ask,
    read=read,
    needs={"zone": "optional: the time zone that was not found, such as `Europe/Berlin`"},
    pack=({},),
)
