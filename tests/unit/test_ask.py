"""Questions put to a host: within the budget, each once, masked, and no fault of one stops the others."""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

import pytest
from test_subjects import FakeHost, daemon

from whyred.app import ask as room
from whyred.app.ask import Live, Nobody, Recorded, cost, guarded, read_answers, within
from whyred.app.subjects import Subjects
from whyred.hosts.bundle import Raw, Recording
from whyred.model.cause import Of
from whyred.model.evidence import Ask, Reason, Unknown
from whyred.model.host import Host, HostRefusedError, Subject
from whyred.model.probe import Cost, Facts, Kind, Probe
from whyred.model.run import Attempt, Run

ASK = Ask("fake", Of.HOST, (("path", "/tmp"),))


@dataclass
class Fakes:
    """Probes by name that a test made, and what they were asked."""

    probes: dict[str, Probe] = field(default_factory=dict)
    asked: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)

    def add(
        self, name: str, answer: Callable[[], bytes], read: Callable[[bytes], Facts] = lambda d: {"said": str(d)}
    ) -> None:
        def ask(_host: Host, subject: Subject, arguments: Mapping[str, str]) -> bytes:
            self.asked.append((name, subject.name, dict(arguments)))
            return answer()

        self.probes[name] = Probe(name, "", Kind.HOST, Cost.CHEAP, "", {}, ask, read)

    def find(self, name: str) -> Probe:
        if name not in self.probes:
            raise LookupError(f"there is no probe `{name}`")
        return self.probes[name]


@pytest.fixture
def fakes(monkeypatch: pytest.MonkeyPatch) -> Fakes:
    made = Fakes()
    monkeypatch.setattr(room, "find_probe", made.find)
    return made


@dataclass
class Clock:
    now: float = 0.0

    def __call__(self) -> float:
        return self.now


def live(clock: Clock | None = None, seconds: float = 10.0, host: FakeHost | None = None, **other: object) -> Live:
    asked = host or FakeHost([daemon(10)])
    subjects = Subjects(asked, Attempt(Run("x")), vouched=True)
    mask = other.get("mask", lambda data: data)
    return Live(asked, subjects, mask, seconds, clock or Clock())  # type: ignore[arg-type]


def the(raw: Raw) -> bytes | Unknown:
    ((_, answer),) = raw
    return answer


def reason(answer: object) -> Reason:
    assert isinstance(answer, Unknown)
    return answer.reason


def test_nothing_is_asked_twice(fakes: Fakes) -> None:
    fakes.add("fake", lambda: b"once")
    asker = live()
    assert asker.ask(ASK) == asker.ask(ASK) == (("host", b"once"),)
    assert fakes.asked == [("fake", "host", {"path": "/tmp"})]
    assert asker.record.answers == {ASK: (("host", b"once"),)}


def test_a_used_up_budget_asks_nothing(fakes: Fakes) -> None:
    fakes.add("fake", lambda: b"x")
    clock = Clock()
    asker = live(clock, 5.0)
    clock.now = 5.0
    assert reason(the(asker.ask(ASK))) is Reason.BUDGET
    assert fakes.asked == []


def test_the_budget_ends_between_two_subjects(fakes: Fakes) -> None:
    clock = Clock()

    def slow() -> bytes:
        clock.now += 3.0
        return b"x"

    fakes.add("fake", slow)
    host = FakeHost([daemon(n) for n in range(10, 16)])
    asker = live(clock, 5.0, host)
    asker.subjects.named = "runner-10"
    raw = asker.ask(Ask("fake", Of.SIBLING_RUNNERS))
    assert [isinstance(a, Unknown) for _, a in raw] == [False, False, True, True, True]
    assert {reason(a) for _, a in raw[2:]} == {Reason.BUDGET}


def test_a_probe_that_hangs_is_left_behind(fakes: Fakes, monkeypatch: pytest.MonkeyPatch) -> None:
    gate = threading.Event()
    monkeypatch.setattr(room, "PROBE_SECONDS", 0.05)
    fakes.add("fake", lambda: b"late" if gate.wait(60) else b"")
    try:
        assert reason(the(live().ask(ASK))) is Reason.TIMED_OUT
    finally:
        gate.set()


def test_a_list_of_processes_that_hangs_is_left_behind(fakes: Fakes) -> None:
    gate = threading.Event()
    fakes.add("fake", lambda: b"x")

    class Hung(FakeHost):
        def processes(self) -> list[object]:  # type: ignore[override]
            gate.wait(60)
            return []

    try:
        assert reason(the(live(seconds=0.1, host=Hung()).ask(ASK))) is Reason.TIMED_OUT
        assert fakes.asked == []
    finally:
        gate.set()


def broken() -> bytes:
    raise RuntimeError("the token is hunter2hunter2")


def refused() -> bytes:
    raise HostRefusedError(Reason.NO_PERMISSION, "hunter2hunter2 is closed")


def stars(data: bytes) -> bytes:
    return data.replace(b"hunter2hunter2", b"***")


def test_a_fault_is_an_unknown_and_is_masked(fakes: Fakes) -> None:
    fakes.add("fake", broken)
    assert the(live(mask=stars).ask(ASK)) == Unknown(Reason.FAULT, "RuntimeError: the token is ***")


def test_a_refusal_keeps_its_reason_and_is_masked(fakes: Fakes) -> None:
    fakes.add("fake", refused)
    assert the(live(mask=stars).ask(ASK)) == Unknown(Reason.NO_PERMISSION, "*** is closed")


