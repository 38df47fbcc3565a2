"""What tells which step of a job may have written a line: the runner's own words, what scripts print, the seconds."""

import re
from collections.abc import Iterator, Sequence

from whyred.logs.steps_by_time import STAMP, first_from, last_second, second
from whyred.model.run import Step
from whyred.model.script import Print, Script

_STAMP = rb"(?:\xef\xbb\xbf)?(?:\d{4}-\d\d-\d\dT[0-9:.,]{8,19}Z ?)?"
_STARS = b"***"
_LINE = 8192
"""Bytes of a line that are looked at."""
_BEGIN = 24
"""Bytes of a text by which its line is found."""
_FRAME = re.compile(
    r"⭐ Run Main (?P<name>.+)"
    r"|(?:##\[group\]|::group::)Run (?P<begins>.+)"
    r"|(?:⚙️ \[runner\]: )?(?:RUN exit status |exitcode ')(?P<code>\d{1,3})(?:': failure)?"
    r"|(?:⚙️ \[runner\]: )?this step has been (?P<cancelled>cancelled): .+"
    r"|##\[error\]Process completed with exit code (?P<code2>\d{1,3})\."
    r"|(?P<end>⭐ Run Post .+|🏁  Job .+|Job '.*' (?:failed|succeeded))"
)
"""What the runner itself says (forgejo-runner: act/runner/step.go, internal/pkg/report/reporter.go; the groups and
`##[error]`: Gitea's act 0.6 and later).
"""
_FRAME_BEGINS = tuple(
    text.encode()
    for text in (
        "⭐ Run ",
        "⚙️ [runner]: ",
        "RUN exit ",
        "this step has been ",
        "exitcode '",
        "🏁  Job ",
        "Job '",
        "##[group]Run ",
        "::group::Run ",
        "##[error]Process ",
    )
)


def said(line: bytes) -> bytes:
    """What a line says, without its time and end."""
    stamp = STAMP.match(line)
    return line[stamp.end() if stamp else 0 :][:_LINE].rstrip(b"\r\n")


def frame(text: bytes) -> re.Match[str] | None:
    """What the runner itself says with a line (`said`), by the names of the groups; None where a step wrote it."""
    return _FRAME.fullmatch(text.decode("utf-8", "replace")) if text.startswith(_FRAME_BEGINS) else None


class Prints:
    """What all scripts print, to be found by a line."""

    def __init__(self, scripts: Sequence[Script]) -> None:
        self._whole: dict[bytes, list[tuple[int, Print]]] = {}
        self._open: list[tuple[re.Pattern[bytes], int, Print]] = []
        for place, script in enumerate(scripts):
            for told in script.prints:
                parts = [part.encode() for part in told.parts]
                if len(parts) == 1:
                    self._whole.setdefault(parts[0].rstrip(), []).append((place, told))
                else:
                    self._open.append((re.compile(b".*".join(re.escape(part) for part in parts)), place, told))
        self._firsts = [
            (place, told.parts[0].encode()) for place, s in enumerate(scripts) for told in s.prints if told.first
        ]
        self._begins = tuple(told.parts[0].encode() for _, _, told in self._open)
        begins = {*_FRAME_BEGINS, *(text[:_BEGIN] for text in (*self._whole, *self._begins))}
        self._spots = re.compile(b"\n" + _STAMP + b"(?:" + b"|".join(map(re.escape, sorted(begins))) + b")")

    def spots(self, rows: bytes) -> Iterator[int]:
        """Where the lines begin that may be one of these texts, or the runner's own."""
        # With the line feed in front it is found three times as fast as by `^`.
        return (found.start() for found in self._spots.finditer(b"\n" + rows))

    def masked(self, rows: bytes) -> set[int]:
        """The steps that begin with a text which may be a line here that was masked: there a secret is `***`."""
        found: set[int] = set()
        at = rows.find(_STARS)
        while at >= 0 and len(found) < len(self._firsts):
            start, end = rows.rfind(b"\n", 0, at) + 1, rows.find(b"\n", at) % (len(rows) + 1)
            line = rows[start:end].rstrip(b"\r")
            stamp = STAMP.match(line)
            begin, _, rest = line[stamp.end() if stamp else 0 :].partition(_STARS)
            last = rest.rpartition(_STARS)[2]
            found |= {place for place, text in self._firsts if text.startswith(begin) and text.endswith(last)}
            at = rows.find(_STARS, end)
        return found

    def of(self, text: bytes) -> list[tuple[int, Print]]:
        """The steps that print this line, each with the text that it is."""
        found = self._whole.get(text.rstrip(), [])
        if text.startswith(self._begins):
            found = found + [(place, told) for form, place, told in self._open if form.fullmatch(text)]
        return found


class Windows:
    """The steps that ran in a second: from `low` to `high`."""

    def __init__(self, steps: Sequence[Step], *, timed: bool = True) -> None:
        self.low, self.high = 0, len(steps) - 1
        times = [(s.started, s.ended) for s in steps if s.started is not None and s.ended is not None]
        self.known = timed and len(times) == len(steps)
        times = times if self.known else []
        self._starts = [second(start) for start, _ in times]
        self._ends = [second(end) for _, end in times]
        self._changes = sorted({m for start, end in times for m in (second(start), second(end + 1))})
        self.begun = False
        """Whether the first of them began in an earlier second."""

    def change(self, rows: bytes, at: int) -> int:
        """Where, after `at`, lines begin that other steps may have written; the line at `at` is looked at first."""
        while self._changes and (stamp := STAMP.match(rows, at)) is not None and stamp[1] >= self._changes[0]:
            self._go_to(stamp[1])
        if not self._changes or last_second(rows, at) < self._changes[0]:
            return len(rows)
        found = first_from(rows[at:], self._changes[0])
        return len(rows) if found is None else at + found

    def _go_to(self, now: bytes) -> None:
        """To this second. Between two steps it may be either."""
        self._changes = [moment for moment in self._changes if moment > now]
        self.begun = self.begun or now > self._starts[0]
        low = next((i for i, end in enumerate(self._ends) if end >= now), len(self._ends) - 1)
        high = next((i for i in reversed(range(len(self._starts))) if self._starts[i] <= now), 0)
        self.low, self.high = min(low, high), max(low, high)
