"""temp-entries on a host whose find is not that of GNU: the answer says so, and quotes no manual."""

from collections.abc import Sequence
from typing import cast

from whyred.model.evidence import Reason, Unknown
from whyred.model.host import Host, Output, Stat, Subject
from whyred.probes.temp_entries import PROBE

USAGE = b"find: unrecognized: -printf\nBusyBox v1.35.0 multi-call binary.\n\nUsage: find [-HL] [PATH]..."


class Busy:
    """A host of BusyBox."""

    def stat(self, _path: str, *, follow: bool = True) -> Stat:
        return Stat(
            "directory", mode=0o1777, links=2, uid=0, gid=0, size=0, device=1, inode=1, modified=0.0, changed=0.0
        )

    def link(self, path: str) -> str:
        return path

    def read(self, path: str, _limit: int = 0) -> bytes:
        return {"/proc/uptime": b"5.0 9.0\n", "/proc/stat": b"btime 1000\n"}[path]

    def run(self, _argv: Sequence[str], _seconds: float) -> Output:
        return Output(1, b"", USAGE)


def test_a_find_that_cannot_print_is_a_missing_tool() -> None:
    facts = PROBE.read(PROBE.ask(cast("Host", Busy()), Subject("host"), {"path": "/tmp"}))
    told = facts["entries"]
    assert isinstance(told, Unknown)
    assert (told.reason, told.detail) == (Reason.TOOL_MISSING, "find: the host's find is not that of GNU")
