"""`Format`: how one CI system writes a log: the prefix of its lines and the marks of its steps."""

import importlib
import pkgutil
from collections.abc import Container, Sequence
from dataclasses import dataclass
from enum import StrEnum


class Sign(StrEnum):
    """What a mark tells."""

    STEP = "step"
    """A step begins; group `name`."""
    FROM_STEP = "from-step"
    """A step begins, and those after it may begin without a mark; group `name`."""
    ASIDE = "aside"
    """What follows is not the job's own work: set-up, post steps, clean-up; group `name` where it has one."""
    OUTSIDE = "outside"
    """What follows is of no step, until one begins."""
    OVER = "over"
    """What an aside is about ends: a step that a `TITLE` names is the job's own again."""
    OPENS = "opens"
    """A step begins, and a `TITLE` on this line or the next one names it."""
    TITLE = "title"
    """Names the step that an `OPENS` announced. In a log without any it begins a step; elsewhere it is mere text."""
    LABEL = "label"
    """Lines that follow may begin with the group `label` in brackets, and it is not of their text."""
    ENDED_WELL = "ended-well"
    ENDED_BADLY = "ended-badly"
    """The step that runs ended so; group `code` where the exit code is told, `name` where the step is named. Group
    `told`: so ended the step of this name, and all that was marked since it began belongs to it.
    """
    ENDING = "ending"
    """The name of the step whose end the next `ENDED_*` tells; group `told` as above."""
    FAILS = "fails"
    """The step that runs fails, and what it tells of that may follow; groups as above."""
    FORGIVEN = "forgiven"
    """The step that failed or ended badly counts as one that succeeded (`continue-on-error`, `ignore_errors`)."""
    SKIPPED = "skipped"
    """The step that has just begun is not run."""
    JOB_SUCCEEDED = "job-succeeded"
    JOB_FAILED = "job-failed"
    JOB_CANCELLED = "job-cancelled"
    PART_SUCCEEDED = "part-succeeded"
    PART_FAILED = "part-failed"
    """A part of the job (a host, a playbook, a suite) ended so: the job failed if one of its parts did, and succeeded
    where none did and no step came after the last one.
    """
    STOPPED = "stopped"
    """The job failed in the last step of its own: such a system only tidies up after it. Group `code` as above."""
    COMMAND = "command"
    """A command of the script, printed just before it runs; group `script`."""
    RUNNER = "runner"
    """Groups `runner`, `job`: who ran this."""
    ANNOTATION = "annotation"
    """An error that the forge reported; group `message`."""


OR_LATER = "{} or a later step"
"""What a step is called whose end no mark tells (`Sign.FROM_STEP`)."""


@dataclass(frozen=True, slots=True)
class Mark:
    """An expression and what a line that matches it tells. Searched like a pattern's regex."""

    sign: Sign
    regex: str


@dataclass(frozen=True, slots=True)
class Format:
    """One file of `logs/formats`.

    `signs`: expressions (bytes) that show this format in a sample. `prefix`: what stands before the text of a line;
    groups `job` and `step` where the line itself names them. `source`: where the form is documented. `inner`: a tool
    writes it and no CI system, so that it often stands inside the log of one: taken only where no other shows.
    """

    name: str
    signs: tuple[bytes, ...]
    prefix: bytes
    marks: tuple[Mark, ...]
    source: str
    inner: bool = False
    script_until: str | None = None
    """Where a step begins with its whole script: the beginning of the line after that, which names a POSIX shell."""
    forgives: bool = False
    """Whether a step may end badly and the job go on, without a word of it (`logs.went_on`)."""


STAMP = rb"(?:\xef\xbb\xbf)?(?:\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:[.,]\d{1,9})?(?:Z|[+-]\d\d:?\d\d) ?)?"
"""A byte order mark and an RFC 3339 time stamp, as GitHub, Forgejo and Gitea put before every line."""


def all_formats() -> tuple[Format, ...]:
    """Every format of the folder, in the order of their names."""
    from whyred.logs import formats

    modules = sorted(m.name for m in pkgutil.iter_modules(formats.__path__))
    return tuple(importlib.import_module(f"whyred.logs.formats.{m}").FORMAT for m in modules)


def most_likely(formats: Sequence[Format], seen: Container[bytes]) -> Format:
    """The format of which most signs were seen; the format `raw` where none was."""
    for inner in (False, True):
        counts = [(sum(sign in seen for sign in f.signs), f) for f in formats if f.inner is inner]
        best = max(counts, key=lambda c: c[0], default=None)
        if best is not None and best[0]:
            return best[1]
    return next(f for f in formats if f.name == "raw")
