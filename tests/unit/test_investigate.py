"""The one loop: the cheapest question first, none that can change nothing, and a journal of what each changed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pytest

from whyred.app import ask as asking
from whyred.app.ask import Recorded
from whyred.app.investigate import investigate
from whyred.app.read import ReadLog
from whyred.diagnosis.match import Matched
from whyred.hosts.bundle import Raw, Recording
from whyred.model.cause import Cause, Condition, Of, Op, Text, Value
from whyred.model.evidence import Ask, Reason, Unknown
from whyred.model.failure import Failure, Reading
from whyred.model.finding import Confidence, Verdict
from whyred.model.host import Host, Subject
from whyred.model.probe import Cost, Facts, Kind, Probe
from whyred.model.run import Attempt, Run, Runner

READING = Reading("raw", 9, 9, (), (), {}, ended=1.0)
COSTS = {"cheap": Cost.CHEAP, "cheaper": Cost.CHEAP, "moderate": Cost.MODERATE, "dear": Cost.DEAR}


def nobody(_host: Host, _subject: Subject, _arguments: Mapping[str, str]) -> bytes:
    raise AssertionError("a recording is asked, no host")


def fact(data: bytes) -> Facts:
    if data == b"crash":
        raise RuntimeError("a bug in this probe")
    return {"field": {b"yes": True, b"no": False}[data]}


@pytest.fixture(autouse=True)
def probes(monkeypatch: pytest.MonkeyPatch) -> None:
    def find(name: str) -> Probe:
        return Probe(name, "", Kind.HOST, COSTS[name], "", {"field": ""}, nobody, fact)

    monkeypatch.setattr(asking, "find_probe", find)


def condition(probe: str, value: Value = True, of: Of = Of.HOST) -> Condition:
    return Condition(probe, of, "field", Op.EQUALS, value)


def cause(id_: str, **parts: object) -> Cause:
    text = Text(f"{id_} is", f"look at {id_}", f"mend {id_}", f"prevent {id_}", f"verify {id_}")
    values: dict[str, object] = {"patterns": ("p",), "when": {}, "unless": {}} | parts
    return Cause(id=id_, title=id_, class_=f"infra/{id_}", text=text, **values)  # type: ignore[arg-type]


def failure(pattern: str = "p", **captures: str) -> Failure:
    return Failure(pattern, "t", "tool", "code/test", "weak", True, None, "m", ((1, 1),), (), captures, "f")


def log(*failures: Failure, failed: bool = True, class_: str | None = "code/test") -> ReadLog:
    return ReadLog(READING, Matched(failures, "Build", class_, failed))


@dataclass
class Told:
    """Answers by probe; remembers what it was asked."""

    answers: dict[str, bytes | Unknown]
    asked: list[Ask] = field(default_factory=list)
    record: Recording = field(default_factory=Recording)

    def ask(self, ask: Ask) -> Raw:
        self.asked.append(ask)
        self.record.answers[ask] = (("box", self.answers.get(ask.probe, Unknown(Reason.NO_HOST, "none"))),)
        return self.record.answers[ask]


def why(asker: Told, causes: Sequence[Cause], *failures: Failure) -> Verdict:
    return investigate(log(*(failures or (failure(),))), Attempt(Run("x")), causes, asker)


def probes_of(asker: Told) -> list[str]:
    return [a.probe for a in asker.asked]


def test_the_cheapest_question_first() -> None:
    asker = Told({})
    why(asker, [cause("one", confirm=(condition("dear"), condition("moderate"), condition("cheap")))])
    assert probes_of(asker) == ["cheap", "moderate", "dear"]


def test_among_equals_the_one_that_serves_more() -> None:
    asker = Told({})
    two = [
        cause("one", confirm=(condition("cheap"), condition("cheaper"))),
        cause("two", confirm=(condition("cheaper"),)),
    ]
    why(asker, two)
    assert probes_of(asker) == ["cheaper", "cheap"]


def test_each_question_once() -> None:
    asker = Told({})
    causes = [cause(c, confirm=(condition("cheap"),), refute=(condition("cheap", value=False),)) for c in "abc"]
    why(asker, causes, failure(), failure(), failure())
    assert probes_of(asker) == ["cheap"]


def test_what_is_ruled_out_is_asked_no_more() -> None:
    asker = Told({"cheap": b"yes"})
    one = cause("one", refute=(condition("cheap"),), confirm=(condition("dear"),))
    verdict = investigate(log(failure()), Attempt(Run("x"), runner=Runner(machine="m")), [one], asker)
    assert probes_of(asker) == ["cheap"]
    assert [f.cause.id for f in verdict.ruled_out] == ["one"]
    assert verdict.findings == ()


def test_what_only_does_not_hold_any_more_is_asked_on() -> None:
    asker = Told({"cheap": b"yes"})
    verdict = why(asker, [cause("one", refute=(condition("cheap"),), confirm=(condition("dear"),))])
    assert probes_of(asker) == ["cheap", "dear"]
    assert [f.not_now for f in verdict.findings] == [True]


def test_what_is_confirmed_needs_no_support_but_may_still_be_refuted() -> None:
    asker = Told({"cheap": b"yes", "moderate": b"yes"})
    one = cause("one", confirm=(condition("cheap"),), support=(condition("dear"),), refute=(condition("moderate"),))
    verdict = why(asker, [one])
    assert probes_of(asker) == ["cheap", "moderate", "dear"]
    assert verdict.findings[0].confidence is Confidence.POSSIBLE
    asker = Told({"cheap": b"yes", "moderate": b"no"})
    verdict = why(asker, [one])
    assert probes_of(asker) == ["cheap", "moderate"]
    assert verdict.findings[0].confidence is Confidence.CONFIRMED
    assert verdict.unknown == ()


def test_what_else_would_prove_a_proven_cause_is_no_open_question() -> None:
    one = cause("one", confirm=(condition("cheap"), condition("dear")), refute=(condition("moderate"),))
    verdict = why(Told({"cheap": b"yes"}), [one])
    assert verdict.findings[0].confidence is Confidence.CONFIRMED
    assert [row.what.partition(" ")[0] for row in verdict.unknown] == ["moderate"]


def test_no_candidate_asks_nothing() -> None:
    asker = Told({})
    verdict = why(asker, [cause("one", patterns=("q",), confirm=(condition("cheap"),))])
    assert (asker.asked, verdict.findings, verdict.questions) == ([], (), ())
    assert "No cause in the library" in verdict.next


def test_a_question_without_its_capture_is_not_put_and_not_listed() -> None:
    asker = Told({})
    asked = Condition("cheap", Of.HOST, "field", Op.EQUALS, value=True, with_=(("path", "{dir}"),))
    verdict = why(asker, [cause("one", confirm=(asked,))])
    assert (asker.asked, verdict.unknown) == ([], ())
    verdict = why(asker, [cause("one", confirm=(asked,))], failure(dir="/tmp"))
    assert [str(a) for a in asker.asked] == ["cheap of host (path=/tmp)"]


def test_the_journal_says_what_each_answer_changed() -> None:
    asker = Told({"cheap": b"yes", "moderate": b"no"})
    two = [cause("one", confirm=(condition("cheap"),)), cause("two", confirm=(condition("moderate"),))]
    verdict = why(asker, two)
    assert [(q.text, q.outcome, q.changed) for q in verdict.questions] == [
        ("cheap of host", "box: field=yes", "one: possible -> confirmed"),
        ("moderate of host", "box: field=no", "nothing"),
    ]


def test_one_probe_that_crashes_does_not_stop_the_others() -> None:
    asker = Told({"cheap": b"crash", "moderate": b"yes"})
    two = [cause("one", confirm=(condition("cheap"),)), cause("two", confirm=(condition("moderate"),))]
    verdict = why(asker, two)
    assert [(f.cause.id, f.confidence.value) for f in verdict.findings] == [("two", "confirmed"), ("one", "possible")]
    (unknown,) = verdict.unknown
    assert "fault-in-whyred: RuntimeError: a bug in this probe" in unknown.reason
    assert unknown.how == "By hand: look at one"
    assert "fault-in-whyred" in verdict.questions[0].outcome


@pytest.mark.parametrize("reason", [r for r in Reason if r is not Reason.NOT_APPLICABLE])
def test_every_unknown_says_why_and_how_to_find_out(reason: Reason) -> None:
    asker = Told({"cheap": Unknown(reason, "the detail")})
    verdict = why(asker, [cause("one", confirm=(condition("cheap"),))])
    (unknown,) = verdict.unknown
    assert unknown.what == "cheap of host: field"
    assert unknown.reason == f"{reason}: the detail"
    assert unknown.how
    assert verdict.next == unknown.how
    assert verdict.findings[0].confidence is Confidence.POSSIBLE


def test_an_unknown_of_two_causes_is_listed_once() -> None:
    asker = Told({})
    verdict = why(asker, [cause(c, confirm=(condition("cheap"),)) for c in "ab"])
    assert len(verdict.unknown) == 1


def test_only_the_best_failures_are_judged() -> None:
    asker = Told({})
    causes = [cause(f"c{n}", patterns=(f"p{n}",), confirm=(condition("cheap"),)) for n in range(9)]
    verdict = why(asker, causes, *(failure(f"p{n}") for n in range(9)))
    assert [f.cause.id for f in verdict.findings] == ["c0", "c1", "c2"]
    assert len(verdict.failures) == 9


def test_the_class_is_the_logs_until_a_cause_is_confirmed() -> None:
    one = cause("one", confirm=(condition("cheap"),))
    assert why(Told({}), [one]).class_ == "code/test"
    assert why(Told({"cheap": b"no"}), [one]).class_ == "code/test"
    confirmed = why(Told({"cheap": b"yes"}), [one])
    assert confirmed.class_ == "infra/one"
    assert confirmed.next.startswith("After the remedy")


def test_nothing_failed() -> None:
    for class_, act in (("pass", "Nothing to do"), (None, "up to its end")):
        verdict = investigate(log(failed=False, class_=class_), Attempt(Run("x")), [cause("one")], Told({}))
        assert act in verdict.next
        assert (verdict.failed, verdict.questions) == (False, ())


def test_the_same_answers_give_the_same_verdict() -> None:
    asker = Told({"cheap": b"yes", "moderate": Unknown(Reason.TIMED_OUT, "2 s"), "dear": b"no"})
    causes = [
        cause("one", confirm=(condition("moderate"), condition("dear")), refute=(condition("cheap", value=False),)),
        cause("two", confirm=(condition("cheap"),), support=(condition("dear"),)),
    ]
    first = why(asker, causes)
    again = investigate(log(failure()), Attempt(Run("x")), causes, Recorded(Recording.load(asker.record.dump())))
    assert again == first
