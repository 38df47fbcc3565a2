"""The doctor's rows: wrong where a cause's condition holds, unknown with the reason, masked, never stopped by one."""

from collections.abc import Callable, Mapping
from dataclasses import replace

import pytest
from test_subjects import FakeHost, daemon

from whyred.app import ask as asking
from whyred.app import doctor as room
from whyred.app import pack as packing
from whyred.app.doctor import examine, judge_row, recorded
from whyred.hosts.bundle import Recording
from whyred.model.cause import Cause, Condition, Of, Op, Text
from whyred.model.evidence import Ask, Reason, Unknown
from whyred.model.examination import Row, State
from whyred.model.host import Host, HostRefusedError, Process, Subject
from whyred.model.probe import Cost, Facts, Kind, Probe
from whyred.reports.doctor import render

TEXT = Text("", "", "", "", "")


def condition(op: Op = Op.EQUALS, value: object = True, of: Of = Of.ATTEMPT_RUNNER, **with_: str) -> Condition:
    return Condition("fake", of, "bad", op, value, tuple(sorted(with_.items())))  # type: ignore[arg-type]


def cause(*confirm: Condition, **other: object) -> Cause:
    values: dict[str, object] = {"when": {}, "unless": {}} | other
    return Cause("the-cause", "", "infra/tmpdir", ("p",), TEXT, confirm=confirm, **values)  # type: ignore[arg-type]


def row(
    facts: Facts, *causes: Cause, ofs: tuple[Of, ...] = (Of.HOST, Of.ATTEMPT_RUNNER), **arguments: str
) -> State | None:
    found = judge_row("s", "q", "fake", ofs, arguments, facts, causes)
    return found.state if found else None


@pytest.mark.parametrize(
    ("facts", "state"),
    [
        ({"bad": True}, State.WRONG),
        ({"bad": False}, State.FINE),
        ({"bad": None}, State.FINE),
        ({"bad": Unknown(Reason.NO_PERMISSION)}, State.UNKNOWN),
        ({"bad": Unknown(Reason.NO_PERMISSION), "other": 1}, State.FINE),
        ({"bad": Unknown(Reason.NOT_APPLICABLE)}, None),
        ({}, None),
    ],
)
def test_states(facts: Facts, state: State | None) -> None:
    assert row(facts, cause(condition())) is state


def test_only_the_very_question_counts() -> None:
    facts: Facts = {"bad": True}
    assert row(facts, cause(condition(path="/tmp")), path="/tmp") is State.WRONG
    assert row(facts, cause(condition(path="/tmp")), path="/var/tmp") is State.FINE
    assert row(facts, cause(condition(path="/tmp"))) is State.FINE
    assert row(facts, cause(condition(path="{dir}")), path="/tmp") is State.WRONG
    assert row(facts, cause(condition(path="{dir}"), when={"dir": ("/tmp*",)}), path="/srv") is State.FINE
    assert row(facts, cause(condition(path="{dir}"), unless={"dir": ("/tmp*",)}), path="/tmp") is State.FINE
    assert row(facts, cause(condition(tool="{tool}")), tool="git") is State.WRONG
    assert row(facts, cause(condition(tool="{program}")), tool="git") is State.FINE
    assert row(facts, cause(condition(of=Of.SHARED_DAEMON))) is State.FINE
    assert row(facts, cause(condition(Op.PRESENT, None))) is State.FINE


def answered(answer: Callable[[], bytes], read: Callable[[bytes], Facts], kind: Kind = Kind.HOST) -> Probe:
    def ask(_host: Host, _subject: Subject, _arguments: Mapping[str, str]) -> bytes:
        return answer()

    return Probe("fake", "", kind, Cost.CHEAP, "", {}, ask, read, pack=({},))


def broken() -> bytes:
    raise RuntimeError("hunter2hunter2")


def stars(data: bytes) -> bytes:
    return data.replace(b"hunter2hunter2", b"***")


def examined(monkeypatch: pytest.MonkeyPatch, host: FakeHost, *probes: Probe) -> list[tuple[str, State, str]]:
    monkeypatch.setattr(room, "all_probes", lambda: {f"{n}": p for n, p in enumerate(probes)})
    told = examine(host, [cause(condition(of=Of.HOST))], stars, lambda _: None)
    return [(r.subject, r.state, " ".join([*r.facts.values(), r.because])) for r in told]


def test_a_probe_that_crashes_stops_no_other_and_leaks_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    good = answered(lambda: b"said hunter2hunter2", lambda data: {"said": data.decode()})
    bad = answered(broken, lambda _: {})
    assert examined(monkeypatch, FakeHost(), bad, good) == [
        ("host", State.UNKNOWN, "fault-in-whyred: RuntimeError: ***"),
        ("host", State.FINE, "said *** "),
    ]


