"""Causes x evidence -> findings. Confidence follows from the conditions, in one function (`confidence`)."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

from whyred.diagnosis.captures import agree
from whyred.logs.text import visible
from whyred.model.cause import Cause, Condition, Of, Op, Value
from whyred.model.evidence import Answer, Answers, Ask, Evidence, Origin, Reason, Unknown
from whyred.model.failure import Failure
from whyred.model.finding import Confidence, Finding, Held, Weight

_HOLE = re.compile(r"\{([A-Za-z_]\w*)\}")
"""A capture's place in a condition; `{3}` counts in a regex and is none."""
_IN_PART = re.compile(r"[^/]|.*(?:\*\*\*|\ufffd)", re.DOTALL)
"""A path that names no place of its own: relative to a folder that the log does not tell, or masked in part. Taken as
it is, it would be looked for in whyred's own folder, or be missing by its stars."""


def candidates(failure: Failure, causes: Iterable[Cause]) -> list[Cause]:
    """The causes that can explain a failure: its pattern or class is one of theirs and the captures agree."""
    return [
        _for(cause, failure.pattern)
        for cause in causes
        if (failure.pattern in cause.patterns or failure.class_ in cause.classes)
        and agree(failure.captures, cause.when)
        and not any(agree(failure.captures, {k: v}) for k, v in cause.unless.items())
    ]


def _for(cause: Cause, pattern: str) -> Cause:
    """The cause with those of its conditions that count for failures of this pattern. Which patterns they name is left
    out then: it is no part of what is asked, and two causes may share the rest."""
    parts = [
        tuple(replace(c, patterns=(), not_patterns=()) for c in part if _counts(c, pattern))
        for part in (cause.confirm, cause.support, cause.refute)
    ]
    return replace(cause, confirm=parts[0], support=parts[1], refute=parts[2])


def _counts(condition: Condition, pattern: str) -> bool:
    """Whether a line of a cause says something of a failure of this pattern."""
    return pattern not in condition.not_patterns and (not condition.patterns or pattern in condition.patterns)


def ask_of(condition: Condition, captures: Mapping[str, str]) -> Ask | None:
    """The question a condition wants answered for this failure; None where the log lacks a capture that it needs."""
    filled = []
    texts = [*(value for _, value in condition.with_), *([condition.value] if isinstance(condition.value, str) else [])]
    if any(name not in captures for text in texts for name in _HOLE.findall(text)) or _in_part(condition, captures):
        return None
    for key, value in condition.with_:
        filled.append((key, _HOLE.sub(lambda m: captures[m[1]], value)))
    return Ask(condition.probe, condition.of, tuple(filled))


def _in_part(condition: Condition, captures: Mapping[str, str]) -> bool:
    """Whether the log tells the path that is asked about only in part."""
    paths = [text for key, text in condition.with_ if key == "path" and _HOLE.search(text)]
    return any(_IN_PART.match(_HOLE.sub(lambda m: captures.get(m[1], "/"), path)) for path in paths)


def asks(cause: Cause, captures: Mapping[str, str]) -> list[Ask]:
    """All questions of a cause, in the order of its file, each once."""
    conditions = (*cause.confirm, *cause.refute, *cause.support)
    return list(dict.fromkeys(a for c in conditions if (a := ask_of(c, captures)) is not None))


Trust = Callable[[Evidence], Evidence]
"""Told a fact that refutes: what it is worth. An unknown with the reason where it may not refute at all; not `lasting`
where it may have been otherwise when the job ran."""


def judge(
    failure: Failure, causes: Sequence[Cause], answers: Answers, trust: Trust = lambda evidence: evidence
) -> list[Finding]:
    """One finding per candidate, in the order of `causes`."""
    held = {cause.id: _hold_all(cause, failure, answers, trust) for cause in causes}
    findings = []
    for cause in causes:
        rivals = [h for other in causes if other.id != cause.id for h in held[other.id] if not _refuted(held[other.id])]
        level, why = confidence(held[cause.id], rivals, survived=failure.survived)
        true = any(h.holds for h in held[cause.id] if h.weight is Weight.CONFIRMS)
        passed = failure.survived if true and level is not Confidence.RULED_OUT else ""
        findings.append(Finding(cause, failure, level, held[cause.id], why, passed))
    return findings


def confidence(held: Sequence[Held], rivals: Sequence[Held], *, survived: str = "") -> tuple[Confidence, str]:
    """How sure a finding is, and the sentence that says from what it follows.

    Confirmed: a confirm line holds that no other open candidate explains, and no refute line does. Ruled out: a refute
    line holds and no confirm line does. Both: possible; and so is what is refuted by nothing but facts of now, which
    may have been mended since the job. Likely: a confirm line holds that others explain as well, or a
    support line holds, or the step `survived` the failure (and why one knows). Possible: nothing is known either way.
    """
    confirms = [h for h in held if h.weight is Weight.CONFIRMS and h.holds]
    refutes = [h for h in held if h.weight is Weight.REFUTES and h.holds]
    supports = [h for h in held if h.weight is Weight.SUPPORTS and h.holds and not h.condition.beside]
    shared = {r.condition for r in rivals if r.weight is Weight.CONFIRMS and r.holds}
    if confirms and refutes:
        return Confidence.POSSIBLE, "the evidence contradicts itself: one condition confirms it, another refutes it"
    if lasting := [h for h in refutes if h.lasting]:
        return Confidence.RULED_OUT, _sentence(lasting[0])
    if refutes:
        return Confidence.POSSIBLE, f"{_sentence(refutes[0])} now (it may have been mended since the job)"
    own = [h for h in confirms if h.condition not in shared]
    if survived and own:
        return Confidence.LIKELY, f"it is so, but the step went on after this line: {survived}"
    if own:
        return Confidence.CONFIRMED, _sentence(own[0])
    if confirms:
        return Confidence.LIKELY, "what confirms it would confirm another candidate as well"
    if supports:
        return Confidence.LIKELY, _sentence(supports[0])
    return Confidence.POSSIBLE, "the log alone makes it a candidate; nothing proves or refutes it yet"


