"""Where a job failed, and whether it did: what its steps, the forge and the words of the log say of its end."""

from bisect import bisect_right
from collections.abc import Iterable, Sequence

from whyred.model.failure import Hit, Reading, Section
from whyred.model.pattern import Role, Strength
from whyred.model.run import Conclusion

_FRAGMENT = 60
"""A log of at most this many lines is an excerpt; in a longer one without marks the end has this many lines."""
_LAST_WORDS = 10
"""Lines at the end of the last step of its own in which a sure statement is that of a job that was cut off there: the
clean-up follows, and the line that would tell the end is missing.
"""


def failing_section(reading: Reading) -> Section | None:
    """The step that failed: the first of the job's own that ended badly, else the last with an error annotation."""
    own = [s for s in reading.sections if not s.aside]
    for section in own:
        if section.conclusion is Conclusion.FAILURE:
            return section
    found = (section_at(reading.sections, line) for line, _ in reversed(reading.annotations))
    return next((s for s in found if s is not None and not s.aside), None)


def failed(reading: Reading, section: Section | None, hits: Iterable[Hit]) -> bool:
    """Whether the job failed: `section` is the step that did, where one is known."""
    if reading.conclusion is Conclusion.SUCCESS:
        return False
    if section is not None or reading.conclusion in (Conclusion.FAILURE, Conclusion.CANCELLED):
        return True
    return _says_so(reading, hits)


def whole(reading: Reading) -> bool:
    """Whether the log goes on to the clean-up after its steps, so that a failure would have been told. Set-up is an
    aside as well and shows nothing: it stands before them.
    """
    return any(s.name and not s.aside for s in reading.sections) and reading.sections[-1].aside


def cancelled(reading: Reading, section: Section | None) -> bool:
    """Whether the job was cancelled, and not after one of its steps had failed."""
    return section is None and reading.conclusion is Conclusion.CANCELLED


def section_at(sections: Sequence[Section], line: int) -> Section | None:
    """The section that holds a line; they are disjoint and in the order of their lines."""
    at = bisect_right(sections, line, key=lambda s: s.first) - 1
    return sections[at] if at >= 0 and line <= sections[at].last else None


def _says_so(reading: Reading, hits: Iterable[Hit]) -> bool:
    """A log that names no end: does a line say that something failed for good?"""
    if whole(reading):
        last = [s for s in reading.sections if s.name and not s.aside][-1]
        words = range(max(last.first, last.last - _LAST_WORDS + 1), last.last + 1)
        return last.conclusion is Conclusion.UNKNOWN and any(_is_sure(h) and h.line in words for h in hits)
    marked = any(s.conclusion is not Conclusion.UNKNOWN or s.name for s in reading.sections)
    return any(_is_final(h, reading, marked=marked) for h in hits)


def _is_sure(hit: Hit) -> bool:
    return hit.pattern.role is Role.ERROR and hit.pattern.strength is Strength.DECISIVE


def _is_final(hit: Hit, reading: Reading, *, marked: bool) -> bool:
    """Whether a hit says that the job failed: surely so, or in the last words of a log without marks, or in an excerpt
    that a person picked out, where every statement is meant."""
    if hit.pattern.role is not Role.ERROR or hit.pattern.strength is Strength.DECISIVE:
        return hit.pattern.role in (Role.ERROR, Role.CONSEQUENCE)
    if marked or hit.line <= reading.lines - _FRAGMENT:
        return False
    return hit.pattern.strength is Strength.USUAL or reading.lines <= _FRAGMENT
