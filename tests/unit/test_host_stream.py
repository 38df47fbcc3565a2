"""A file of a host as a stream: from any offset, of any size, closed whoever reads it."""

import os
from pathlib import Path

import pytest

from whyred.hosts.local import PIECE, LocalHost
from whyred.model.evidence import Reason
from whyred.model.host import HostRefusedError


def test_from_any_offset(tmp_path: Path) -> None:
    file = tmp_path / "a.log"
    data = os.urandom(2 * PIECE + 17)
    file.write_bytes(data)
    for start in (0, 1, PIECE, 2 * PIECE, len(data) - 1, len(data), len(data) + 5):
        pieces = list(LocalHost().stream(str(file), start))
        assert b"".join(pieces) == data[start:]
        assert all(len(piece) <= PIECE for piece in pieces)


def test_as_long_as_it_is_at_its_end(tmp_path: Path) -> None:
    file = tmp_path / "a.log"
    file.write_bytes(b"first")
    pieces = LocalHost().stream(str(file))
    assert next(pieces) == b"first"
    with file.open("ab") as more:
        more.write(b"second")
    assert list(pieces) == [b"second"]


def test_refusals_come_before_the_first_piece(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for name, reason in (
        ("none", Reason.NOT_FOUND),
        ("pipe", Reason.UNREADABLE),
        ("", Reason.UNREADABLE),
    ):
        with pytest.raises(HostRefusedError) as caught:
            LocalHost().stream(str(tmp_path / name))
        assert caught.value.unknown.reason is reason


def test_the_file_is_closed(tmp_path: Path) -> None:
    (tmp_path / "a.log").write_bytes(b"x" * 10)
    before = len(list(Path("/proc/self/fd").iterdir()))
    unread = LocalHost().stream(str(tmp_path / "a.log"))
    begun = LocalHost().stream(str(tmp_path / "a.log"))
    next(begun)
    del unread, begun
    assert list(LocalHost().stream(str(tmp_path / "a.log"))) == [b"x" * 10]
    assert len(list(Path("/proc/self/fd").iterdir())) == before
