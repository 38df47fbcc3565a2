"""Hits -> failures: which lines state the error, which only follow from it, and which step failed.

The order of thought: where did the job fail (the step that ended badly)? Which statements stand there? The surest kind
of statement wins; among equals the first one is the root and later ones are its repeats or others of its kind.
"""

import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from whyred.diagnosis.captures import agree, derive, fingerprint
from whyred.diagnosis.ended import cancelled, failed, failing_section, section_at, whole
from whyred.diagnosis.package_script import script_above
from whyred.diagnosis.step_kind import class_of_step
from whyred.diagnosis.survived import survived
from whyred.model.failure import Failure, Hit, Line, Reading, Section
from whyred.model.pattern import Pattern, Role, Strength
from whyred.model.run import Conclusion

MOST_FAILURES = 12
MOST_SPANS = 8
"""Occurrences of one failure that are named; all are counted."""
_STATUS = 2
"""Lines after that which says that a step failed, in which act tells its status (`exitcode '139': failure`)."""
_WORDS = 5
"""Last lines shown of a failure that no pattern knows."""
_TRACEBACK = 60
"""Lines that a test which failed may go on to say why."""
CANCELLED = "infra/cancelled"
"""The class of what somebody or a rule of the forge ended, and no error did."""
_NETWORK, _OF_NETWORK = "infra/network", frozenset({"infra/dns", "infra/tls", "infra/rate-limit", "infra/git-auth"})
_ORDER = {Strength.DECISIVE: 0, Strength.USUAL: 1, Strength.WEAK: 2}


@dataclass(frozen=True, slots=True)
class Matched:
    """What the log alone says: its failures, best first, the step that failed and the class to blame."""

    failures: tuple[Failure, ...]
    step: str | None
    class_: str | None
    failed: bool
    guessed: bool = False
    """No line tells the class: it is that of most failures of a step of this name."""


def match(reading: Reading, familiar: frozenset[int] = frozenset()) -> Matched:
    """The failures of one log, best first. `familiar`: the lines with hits that green attempts said as well; they are
    what went wrong only if nothing else is."""
    section = failing_section(reading)
    hits = _without_benign(reading.hits)
    if not failed(reading, section, hits):
        succeeded = reading.conclusion is Conclusion.SUCCESS or whole(reading)
        return Matched((), None, "pass" if succeeded else None, failed=False)
    failures = _failures(reading, section, [h for h in hits if h.line not in familiar])
    if familiar and not any(f.pattern for f in failures):
        failures = _failures(reading, section, hits)
    step = section.name if section and section.name else None
    if failures and not (step and _is_told(section)):
        step = failures[0].step or step
    return _blamed(Matched(failures, step, None, failed=True), reading, section, hits)


def passed_over(matched: Matched, reading: Reading, reasons: Mapping[str, str]) -> Matched:
    """The same where the step is known by other means to have gone on after some failures: why, by their fingerprints.
    What ended it then comes first, be it the last words alone."""
    told = [replace(f, survived=f.survived or reasons.get(f.fingerprint, "")) for f in matched.failures]
    section = failing_section(reading)
    passed = [f for f in told if f.survived]
    late = _last_words(reading, section, max(f.spans[-1][1] for f in passed)) if len(passed) == len(told) else ()
    failures = (*late, *(f for f in told if not f.survived), *passed)
    return _blamed(replace(matched, failures=failures), reading, section, _without_benign(reading.hits))


def _blamed(matched: Matched, reading: Reading, section: Section | None, hits: list[Hit]) -> Matched:
    """With the class to blame: of what the step went on after only where nothing else tells one."""
    failures = matched.failures
    class_ = next((f.class_ for f in failures if f.class_ and not f.survived), None)
    class_ = class_ or (CANCELLED if cancelled(reading, section) else None) or _followed(reading, section, hits)
    guess = None if class_ else class_of_step(matched.step)
    class_ = class_ or guess or next((f.class_ for f in failures if f.class_), None)
    return replace(matched, class_=class_, guessed=guess is not None)


def _followed(reading: Reading, section: Section | None, hits: list[Hit]) -> str | None:
    """The class that the consequences of an error tell which has none of its own: `could not compile` after it."""
    said = _inside(section, [h for h in hits if h.pattern.role is Role.CONSEQUENCE])
    classes = (_class(h.pattern, derive(h.captures)) for h in said if _may_tell(reading, section, h.line))
    return next((class_ for class_ in classes if class_), None)


def _without_benign(hits: Iterable[Hit]) -> list[Hit]:
    benign = {h.line for h in hits if h.pattern.role is Role.BENIGN}
    return [h for h in hits if h.line not in benign and h.pattern.role is not Role.BENIGN]


