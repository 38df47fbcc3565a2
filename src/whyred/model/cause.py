"""`Cause`: a named reason that can explain a failure, and the `Condition`s that would prove or disprove it."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

Value = str | int | float | bool


class Of(StrEnum):
    """Whose fact a condition wants."""

    ATTEMPT_RUNNER = "attempt-runner"
    """The daemon that ran this attempt."""
    ITS_JOBS = "its-jobs"
    """The job processes below that daemon."""
    SHARED_DAEMON = "shared-daemon"
    """A daemon that several jobs talk to (sccache)."""
    SIBLING_RUNNERS = "sibling-runners"
    """The other runner daemons of the same host."""
    HOST = "host"
    FORGE = "forge"
    """The forge that the attempt is on: its other runs."""
    WORKFLOW = "workflow"
    BASELINE = "baseline"
    """The newest green run of the same workflow, as the forge tells of it."""

    @property
    def is_forges(self) -> bool:
        """Whether the forge tells it, and no host."""
        return self in (Of.FORGE, Of.BASELINE)


class Op(StrEnum):
    """How a condition compares. A cause that wants a sixth wants a probe."""

    PRESENT = "present"
    EQUALS = "equals"
    BELOW = "below"
    ABOVE = "above"
    MATCHES = "matches"


@dataclass(frozen=True, slots=True)
class Condition:
    """One line of `confirm`, `support` or `refute`: field `field` of probe `probe`, asked of `of`, compared by `op`
    with `value`. `{name}` in `with_` stands for a capture of the failure.
    """

    probe: str
    of: Of
    field: str
    op: Op
    value: Value | None = None
    with_: tuple[tuple[str, str], ...] = ()
    beside: bool = False
    """A line of `support` that is as true of healthy hosts: shown beside a proof, and no sign by itself."""
    patterns: tuple[str, ...] = ()
    """It counts for failures of these patterns alone; empty: for all of its cause."""
    not_patterns: tuple[str, ...] = ()
    """It says nothing of failures of these patterns."""


@dataclass(frozen=True, slots=True)
class Text:
    """What a tired person needs to know: one sentence on what it is, how to see it by hand, what to do now, what
    stops it coming back, how to see that it is gone.
    """

    what: str
    check: str
    fix: str
    prevent: str
    verify: str


Agreement = Mapping[str, tuple[str, ...]]
"""Captures and the values they may have; `*` inside a value stands for any text."""


@dataclass(frozen=True, slots=True)
class Cause:
    """One file of `library/causes`.

    A failure of one of `patterns`, or of one of `classes`, whose captures agree with `when` and not with `unless` makes
    it a candidate. One line of `confirm` proves it, one of `refute` rules it out; `support` makes it likely and never
    proves anything.
    """

    id: str
    title: str
    class_: str
    patterns: tuple[str, ...]
    text: Text
    when: Agreement
    unless: Agreement
    confirm: tuple[Condition, ...] = ()
    support: tuple[Condition, ...] = ()
    refute: tuple[Condition, ...] = ()
    experiment: str | None = None
    classes: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    explains: tuple[str, ...] = ()
    """Causes that follow from this one: where both are confirmed, this one is read first."""
    faint: tuple[str, ...] = ()
    """Those of its patterns whose text says next to nothing (a crash, an exit code): of their failures the cause is
    told only where a line of `confirm` or `support` holds."""
    source: str = ""
