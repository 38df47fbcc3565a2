"""How long each step of a log took, by the times that stand in it.

The time of a line stands before its text, or in the mark of a section. Where each step begins is enough: one ends where
the next begins, the last with the last time of the log. Sources: RFC 3339 (GitHub, Forgejo, Gitea, GitLab's
FF_TIMESTAMPS, Azure, Jenkins' Timestamper with its ISO form), `HH:mm:ss` (its default form, Zuul), gitlab-runner
helpers/build_section.go, travis-build lib/travis/build/bash/travis_time_finish.bash, Buildkite's `ESC _ bk;t=` (agent
process/timestamper.go).
"""

import re
from collections import deque
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, timezone

from whyred.logs.blocks import Block
from whyred.model.failure import Section

_STAMP = re.compile(
    rb"(?:\xef\xbb\xbf)?(?:[^\t\n]{1,200}\t){0,2}(?:\xef\xbb\xbf)?\[?"
    rb"(?P<day>\d{4}-\d\d-\d\d)[T ](?P<time>\d\d:\d\d:\d\d)(?:[.,](?P<part>\d{1,9}))?(?P<zone>Z|[+-]\d\d:?\d\d)?"
)
_CLOCK = re.compile(rb"\[?(\d\d):([0-5]\d):([0-5]\d)(?:[.,](\d{1,9}))?(?=[\] \t])")
_MARK = re.compile(
    rb"section_(?:start|end):(?P<s>\d{9,11}):|travis_time:end:[^\r\n:]{1,40}:start=\d+,finish=(?P<ns>\d{18,20})"
    rb"|\x1b_bk;t=(?P<ms>\d{12,14})\x07"
)
_HEAD = 700
"""Bytes of a line in which its time stands."""
_NEXT = 20
"""Lines in which the time of a step's beginning is looked for: its first may have none."""
_MOST = 4000
"""Steps whose beginning is kept from the start of a log, and from its end."""
_DAY = 86_400.0

Time = tuple[bool, float]
"""Whether the day is known, and the seconds: since the epoch, or since midnight."""


def time_of(row: bytes) -> Time | None:
    """The time that a line of a log tells of itself."""
    row = row[:_HEAD]
    mark = _MARK.search(row)
    if mark is not None:
        per = {"s": 1.0, "ms": 1e3, "ns": 1e9}
        return True, int(mark[mark.lastgroup or "s"]) / per[mark.lastgroup or "s"]
    stamp = _STAMP.match(row)
    if stamp is not None:
        try:
            at = datetime.fromisoformat(f"{stamp['day'].decode()}T{stamp['time'].decode()}")
        except ValueError:
            return None  # 2026-99-99: it only looks like a time
        at = at.replace(tzinfo=_zone(stamp["zone"]))
        return True, at.timestamp() + float(b"0." + (stamp["part"] or b"0"))
    clock = _CLOCK.match(row)
    if clock is None or int(clock[1]) > 23:
        return None
    return False, int(clock[1]) * 3600 + int(clock[2]) * 60 + int(clock[3]) + float(b"0." + (clock[4] or b"0"))


def _zone(zone: bytes | None) -> timezone:
    if zone in (None, b"Z"):
        return UTC
    assert zone is not None
    minutes = int(zone[1:3]) * 60 + int(zone[-2:])
    return timezone(timedelta(minutes=min(minutes, 1439)) * (-1 if zone.startswith(b"-") else 1))


class Clock:
    """The times at which the steps of a log began: `feed` it blocks in order, then take `seconds`."""

    def __init__(self) -> None:
        self._first: dict[int, Time | None] = {}
        self._late: deque[tuple[int, Time | None]] = deque(maxlen=_MOST)
        self._last: Time | None = None
        self._started = False

    def feed(self, block: Block, begun: Sequence[int] = ()) -> None:
        """Takes one block into account. `begun`: the numbers of those of its lines with which a step begins."""
        if not block.raw:
            return
        if not self._started:
            self._started = True
            begun = begun if begun and begun[0] == block.first else (block.first, *begun)
        if begun:
            rows = block.raw.split(b"\n")
            for number in begun:
                at = number - block.first
                found = (time_of(row) for row in rows[at : at + _NEXT])
                self._keep(number, next((time for time in found if time is not None), None))
        self._last = _last(block.raw) or self._last

    def _keep(self, number: int, time: Time | None) -> None:
        if len(self._first) < _MOST:
            self._first[number] = time
        else:
            self._late.append((number, time))

    def seconds(self, sections: Sequence[Section]) -> list[float | None]:
        """How long each section took; None where that is not told."""
        starts = {**self._first, **dict(self._late)}
        times = [starts.get(section.first) for section in sections]
        return [_between(*pair) for pair in zip(times, [*times[1:], self._last], strict=True)] if times else []


def _between(start: Time | None, end: Time | None) -> float | None:
    if start is None or end is None or start[0] is not end[0]:
        return None
    took = end[1] - start[1]
    if took < 0 and not start[0]:
        took += _DAY
    return took if took >= 0 else None


def _last(raw: bytes) -> Time | None:
    """The time of the last line of a block that has one."""
    end = len(raw.rstrip(b"\n"))
    for _ in range(_NEXT):
        at = raw.rfind(b"\n", 0, end) + 1
        time = time_of(raw[at : min(end, at + _HEAD)])
        if time is not None or at == 0:
            return time
        end = at - 1
    return None