def _failures(reading: Reading, section: Section | None, hits: list[Hit]) -> tuple[Failure, ...]:
    said = [h for h in hits if h.pattern.role is Role.CONSEQUENCE]
    errors = [h for h in hits if h.pattern.role is Role.ERROR and not _only_follows(h, said)]
    statuses = {h.line for h in said}
    own, inside = _inside(section, errors), _inside(section, said)
    own += [h for h in _of_status(section, errors) if h.line in statuses]
    if not own and section is not None:
        # What only looks like an error in another step tells less than that this step failed.
        sure = [h for h in errors if not (inside and h.pattern.strength is Strength.WEAK)]
        own = [h for h in sure if _may_tell(reading, section, h.line)]
    inside = inside or _of_status(section, said)
    groups = _grouped(reading, own or [h for h in inside if _may_tell(reading, section, h.line)])
    if not groups:
        return _last_words(reading, section)
    passed = {g[0].line: why for g in groups if (why := survived(reading, hits, g[-1]))}
    ranked = sorted(groups, key=lambda g: (g[0].line in passed, _preference(g[0])))
    best = _ORDER[ranked[0][0].pattern.strength]
    alike = [g for g in ranked if _ORDER[g[0].pattern.strength] == best]
    passed_by = (g for g in ranked if g[0].line in passed and _ORDER[g[0].pattern.strength] < best)
    kept = [*alike, *passed_by][:MOST_FAILURES]
    kept = [*kept, *_quoted(reading.window, kept, ranked)][:MOST_FAILURES]
    kinds = Counter(g[0].pattern.id for g in groups)
    taken: set[int] = set()
    apart = {h.line for g in kept for h in g if _is_infra(h.pattern)}
    all_passed = len(passed) == len(groups) and not cancelled(reading, section)
    failures = list(_last_words(reading, section, groups[-1][-1].line) if all_passed else ())
    for group in kept:
        # Matches that were not kept count for the text that the kept ones agree on; of several, nobody knows whose.
        pattern = group[0].pattern.id
        folded = (reading.folded or {}).get(pattern, 0) if kinds[pattern] == 1 else 0
        failure = _failure(reading, group, taken, apart, folded)
        if failure is not None:
            failures.append(replace(failure, survived=passed.get(group[0].line, "")))
    return tuple(failures)


def _quoted(window: Mapping[int, str], kept: list[list[Hit]], ranked: list[list[Hit]]) -> list[list[Hit]]:
    """What the machine refused, in the words of a test that failed for it: that the test failed is told more surely,
    and says nothing of why."""
    tests = [h for g in kept for h in g if (h.pattern.class_ or "").startswith("code/test")]
    within = {n for h in tests for n in _lines(window, h)}
    usual = [g for g in ranked if g not in kept and g[0].pattern.strength is Strength.USUAL]
    return [g for g in usual if _is_infra(g[0].pattern) and g[0].line in within]


def _lines(window: Mapping[int, str], hit: Hit) -> range:
    """The lines that belong to a hit, also those that are too many to be shown."""
    extent = hit.pattern.extent
    if extent.while_:
        extent = replace(extent, most=max(extent.most, _TRACEBACK))
    first, last = _extent(window, replace(hit, pattern=replace(hit.pattern, extent=extent)))
    return range(first, last + 1)


def _only_follows(hit: Hit, said: list[Hit]) -> bool:
    """Whether its line says that something failed because of an error stated elsewhere: what looks like an error there,
    or is usually one of the same tool's, is none."""
    at = bisect_left(said, hit.line, key=lambda h: h.line)
    while at < len(said) and said[at].line == hit.line:
        if hit.pattern.strength is Strength.WEAK:
            return True
        if hit.pattern.strength is Strength.USUAL and hit.pattern.tool == said[at].pattern.tool:
            return True
        at += 1
    return False


def _inside(section: Section | None, hits: list[Hit]) -> list[Hit]:
    """The hits in the step that failed, up to the line that says so; all where none is known."""
    if section is None:
        return hits
    return [h for h in hits if section.first <= h.line <= (section.ended or section.last)]


def _of_status(section: Section | None, hits: list[Hit]) -> list[Hit]:
    """What the status tells of a step's end that is said just after it."""
    if section is None or section.ended is None:
        return []
    after = range(section.ended + 1, min(section.ended + _STATUS, section.last) + 1)
    return [h for h in hits if h.line in after and h.pattern.class_ is not None]


def _preference(hit: Hit) -> tuple[int, bool, int, bool, int, str]:
    """Surer first, then earlier; of mere consequences first those that tell of what. Where patterns share a line: the
    place it ran in before the code (a full disk stops a compiler too), then the one that tells more."""
    infra = _is_infra(hit.pattern)
    vague = hit.pattern.role is Role.CONSEQUENCE and hit.pattern.class_ is None
    return _ORDER[hit.pattern.strength], vague, hit.line, not infra, -len(hit.captures), hit.pattern.id


