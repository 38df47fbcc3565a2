"""The verdict for a terminal: one screen, the cause first."""

from collections.abc import Iterator, Sequence

from whyred.diagnosis import tell
from whyred.model.failure import Failure
from whyred.model.finding import Confidence, Finding, Verdict
from whyred.reports.reading import named, quoted, row, run_rows, times

_OTHERS = 4
"""Further failures and candidates that are named; the JSON report has them all."""


def render(verdict: Verdict) -> str:
    """The whole verdict."""
    return "\n".join(row(text) for text in _verdict(verdict)) + "\n"


def _verdict(verdict: Verdict) -> Iterator[str]:
    yield f"{tell.mark(verdict)}  {tell.headline(verdict)}"
    if not verdict.failed:
        yield f"{tell.quiet(verdict)} ({verdict.reading.lines} lines, {verdict.reading.format})."
        return
    what = _count(len(verdict.failures), "failure")
    yield f"class {named(verdict.class_, guessed=verdict.guessed)}; {what} in {_count(verdict.reading.lines, 'line')}"
    yield ""
    if verdict.run_failures is not None:
        yield from run_rows(verdict.run_failures)
    yield from _failures(verdict.failures)
    others, not_now = tell.others(verdict)
    if verdict.findings:
        yield ""
        yield from _finding(verdict.findings[0])
        for more in (tell.halves(verdict), tell.not_now(verdict)):
            if more is not None:
                yield f"  {more}"
        yield from _others(others)
    yield from _against(tell.NOT_NOW, not_now)
    yield from _against("ruled out", tell.ruled_out(verdict))
    if verdict.beside:
        yield ""
        yield "other runs"
    for told in verdict.beside:
        yield f"  . {told}"
    yield from _unknown(verdict)
    yield from _remedy(verdict)


def _failures(failures: Sequence[Failure]) -> Iterator[str]:
    for one in failures[:1]:
        yield f"the error{times(one)}"
        yield from quoted(one)
    for one in failures[1:_OTHERS]:
        yield f"  also line {one.spans[0][0]}{times(one)}: {one.message[:150]}"
    if len(failures) > _OTHERS:
        yield f"  and {len(failures) - _OTHERS} more (whyred read --json shows all)"


def _finding(finding: Finding) -> Iterator[str]:
    yield f"{finding.confidence.value.upper()}: {finding.cause.id}"
    yield f"  {finding.cause.text.what}"
    yield "  for"
    for told in tell.evidence_for(finding):
        yield f"    + {told.fact}  [{told.origin}]"
    against = tell.evidence_against(finding)
    if against:
        yield "  against"
    for told in against:
        yield f"    - {told.fact}  [{told.origin}]"


def _others(findings: Sequence[Finding]) -> Iterator[str]:
    if findings:
        yield ""
        yield "other candidates"
    for finding in findings[:_OTHERS]:
        yield f"  {finding.confidence.value}: {finding.cause.id}: {finding.cause.title}"
    if len(findings) > _OTHERS:
        yield f"  and {len(findings) - _OTHERS} more: " + ", ".join(f.cause.id for f in findings[_OTHERS:])


def _against(title: str, findings: Sequence[Finding]) -> Iterator[str]:
    if findings:
        yield ""
        yield title
    for finding in findings[:_OTHERS]:
        yield f"  - {finding.cause.id}: {tell.against(finding)}"
    if len(findings) > _OTHERS:
        yield f"  and {len(findings) - _OTHERS} more: " + ", ".join(f.cause.id for f in findings[_OTHERS:])


def _unknown(verdict: Verdict) -> Iterator[str]:
    rows = tell.open_questions(verdict.unknown)
    if rows:
        yield ""
        yield "unknown"
    for reason, how, what in rows[:_OTHERS]:
        more = f" and {len(what) - 1} more" if len(what) > 1 else ""
        yield f"  ? {what[0]}{more}"
        yield f"    {reason}"
        yield f"    {how}"
    if len(rows) > _OTHERS:
        yield f"  and {_count(len(rows) - _OTHERS, 'more reason')} (--format json has all)"


def _remedy(verdict: Verdict) -> Iterator[str]:
    yield ""
    if verdict.findings and verdict.findings[0].confidence in (Confidence.CONFIRMED, Confidence.LIKELY):
        text = verdict.findings[0].cause.text
        yield f"remedy   {text.fix}"
        other = tell.other_half(verdict)
        if other is not None:
            yield f"or       {other.cause.text.fix}"
        yield f"prevent  {text.prevent}"
        yield f"verify   {text.verify}"
    yield f"next     {verdict.next}"


def _count(n: int, word: str) -> str:
    return f"{n} {word}{'' if n == 1 else 's'}"
