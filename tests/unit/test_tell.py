"""The sentences of a verdict: every claim has its origin, and nothing is claimed that was not found."""

from dataclasses import replace

import pytest

from whyred.diagnosis import tell
from whyred.model.cause import Cause, Condition, Of, Op, Text, Value
from whyred.model.evidence import Ask, Evidence, Origin, Reason, Unknown
from whyred.model.failure import Failure, Reading
from whyred.model.finding import Confidence, Finding, Held, Open, Verdict, Weight
from whyred.model.run import Attempt, Conclusion, Job, Run, Runner

READING = Reading("forgejo", 9, 9, (), (), {}, runner="from the log", job="job of the log")
CAUSE = Cause("c", "C", "infra/tmpdir", ("p",), Text("", "", "", "", ""), {}, {})
FAILURE = Failure("p", "Title", "rustc", None, "weak", True, None, "m", ((42, 43),), (), {"errno": "ENOENT"}, "f")
UNKNOWN = Unknown(Reason.OTHER_HOST, "elsewhere")


def held(weight: Weight, holds: bool | None, value: Value | Unknown | None = True, field: str = "deleted") -> Held:
    condition = Condition("mount-state", Of.ATTEMPT_RUNNER, field, Op.EQUALS, value=True)
    ask = Ask("mount-state", Of.ATTEMPT_RUNNER, (("path", "/tmp"),))
    evidence = Evidence(ask, "runner-1", field, value, Origin("probe", "mount-state"))
    return Held(condition, weight, holds, (evidence,))


def finding(*rows: Held, failure: Failure = FAILURE) -> Finding:
    return Finding(CAUSE, failure, Confidence.POSSIBLE, rows)


def verdict(**other: object) -> Verdict:
    plain = Verdict(Attempt(Run("local:3")), READING, (), (), (), (), (), False, None, None, "")
    return replace(plain, **other)  # type: ignore[arg-type]


def test_the_headline_takes_the_source_before_the_log() -> None:
    assert tell.headline(verdict()) == "local:3, job job of the log, runner from the log"
    told = Attempt(Run("x"), Job("k", "job name"), runner=Runner(name="told"))
    assert tell.headline(verdict(attempt=told, step="S")) == "x, job job name, runner told, step S"
    nameless = Attempt(Run("x"), runner=Runner(machine="m"))
    assert "runner from the log" in tell.headline(verdict(attempt=nameless))


def test_the_headline_says_that_it_was_cancelled() -> None:
    assert tell.headline(verdict(attempt=Attempt(Run("x"), conclusion=Conclusion.CANCELLED))).endswith(", cancelled")


def facts(told: list[tell.Told]) -> list[tuple[str, str]]:
    return [(t.fact, t.origin) for t in told]


def test_for_begins_with_the_log_line() -> None:
    told = tell.evidence_for(finding(held(Weight.CONFIRMS, True)))
    assert facts(told) == [
        ("Title (ENOENT)", "log line 42"),
        ("runner-1, /tmp: deleted = yes", "probe mount-state"),
    ]


def test_for_names_what_did_not_refute_only_while_nothing_holds() -> None:
    not_refuted = held(Weight.REFUTES, False, 0, "links")
    assert "links = 0" in tell.evidence_for(finding(not_refuted))[-1].fact
    assert all("links" not in t.fact for t in tell.evidence_for(finding(held(Weight.CONFIRMS, True), not_refuted)))


@pytest.mark.parametrize("weight", [Weight.CONFIRMS, Weight.SUPPORTS])
def test_unknowns_speak_neither_for_nor_against(weight: Weight) -> None:
    one = finding(held(weight, None, UNKNOWN), held(Weight.REFUTES, None, UNKNOWN))
    assert len(tell.evidence_for(one)) == 1
    assert tell.evidence_against(one) == []


def test_against() -> None:
    refuted = finding(held(Weight.REFUTES, True, 2, "links"), held(Weight.CONFIRMS, False, False))
    assert [t.fact for t in tell.evidence_against(refuted)] == [
        "runner-1, /tmp: links = 2, deleted = no",
    ]
    both = finding(
        held(Weight.REFUTES, True, 2, "links"), held(Weight.CONFIRMS, True), held(Weight.CONFIRMS, False, False)
    )
    assert [t.fact for t in tell.evidence_against(both)] == ["runner-1, /tmp: links = 2"]
    assert tell.evidence_against(finding(held(Weight.SUPPORTS, False, False))) == []


def test_a_fact_is_told_once() -> None:
    assert len(tell.evidence_for(finding(held(Weight.CONFIRMS, True), held(Weight.SUPPORTS, True)))) == 2


