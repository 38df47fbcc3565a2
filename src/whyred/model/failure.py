"""`Failure`: one place in an attempt where a pattern matched; `Line`, `Hit` and `Reading`: what the log gave for it."""

from collections.abc import Mapping
from dataclasses import dataclass

from whyred.model.pattern import Pattern
from whyred.model.run import Conclusion


@dataclass(frozen=True, slots=True)
class Line:
    """A log line as people read it: number (1-based, lines end at LF only) and text without colour and time stamp."""

    number: int
    text: str


@dataclass(frozen=True, slots=True)
class Hit:
    """A line on which a pattern matched, with the captures."""

    line: int
    pattern: Pattern
    captures: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Section:
    """A step of the log as its text shows it: lines `first` to `last`. `aside` marks what is not the job's own work
    (set-up, post steps, clean-up). `conclusion` and `exit_code` are what the text says of its end.
    """

    name: str
    first: int
    last: int
    aside: bool = False
    conclusion: Conclusion = Conclusion.UNKNOWN
    exit_code: int | None = None
    ended: int | None = None
    """The line that says how it ended."""


@dataclass(frozen=True, slots=True)
class Reading:
    """All that one pass over a log kept: flat in memory whatever the log's size.

    `window` holds the lines around the hits. `folded` counts, per pattern id, the matches that were not kept because
    the pattern matched too often. `runner` is the runner's name where the log states it.
    """

    format: str
    lines: int
    size: int
    hits: tuple[Hit, ...]
    sections: tuple[Section, ...]
    window: Mapping[int, str]
    conclusion: Conclusion = Conclusion.UNKNOWN
    runner: str | None = None
    job: str | None = None
    folded: Mapping[str, int] | None = None
    annotations: tuple[tuple[int, str], ...] = ()
    """(line, message) of the errors that the forge itself reported in the log."""
    ended: float | None = None
    """The last time stamp of the log, in seconds since the epoch."""
    scripts: tuple[Line, ...] = ()
    """The scripts, or single commands of them, that the log prints before they run, by the lines they begin in; empty
    text: one that is printed in part."""


@dataclass(frozen=True, slots=True)
class Failure:
    """One thing that went wrong: where, what the line says, and how often it was said.

    `spans` are the lines of all occurrences, best first; `quote` is the first span with its context; `root` is false
    for a consequence that is shown only because nothing better was found. `fingerprint` is the text without its
    changing parts: equal failures of other attempts have the same one.
    """

    pattern: str
    title: str
    tool: str
    class_: str | None
    strength: str
    root: bool
    step: str | None
    message: str
    spans: tuple[tuple[int, int], ...]
    quote: tuple[Line, ...]
    captures: Mapping[str, str]
    fingerprint: str
    count: int = 1
    survived: str = ""
    """Why the step is known to have gone on after it, so that it is not what ended it; empty: that is not known."""
