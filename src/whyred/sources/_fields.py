"""JSON of a server that nobody vouches for: a field of another type than the documented one counts as not told."""

import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any

_LONGEST = 4096
"""Characters of a name, a title, a URL; more of it is never shown."""
_LAST = 253_370_764_800.0
"""The year 9999 begins: a time from then on is none, and nothing could write it as a date."""
_PARTS = 1_000_000
"""Objects, lists and fields of one answer that are read; a page of fifty runs with their events has a tenth."""


class Fields:
    """One JSON object."""

    def __init__(self, data: object) -> None:
        self.data: dict[str, Any] = data if isinstance(data, dict) else {}

    def text(self, key: str) -> str | None:
        """A text that says something, cut to a length that people read."""
        value = self.data.get(key)
        return value[:_LONGEST] if isinstance(value, str) and value else None

    def whole(self, key: str) -> int | None:
        """A whole number of at most 18 digits."""
        value = self.data.get(key)
        whole = isinstance(value, int) and not isinstance(value, bool) and abs(value) < 10**18
        return value if whole else None

    def positive(self, key: str) -> int | None:
        """A number that servers count from 1, so that 0 means that there is none."""
        value = self.whole(key)
        return value if value is not None and value > 0 else None

    def flag(self, key: str) -> bool:
        """Whether it is true."""
        return self.data.get(key) is True

    def seconds(self, key: str) -> float | None:
        """A time as seconds since the epoch; servers write an unset one as year 1 or as the epoch itself."""
        return moment(self.data.get(key))

    def part(self, key: str) -> "Fields":
        """An object inside, empty where there is none."""
        return Fields(self.data.get(key))

    def parts(self, key: str) -> "list[Fields]":
        """The objects of a list inside; servers write `null` for an empty one."""
        return list(objects(self.data.get(key)))

    def texts(self, key: str) -> tuple[str, ...] | None:
        """A list of texts; None where it is not told."""
        value = self.data.get(key)
        return tuple(v[:_LONGEST] for v in value if isinstance(v, str)) if isinstance(value, list) else None


def bulky(body: bytes) -> bool:
    """Whether JSON has more parts than any list of runs or jobs: read, it would take thirty times its own size."""
    return sum(map(body.count, (b"{", b"[", b","))) > _PARTS


def objects(data: object) -> Iterator[Fields]:
    """The objects of a JSON list."""
    return (Fields(item) for item in data if isinstance(item, dict)) if isinstance(data, list) else iter(())


def moment(value: object) -> float | None:
    """An RFC 3339 time or a number as seconds since the epoch; None for one that is not set."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value) if 0 < value < _LAST else None
    if not isinstance(value, str) or not re.match(r"\d{4}-\d\d-\d\dT", value):
        return None
    try:
        seconds = datetime.fromisoformat(value[:40]).timestamp()
    except (ValueError, OverflowError):
        return None
    return seconds if 0 < seconds < _LAST else None
