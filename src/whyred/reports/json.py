"""The verdict as one JSON object with a versioned schema (`reports/schema/verdict-1.json`)."""

from typing import Any

from whyred.diagnosis import tell
from whyred.model.evidence import Evidence, Unknown
from whyred.model.finding import Finding, Held, Verdict
from whyred.model.run_failures_json import run_failures_to_json
from whyred.reports.reading import dump, error_lines, failure

SCHEMA = "whyred.verdict/1"


def render(verdict: Verdict) -> str:
    """The whole verdict."""
    attempt, reading = verdict.attempt, verdict.reading
    runner = attempt.runner.name if attempt.runner else None
    return dump(
        {
            "schema": SCHEMA,
            "target": attempt.run.label,
            "job": attempt.job.name if attempt.job else reading.job,
            "runner": runner or reading.runner,
            "failed": verdict.failed,
            "failing_step": verdict.step,
            "class": verdict.class_,
            "class_guessed": verdict.guessed,
            "confidence": verdict.findings[0].confidence.value if verdict.findings else None,
            "cause": verdict.findings[0].cause.id if verdict.findings else None,
            "error_lines": error_lines(verdict.failures),
            "failures": [failure(f) for f in verdict.failures],
            "findings": [_finding(f) for f in verdict.findings],
            "ruled_out": [_finding(f) for f in verdict.ruled_out],
            "unknown": [{"what": u.what, "reason": u.reason, "how": u.how} for u in verdict.unknown],
            "other_runs": list(verdict.beside),
            "questions": [{"question": q.text, "answer": q.outcome, "changed": q.changed} for q in verdict.questions],
            "next": verdict.next,
            "run_failures": run_failures_to_json(verdict.run_failures) if verdict.run_failures else None,
            "log": {"format": reading.format, "lines": reading.lines, "bytes": reading.size},
        }
    )


def _finding(finding: Finding) -> dict[str, Any]:
    cause, text = finding.cause, finding.cause.text
    return {
        "cause": cause.id,
        "title": cause.title,
        "class": cause.class_,
        "confidence": finding.confidence.value,
        "because": finding.why,
        "failure": finding.failure.fingerprint,
        "for": [{"fact": t.fact, "origin": t.origin} for t in tell.evidence_for(finding)],
        "against": [{"fact": t.fact, "origin": t.origin} for t in tell.evidence_against(finding)],
        "conditions": [_held(h) for h in finding.held],
        "what": text.what,
        "check": text.check,
        "remedy": text.fix,
        "prevent": text.prevent,
        "verify": text.verify,
    }


def _held(held: Held) -> dict[str, Any]:
    condition = held.condition
    return {
        "weight": held.weight.value,
        "holds": held.holds,
        "probe": condition.probe,
        "of": condition.of.value,
        "field": condition.field,
        "op": condition.op.value,
        "value": condition.value,
        "evidence": [_evidence(e) for e in held.evidence],
    }


def _evidence(evidence: Evidence) -> dict[str, Any]:
    row: dict[str, Any] = {"question": evidence.question, "subject": evidence.subject, "field": evidence.field}
    if isinstance(evidence.value, Unknown):
        return row | {"unknown": evidence.value.reason.value, "detail": evidence.value.detail}
    return row | {"value": evidence.value}
