"""Whom a question is put to: a host counts only where it is shown to be the one that ran the attempt."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import pytest

from whyred.app.subjects import Subjects
from whyred.model.cause import Of
from whyred.model.evidence import Reason, Unknown
from whyred.model.host import HostRefusedError, Identity, Output, Process, Space, Stat, Subject
from whyred.model.run import Attempt, Run, Runner

BOOTED = 1_000_000.0


def daemon(
    pid: int, unit: str | None = None, parent: int = 1, started: int = 100, mounts: int | None = None
) -> Process:
    argv = ("/usr/bin/forgejo-runner", "daemon", "-c", f"/etc/runner-{pid}.yaml")
    return Process(pid, parent, started, "forgejo-runner", argv, 0, mounts, unit)


def process(pid: int, parent: int = 1, mounts: int | None = None, name: str = "sh") -> Process:
    return Process(pid, parent, 100, name, (name,), 0, mounts)


FIRST = Process(1, 0, 0, "init", ("/sbin/init",), 0)


@dataclass
class FakeHost:
    """A host that has the first process and these and is asked from process `own`."""

    seen: list[Process] = field(default_factory=list)
    own: int | None = 900
    identity: Identity = field(default_factory=lambda: Identity("here", "boot-1", "box", 4026531840))
    asked: int = 0
    environs: dict[int, dict[str, str]] = field(default_factory=dict)

    def read(self, path: str, limit: int = 1 << 20) -> bytes:
        if path != "/proc/stat":
            raise HostRefusedError(Reason.NOT_FOUND, path)
        return b"cpu 1 2 3\nbtime %d\nprocesses 7\n" % int(BOOTED)

    def link(self, path: str) -> str:
        if path != "/proc/self" or self.own is None:
            raise HostRefusedError(Reason.NOT_FOUND, path)
        return str(self.own)

    def processes(self) -> list[Process]:
        self.asked += 1
        return [FIRST, *self.seen]

    def stream(self, path: str, start: int = 0) -> Iterator[bytes]:
        return iter([self.read(path)[start:]])

    def names(self, path: str) -> list[str]:
        raise HostRefusedError(Reason.NOT_FOUND, path)

    def stat(self, path: str, *, follow: bool = True) -> Stat:
        raise HostRefusedError(Reason.NOT_FOUND, path)

    def space(self, path: str) -> Space:
        raise HostRefusedError(Reason.NOT_FOUND, path)

    def environ(self, pid: int, keys: Sequence[str]) -> dict[str, str]:
        return {k: v for k, v in self.environs.get(pid, {}).items() if k in keys}

    def run(self, argv: Sequence[str], seconds: float = 2.0) -> Output:
        raise HostRefusedError(Reason.TOOL_MISSING, argv[0])

    def create(self, folder: str) -> str | None:
        return None


def subjects(host: FakeHost, runner: Runner | None = None, **other: object) -> Subjects:
    values: dict[str, object] = {"vouched": False} | other
    return Subjects(host, Attempt(Run("x"), runner=runner), **values)  # type: ignore[arg-type]


def reason(found: object) -> Reason:
    assert isinstance(found, Unknown)
    return found.reason


def told(**other: object) -> Runner:
    values: dict[str, object] = {"name": "r1", "machine": "here", "boot": "boot-1", "pid": 10, "started": 100} | other
    return Runner(**values)  # type: ignore[arg-type]


EVERY = [of for of in Of if of not in (Of.FORGE, Of.BASELINE)]


@pytest.mark.parametrize("of", EVERY)
@pytest.mark.parametrize("runner", [None, Runner(name="r1"), Runner(name="r1", pid=10, started=100)])
def test_a_log_alone_names_no_host(of: Of, runner: Runner | None) -> None:
    found = subjects(FakeHost([daemon(10)]), runner).of(of)
    assert reason(found) in (Reason.OTHER_HOST, Reason.NO_SUBJECT)


@pytest.mark.parametrize("of", [Of.FORGE, Of.BASELINE])
def test_what_is_not_asked_yet(of: Of) -> None:
    assert reason(subjects(FakeHost([daemon(10)]), told()).of(of)) is Reason.NOT_SUPPORTED


@pytest.mark.parametrize(
    ("runner", "why"),
    [
        (told(machine="elsewhere"), Reason.OTHER_HOST),
        (told(boot="boot-0"), Reason.CHANGED_SINCE),
        (told(boot=None), Reason.CHANGED_SINCE),
        (told(started=99), Reason.CHANGED_SINCE),
        (told(pid=11), Reason.CHANGED_SINCE),
        (told(pid=None, mounts=77), Reason.CHANGED_SINCE),
        (told(pid=None), Reason.CHANGED_SINCE),
    ],
)
@pytest.mark.parametrize("vouched", [True, False])
def test_what_is_known_of_the_runner_outweighs_what_the_user_says(runner: Runner, why: Reason, vouched: bool) -> None:
    found = subjects(FakeHost([daemon(10)]), runner, vouched=vouched)
    assert reason(found.of(Of.ATTEMPT_RUNNER)) is why
    assert reason(found.of(Of.HOST)) is why
    assert reason(found.of(Of.SIBLING_RUNNERS)) is why


def test_a_host_that_knows_no_boot_proves_nothing() -> None:
    host = FakeHost([daemon(10)], identity=Identity("here", None, "box"))
    assert reason(subjects(host, told(boot=None)).of(Of.ATTEMPT_RUNNER)) is Reason.CHANGED_SINCE


def test_a_host_without_a_machine_id_is_another_one() -> None:
    host = FakeHost([daemon(10)], identity=Identity(None, "boot-1", "box"))
    assert reason(subjects(host, told()).of(Of.ATTEMPT_RUNNER)) is Reason.OTHER_HOST


def test_the_very_process() -> None:
    host = FakeHost([daemon(10, unit="r.service"), daemon(20), process(31, parent=10), process(32, parent=31)])
    found = subjects(host, told(folder="/work"))
    assert found.of(Of.ATTEMPT_RUNNER) == [Subject("r1", 10, "r.service")]
    assert found.of(Of.HOST) == [Subject("host")]
    assert found.of(Of.ITS_JOBS) == [Subject("r1 job 31", 31), Subject("r1 job 32", 32)]
    assert found.of(Of.SIBLING_RUNNERS) == [Subject("runner-20", 20, None)]
    assert found.of(Of.WORKFLOW) == [Subject("workflow", 10)]
    assert reason(found.of(Of.SHARED_DAEMON)) is Reason.NO_SUBJECT
    assert host.asked == 1


def test_the_same_mount_namespace() -> None:
    runner = told(pid=None, mounts=4026531840)
    assert subjects(FakeHost(), runner).of(Of.ATTEMPT_RUNNER) == [Subject("r1")]
    host = FakeHost([process(5, mounts=None), process(44, mounts=77)])
    assert subjects(host, told(pid=None, mounts=77)).of(Of.ATTEMPT_RUNNER) == [Subject("r1", 44)]


def six() -> list[Process]:
    return [daemon(n, unit=f"forgejo-runner-{n}.service") for n in range(10, 16)]


def test_vouched_one_daemon() -> None:
    found = subjects(FakeHost([daemon(10, unit="r.service")]), vouched=True)
    assert found.of(Of.ATTEMPT_RUNNER) == [Subject("r", 10, "r.service")]


def test_vouched_six_daemons_of_which_the_log_names_none() -> None:
    for named in (None, "somebody"):
        found = subjects(FakeHost(six()), vouched=True, named=named).of(Of.ATTEMPT_RUNNER)
        assert reason(found) is Reason.WHICH_RUNNER


@pytest.mark.parametrize("named", ["forgejo-runner-12", "forgejo-runner-12.service"])
def test_vouched_six_daemons_of_which_the_log_names_one(named: str) -> None:
    found = subjects(FakeHost(six()), vouched=True, named=named)
    assert found.of(Of.ATTEMPT_RUNNER) == [Subject("forgejo-runner-12", 12, "forgejo-runner-12.service")]
    siblings = found.of(Of.SIBLING_RUNNERS)
    assert not isinstance(siblings, Unknown)
    assert [s.pid for s in siblings] == [10, 11, 13, 14, 15]


def test_vouched_inside_a_job_of_one_of_six() -> None:
    host = FakeHost([*six(), process(800, parent=13), process(900, parent=800)], own=900)
    found = subjects(host, vouched=True).of(Of.ATTEMPT_RUNNER)
    assert found == [Subject("forgejo-runner-13", 13, "forgejo-runner-13.service")]


def test_vouched_with_no_daemon_asks_the_shell() -> None:
    assert subjects(FakeHost([process(900)]), vouched=True).of(Of.ATTEMPT_RUNNER) == [Subject("this shell", 900)]
    assert subjects(FakeHost(own=None), vouched=True).of(Of.ATTEMPT_RUNNER) == [Subject("this shell")]


def test_vouched_a_shared_daemon_is_no_runner() -> None:
    sccache = Process(50, 1, 100, "sccache", ("/usr/bin/sccache",), 0)
    found = subjects(FakeHost([daemon(10), sccache]), vouched=True)
    assert found.of(Of.ATTEMPT_RUNNER) == [Subject("runner-10", 10)]
    shared = found.of(Of.SHARED_DAEMON)
    assert not isinstance(shared, Unknown)
    assert [s.pid for s in shared] == [50]


@pytest.mark.parametrize(
    ("started", "ended", "changed"),
    [
        (100, BOOTED + 500, False),
        (100_000, BOOTED + 500, True),
        (50_100, BOOTED + 500, False),
        (50_200, BOOTED + 500, True),
        (100_000, None, False),
    ],
)
def test_vouched_a_daemon_started_after_the_log_ended_did_not_write_it(
    started: int, ended: float | None, changed: bool
) -> None:
    found = subjects(FakeHost([daemon(10, started=started)]), vouched=True, ended=ended).of(Of.ATTEMPT_RUNNER)
    if changed:
        assert reason(found) is Reason.CHANGED_SINCE
    else:
        assert found == [Subject("runner-10", 10)]


def test_processes_that_are_each_others_parents_end() -> None:
    host = FakeHost([daemon(10), process(900, parent=901), process(901, parent=900)], own=900)
    assert subjects(host, vouched=True).of(Of.ATTEMPT_RUNNER) == [Subject("runner-10", 10)]
    host = FakeHost([daemon(10, parent=11), process(11, parent=10)])
    jobs = subjects(host, vouched=True).of(Of.ITS_JOBS)
    assert not isinstance(jobs, Unknown)
    assert {s.pid for s in jobs} <= {10, 11}


def test_no_job_alive() -> None:
    assert reason(subjects(FakeHost([daemon(10)]), vouched=True).of(Of.ITS_JOBS)) is Reason.NO_SUBJECT


def test_no_checkout_known() -> None:
    assert reason(subjects(FakeHost([daemon(10)]), told()).of(Of.WORKFLOW)) is Reason.NO_SUBJECT
    assert reason(subjects(FakeHost([daemon(10)]), told(boot="0", folder="/w")).of(Of.WORKFLOW)) is Reason.NO_SUBJECT


@pytest.mark.parametrize(("began", "is_the_same"), [(100, True), (900, False)])
def test_the_number_of_a_namespace_that_ended_names_another_one_later(began: int, is_the_same: bool) -> None:
    """The kernel gives the number of a dead namespace to the next: only who was in it then shows that it lives."""
    host = FakeHost([Process(900, 1, began, "sh", ("sh",), 0, 4026532181)])
    host.identity = Identity("here", "boot-1", "box", 4026532181)
    found = subjects(host, told(pid=None, started=500, mounts=4026532181)).of(Of.ATTEMPT_RUNNER)
    assert found == [Subject("r1")] if is_the_same else reason(found) is Reason.CHANGED_SINCE


def test_vouched_a_daemon_that_cannot_be_dated_is_unknown() -> None:
    @dataclass
    class Timeless(FakeHost):
        def read(self, path: str, limit: int = 1 << 20) -> bytes:
            raise HostRefusedError(Reason.NO_PERMISSION, path)

    found = subjects(Timeless([daemon(10)]), vouched=True, ended=BOOTED + 500).of(Of.ATTEMPT_RUNNER)
    assert reason(found) is Reason.CHANGED_SINCE


def test_the_span_of_an_attempt_is_told_where_its_end_is_known() -> None:
    assert subjects(FakeHost()).times == {}
    assert subjects(FakeHost(), ended=20_000.0).times == {"ended": "20000.000", "since": "9140", "until": "20060"}
    run = Attempt(Run("x"), started=1000.0, ended=2000.5)
    assert Subjects(FakeHost(), run, vouched=False).times == {"ended": "2000.500", "since": "940", "until": "2060"}
