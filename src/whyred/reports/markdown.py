"""The verdict as Markdown, for an issue or a pull request. Log text stands in fences that it cannot leave."""

import re
from collections.abc import Iterator, Sequence

from whyred.diagnosis import tell, tell_run
from whyred.model.failure import Failure
from whyred.model.finding import Confidence, Finding, Verdict
from whyred.model.run_failures import RunFailures
from whyred.reports.reading import quoted, row


def render(verdict: Verdict) -> str:
    """The whole verdict."""
    return "\n".join(row(text) for text in _verdict(verdict)) + "\n"


def _verdict(verdict: Verdict) -> Iterator[str]:
    yield f"# {tell.mark(verdict).capitalize()}: {_inline(tell.headline(verdict))}"
    yield ""
    if not verdict.failed:
        yield f"{tell.quiet(verdict)} ({verdict.reading.lines} lines, {verdict.reading.format})."
        return
    if verdict.run_failures is not None:
        yield from _run(verdict.run_failures)
    guessed = " It is guessed from the name of the step." if verdict.guessed else ""
    yield f"Class `{verdict.class_ or 'unknown'}`.{guessed}"
    yield ""
    yield "## The error"
    for failure in verdict.failures[:3]:
        yield from _failure(failure)
    if verdict.findings:
        yield from _finding(verdict.findings[0], [t for t in (tell.halves(verdict), tell.not_now(verdict)) if t])
    yield from _lists(verdict)
    yield from _remedy(verdict)


def _run(run: RunFailures) -> Iterator[str]:
    yield f"**{tell_run.headline(run)}**"
    yield ""
    for told in tell_run.rows(run):
        ask = f" ({_inline(told.ask)})" if told.ask is not None else ""
        yield f"- {_inline(told.text)}{ask}"
    yield ""


def _failure(failure: Failure) -> Iterator[str]:
    rows = list(quoted(failure))
    fence = "`" * max(3, 1 + max((len(m) for row in rows for m in re.findall("`+", row)), default=0))
    yield ""
    yield f"{failure.title}{f', {failure.count} times' if failure.count > 1 else ''}:"
    yield ""
    yield f"{fence}text"
    yield from rows
    yield fence


def _finding(finding: Finding, more: Sequence[str]) -> Iterator[str]:
    yield ""
    yield f"## {finding.confidence.value.capitalize()}: `{finding.cause.id}`"
    yield ""
    yield finding.cause.text.what
    yield ""
    for sentence in more:
        yield from (_inline(sentence), "")
    yield "| | evidence | origin |"
    yield "|---|---|---|"
    for sign, rows in (("for", tell.evidence_for(finding)), ("against", tell.evidence_against(finding))):
        for told in rows:
            yield f"| {sign} | {_inline(told.fact)} | {_inline(told.origin)} |"


def _lists(verdict: Verdict) -> Iterator[str]:
    others, not_now = tell.others(verdict)
    if others:
        yield from ("", "## Other candidates", "")
        for finding in others:
            yield f"- `{finding.cause.id}` ({finding.confidence.value}): {finding.cause.title}"
    if not_now:
        yield from ("", f"## {tell.NOT_NOW.capitalize()}", "")
        for finding in not_now:
            yield f"- `{finding.cause.id}`: {_inline(tell.against(finding))}"
    ruled_out = tell.ruled_out(verdict)
    if ruled_out:
        yield from ("", "## Ruled out", "")
        for finding in ruled_out:
            yield f"- `{finding.cause.id}`: {_inline(tell.against(finding))}"
    if verdict.beside:
        yield from ("", "## Other runs", "")
        yield from (f"- {_inline(told)}" for told in verdict.beside)
    if verdict.unknown:
        yield from ("", "## Unknown", "")
        for reason, how, what in tell.open_questions(verdict.unknown):
            yield f"- {_inline('; '.join(what))}: {_inline(reason)}. {_inline(how)}"


def _remedy(verdict: Verdict) -> Iterator[str]:
    yield ""
    if verdict.findings and verdict.findings[0].confidence in (Confidence.CONFIRMED, Confidence.LIKELY):
        text = verdict.findings[0].cause.text
        yield from ("## Remedy", "", f"- Now: {text.fix}")
        other = tell.other_half(verdict)
        if other is not None:
            yield f"- Or: {other.cause.text.fix}"
        yield from (f"- Prevent: {text.prevent}", f"- Verify: {text.verify}", "")
    yield from ("## Next", "", _inline(verdict.next))


def _inline(text: str) -> str:
    """Text of unknown origin inside a line: no markup, table or link syntax takes effect, and nobody is mentioned."""
    text = re.sub(r"([\\`*_{}\[\]<>|#!~@])", r"\\\1", text.replace("\n", " "))
    # Forges look for mentions, issue numbers and addresses in what is rendered: an escape does not stop them.
    return re.sub(r"([@#]|:(?=//)|www(?=\.))", r"\1<!-- -->", text)