def test_answers_and_subjects_are_masked_before_they_are_kept(fakes: Fakes) -> None:
    fakes.add("fake", lambda: b"\xff hunter2hunter2")
    host = FakeHost([daemon(10, unit="hunter2hunter2.service")])
    asker = live(host=host, mask=stars)
    assert asker.ask(Ask("fake", Of.ATTEMPT_RUNNER)) == (("***", b"\xff ***"),)
    assert b"hunter2" not in asker.record.dump()


def test_a_probe_that_is_not_there_stops_nothing(fakes: Fakes) -> None:
    fakes.add("fake", lambda: b"x")
    asker = live()
    assert reason(the(asker.ask(Ask("gone", Of.HOST)))) is Reason.FAULT
    assert the(asker.ask(ASK)) == b"x"


def test_no_subject_asks_nothing(fakes: Fakes) -> None:
    fakes.add("fake", lambda: b"x")
    assert reason(the(live().ask(Ask("fake", Of.FORGE)))) is Reason.NOT_SUPPORTED
    assert fakes.asked == []


def test_nobody_records_why() -> None:
    nobody = Nobody(Unknown(Reason.NO_HOST, "not wanted"))
    assert nobody.ask(ASK) == (("", Unknown(Reason.NO_HOST, "not wanted")),)
    assert list(nobody.record.answers) == [ASK]


def test_a_recording_answers_as_then() -> None:
    asker = Recorded(Recording({ASK: (("host", b"then"),)}))
    assert the(asker.ask(ASK)) == b"then"
    assert reason(the(asker.ask(Ask("other", Of.HOST)))) is Reason.NOT_RECORDED


def test_reading_answers(fakes: Fakes) -> None:
    def read(data: bytes) -> Facts:
        if data == b"bad":
            raise ValueError("not mine")
        return {"said": data.decode()}

    fakes.add("fake", lambda: b"", read)
    unknown = Unknown(Reason.BUDGET)
    found = read_answers(ASK, (("a", b"good"), ("b", b"bad"), ("c", unknown)))
    assert [a.subject for a in found] == ["a", "b", "c"]
    assert found[0].facts == {"said": "good"}
    assert reason(found[1].facts) is Reason.FAULT
    assert found[2].facts == unknown


def test_answers_of_a_probe_that_this_whyred_does_not_have(fakes: Fakes) -> None:
    (found,) = read_answers(Ask("of-tomorrow", Of.HOST), (("a", b"x"),))
    assert reason(found.facts) is Reason.FAULT


def test_within_and_guarded() -> None:
    assert within(60.0, lambda: 7) == 7
    assert guarded(lambda: 7) == 7
    fault = guarded(lambda: int("x"))
    assert reason(fault) is Reason.FAULT
    assert reason(within(60.0, lambda: int("x"))) is Reason.FAULT


def test_the_cheaper_question_sorts_first() -> None:
    asks = [Ask("tool-version", Of.HOST), Ask("directory-state", Of.HOST), Ask("mount-state", Of.HOST)]
    costs = [cost(a)[0] for a in asks]
    assert costs == sorted(costs, reverse=True)
    assert costs[0] > costs[-1]


ANSWERS: dict[Ask, Raw] = {
    ASK: (("host", b"text \xe2\xad\x90"), ("other", b"\xff\x00")),
    Ask("b", Of.SIBLING_RUNNERS): (("", Unknown(Reason.OTHER_HOST, "detail")), ("x", b"")),
    Ask("c", Of.WORKFLOW, (("a", "1"), ("b", "2"))): (),
}


def test_a_recording_survives_its_dump() -> None:
    again = Recording.load(Recording(ANSWERS).dump())
    assert again.answers == ANSWERS
    assert list(again.answers) == list(ANSWERS)
    assert again.dump() == Recording(ANSWERS).dump()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{}x",
        b"7",
        b"null",
        b'{"a": 1}',
        b"[1]",
        b"[null]",
        b'[{"probe": "p"}]',
        b'[{"probe": "p", "of": "nobody", "with": {}, "answers": []}]',
        b'[{"probe": "p", "of": "host", "with": 7, "answers": []}]',
        b'[{"probe": "p", "of": "host", "with": {}, "answers": 7}]',
        b'[{"probe": "p", "of": "host", "with": {}, "answers": [{}]}]',
        b'[{"probe": "p", "of": "host", "with": {}, "answers": [{"subject": "s", "unknown": "no such reason"}]}]',
        b'[{"probe": "p", "of": "host", "with": {}, "answers": [{"subject": "s", "base64": "%%%"}]}]',
        b'[{"probe": "p", "of": "host", "with": {}, "answers": [{"subject": "s", "text": "\\ud800"}]}]',
        b'[{"probe": "p", "of": "host", "with": {}, "answers": [{"subject": "s", "text": 7}]}]',
        b'[{"probe": "p", "of": "host", "with": {"a": 1}, "answers": []}]',
        b'[{"probe": 7, "of": "host", "with": {}, "answers": []}]',
        b'[{"probe": "p", "of": "host", "with": {}, "answers": [{"subject": 7, "text": "x"}]}]',
        b"[" * 100_000,
        b"\xff",
    ],
)
def test_what_is_no_recording_is_a_value_error(data: bytes) -> None:
    with pytest.raises(ValueError):
        Recording.load(data)


def test_a_question_about_a_span_is_told_that_of_the_attempt(fakes: Fakes) -> None:
    fakes.add("fake", lambda: b"")
    spans = replace(fakes.probes["fake"], needs={"since": "optional: x", "until": "optional: x", "path": "x"})
    fakes.probes["fake"] = spans
    asked = live()
    asked.subjects.ended = 2_000_000.0
    asked.ask(ASK)
    assert fakes.asked[-1][2] == {"path": "/tmp", "since": "1989140", "until": "2000060"}
