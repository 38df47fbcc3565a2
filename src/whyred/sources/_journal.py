"""The journal of one systemd unit on a host, entry by entry, however long it is: hosts keep little of what one command
prints, so it is asked for in spans of time, and from the last whole entry on where a span holds too much.

Source: journalctl(1), systemd.journal-fields(7).
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass

from whyred.model.evidence import Reason
from whyred.model.host import Host, HostRefusedError, Output
from whyred.model.source import Missing, MissingLogError

_LIMIT = 1 << 20
"""Bytes that hosts keep of a command's output."""
_SECONDS = 30.0
"""For one question: a journal of many gigabytes takes its time."""
_FIRST, _WIDEST, _NARROWEST = 60.0, 3600.0, 0.001
"""Seconds that are asked for at once, at first, at most and at least."""
_DROPPED = "a596d6fe7bfa4994828e72309e95d61e"
"""The id of journald's own message that it dropped some (catalog, SD_MESSAGE_JOURNAL_DROPPED)."""
_SUPPRESSED = re.compile(rb"Suppressed (\d{1,9}) messages from (\S+)")


@dataclass(frozen=True, slots=True)
class Entry:
    """One line that the unit printed. `time` is in microseconds since the epoch; `dropped`: it is not the unit's own,
    but says how many lines of it were dropped before.
    """

    cursor: str
    time: int
    text: bytes
    dropped: int = 0


def entries(host: Host, unit: str, since: float, until: float) -> Iterator[Entry]:
    """The entries of a unit between two times (seconds since the epoch). Raises MissingLogError."""
    asked = f"read the journal of {unit}"
    at, width, cursor = since, _FIRST, ""
    while at < until:
        end = min(until, at + width)
        found, cut = _read(_ask(host, unit, cursor, at, end, asked))
        for entry in found:
            cursor = entry.cursor
            if own := _of(entry, unit):
                yield own
        if cut and not found:
            raise MissingLogError(Missing.TOO_LARGE, asked, "one of its lines is too long to be read from there")
        if cut:
            before, at = at, max(at, found[-1].time / 1e6)
            width = max(_NARROWEST, at - before)  # as much as was had this time
        else:
            at, width = end, min(_WIDEST, width * 2)


def _ask(host: Host, unit: str, cursor: str, since: float, until: float, asked: str) -> bytes:
    begin = f"--after-cursor={cursor}" if cursor else f"--since=@{int(since)}"
    # Fields with the same name are either; what stands on both sides of a plus is either, too.
    matches = [f"_SYSTEMD_UNIT={unit}", "+", f"_SYSTEMD_USER_UNIT={unit}", "+", f"MESSAGE_ID={_DROPPED}"]
    form = ["--no-pager", "--all", "--output=json", "--output-fields=MESSAGE"]
    try:
        told = host.run(["journalctl", *form, begin, f"--until=@{until:.6f}", *matches], _SECONDS)
    except HostRefusedError as e:
        raise _refused(e, asked) from e
    if not told.out:
        _refuse_silence(told, asked)
    return told.out


def _refused(error: HostRefusedError, asked: str) -> MissingLogError:
    told = error.unknown
    if told.reason is Reason.TOOL_MISSING:
        help_ = (
            "that machine keeps no systemd journal: name the folder of the runner's job logs, or let jobs to come pass"
            " through `whyred tap`"
        )
        return MissingLogError(Missing.NOT_FOUND, asked, help_)
    return MissingLogError(Missing.UNREACHABLE, asked, f"{told.detail} ({told.reason}): check that machine, try again")


def _refuse_silence(told: Output, asked: str) -> None:
    """Raises MissingLogError where nothing came because nothing may be seen."""
    said = told.err.decode("utf-8", "replace")
    if "permission" in said or "not seeing messages" in said:
        help_ = "the user there may not read it: add them to the group systemd-journal, or ask as root"
        raise MissingLogError(Missing.NO_PERMISSION, asked, help_)
    if told.code != 0 and "No journal files" not in said:
        line = (said.strip().splitlines() or ["no reason is given"])[-1]
        raise MissingLogError(Missing.SERVER_ERROR, asked, f"journalctl failed there: {line[:300]}")


def _read(data: bytes) -> tuple[list[Entry], bool]:
    """The whole entries in what journalctl printed, and whether more was cut off."""
    cut = len(data) >= _LIMIT or not data.endswith(b"\n")
    lines = data.split(b"\n")[:-1]
    found = [entry for line in lines if (entry := _entry(line)) is not None]
    return found, bool(data) and cut


def _entry(line: bytes) -> Entry | None:
    try:
        told = json.loads(line)
        time = int(told["__REALTIME_TIMESTAMP"])
        cursor = told["__CURSOR"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    if not isinstance(cursor, str) or not cursor:
        return None
    return Entry(cursor, time, _text(told.get("MESSAGE")))


def _text(message: object) -> bytes:
    """A message: a text, numbers of bytes where it is no plain text, or several of these (the first counts)."""
    if isinstance(message, str):
        return message.encode("utf-8", "surrogateescape")
    if isinstance(message, list) and message:
        if isinstance(message[0], int):
            return bytes(b for b in message if isinstance(b, int) and 0 <= b < 256)
        return _text(message[0])
    return b""


def _of(entry: Entry, unit: str) -> Entry | None:
    """The entry, if it is about the unit; journald says of every unit when it dropped something."""
    found = _SUPPRESSED.fullmatch(entry.text)
    if found is None:
        return entry
    return Entry(entry.cursor, entry.time, b"", int(found[1])) if found[2] == unit.encode() else None
