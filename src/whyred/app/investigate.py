"""The one loop: ask the cheapest question that could change the verdict, judge again, until nothing is left to ask."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from whyred.app.ask import Asker, cost, lasting, read_answers
from whyred.app.read import ReadLog
from whyred.app.scripts import STEPS_SCRIPT, scripts_of, with_script
from whyred.app.subjects import SHELL
from whyred.diagnosis import tell_forge, words
from whyred.diagnosis.judge import Trust, ask_of, asks, candidates, judge, show
from whyred.diagnosis.lead import lead, said
from whyred.diagnosis.match import CANCELLED, passed_over
from whyred.diagnosis.rank import rank
from whyred.hosts.bundle import Raw
from whyred.model.cause import Cause, Of
from whyred.model.evidence import Answer, Answers, Ask, Evidence, Reason, Unknown
from whyred.model.failure import Failure
from whyred.model.finding import Confidence, Finding, Held, Open, Question, Verdict, Weight
from whyred.model.run import Attempt, Conclusion
from whyred.model.script import Script
from whyred.probes.step_script import let_fail
from whyred.workflows.spares import lets_fail

_JUDGED = 3
"""Failures of one attempt that are held against the causes: the best ones; more would bury the answer."""
_SAID = 300
"""Characters of a line that are held against a script."""


@dataclass
class _Case:
    failure: Failure
    causes: list[Cause]


def investigate(
    log: ReadLog,
    attempt: Attempt,
    causes: Sequence[Cause],
    asker: Asker,
    beside: Sequence[Ask] = (),
    scripts: Sequence[Script] = (),
) -> Verdict:
    """The verdict on one attempt. Asks `asker` one question after the other until no answer could change the order;
    while nothing is proven then, also those that are worth an answer whichever causes are open (`beside`). `scripts`:
    those of the job's steps, where the workflow file was read.
    """
    answers: dict[Ask, tuple[Answer, ...]] = {}
    journal: list[Question] = []
    log = _without_spared(log, answers, journal, asker, scripts)
    asker = with_script(asker, log.matched.failures, log.reading, scripts)
    cases = [_Case(f, candidates(f, causes)) for f in log.matched.failures[:_JUDGED]]
    trust = _trust(log, attempt)
    findings = _judge(cases, answers, trust)
    while (ask := _next(cases, findings, answers)) is not None:
        answers[ask] = read_answers(ask, asker.ask(ask))
        after = _judge(cases, answers, trust)
        journal.append(Question(str(ask), _outcome(answers[ask]), _changed(findings, after)))
        findings = after
    if log.matched.failed and not any(f.confidence is Confidence.CONFIRMED for f in findings):
        journal += _beside(beside, answers, asker)
    if log.matched.failed:
        journal += _beside(words.asks(f.cause for f in findings), answers, asker)
    ranked, out = rank([_in_words(f, answers) for f in findings])
    unknown = _unknown(ranked)
    sure = bool(ranked) and ranked[0].confidence is Confidence.CONFIRMED
    return Verdict(
        attempt=attempt,
        reading=log.reading,
        failures=_led(log.matched.failures, ranked),
        findings=tuple(ranked),
        ruled_out=tuple(out),
        unknown=unknown,
        questions=tuple(journal),
        failed=log.matched.failed,
        class_=ranked[0].cause.class_ if sure else log.matched.class_,
        guessed=log.matched.guessed and not sure,
        step=log.matched.step,
        next=_next_act(log, attempt.run.label, ranked, unknown),
        beside=tuple(tell_forge.sentences(answers)) if log.matched.failed else (),
    )


def _without_spared(
    log: ReadLog,
    answers: dict[Ask, tuple[Answer, ...]],
    journal: list[Question],
    asker: Asker,
    scripts: Sequence[Script],
) -> ReadLog:
    """The log, judged by the script of the step as well, where the log, the workflow file or the host has it: what it
    lets fail did not end it."""
    reasons = {}
    for failure in log.matched.failures[:_JUDGED]:
        program = said(failure).program
        if failure.survived or not program or not failure.root:
            continue
        with_ = (("step", failure.step or ""), ("program", program), ("said", failure.message[:_SAID]))
        ask = Ask("step-script", Of.WORKFLOW, with_)
        raw: Raw
        if any(lets_fail(text, program, failure.message) for text in scripts_of(failure, log.reading, scripts)):
            asker.record.answers[ask] = raw = ((STEPS_SCRIPT, let_fail()),)
        else:
            raw = asker.ask(ask) if failure.step else ()
        told = read_answers(ask, raw)
        if any(not isinstance(a.facts, Unknown) and a.facts.get("lets_fail") is True for a in told):
            answers[ask] = told
            journal.append(Question(str(ask), _outcome(told), "what ended the step"))
            reasons[failure.fingerprint] = f"the script of the step goes on when {program} fails"
    return replace(log, matched=passed_over(log.matched, log.reading, reasons)) if reasons else log


def _led(failures: tuple[Failure, ...], ranked: Sequence[Finding]) -> tuple[Failure, ...]:
    """The failures, that of the first finding first where the step went on after the one that was taken for the best:
    what is quoted is what is explained."""
    first = ranked[0].failure if ranked else None
    if first is None or not any(f.survived for f in ranked if f.failure is failures[0]):
        return failures
    return tuple(sorted(failures, key=lambda f: f is not first))


def _beside(asks: Sequence[Ask], answers: dict[Ask, tuple[Answer, ...]], asker: Asker) -> list[Question]:
    """Asks them, and tells of those that brought a fact."""
    asked = []
    for ask in (ask for ask in asks if ask not in answers):
        answers[ask] = read_answers(ask, asker.ask(ask))
        if any(not isinstance(answer.facts, Unknown) for answer in answers[ask]):
            asked.append(Question(str(ask), _outcome(answers[ask]), "nothing"))
    return asked


def _in_words(finding: Finding, answers: Answers) -> Finding:
    """The finding, with what was found out about the runner, and what the line names, in the texts of its cause."""
    text = words.in_words(finding.cause.text, answers, finding.failure.captures)
    return replace(finding, cause=replace(finding.cause, text=text))


def _judge(cases: Sequence[_Case], answers: dict[Ask, tuple[Answer, ...]], trust: Trust) -> list[Finding]:
    return lead([finding for case in cases for finding in judge(case.failure, case.causes, answers, trust)])


def _trust(log: ReadLog, attempt: Attempt) -> Trust:
    """What a fact that refutes is worth. What is well now may not have been well then: a runner that the log does not
    let us date may have been restarted since, and a shell is not the runner, whose /tmp may be another. The very runner
    may see a host that was mended since, be it within a second: only while the job still runs is now then. A run that
    ended without a conclusion has ended all the same."""
    proven = attempt.runner is not None and attempt.runner.machine is not None
    inside = proven and attempt.conclusion is Conclusion.UNKNOWN and attempt.ended is None
    undated = "the log tells no times, so nothing shows that the runner was not restarted since"
    shell = "no runner was found alive, and what is well in this shell may not be well in the runner's namespace"

    def trust(evidence: Evidence) -> Evidence:
        if not proven and evidence.subject == SHELL:
            return replace(evidence, value=Unknown(Reason.WHICH_RUNNER, shell))
        if not proven and log.reading.ended is None:
            return replace(evidence, value=Unknown(Reason.CHANGED_SINCE, undated))
        return evidence if inside else replace(evidence, lasting=lasting(evidence))

    return trust


def _next(cases: Sequence[_Case], findings: Sequence[Finding], answers: dict[Ask, tuple[Answer, ...]]) -> Ask | None:
    """The cheapest open question of a finding that is not settled; a question that serves more findings goes first."""
    wanted: dict[Ask, int] = {}
    for finding in findings:
        if finding.confidence is Confidence.RULED_OUT:
            continue
        for ask in asks(finding.cause, finding.failure.captures):
            if ask not in answers and _could_change(finding, ask):
                wanted[ask] = wanted.get(ask, 0) + 1
    if not wanted:
        return None
    return min(wanted, key=lambda a: (cost(a)[0], -wanted[a], str(a)))


def _could_change(finding: Finding, ask: Ask) -> bool:
    """Whether an answer could move a finding. What is confirmed needs no support any more; where that is cheap it is
    asked for all the same, because people believe a verdict that shows the host and the sibling runners beside it."""
    if finding.confidence is not Confidence.CONFIRMED or cost(ask)[0] == 0:
        return True
    conditions = (*finding.cause.confirm, *finding.cause.refute)
    return any(ask_of(c, finding.failure.captures) == ask for c in conditions)


def _outcome(answers: Sequence[Answer]) -> str:
    rows = []
    for answer in answers:
        if isinstance(answer.facts, Unknown):
            rows.append(f"{answer.subject}: {show(answer.facts)}".removeprefix(": "))
        else:
            facts = [f"{k}={show(v)}" for k, v in answer.facts.items() if not isinstance(v, Unknown)]
            unknown = [show(v) for v in answer.facts.values() if isinstance(v, Unknown)]
            rows.append(f"{answer.subject}: {', '.join(facts or unknown[:1])}")
    return "; ".join(rows)


def _changed(before: Sequence[Finding], after: Sequence[Finding]) -> str:
    moved = [
        f"{b.cause.id}: {a.confidence} -> {b.confidence}"
        for a, b in zip(before, after, strict=True)
        if a.confidence is not b.confidence
    ]
    return "; ".join(moved) or "nothing"


_ON_THE_HOST = (
    "On the runner's host: whyred why LOG --host local --this-host-ran-it; from elsewhere: --host ssh://USER@HOST"
)
_HOW = {
    Reason.NO_HOST: _ON_THE_HOST,
    Reason.OTHER_HOST: _ON_THE_HOST,
    Reason.CHANGED_SINCE: "Run it again (whyred run, or a rerun) and ask before anything is restarted",
    Reason.WHICH_RUNNER: "Look up in the forge which runner took the job, and ask inside that runner's job",
    Reason.NO_SUBJECT: "Ask while a job runs, or on the host that has it",
    Reason.NO_PERMISSION: "Ask again as root, or as the runner's user",
    Reason.BUDGET: "Ask again with a larger --budget",
    Reason.TIMED_OUT: "Ask again; if it hangs again, look for a hung file system (NFS, FUSE)",
    Reason.TOOL_MISSING: "Install the tool on the host, or look by hand",
    Reason.NOT_RECORDED: "Ask the host itself, or save a new bundle there",
}


_HOW_FORGE = {
    Reason.NO_HOST: "Ask again without --no-probe",
    Reason.NO_PERMISSION: "whyred login with a token that may read this repository; whyred access tells what is closed",
    Reason.REFUSED: "Ask again later; whyred access tells what is closed",
    Reason.BUDGET: "Ask again with a larger --budget",
    Reason.TIMED_OUT: "Ask again with a larger --budget",
    Reason.NOT_RECORDED: "Ask the forge itself: whyred why OWNER/REPO#RUN",
}


def _unknown(findings: Sequence[Finding]) -> tuple[Open, ...]:
    """What open findings still lack, each reason with its questions, in the order of the findings."""
    sure = any(f.confidence is Confidence.CONFIRMED for f in findings)
    rows: dict[tuple[str, Reason], Open] = {}
    for finding in findings:
        for held in finding.held:
            if sure and held.weight is Weight.SUPPORTS:
                continue
            if finding.confidence is Confidence.CONFIRMED and held.weight is Weight.CONFIRMS:
                continue  # it is proven; what else would prove it is nobody's question any more
            for evidence in held.evidence:
                if isinstance(evidence.value, Unknown) and evidence.value.reason is not Reason.NOT_APPLICABLE:
                    told = evidence.value
                    hows = _HOW_FORGE if held.condition.of.is_forges else _HOW
                    by_hand = f"By hand: {finding.cause.text.check}"
                    untold = held.condition.of is Of.WORKFLOW and told.reason is Reason.NO_SUBJECT
                    how = by_hand if untold else hows.get(told.reason, by_hand)
                    key = (f"{evidence.question}: {evidence.field}", told.reason)
                    rows.setdefault(key, Open(key[0], f"{told.reason}: {told.detail}", how))
    if findings and not sure and not any(_arises(held) for held in findings[0].held):
        cause = findings[0].cause
        rows[cause.id, Reason.NOT_SUPPORTED] = Open(
            f"whether it is {cause.id}",
            "the log makes it a candidate, and no probe can prove it",
            f"By hand: {cause.text.check}",
        )
    return tuple(rows.values())


def _arises(held: Held) -> bool:
    """Whether a condition can be asked about: of a log in a file no forge tells anything."""
    untold = [isinstance(e.value, Unknown) and e.value.reason is Reason.NOT_APPLICABLE for e in held.evidence]
    return not (held.condition.of.is_forges and all(untold))


def _next_act(log: ReadLog, label: str, findings: Sequence[Finding], unknown: Sequence[Open]) -> str:
    if not log.matched.failed:
        return "Nothing to do: nothing failed" if log.matched.class_ == "pass" else "Fetch the whole log, up to its end"
    again = "run the job again, then: whyred why " + ("local" if label.startswith("local") else "LOG")
    if findings and findings[0].confidence is Confidence.CONFIRMED:
        return f"After the remedy, {again}"
    if findings and findings[0].not_now:
        return f"Run the job again: if it passes, the host was mended since. Else: {findings[0].cause.text.check}"
    if unknown:
        return unknown[0].how
    if findings:
        return findings[0].cause.text.check
    if log.matched.class_ == CANCELLED:
        return "Nothing failed: it was cancelled, by a person or by a rule of the workflow. Run it again"
    return (
        "No cause in the library explains this error. The lines above in their context: whyred read LOG; "
        "to teach whyred: whyred new cause ID"
    )
