"""The sentences of a verdict: what every report says, each claim with its origin. Reports only lay them out."""

import shlex
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from whyred.diagnosis.judge import show
from whyred.diagnosis.match import CANCELLED
from whyred.diagnosis.writers import sentence
from whyred.model.evidence import Evidence, Unknown
from whyred.model.failure import Failure
from whyred.model.finding import Confidence, Finding, Held, Open, Verdict, Weight
from whyred.model.run import Conclusion

_FOR = (Weight.CONFIRMS, Weight.SUPPORTS)


@dataclass(frozen=True, slots=True)
class Told:
    """One piece of evidence as people read it: what it does to the cause, the fact, and where the fact comes from."""

    weight: Weight
    fact: str
    origin: str


def headline(verdict: Verdict) -> str:
    """Which run, job, runner and step, in one line."""
    attempt = verdict.attempt
    job = attempt.job.name if attempt.job else verdict.reading.job
    runner = (attempt.runner.name if attempt.runner else None) or verdict.reading.runner
    parts = [attempt.run.label]
    cut = next((s.reason for s in attempt.steps if (s.reason or "").startswith("interrupted")), None)
    parts += [f"{what} {name}" for what, name in (("job", job), ("runner", runner), ("step", verdict.step)) if name]
    parts += ["cancelled"] if attempt.conclusion is Conclusion.CANCELLED else []
    return ", ".join([*parts, cut] if cut else parts)


def evidence_for(finding: Finding) -> list[Told]:
    """What speaks for a finding: the log line first, then what was found on the host."""
    held = [h for h in finding.held if h.holds is True and h.weight in _FOR]
    not_refuted = [h for h in finding.held if h.holds is False and h.weight is Weight.REFUTES]
    return [*_from_log(finding.failure), *_told(held or not_refuted)]


def evidence_against(finding: Finding) -> list[Told]:
    """What speaks against a finding: refuting facts that hold and, while nothing confirms it, confirming ones that do
    not. A support line that does not hold says nothing."""
    confirming = [h for h in finding.held if h.weight is Weight.CONFIRMS]
    not_held = [] if any(h.holds for h in confirming) else [h for h in confirming if h.holds is False]
    refuting = [h for h in finding.held if h.holds is True and h.weight is Weight.REFUTES]
    return _told([*refuting, *not_held])


def others(verdict: Verdict) -> tuple[list[Finding], list[Finding]]:
    """The candidates behind the first: those nothing speaks against, and those that do not hold any more. Each cause
    once, where it stands first: what it says of a second failure is nothing new."""
    first = {f.cause.id for f in verdict.findings[:1]}
    rows = _each_once(verdict.findings[1:], first)
    return [f for f in rows if not f.not_now], [f for f in rows if f.not_now]


def ruled_out(verdict: Verdict) -> list[Finding]:
    """What was ruled out, each cause once, and none that is a candidate for another failure."""
    return _each_once(verdict.ruled_out, {f.cause.id for f in verdict.findings})


def _each_once(findings: Iterable[Finding], known: set[str]) -> list[Finding]:
    rows: dict[str, Finding] = {}
    for finding in findings:
        if finding.cause.id not in known:
            rows.setdefault(finding.cause.id, finding)
    return list(rows.values())


NOT_NOW = "not so now, and perhaps mended since the job"
"""The heading of candidates that nothing but what holds now speaks against."""


def against(finding: Finding) -> str:
    """What speaks against a candidate, as short as it stands below its heading."""
    held = next((h for h in finding.held if h.holds and h.weight is Weight.REFUTES), None)
    told = _told([held]) if held is not None else []
    return f"{told[0].fact}  [{told[0].origin}]" if told else finding.why


def not_now(verdict: Verdict) -> str | None:
    """Of a first finding that only facts of now speak against: what that is worth, and how to check it."""
    first = verdict.findings[0] if verdict.findings else None
    if first is None or not first.not_now:
        return None
    return (
        "What speaks against it is so now: it was read after the job, and the host may have been mended in between. "
        + _traces(verdict, first)
    )


def _traces(verdict: Verdict, finding: Finding) -> str:
    """Where a change since the job leaves a trace, and where none."""
    ended = verdict.attempt.ended or verdict.reading.ended
    since = f"since=@{ended:.0f}" if ended is not None else "since=today"
    place = finding.failure.captures.get("dir", "")
    stat = f"`stat -c 'changed %z' {shlex.quote(place)}` shows when its mode, owner or entries were changed last, and "
    log = f"`journalctl --{since}` who was on the host since then."
    return (stat if place.startswith("/") else "") + log + " A remount or freed space leaves no time of its own."


