"""Hits -> failures: which lines state the error, which only follow from it, and which step failed.

The order of thought: where did the job fail (the step that ended badly)? Which statements stand there? The surest kind
of statement wins; among equals the first one is the root and later ones are its repeats or others of its kind.
"""

import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from whyred.diagnosis.captures import agree, derive, fingerprint
from whyred.model.failure import Failure, Hit, Line, Reading, Section
from whyred.model.pattern import Pattern, Role, Strength
from whyred.model.run import Conclusion

MOST_FAILURES = 12
MOST_SPANS = 8
"""Occurrences of one failure that are named; all are counted."""
_WORDS = 5
"""Last lines shown of a failure that no pattern knows."""
_FRAGMENT = 60
"""A log of at most this many lines is an excerpt; in a longer one without marks the end has this many lines."""
_SHELLS = frozenset({"bash", "sh", "shell"})
CANCELLED = "infra/cancelled"
"""The class of what somebody or a rule of the forge ended, and no error did."""
_ORDER = {Strength.DECISIVE: 0, Strength.USUAL: 1, Strength.WEAK: 2}


@dataclass(frozen=True, slots=True)
class Matched:
    """What the log alone says: its failures, best first, the step that failed and the class to blame."""

    failures: tuple[Failure, ...]
    step: str | None
    class_: str | None
    failed: bool


def match(reading: Reading, familiar: frozenset[int] = frozenset()) -> Matched:
    """The failures of one log, best first. `familiar`: the lines with hits that green attempts said as well."""
    section = failing_section(reading)
    hits = _without_benign(reading.hits)
    succeeded = reading.conclusion is Conclusion.SUCCESS
    failed = not succeeded and (_ended_badly(reading, section) or _says_so(reading, hits))
    if not failed:
        return Matched((), None, "pass" if succeeded or _whole(reading) else None, failed=False)
    failures = _failures(reading, section, hits)
    step = section.name if section and section.name else None
    if failures:
        step = failures[0].step or step
    class_ = next((f.class_ for f in failures if f.class_), CANCELLED if _is_cancelled(reading, section) else None)
    return Matched(failures, step, class_, failed=True)


def _is_cancelled(reading: Reading, section: Section | None) -> bool:
    """Whether the job was cancelled, and not after one of its steps had failed."""
    return section is None and reading.conclusion is Conclusion.CANCELLED


def failing_section(reading: Reading) -> Section | None:
    """The step that failed: the first of the job's own that ended badly, else the last with an error annotation."""
    own = [s for s in reading.sections if not s.aside]
    for section in own:
        if section.conclusion is Conclusion.FAILURE:
            return section
    found = (_section(reading.sections, line) for line, _ in reversed(reading.annotations))
    return next((s for s in found if s is not None and not s.aside), None)


def _ended_badly(reading: Reading, section: Section | None) -> bool:
    return section is not None or reading.conclusion in (Conclusion.FAILURE, Conclusion.CANCELLED)


def _says_so(reading: Reading, hits: list[Hit]) -> bool:
    """A log that names no end: does a line say that something failed for good?"""
    if _whole(reading):
        return False
    marked = any(s.conclusion is not Conclusion.UNKNOWN or s.name for s in reading.sections)
    return any(_is_final(h, reading, marked=marked) for h in hits)


def _is_final(hit: Hit, reading: Reading, *, marked: bool) -> bool:
    """Whether a hit says that the job failed: surely so, or in the last words of a log without marks, or in an excerpt
    that a person picked out, where every statement is meant."""
    if hit.pattern.role is not Role.ERROR or hit.pattern.strength is Strength.DECISIVE:
        return hit.pattern.role in (Role.ERROR, Role.CONSEQUENCE)
    if marked or hit.line <= reading.lines - _FRAGMENT:
        return False
    return hit.pattern.strength is Strength.USUAL or reading.lines <= _FRAGMENT


def _whole(reading: Reading) -> bool:
    """Whether the log goes on to the clean-up after its steps, so that a failure would have been told. Set-up is an
    aside as well and shows nothing: it stands before them.
    """
    return any(s.name and not s.aside for s in reading.sections) and reading.sections[-1].aside


def _without_benign(hits: Iterable[Hit]) -> list[Hit]:
    benign = {h.line for h in hits if h.pattern.role is Role.BENIGN}
    return [h for h in hits if h.line not in benign and h.pattern.role is not Role.BENIGN]


def _failures(reading: Reading, section: Section | None, hits: list[Hit]) -> tuple[Failure, ...]:
    errors = [h for h in hits if h.pattern.role is Role.ERROR]
    own = [h for h in errors if section is None or section.first <= h.line <= (section.ended or section.last)]
    if not own and section is not None:
        own = [h for h in errors if not _aside(reading, h.line)]
    groups = _grouped(reading, own)
    if not groups:
        groups = _grouped(
            reading, [h for h in hits if h.pattern.role is Role.CONSEQUENCE and not _aside(reading, h.line)]
        )
    if not groups:
        return _last_words(reading, section)
    ranked = sorted(groups, key=lambda g: _preference(g[0]))
    best = _ORDER[ranked[0][0].pattern.strength]
    kept = [g for g in ranked if _ORDER[g[0].pattern.strength] == best][:MOST_FAILURES]
    kinds = Counter(g[0].pattern.id for g in groups)
    taken: set[int] = set()
    failures = []
    for group in kept:
        # Matches that were not kept count for the text that the kept ones agree on; of several, nobody knows whose.
        pattern = group[0].pattern.id
        folded = (reading.folded or {}).get(pattern, 0) if kinds[pattern] == 1 else 0
        failure = _failure(reading, group, taken, folded)
        if failure is not None:
            failures.append(failure)
    return tuple(failures)


