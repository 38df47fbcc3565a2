"""`Pattern`: a recipe that recognises one kind of error text, and `Secret`: one that recognises a secret."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Role(StrEnum):
    """What a line that matches says about the failure."""

    ERROR = "error"
    """It states what went wrong."""
    CONSEQUENCE = "consequence"
    """It says that something failed because of an error stated elsewhere (`exit code 1`, `make: *** Error 2`)."""
    CONTEXT = "context"
    """It helps a reader to understand a neighbouring error."""
    BENIGN = "benign"
    """It looks like an error and is none; it takes its line out of the running."""


class Strength(StrEnum):
    """How surely a tool that prints this line is failing because of it."""

    DECISIVE = "decisive"
    """The tool prints it only when it fails for that reason (a compile error, a failed test in the summary)."""
    USUAL = "usual"
    """Mostly the reason, but programs and tests also print it and go on (a traceback, `Permission denied`)."""
    WEAK = "weak"
    """Looks like an error statement and no more (a line with `error:`)."""


@dataclass(frozen=True, slots=True)
class Extent:
    """Which neighbouring lines belong to a match: at most `most` lines after it, as long as `while_` matches and
    until `until` matches (that line is not taken); `before` lines in front of it.
    """

    before: int = 0
    most: int = 0
    while_: str | None = None
    until: str | None = None


@dataclass(frozen=True, slots=True)
class Pattern:
    """One file of `library/patterns`.

    `contains`: literals of which one must be in the line (the cheap filter). `regex`: searched in the line's text
    without colour, carriage returns and time stamps; its named groups are the captures. `classes`: narrower classes
    for matches whose captures agree, first that fits; `class_` otherwise.
    """

    id: str
    tool: str
    title: str
    contains: tuple[str, ...]
    regex: str
    role: Role
    strength: Strength
    class_: str | None = None
    classes: tuple[tuple[Mapping[str, str], str], ...] = ()
    extent: Extent = field(default_factory=Extent)
    fires: tuple[str, ...] = ()
    quiet: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Secret:
    """One file of `library/secrets`. What the group `secret` matched (the whole match without one) is replaced by
    `***`; with `until` the masking goes on over whole lines up to the line that matches it.
    """

    id: str
    title: str
    regex: str
    until: str | None = None
    fires: tuple[str, ...] = ()
    quiet: tuple[str, ...] = ()