def other_half(verdict: Verdict) -> Finding | None:
    """Beside a confirmed fault of a temporary directory the likely reason why the command used that directory, or the
    other way round: two things are wrong, and mending one of them may do."""
    first = verdict.findings[0] if verdict.findings else None
    if first is None or first.confidence is not Confidence.CONFIRMED or first.cause.class_ not in _HALVES:
        return None
    other = _HALVES[first.cause.class_]
    held = (Confidence.CONFIRMED, Confidence.LIKELY)
    alike = (f for f in verdict.findings[1:] if f.cause.class_ == other and f.failure is first.failure)
    return next((f for f in alike if f.confidence in held), None)


_HALVES = {"infra/tmpdir": "infra/env-config", "infra/env-config": "infra/tmpdir"}


def halves(verdict: Verdict) -> str | None:
    """The sentence that says so, and that of what is wrong beside the reason for this end."""
    told = [s for s in (_halves(verdict), _also_true(verdict)) if s is not None]
    return " ".join(told) or None


def _also_true(verdict: Verdict) -> str | None:
    """What is proven and did not end the step, so that nobody takes it for the reason, and nobody forgets it."""
    passed = {f.cause.id: f for f in reversed(verdict.findings) if f.survived}
    if not passed:
        return None
    rows = [f"{f.cause.id} (line {f.failure.spans[0][0]}; {f.survived})" for f in reversed(passed.values())]
    return f"Also true, and not what ended the step: {', '.join(rows)}. Mend that as well; alone it does not help."


def _halves(verdict: Verdict) -> str | None:
    other = other_half(verdict)
    if other is None:
        return None
    first = verdict.findings[0]
    broken, used = (first, other) if first.cause.class_ == "infra/tmpdir" else (other, first)
    return (
        f"Two things are wrong: {broken.cause.id} ({broken.confidence.value}) is why {_where(broken)} does not work, "
        f"and {used.cause.id} ({used.confidence.value}) is why the command used it. Mending the first suffices; so "
        "does the second, where the setting that then counts names a healthy directory (whyred env TMPDIR shows it)."
    )


def _where(finding: Finding) -> str:
    return finding.failure.captures.get("dir", "the directory")


def _from_log(failure: Failure) -> Iterator[Told]:
    line = f"log line {failure.spans[0][0]}" if failure.spans else "log"
    yield Told(Weight.SUPPORTS, failure.title + _errno(failure), line)
    proof = sentence(failure.captures, failure.tool)
    if proof is not None:
        yield Told(Weight.SUPPORTS, proof, line)


def _errno(failure: Failure) -> str:
    parts = [failure.captures[k] for k in ("errno", "dir") if k in failure.captures]
    return f" ({' at '.join(parts)})" if parts else ""


def _told(conditions: Iterable[Held]) -> list[Told]:
    """One row for all that one probe says of one subject."""
    rows: dict[tuple[str, str], list[str]] = {}
    weights: dict[tuple[str, str], Weight] = {}
    for held in conditions:
        for evidence in held.evidence:
            if not isinstance(evidence.value, Unknown):
                key = (_of_whom(evidence), f"probe {evidence.ask.probe}")
                weights.setdefault(key, held.weight)
                fact = f"{evidence.field} = {show(evidence.value)}"
                if fact not in rows.setdefault(key, []):
                    rows[key].append(fact)
    return [Told(weights[key], f"{key[0]}: {', '.join(facts)}", key[1]) for key, facts in rows.items()]


def _of_whom(evidence: Evidence) -> str:
    return ", ".join([evidence.subject or str(evidence.ask.of), *(value for _, value in evidence.ask.with_)])


def open_questions(unknown: Sequence[Open]) -> list[tuple[str, str, list[str]]]:
    """(reason, how to find out, what is unknown) with the questions of one reason together."""
    grouped: dict[tuple[str, str], list[str]] = {}
    for row in unknown:
        grouped.setdefault((row.reason, row.how), []).append(row.what)
    return [(reason, how, what) for (reason, how), what in grouped.items()]


def quiet(verdict: Verdict) -> str:
    """What a log without a failure says."""
    if verdict.class_ == "pass":
        return "The log says that it succeeded"
    return "No line says that something failed, and the log does not tell its end"


def mark(verdict: Verdict) -> str:
    """The first word of a report."""
    if not verdict.failed:
        return "GREEN" if verdict.class_ == "pass" else "QUIET"
    if verdict.findings:
        return verdict.findings[0].confidence.value.upper()
    return "CANCELLED" if verdict.class_ == CANCELLED else "UNEXPLAINED"
