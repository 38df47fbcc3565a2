"""`Evidence`: one fact about one subject with its origin, or an unknown with its reason."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from whyred.model.cause import Of, Value


class Reason(StrEnum):
    """Why a fact could not be found out. Closed: every message and schema lists exactly these."""

    NOT_FOUND = "not-found"
    NO_PERMISSION = "no-permission"
    TIMED_OUT = "timed-out"
    TOOL_MISSING = "tool-missing"
    NOT_SUPPORTED = "not-supported"
    REFUSED = "refused"
    UNREADABLE = "unreadable"
    OTHER_HOST = "other-host"
    CHANGED_SINCE = "changed-since"
    WHICH_RUNNER = "which-runner"
    NO_SUBJECT = "no-subject"
    NO_HOST = "no-host"
    BUDGET = "budget"
    NOT_RECORDED = "not-recorded"
    NOT_APPLICABLE = "not-applicable"
    FAULT = "fault-in-whyred"


@dataclass(frozen=True, slots=True)
class Unknown:
    """A fact that could not be had, and what would make it known."""

    reason: Reason
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where evidence comes from: `log`, `probe`, `comparison`, `experiment` or `forge`, and the exact place."""

    kind: str
    place: str


@dataclass(frozen=True, slots=True)
class Ask:
    """One question in full: which probe, asked of whom, with which arguments (captures already put in)."""

    probe: str
    of: Of
    with_: tuple[tuple[str, str], ...] = ()

    def __str__(self) -> str:
        """For people: `mount-state of attempt-runner (path=/tmp)`."""
        arguments = ", ".join(f"{k}={v}" for k, v in self.with_)
        return f"{self.probe} of {self.of}" + (f" ({arguments})" if arguments else "")


@dataclass(frozen=True, slots=True)
class Evidence:
    """One field of one subject: a value or an unknown. `ask` is the question it answers; `lasting`: whether it was so
    when the job ran as well, for it may have been mended, or have broken, before it was read."""

    ask: Ask
    subject: str
    field: str
    value: Value | Unknown | None
    origin: Origin
    lasting: bool = True

    @property
    def question(self) -> str:
        """The question, for people."""
        return str(self.ask)


@dataclass(frozen=True, slots=True)
class Answer:
    """All fields one probe read for one subject, or why there is none."""

    subject: str
    facts: Mapping[str, Value | Unknown | None] | Unknown


Answers = Mapping[Ask, tuple[Answer, ...]]
"""What is known so far: for every question that was asked, one answer per subject."""