def _sentence(held: Held) -> str:
    told = next((e for e in held.evidence if not isinstance(e.value, Unknown)), None)
    if told is None:
        return f"{held.condition.field} {held.condition.op} {held.condition.value}"
    return f"{told.question}: {told.field} = {show(told.value)}"


def show(value: Value | Unknown | None) -> str:
    """A value for people."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Unknown):
        text = f"unknown ({value.reason}{': ' + value.detail if value.detail else ''})"
    else:
        text = str(value)
    return visible(text).replace("\n", " ")


def _refuted(held: Sequence[Held]) -> bool:
    return any(h.weight is Weight.REFUTES and h.holds for h in held) and not any(
        h.weight is Weight.CONFIRMS and h.holds for h in held
    )


def _hold_all(cause: Cause, failure: Failure, answers: Answers, trust: Trust) -> tuple[Held, ...]:
    rows = (
        *((Weight.CONFIRMS, c) for c in cause.confirm),
        *((Weight.SUPPORTS, c) for c in cause.support),
        *((Weight.REFUTES, c) for c in cause.refute),
    )
    return tuple(_hold(weight, condition, failure, answers, trust) for weight, condition in rows)


def _hold(weight: Weight, condition: Condition, failure: Failure, answers: Answers, trust: Trust) -> Held:
    """One condition against what is known."""
    ask = ask_of(condition, failure.captures)
    if ask is None:
        unknown = Unknown(Reason.NOT_APPLICABLE, "the log line does not name what this asks about")
        if _in_part(condition, failure.captures):
            unknown = Unknown(Reason.NOT_SUPPORTED, "the log names the path only in part: masked, or relative")
        missing = Answer("", unknown)
        return Held(condition, weight, None, (_evidence(Ask(condition.probe, condition.of), condition, missing),))
    evidence = tuple(_evidence(ask, condition, answer) for answer in answers.get(ask, ()))
    filled = replace(condition, value=_filled(condition, failure.captures))
    if weight is Weight.REFUTES and not condition.of.is_forges:  # what a forge tells of a run stays true of it
        evidence = tuple(trust(e) if holds(filled, e.value) else e for e in evidence)
    held = [holds(filled, e.value) for e in evidence]
    return Held(filled, weight, _together(condition.of, weight, held), evidence)


def _evidence(ask: Ask, condition: Condition, answer: Answer) -> Evidence:
    facts = answer.facts
    if isinstance(facts, Unknown):
        value: Value | Unknown | None = facts
    else:
        value = facts.get(condition.field, Unknown(Reason.NOT_SUPPORTED, f"this answer has no {condition.field}"))
    origin = Origin("probe", f"{ask.probe} of {answer.subject}" if answer.subject else ask.probe)
    return Evidence(ask, answer.subject, condition.field, value, origin)


def _filled(condition: Condition, captures: Mapping[str, str]) -> Value | None:
    """A condition's value with the failure's captures in its holes: as text, also inside a regex."""
    if not isinstance(condition.value, str):
        return condition.value
    quote = re.escape if condition.op is Op.MATCHES else str
    return _HOLE.sub(lambda m: quote(captures[m[1]]), condition.value)


def _together(of: Of, weight: Weight, held: list[bool | None]) -> bool | None:
    """Several subjects: siblings must all be alike; of others one suffices to confirm, and all are needed to refute."""
    decides = not (of is Of.SIBLING_RUNNERS or weight is Weight.REFUTES)
    if decides in held:
        return decides
    return not decides if held and None not in held else None  # one that is unknown could be either


def holds(condition: Condition, value: Value | Unknown | None) -> bool | None:
    """Whether one value meets a condition; None where it is unknown or cannot be compared."""
    if isinstance(value, Unknown):
        return None
    if condition.op is Op.PRESENT:
        return value is not None
    if value is None:
        return False if condition.op is Op.EQUALS else None
    want = condition.value
    if condition.op is Op.MATCHES:
        return re.search(str(want), str(value)) is not None
    if want is None or _kind(value) is not _kind(want):
        return None
    if condition.op is Op.EQUALS:
        return value == want
    if isinstance(value, str | bool) or isinstance(want, str | bool):
        return None
    return value < want if condition.op is Op.BELOW else value > want


def _kind(value: Value) -> type:
    """What may be compared with what: texts, numbers, yes or no (Python would take True for the number 1)."""
    return float if isinstance(value, int | float) and not isinstance(value, bool) else type(value)
