"""Scanning ahead gives the same as scanning, in order, and ends its thread."""

import threading

import pytest

from whyred.logs.ahead import scanned
from whyred.logs.blocks import Block, blocks
from whyred.logs.engines import Hyperscan, Places


def _blocks(count: int) -> list[Block]:
    return list(blocks((b"line %d BOOM\nquiet\n" % n for n in range(count)), size=14))


class _Broken:
    """An engine that breaks at its third block, `times` times."""

    name = "broken"

    def __init__(self, times: int) -> None:
        self.scans, self.times = 0, times

    def scan(self, data: bytes) -> Places:
        self.scans += 1
        if 3 <= self.scans < 3 + self.times:
            raise MemoryError("no room to scan in")
        return []

    def dump(self) -> bytes:
        return b""


@pytest.mark.parametrize("count", [0, 1, 2, 3, 50])
def test_every_block_comes_once_with_its_own_places(count: int) -> None:
    engine = Hyperscan.compile([b"BOOM"])
    wanted = [(block, engine.scan(block.plain)) for block in _blocks(count)]
    assert list(scanned(iter(_blocks(count)), engine)) == wanted


def test_without_threads_it_scans_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    engine = Hyperscan.compile([b"BOOM"])
    assert list(scanned(iter(_blocks(20)), engine)) == [(b, engine.scan(b.plain)) for b in _blocks(20)]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_what_breaks_the_scan_is_raised_to_the_reader() -> None:
    found = scanned(iter(_blocks(20)), _Broken(times=2))
    assert [next(found)[0], next(found)[0]] == _blocks(20)[:2]
    with pytest.raises(MemoryError, match="no room"):
        next(found)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_what_breaks_it_once_only_costs_nothing_but_time() -> None:
    assert [block for block, _ in scanned(iter(_blocks(20)), _Broken(times=1))] == _blocks(20)


def test_a_reader_that_stops_early_leaves_no_thread() -> None:
    found = scanned(iter(_blocks(50)), Hyperscan.compile([b"BOOM"]))
    next(found)
    found.close()  # type: ignore[attr-defined]
    assert "scan" not in {t.name for t in threading.enumerate()}