def _preference(hit: Hit) -> tuple[int, int, bool, int, str]:
    """Surer first, then earlier. Where patterns share a line: the place it ran in before the code (a full disk stops a
    compiler too), then the one that tells more."""
    infra = (hit.pattern.class_ or "").startswith("infra/")
    return _ORDER[hit.pattern.strength], hit.line, not infra, -len(hit.captures), hit.pattern.id


def _section(sections: Sequence[Section], line: int) -> Section | None:
    """The section that holds a line; they are disjoint and in the order of their lines."""
    at = bisect_right(sections, line, key=lambda s: s.first) - 1
    return sections[at] if at >= 0 and line <= sections[at].last else None


def _aside(reading: Reading, line: int) -> bool:
    section = _section(reading.sections, line)
    return section is not None and section.aside


def _grouped(reading: Reading, hits: list[Hit]) -> list[list[Hit]]:
    """Hits that say the same (one fingerprint) together, in the order of their first lines."""
    groups: dict[str, list[Hit]] = {}
    for hit in hits:
        groups.setdefault(fingerprint(hit.pattern.id, reading.window.get(hit.line, "")), []).append(hit)
    return list(groups.values())


def _failure(reading: Reading, group: list[Hit], taken: set[int], folded: int) -> Failure | None:
    """One failure from hits of one kind; None where better failures already took all its lines."""
    spans = []
    for hit in group:
        first, last = _extent(reading.window, hit)
        if hit.line in taken:
            continue
        first = next((n + 1 for n in range(hit.line - 1, first - 1, -1) if n in taken), first)
        last = next((n - 1 for n in range(hit.line + 1, last + 1) if n in taken), last)
        taken.update(range(first, last + 1))
        spans.append((first, last))
    if not spans:
        return None
    hit = next(h for h in group if spans[0][0] <= h.line <= spans[0][1])
    captures = derive(hit.captures)
    message = reading.window.get(hit.line, "").strip()
    step = _step(reading, hit.line)
    quote = range(max(1, spans[0][0] - 2), spans[0][1] + 3)
    return Failure(
        pattern=hit.pattern.id,
        title=hit.pattern.title,
        tool=hit.pattern.tool,
        class_=_class(hit.pattern, captures),
        strength=hit.pattern.strength.value,
        root=hit.pattern.role is Role.ERROR,
        step=step,
        message=message,
        spans=tuple(spans[:MOST_SPANS]),
        quote=tuple(Line(n, reading.window[n]) for n in quote if n in reading.window),
        captures=captures,
        fingerprint=fingerprint(hit.pattern.id, message),
        count=len(spans) + folded,
        survived=_survived(reading, hit),
    )


_NOT_STARTED = (126, 127)
"""What a shell's exit code is when a command cannot be started (POSIX 2.8.2)."""


def _survived(reading: Reading, hit: Hit) -> bool:
    """Whether a shell's complaint about one command was not what ended the step: it ended with another exit code, and
    something else complained after it (`gti || true`)."""
    section = _section(reading.sections, hit.line)
    if hit.pattern.tool not in _SHELLS or section is None or section.exit_code in (None, *_NOT_STARTED):
        return False
    said = [h for h in _without_benign(reading.hits) if h.pattern.role in (Role.ERROR, Role.CONSEQUENCE)]
    end = section.ended or section.last
    return any(hit.line < h.line < end and h.pattern.id != hit.pattern.id for h in said)


def _class(pattern: Pattern, captures: Mapping[str, str]) -> str | None:
    for wanted, class_ in pattern.classes:
        if agree(captures, {k: (v,) for k, v in wanted.items()}):
            return class_
    return pattern.class_


def _step(reading: Reading, line: int) -> str | None:
    section = _section(reading.sections, line)
    return (section.name or None) if section is not None else None


def _extent(window: Mapping[int, str], hit: Hit) -> tuple[int, int]:
    """The lines that belong to a hit, as its pattern says."""
    extent = hit.pattern.extent
    last = hit.line
    while_ = re.compile(extent.while_) if extent.while_ else None
    until = re.compile(extent.until) if extent.until else None
    for n in range(hit.line + 1, hit.line + extent.most + 1):
        text = window.get(n)
        if text is None or (while_ and not while_.search(text)) or (until and until.search(text)):
            break
        last = n
    while last > hit.line and not window[last].strip():
        last -= 1
    return max(1, hit.line - extent.before), last


def _last_words(reading: Reading, section: Section | None) -> tuple[Failure, ...]:
    """Nothing known was said: the last lines before the end are all there is."""
    end = (section.ended or section.last) if section else reading.lines
    begin = section.first if section else 1
    rows = [n for n in sorted(reading.window) if begin <= n <= end and reading.window[n].strip()][-_WORDS:]
    rows = [n for n in rows if n > rows[-1] - 2 * _WORDS]  # never one span over lines that were not kept
    if not rows:
        return ()
    step = section.name if section and section.name else None
    cancelled = _is_cancelled(reading, section)
    why = "The job was cancelled" if cancelled else "No known error text"
    return (
        Failure(
            pattern="",
            title=f"{why}; these are the last lines before the end",
            tool="",
            class_=CANCELLED if cancelled else None,
            strength=Strength.WEAK.value,
            root=False,
            step=step,
            message=reading.window[rows[-1]].strip(),
            spans=((rows[0], rows[-1]),),
            quote=tuple(Line(n, reading.window[n]) for n in rows),
            captures={},
            fingerprint=fingerprint("", reading.window[rows[-1]]),
        ),
    )
