"""Findings -> the order in which a person should read them."""

from collections.abc import Iterable

from whyred.diagnosis.unseen import unseen
from whyred.model.finding import Confidence, Finding, Weight

_ORDER = {Confidence.CONFIRMED: 0, Confidence.LIKELY: 1, Confidence.POSSIBLE: 2, Confidence.RULED_OUT: 4}
_SPOKEN_AGAINST = 3


def rank(findings: Iterable[Finding]) -> tuple[list[Finding], list[Finding]]:
    """(open findings, best first; ruled out). Of what a faint text makes a candidate only that of which a sign is seen.

    Surer first, but what the step went on after among what is possible; then what explains the better failure; then, of
    those that are merely possible, a cause of the code that asks for this text, and last what the host was asked for
    and shows no sign of; then, where both are confirmed, a cause before the one that follows from it; then the cause of
    the failure's own class before one that only explains why a setting did not help, and before one that was surely
    not so when the host was asked; then the cause that explains more kinds of texts; then by id, never by chance. What
    something else that holds now speaks against comes behind all that.
    """
    rows = [f for f in findings if f.failure.pattern not in f.cause.faint or _seen(f)]
    place: dict[int, int] = {}
    for finding in rows:
        place.setdefault(id(finding.failure), len(place))

    sure = {(id(f.failure), f.cause.id) for f in rows if f.confidence is Confidence.CONFIRMED}

    def key(finding: Finding) -> tuple[int, int, int, bool, bool, bool, int, str]:
        cause, failure = finding.cause, finding.failure
        other_class = cause.class_ != failure.class_
        deeper = any((id(failure), e) in sure for e in cause.explains) and (id(failure), cause.id) in sure
        order = max(_ORDER[finding.confidence], _ORDER[Confidence.POSSIBLE] if finding.survived else 0)
        if finding.not_now and not unseen(finding):
            order = _SPOKEN_AGAINST
        patterns = -len(cause.patterns)
        return order, place[id(failure)], _vague(finding), not deeper, other_class, finding.not_now, patterns, cause.id

    ordered = sorted(rows, key=key)
    return (
        [f for f in ordered if f.confidence is not Confidence.RULED_OUT],
        [f for f in ordered if f.confidence is Confidence.RULED_OUT],
    )


def _seen(finding: Finding) -> bool:
    return any(h.holds and h.weight is not Weight.REFUTES and not h.condition.beside for h in finding.held)


def _vague(finding: Finding) -> int:
    """How little speaks for a merely possible cause, beside the text that several share."""
    if finding.confidence is not Confidence.POSSIBLE:
        return 1
    if finding.cause.when and finding.cause.class_.startswith("code/"):
        return 0
    return 2 if unseen(finding) else 1
