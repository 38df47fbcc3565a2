"""Builds the sections of a log from the marks that were seen, in the order of their lines."""

import re
from collections import deque
from dataclasses import replace
from itertools import islice

from whyred.logs.format import OR_LATER, Sign
from whyred.logs.titles import SIGNS, Titles
from whyred.logs.went_on import judged
from whyred.model.failure import Section
from whyred.model.run import Conclusion, Step

_MOST = 4_000
"""Sections kept from the beginning of a log, and as many from its end: a log of step marks must not grow without bound.
"""
_BACK = 256
"""Sections that are looked through for the one whose end a line tells by its name."""
_CODE = re.compile(r"-?[0-9]{1,10}")
_ENDS = {
    Sign.JOB_SUCCEEDED: Conclusion.SUCCESS,
    Sign.JOB_FAILED: Conclusion.FAILURE,
    Sign.JOB_CANCELLED: Conclusion.CANCELLED,
}


class Sections:
    """The steps of one log while it is read; call `see` in line order, then `close`."""

    def __init__(self) -> None:
        self._first: list[Section] = []
        self._last: deque[Section] = deque(maxlen=_MOST)
        self._count = 0
        self.runner: str | None = None
        self.job: str | None = None
        self.conclusion = Conclusion.UNKNOWN
        self.annotations: deque[tuple[int, str]] = deque(maxlen=_MOST)
        self.forgives = False
        self._open = Section("", 1, 0)
        self._titles = Titles()
        self._ending: str | None = None
        """The step whose end the next mark of one tells."""
        self._wide = False
        """Whether steps after the open one may have begun without a mark."""
        self._marked = False
        """Whether such a step was marked: where a second one is, all are."""
        self._so_far = False
        """Whether the job's success is only that of its parts until now."""
        self.begun: list[int] = []
        """The lines with which a step began since this was emptied last."""

    def see(self, sign: Sign, line: int, groups: dict[str, str]) -> None:
        """Takes one mark into account."""
        title = self._titles.begins(sign, line, groups) if sign in SIGNS else None
        if title is not None:
            self.begin(title[0], line, aside=title[1])
        elif sign in (Sign.STEP, Sign.ASIDE, Sign.FROM_STEP):
            self.begin(groups.get("name", sign.value), line, aside=sign is Sign.ASIDE)
            self._wide = sign is Sign.FROM_STEP and not self._marked
            self._marked = self._marked or sign is Sign.FROM_STEP
        elif sign is Sign.OUTSIDE:
            self.begin("", line + 1, aside=False)
        elif sign in (Sign.ENDED_WELL, Sign.ENDED_BADLY):
            self._back_to(groups.get("told", self._ending))
            self._ending = None
            self._end(sign, line, groups)
        elif sign is Sign.FAILS:
            self._doubt()
            self._open = _failed(self._open, groups)
        elif sign in (Sign.PART_SUCCEEDED, Sign.PART_FAILED):
            self._part(sign, groups)
        elif sign is Sign.ENDING:
            self._ending = groups.get("told")
        elif sign is Sign.RUNNER:
            self.runner = groups.get("runner") or self.runner
            self.job = groups.get("job") or self.job
        elif sign is Sign.ANNOTATION:
            self.annotations.append((line, groups.get("message", "")))
        elif sign is Sign.FORGIVEN:
            self._open = replace(self._open, conclusion=Conclusion.SUCCESS)
        elif sign is Sign.SKIPPED:
            self._open = replace(self._open, conclusion=Conclusion.SKIPPED)
        elif sign is Sign.STOPPED:
            self._stop(groups)
        elif sign in _ENDS and (sign is not Sign.JOB_FAILED or self.conclusion is not Conclusion.CANCELLED):
            # Forgejo's runner ends a cancelled job with "Job failed": what was said before is more exact.
            self.conclusion, self._so_far = _ENDS[sign], False

    def begin(self, name: str, line: int, *, aside: bool) -> None:
        """A new section starts at `line`."""
        self.begun.append(line)
        if aside:
            self._widen()
        self._doubt()
        self._close(line - 1)
        self._open = Section(name, line, line, aside)

    def told(self, step: Step, line: int) -> None:
        """A step of which the forge itself says where it begins and how it ended."""
        self._wide = False
        self._doubt()
        self.begun.append(line)
        self._close(line - 1)
        self._open = Section(step.name, line, line, step.aside, step.conclusion, step.exit_code)

    def _end(self, sign: Sign, line: int, groups: dict[str, str]) -> None:
        self._wide = self._wide and "name" not in groups
        if sign is Sign.ENDED_BADLY:
            self._doubt()
        ended = Conclusion.SUCCESS if sign is Sign.ENDED_WELL else Conclusion.FAILURE
        code = _code(groups, self._open)
        if self._open.conclusion is Conclusion.UNKNOWN or code is not None:
            self._open = replace(self._open, conclusion=ended, exit_code=code, ended=self._open.ended or line)

    def _part(self, sign: Sign, groups: dict[str, str]) -> None:
        if sign is Sign.PART_SUCCEEDED:
            if self.conclusion is Conclusion.UNKNOWN:
                self.conclusion, self._so_far = Conclusion.SUCCESS, True
            return
        self._doubt()
        if self.conclusion is Conclusion.FAILURE:
            return
        if not any(s.conclusion is Conclusion.FAILURE for s in (self._open, *self._last, *self._first)):
            self._stop(groups)
        elif self.conclusion is not Conclusion.CANCELLED:
            self.conclusion = Conclusion.FAILURE

    def _doubt(self) -> None:
        """More came after the parts that succeeded: nothing is known of the job any more."""
        if self._so_far and self.conclusion is Conclusion.SUCCESS:
            self.conclusion = Conclusion.UNKNOWN
        self._so_far = False

    def _back_to(self, name: str | None) -> None:
        """The open section is the step of this name again: what was marked since it began belongs to it. One that was
        never marked is what runs now, unless that has ended.
        """
        if name is None:
            return
        if self._open.name == name:
            self._open = replace(self._open, aside=False)
            return
        kept = self._last or self._first
        near = islice(reversed(kept), _BACK)
        since = next((n for n, section in enumerate(near, 1) if section.name == name), 0)
        if since:
            begun = [kept.pop() for _ in range(since)][-1]
            self._open = replace(begun, aside=False, last=self._open.last)
        elif self._open.ended is None:
            self._open = replace(self._open, name=name, aside=False)

    def _stop(self, groups: dict[str, str]) -> None:
        """The job failed, and with it the last step of its own, however much was tidied up since."""
        if self.conclusion is Conclusion.CANCELLED:
            return
        self.conclusion = Conclusion.FAILURE
        if _own(self._open):
            self._open = _failed(self._open, groups)
            return
        for closed in (self._last, self._first):
            for at in range(len(closed) - 1, -1, -1):
                if _own(closed[at]):
                    closed[at] = _failed(closed[at], groups)
                    return

    def _close(self, last: int) -> None:
        if last < self._open.first:
            return
        self._count += 1
        (self._first if len(self._first) < _MOST else self._last).append(replace(self._open, last=last))

    def _widen(self) -> None:
        """No mark of a step came after the open one: what it holds may be of others."""
        if self._wide:
            self._open = replace(self._open, name=OR_LATER.format(self._open.name))
        self._wide = False

    def current(self) -> int:
        """The number of the section that is open: what hits are counted by."""
        return self._count

    def close(self, last: int) -> tuple[Section, ...]:
        """All sections, the open one ending at line `last`."""
        self._widen()
        self._close(last)
        sections = (*self._first, *self._last)
        if not self.forgives:
            return sections
        told = judged(sections, [line for line, _ in self.annotations])
        passed = [s for was, s in zip(sections, told, strict=True) if was is not s]
        for section in passed:
            kept = (a for a in self.annotations if not section.first <= a[0] <= section.last)
            self.annotations = deque(kept, maxlen=_MOST)
        return told


def _own(section: Section) -> bool:
    return bool(section.name) and not section.aside and section.conclusion is not Conclusion.SKIPPED


def _code(groups: dict[str, str], section: Section) -> int | None:
    told = groups.get("code", "")
    return int(told) if _CODE.fullmatch(told) else section.exit_code


def _failed(section: Section, groups: dict[str, str]) -> Section:
    """The section as the one that failed, unless it is told otherwise already."""
    if section.conclusion not in (Conclusion.UNKNOWN, Conclusion.FAILURE):
        return section
    return replace(section, conclusion=Conclusion.FAILURE, exit_code=_code(groups, section))