def _is_infra(pattern: Pattern) -> bool:
    """Whether it tells of the place that the job ran in."""
    return (pattern.class_ or "").startswith("infra/")


def _is_told(section: Section | None) -> bool:
    """Whether the log or the forge says itself that this step failed."""
    return section is not None and section.conclusion is Conclusion.FAILURE


def _may_tell(reading: Reading, failing: Section | None, line: int) -> bool:
    """Whether a line outside the step that failed may say why it did: one of another step that came later cannot."""
    section = section_at(reading.sections, line)
    if section is None or failing is None or not _is_told(failing):
        return section is None or not section.aside
    return not section.aside and not (section.name and section.first > failing.last)


def _grouped(reading: Reading, hits: list[Hit]) -> list[list[Hit]]:
    """Hits that say the same (one fingerprint) together, in the order of their first lines."""
    groups: dict[str, list[Hit]] = {}
    for hit in hits:
        groups.setdefault(fingerprint(hit.pattern.id, reading.window.get(hit.line, "")), []).append(hit)
    return list(groups.values())


def _failure(reading: Reading, group: list[Hit], taken: set[int], apart: set[int], folded: int) -> Failure | None:
    """One failure from hits of one kind; None where better failures already took all its lines. A failure of the code
    does not take the lines `apart`: a test that panics quotes what the machine refused."""
    spans = []
    for hit in group:
        first, last = _extent(reading.window, hit)
        if hit.line in taken:
            continue
        first = next((n + 1 for n in range(hit.line - 1, first - 1, -1) if n in taken), first)
        last = next((n - 1 for n in range(hit.line + 1, last + 1) if n in taken), last)
        of_code = not _is_infra(hit.pattern)
        taken.update(n for n in range(first, last + 1) if n == hit.line or not (of_code and n in apart))
        spans.append((first, last))
    if not spans:
        return None
    hit = next(h for h in group if spans[0][0] <= h.line <= spans[0][1])
    captures = derive(hit.captures)
    message = reading.window.get(hit.line, "").strip()
    if "tool" in captures and (script := script_above(reading.window, hit.line, captures["tool"])):
        captures["script"] = script
    step = _step(reading, hit.line)
    quote = range(max(1, spans[0][0] - 2), spans[0][1] + 3)
    return Failure(
        pattern=hit.pattern.id,
        title=hit.pattern.title,
        tool=hit.pattern.tool,
        class_=_narrowed(_class(hit.pattern, captures), reading, spans[0]),
        strength=hit.pattern.strength.value,
        root=hit.pattern.role is Role.ERROR,
        step=step,
        message=message,
        spans=tuple(spans[:MOST_SPANS]),
        quote=tuple(Line(n, reading.window[n]) for n in quote if n in reading.window),
        captures=captures,
        fingerprint=fingerprint(hit.pattern.id, message),
        count=len(spans) + folded,
    )


def _class(pattern: Pattern, captures: Mapping[str, str]) -> str | None:
    for wanted, class_ in pattern.classes:
        if agree(captures, {k: (v,) for k, v in wanted.items()}):
            return class_
    return pattern.class_


def _narrowed(class_: str | None, reading: Reading, span: tuple[int, int]) -> str | None:
    """`infra/network` as the narrower fault that a line of the same statement names."""
    if class_ != _NETWORK:
        return class_
    near = (h for h in reading.hits if span[0] <= h.line <= span[1] and h.pattern.role is Role.ERROR)
    return next((c for h in near if (c := _class(h.pattern, derive(h.captures))) in _OF_NETWORK), class_)


def _step(reading: Reading, line: int) -> str | None:
    section = section_at(reading.sections, line)
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


def _last_words(reading: Reading, section: Section | None, after: int = 0) -> tuple[Failure, ...]:
    """Nothing known was said (`after` this line): the last lines before the end are all there is."""
    end = (section.ended or section.last) if section else reading.lines
    begin = max(section.first if section else 1, after + 1)
    end -= bool(after and section and section.ended)  # that it ended says nothing beside a known error
    rows = [n for n in sorted(reading.window) if begin <= n <= end and reading.window[n].strip()][-_WORDS:]
    rows = [n for n in rows if n > rows[-1] - 2 * _WORDS]  # never one span over lines that were not kept
    if not rows:
        return ()
    step = section.name if section and section.name else None
    ended = cancelled(reading, section)
    why = "The job was cancelled" if ended else "No known error text"
    return (
        Failure(
            pattern="",
            title=f"{why}; these are the last lines before the end",
            tool="",
            class_=CANCELLED if ended else None,
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
