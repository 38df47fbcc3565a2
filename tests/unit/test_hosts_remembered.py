"""A far host is asked the same thing once, what it refuses included; the time, and what was not answered, again."""

from collections import Counter
from collections.abc import Sequence

import pytest

from whyred.hosts.local import LocalHost
from whyred.hosts.remembered import Remembered
from whyred.model.evidence import Reason
from whyred.model.host import HostRefusedError, Output, Stat


class Far(LocalHost):
    """Counts its questions."""

    def __init__(self) -> None:
        super().__init__(60)
        self.asked: Counter[str] = Counter()
        self.slow = False

    def read(self, path: str, limit: int = 1 << 20) -> bytes:
        self.asked[path] += 1
        if self.slow:
            raise HostRefusedError(Reason.TIMED_OUT, path)
        return super().read(path, limit)

    def link(self, path: str) -> str:
        self.asked[path] += 1
        return super().link(path)

    def stat(self, path: str, *, follow: bool = True) -> Stat:
        self.asked[path] += 1
        return super().stat(path, follow=follow)

    def run(self, argv: Sequence[str], seconds: float = 2.0) -> Output:
        self.asked[argv[0]] += 1
        return super().run(argv, 60)

    def ahead(self, paths: Sequence[str]) -> None:
        self.asked["ahead"] += 1


def test_the_same_question_is_asked_once() -> None:
    far = Far()
    host = Remembered(far)
    for _ in range(3):
        assert host.read("/proc/self/mountinfo")
        with pytest.raises(HostRefusedError) as refused:
            host.read("/no/such")
        assert refused.value.unknown.reason is Reason.NOT_FOUND
    assert (far.asked["/proc/self/mountinfo"], far.asked["/no/such"]) == (1, 1)


def test_what_was_not_answered_in_time_and_what_tells_the_time_is_asked_again() -> None:
    far = Far()
    host = Remembered(far)
    far.slow = True
    with pytest.raises(HostRefusedError):
        host.read("/proc/stat")
    far.slow = False
    assert host.read("/proc/stat")
    for _ in range(2):
        host.run(["date", "-u", "+%s"])
        host.run(["true"])
    assert (far.asked["date"], far.asked["true"]) == (2, 1)


def test_who_asks_there_is_known_before_the_processes_are_listed() -> None:
    far = Far()
    host = Remembered(far)
    assert far.asked["/proc/self"] == 1
    assert int(host.link("/proc/self")) in {p.pid for p in host.processes()}
    assert far.asked["/proc/self"] == 1


def test_what_is_known_is_not_asked_ahead() -> None:
    far = Far()
    host = Remembered(far)
    paths = ["/", "/proc", "/no-such-name"]
    host.ahead(paths)
    host.ahead(paths)
    assert host.stat("/proc", follow=False).kind == "directory"
    assert (far.asked["ahead"], far.asked["/proc"], far.asked["/no-such-name"]) == (1, 1, 1)