def test_every_daemon_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    probe = answered(lambda: b"", lambda _: {"bad": True}, Kind.DIRECTORY)
    rows = examined(monkeypatch, FakeHost([daemon(10), daemon(11)]), probe)
    assert [r[0] for r in rows] == ["host", "runner-10", "runner-11"]
    assert rows[0][1] is State.WRONG


def test_a_host_that_hides_its_processes_is_still_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    class Hidden(FakeHost):
        def processes(self) -> list[Process]:
            raise HostRefusedError(Reason.NO_PERMISSION, "no /proc")

    rows = examined(monkeypatch, Hidden(), answered(lambda: b"", lambda _: {"fine": 1}))
    assert rows == [("host", State.UNKNOWN, "no-permission: no /proc"), ("host", State.FINE, "1 ")]


def test_recorded_answers_give_the_same_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    probe = answered(lambda: b"", lambda data: {"bad": data == b"yes"})

    def find(name: str) -> Probe:
        if name == "fake":
            return probe
        raise LookupError(name)

    monkeypatch.setattr(asking, "find_probe", find)
    answers = {
        Ask("fake", Of.HOST): (("host", b"yes"), ("other", b"no"), ("", Unknown(Reason.BUDGET))),
        Ask("of-tomorrow", Of.HOST): (("host", b"?"),),
    }
    rows = recorded(Recording(answers), [cause(condition(of=Of.HOST))])
    assert [(r.subject, r.state) for r in rows] == [
        ("host", State.WRONG),
        ("other", State.FINE),
        ("host", State.UNKNOWN),
        ("host", State.UNKNOWN),
    ]


def test_daemons_of_one_name_are_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    probe = answered(lambda: b"", lambda _: {"fine": 1}, Kind.DAEMON)
    argv = ("/usr/bin/forgejo-runner", "daemon")
    seen = [Process(n, 1, 5, "forgejo-runner", argv, 0, None, "forgejo-runner.service") for n in (10, 11)]
    rows = examined(monkeypatch, FakeHost(seen), probe)
    assert [r[0] for r in rows] == ["forgejo-runner (pid 10)", "forgejo-runner (pid 11)"]


def test_what_was_not_begun_in_time_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "all_probes", lambda: {"a": answered(lambda: b"", lambda _: {"fine": 1})})
    clock = iter([0.0, 0.0])
    (row,) = examine(FakeHost(), [], stars, lambda _: None, clock=lambda: next(clock, 99.0))
    assert (row.state, row.because) == (State.FINE, "")
    clock = iter([0.0, 99.0])
    (row,) = examine(FakeHost(), [], stars, lambda _: None, clock=lambda: next(clock, 99.0))
    assert (row.state, row.because.partition(":")[0]) == (State.UNKNOWN, "budget")


def test_no_probe_waits_for_all_questions_of_another(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packing, "_a_thread_starts", lambda: False)  # one after the other, so that there is an order
    fake = answered(lambda: b"", lambda _: {})
    many = [packing.Put(fake, Subject("host"), (), {"n": str(n)}) for n in range(3)]
    one = packing.Put(replace(fake, name="last"), Subject("host"), (), {})
    said: list[str] = []
    packing.all_asked([*many, one], lambda put: put.probe.name, said.append, far=False)
    assert said.index("last of host") == 1


def test_where_no_thread_can_be_started_every_question_is_asked_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packing, "_a_thread_starts", lambda: False)
    rows = examined(monkeypatch, FakeHost([daemon(10)]), answered(lambda: b"", lambda _: {"fine": 1}, Kind.DIRECTORY))
    assert [r[0] for r in rows] == ["host", "runner-10"]


class Bare(FakeHost):
    """A host whose /proc shows no process, or none of others."""

    def processes(self) -> list[Process]:
        return self.seen


@pytest.mark.parametrize("seen", [[], [daemon(10)]], ids=["no /proc", "hidepid"])
def test_that_runners_may_run_unseen_is_said_first(monkeypatch: pytest.MonkeyPatch, seen: list[Process]) -> None:
    rows = examined(monkeypatch, Bare(seen), answered(lambda: b"", lambda _: {"fine": 1}))
    assert (rows[0][0], rows[0][1]) == ("host", State.UNKNOWN)
    assert "runners may run unseen" in rows[0][2]


def test_the_table_leaves_out_what_is_none_and_says_large_numbers_in_words() -> None:
    facts = {"a": "none", "held_bytes": str(3 << 30), "age_seconds": "17380938", "few_seconds": "5", "b": "yes"}
    text = render([Row("host", "x", State.FINE, facts, ""), Row("host", "y", State.FINE, {"a": "none"}, "")])
    assert "x  held_bytes 3221225472 (3.0 GiB), age_seconds 17380938 (201.2 days), few_seconds 5, b yes" in text
    assert "y  nothing to tell" in text
    assert "a none, held_bytes 3221225472, age" in render([Row("h", "x", State.FINE, facts, "")], everything=True)
