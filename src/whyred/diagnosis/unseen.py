"""Whether the host was asked for a cause and shows nothing of it: the log alone makes it a candidate then."""

from whyred.model.cause import Of
from whyred.model.evidence import Reason, Unknown
from whyred.model.finding import Confidence, Finding, Held, Weight

_NO_SIGN = frozenset({Reason.NOT_APPLICABLE, Reason.NOT_SUPPORTED})
"""Reasons of an unknown that is no gap: the log does not name it, or no host of this kind could answer."""


def unseen(finding: Finding) -> bool:
    """Whether a merely possible cause was looked for on the host that ran the attempt, and no sign of it is there.

    It stays possible, as signs pass away; but what explains the failure without the host goes before it. Of jobs that
    have ended and of other runs nothing can be asked of a host, so these lines do not count; what only a forge could
    tell, and no forge has told, has no more than the text either.
    """
    if finding.confidence is not Confidence.POSSIBLE or not finding.cause.class_.startswith("infra/"):
        return False
    if finding.not_now and not _mirrored(finding):
        return False
    lines = [h for h in finding.held if h.weight is not Weight.REFUTES and not h.condition.beside]
    if finding.held and all(h.condition.of.is_forges for h in finding.held):
        return not any(h.holds for h in lines)
    told = [t for h in lines if (t := _answered(h)) is not None]
    return True in told and False not in told and not any(h.holds for h in lines)


def _answered(held: Held) -> bool | None:
    """Whether a line was answered by every subject; None for one that cannot be."""
    if held.condition.of is Of.ITS_JOBS or held.condition.of.is_forges:
        return None
    values = [e.value for e in held.evidence if not (isinstance(e.value, Unknown) and e.value.reason in _NO_SIGN)]
    if not values:
        return None if held.evidence else False
    return not any(isinstance(value, Unknown) for value in values)


def _mirrored(finding: Finding) -> bool:
    """Whether all that refutes it is the other side of what would confirm it: it is not so now, and no more is said."""
    asked = {(e.ask, e.field) for h in finding.held if h.weight is Weight.CONFIRMS for e in h.evidence}
    refuting = [h for h in finding.held if h.weight is Weight.REFUTES and h.holds]
    return all((e.ask, e.field) in asked for h in refuting for e in h.evidence)
