"""`Baseline`: what of a green attempt is kept to compare with; `Novelty`: what a failing one says and does that no
green one did.
"""

from dataclasses import dataclass
from enum import StrEnum

from whyred.model.failure import Line


@dataclass(frozen=True, slots=True)
class StepTime:
    """A step of one attempt: how long it took in seconds (None: its log tells no times), and how many lines it said."""

    name: str
    seconds: float | None
    lines: int


@dataclass(frozen=True, slots=True)
class Baseline:
    """One attempt that others are compared with. `keys` and `hits`: sorted digests of eight bytes each, of all its
    lines (`compare.keys`) and of those on which the error scan hit (`compare.lines.hit_texts`).
    """

    label: str
    steps: tuple[StepTime, ...]
    keys: bytes
    hits: bytes
    lines: int
    failed: bool = False
    """It is not green: its log says that something failed."""
    whole: bool = True
    """Whether all of its keys are here; a log of more different lines than are kept has others."""


@dataclass(frozen=True, slots=True)
class Familiar:
    """The lines of an attempt with the error scan on them that green ones, named in `greens`, said as well."""

    lines: frozenset[int]
    greens: tuple[str, ...]


class Sort(StrEnum):
    """Why a line is listed."""

    NEW = "new"
    """No green attempt has such a line."""
    OTHER_NUMBERS = "error-here-only"
    """The green ones have such a line with other numbers, and there it was no error."""


@dataclass(frozen=True, slots=True)
class NewLine:
    """A line of the failing attempt that no green one had, and how often its step said it. `again`: the numbers of some
    of its repeats; `pattern`: what the error scan takes it for; `around`: the lines before and after it.
    """

    number: int
    text: str
    step: str | None
    count: int = 1
    again: tuple[int, ...] = ()
    pattern: str | None = None
    sort: Sort = Sort.NEW
    around: tuple[Line, ...] = ()


class Change(StrEnum):
    """What became of a step."""

    SLOWER = "slower"
    FASTER = "faster"
    SAME = "as before"
    NEW = "only here"
    GONE = "only in the green"
    UNKNOWN = "no times"


@dataclass(frozen=True, slots=True)
class Drift:
    """A step in the failing attempt and in the green ones. Times are seconds; None where there is no such step, or no
    time of it.
    """

    name: str
    change: Change
    here: float | None
    green: tuple[float | None, ...]


@dataclass(frozen=True, slots=True)
class Green:
    """A green attempt that was compared with. `stored`: its log was not read again."""

    label: str
    lines: int
    stored: bool = False
    failed: bool = False
    whole: bool = True


@dataclass(frozen=True, slots=True)
class Novelty:
    """What is new in an attempt: `lines` ranked, the most telling first. `different`: how many there are, those
    included that were too many to keep.
    """

    label: str
    log_lines: int
    failed: bool
    failing_step: str | None
    greens: tuple[Green, ...]
    lines: tuple[NewLine, ...]
    different: int
    drifts: tuple[Drift, ...]
    gone: tuple[Line, ...] | None = None
    """Lines of every green attempt that this one lacks, with their numbers in the first of them; None: not asked for.
    """
    why: str | None = None
    """Why these green attempts were taken, where nobody named them."""
