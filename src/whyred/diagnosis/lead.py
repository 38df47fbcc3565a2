"""Where two failures of one log are both explained by what is true on the host: which of them ended the step."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from whyred.diagnosis.survived import Said, unrelated
from whyred.model.failure import Failure
from whyred.model.finding import Confidence, Finding

_MAY_FOLLOW = ("code/", "infra/missing-tool")
"""Classes of what may be missing or broken because of an error before it: whatever is true of it now, it is no reason
of its own."""


def lead(findings: Sequence[Finding]) -> list[Finding]:
    """The findings, with those likely instead of confirmed whose command had ended when another one failed for a
    reason of its own, which is confirmed as well: a step does not go on after a command that ends it."""
    sure = [f for f in findings if f.confidence is Confidence.CONFIRMED]
    return [_held(finding, list(_later(finding, sure))) for finding in findings]


def _held(finding: Finding, later: Sequence[Finding]) -> Finding:
    if not later:
        return finding
    other = later[-1]
    survived = f"it failed in line {_line(other.failure)} for a reason of its own, {other.cause.id}"
    why = f"it is so, but the step went on after this line: {survived}"
    return replace(finding, confidence=Confidence.LIKELY, why=why, survived=survived)


def _later(finding: Finding, sure: Sequence[Finding]) -> Iterator[Finding]:
    if finding.confidence is not Confidence.CONFIRMED:
        return
    first = said(finding.failure)
    alike = {f.cause.id for f in sure if f.failure is finding.failure}
    for other in sure:
        then = said(other.failure)
        apart = other.cause.id not in alike and first.once and then.line > first.line
        if apart and not then.class_.startswith(_MAY_FOLLOW) and unrelated(first, then):
            yield other


def said(failure: Failure) -> Said:
    """A failure's line, as it is held against others."""
    return Said(_line(failure), failure.message, failure.tool, failure.class_ or "", failure.captures)


def _line(failure: Failure) -> int:
    """Where it was said last."""
    return failure.spans[-1][1]