def test_the_writer_of_the_name_is_proof_from_the_log() -> None:
    failure = replace(FAILURE, captures={"base": "rustcVAIpSt", "dir": "/tmp"})
    told = tell.evidence_for(finding(failure=failure))
    assert told[0].fact == "Title (/tmp)"
    assert "rustcVAIpSt" in told[1].fact
    assert {t.origin for t in told} == {"log line 42"}


def test_a_failure_without_lines_still_has_an_origin() -> None:
    assert tell.evidence_for(finding(failure=replace(FAILURE, spans=())))[0].origin == "log"


def test_open_questions_are_grouped_in_their_order() -> None:
    rows = [Open("a", "r1", "h1"), Open("b", "r2", "h2"), Open("c", "r1", "h1"), Open("d", "r1", "h2")]
    assert tell.open_questions(rows) == [("r1", "h1", ["a", "c"]), ("r2", "h2", ["b"]), ("r1", "h2", ["d"])]


@pytest.mark.parametrize(
    ("failed", "class_", "sure", "mark"),
    [
        (False, "pass", None, "GREEN"),
        (False, None, None, "QUIET"),
        (True, None, None, "UNEXPLAINED"),
        (True, "infra/cancelled", None, "CANCELLED"),
        (True, None, Confidence.LIKELY, "LIKELY"),
    ],
)
def test_mark(failed: bool, class_: str | None, sure: Confidence | None, mark: str) -> None:
    findings = (replace(finding(), confidence=sure),) if sure else ()
    assert tell.mark(verdict(failed=failed, class_=class_, findings=findings)) == mark


def test_quiet_does_not_say_that_it_succeeded() -> None:
    assert "succeeded" in tell.quiet(verdict(class_="pass"))
    assert "succeeded" not in tell.quiet(verdict(class_=None))
    assert "does not tell its end" in tell.quiet(verdict(class_=None))


def half(id_: str, class_: str, confidence: Confidence, failure: Failure = FAILURE) -> Finding:
    return Finding(replace(CAUSE, id=id_, class_=class_), failure, confidence, ())


def test_two_halves_are_both_named() -> None:
    dead = half("dead", "infra/tmpdir", Confidence.CONFIRMED, replace(FAILURE, captures={"dir": "/tmp"}))
    inside = half("inside", "infra/env-config", Confidence.LIKELY, dead.failure)
    said = tell.halves(verdict(findings=(dead, inside)))
    assert said is not None
    assert said.startswith(
        "Two things are wrong: dead (confirmed) is why /tmp does not work, and inside (likely) is why"
    )
    hook = replace(inside, confidence=Confidence.CONFIRMED)
    turned = tell.halves(verdict(findings=(hook, dead)))
    assert turned is not None
    assert turned.startswith("Two things are wrong: dead (confirmed) is why /tmp does not work, and inside (confirmed)")


@pytest.mark.parametrize(
    "findings",
    [
        (),
        (half("a", "infra/tmpdir", Confidence.CONFIRMED),),
        (half("a", "infra/tmpdir", Confidence.LIKELY), half("b", "infra/env-config", Confidence.LIKELY)),
        (half("a", "infra/tmpdir", Confidence.CONFIRMED), half("b", "infra/env-config", Confidence.POSSIBLE)),
        (half("a", "infra/disk", Confidence.CONFIRMED), half("b", "infra/env-config", Confidence.LIKELY)),
        (
            half("a", "infra/tmpdir", Confidence.CONFIRMED),
            half("b", "infra/env-config", Confidence.LIKELY, replace(FAILURE, message="another")),
        ),
    ],
)
def test_else_there_are_no_halves(findings: tuple[Finding, ...]) -> None:
    assert tell.halves(verdict(findings=findings)) is None


def cause_named(id_: str, *rows: Held, confidence: Confidence = Confidence.POSSIBLE) -> Finding:
    return replace(finding(*rows), cause=replace(CAUSE, id=id_), confidence=confidence)


def test_a_cause_of_several_failures_is_told_once() -> None:
    refuted = held(Weight.REFUTES, True)
    rows = [cause_named("a"), cause_named("a"), cause_named("b"), cause_named("b"), cause_named("b", refuted)]
    rows += [cause_named("c", refuted), cause_named("c", refuted)]
    out = [cause_named(id_, refuted, confidence=Confidence.RULED_OUT) for id_ in ("a", "d", "d")]
    one = verdict(findings=tuple(rows), ruled_out=tuple(out))
    assert [[f.cause.id for f in part] for part in tell.others(one)] == [["b"], ["c"]]
    assert [f.cause.id for f in tell.ruled_out(one)] == ["d"]


def test_what_speaks_against_a_candidate_names_the_fact_and_its_origin() -> None:
    assert (
        tell.against(cause_named("c", held(Weight.REFUTES, True)))
        == "runner-1, /tmp: deleted = yes  [probe mount-state]"
    )
    assert tell.against(replace(cause_named("c"), why="because")) == "because"
