"""`Finding`: one cause held against one failure; `Verdict`: the ranked findings of one attempt."""

from dataclasses import dataclass
from enum import StrEnum

from whyred.model.cause import Cause, Condition
from whyred.model.evidence import Evidence
from whyred.model.failure import Failure, Reading
from whyred.model.run import Attempt
from whyred.model.run_failures import RunFailures


class Confidence(StrEnum):
    """How sure a finding is; follows from its conditions alone."""

    CONFIRMED = "confirmed"
    LIKELY = "likely"
    POSSIBLE = "possible"
    RULED_OUT = "ruled out"


class Weight(StrEnum):
    """What the evidence does to the cause it is held against."""

    CONFIRMS = "confirms"
    SUPPORTS = "supports"
    REFUTES = "refutes"


@dataclass(frozen=True, slots=True)
class Held:
    """One condition with the evidence that was found for it and whether it holds (None: unknown)."""

    condition: Condition
    weight: Weight
    holds: bool | None
    evidence: tuple[Evidence, ...]

    @property
    def lasting(self) -> bool:
        """Whether it was so when the job ran as well."""
        return all(e.lasting for e in self.evidence)


@dataclass(frozen=True, slots=True)
class Finding:
    """One cause held against one failure: confidence and every condition with what was found."""

    cause: Cause
    failure: Failure
    confidence: Confidence
    held: tuple[Held, ...]
    why: str = ""
    """One sentence: from which conditions the confidence follows."""
    survived: str = ""
    """Where it is so, but is not what ended the step: why one knows that the step went on after it."""

    @property
    def not_now(self) -> bool:
        """Whether nothing but what holds now speaks against it: it may have been so when the job ran."""
        true = {h.weight for h in self.held if h.holds}
        return self.confidence is Confidence.POSSIBLE and Weight.REFUTES in true and Weight.CONFIRMS not in true


@dataclass(frozen=True, slots=True)
class Question:
    """One question that the investigation asked, and what it changed (for `--explain`)."""

    text: str
    outcome: str
    changed: str


@dataclass(frozen=True, slots=True)
class Open:
    """Something that stays unknown: what, why, and how to find out."""

    what: str
    reason: str
    how: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """The result of one investigation: what failed, the findings in order, what was ruled out, what stays unknown."""

    attempt: Attempt
    reading: Reading
    failures: tuple[Failure, ...]
    findings: tuple[Finding, ...]
    ruled_out: tuple[Finding, ...]
    unknown: tuple[Open, ...]
    questions: tuple[Question, ...]
    failed: bool
    class_: str | None
    step: str | None
    next: str
    """The command, or the act, that comes next."""
    run_failures: RunFailures | None = None
    """What else failed in its run, where several jobs did."""
    guessed: bool = False
    """No line and no cause tells the class: it is that of most failures of a step of this name."""
    beside: tuple[str, ...] = ()
    """What the forge tells of other runs, in sentences; none of it weighs for or against a finding by itself."""
