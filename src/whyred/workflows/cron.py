"""The times of a schedule: what `cron` means, and whether two schedules ever start in the same minute.

Source: crontab(5) and GitHub's "Events that trigger workflows: schedule"; Gitea takes `@daily` and its kin as well
(docs.gitea.com, "Compared to GitHub Actions").
"""

from dataclasses import dataclass
from datetime import date, timedelta

_NAMED = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}
_JANUARY = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_SUNDAY = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_MONTHS = {name: number for number, name in enumerate(_JANUARY, 1)}
_DAYS = {name: number for number, name in enumerate(_SUNDAY)}
_FIRST = date(2024, 1, 1)
_LOOKED_AT = 4 * 365 + 1
"""Days that are looked at: four years, so that every date of the calendar is among them."""


class CronError(ValueError):
    """The text is no time of a schedule; says why."""


@dataclass(frozen=True, slots=True)
class Times:
    """When a schedule starts, in UTC. `any_day`, `any_weekday`: that field is `*`; where neither is, one suffices."""

    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    any_day: bool
    any_weekday: bool

    def on(self, day: date) -> bool:
        """Whether it starts on that day."""
        if day.month not in self.months:
            return False
        of_month, of_week = day.day in self.days, day.isoweekday() % 7 in self.weekdays
        if not self.any_day and not self.any_weekday:
            return of_month or of_week
        return of_month and of_week

    @property
    def never(self) -> bool:
        """Whether no day is one, as with 30 February."""
        return not any(self.on(_FIRST + timedelta(n)) for n in range(_LOOKED_AT))


def read_cron(text: str) -> Times:
    """The times that a text stands for. Raises CronError."""
    fields = _NAMED.get(text.strip().lower(), text).split()
    if len(fields) != 5:
        raise CronError(f"it has {len(fields)} fields and wants 5: minute, hour, day, month, weekday")
    minute, hour, day, month, weekday = fields
    weekdays = _values(weekday, 0, 7, _DAYS)
    return Times(
        _values(minute, 0, 59, {}),
        _values(hour, 0, 23, {}),
        _values(day, 1, 31, {}),
        _values(month, 1, 12, _MONTHS),
        frozenset(n % 7 for n in weekdays),
        day.startswith("*"),
        weekday.startswith("*"),
    )


def meet(one: Times, other: Times) -> tuple[int, int] | None:
    """Hour and minute in which both start on some day; None where they never do."""
    hours, minutes = one.hours & other.hours, one.minutes & other.minutes
    if not hours or not minutes:
        return None
    days = (_FIRST + timedelta(n) for n in range(_LOOKED_AT))
    return (min(hours), min(minutes)) if any(one.on(day) and other.on(day) for day in days) else None


def _values(field: str, least: int, most: int, names: dict[str, int]) -> frozenset[int]:
    found: set[int] = set()
    for part in field.split(","):
        span, slash, step = part.partition("/")
        by = _number(step, 1, most, {}) if slash else 1
        first, dash, last = span.partition("-")
        if span == "*":
            start, end = least, most
        else:
            start = _number(first, least, most, names)
            end = _number(last, least, most, names) if dash else most if slash else start
        if end < start:
            raise CronError(f"`{part}` ends before it begins")
        found.update(range(start, end + 1, by))
    return frozenset(found)


def _number(text: str, least: int, most: int, names: dict[str, int]) -> int:
    if text.lower() in names:
        return names[text.lower()]
    if not text.isascii() or not text.isdecimal() or not least <= int(text[:9]) <= most:
        raise CronError(f"`{text[:20]}` is no number from {least} to {most}")
    return int(text)
