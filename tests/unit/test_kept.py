"""What is kept to save asking for it again: private, whole or not there, bounded, and never a reason to fail."""

import errno
import os
import stat
import threading
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whyred.sources._kept import Kept, key

NAME = key("one")
MANY = 1 << 30


def kept(folder: Path, most: int = MANY) -> Kept:
    return Kept(folder / "kept", most)


def body(store: Kept, name: str = NAME) -> bytes | None:
    entry = store.load(name)
    if entry is None:
        return None
    with entry.body:
        return entry.body.read()


def entries(store: Kept) -> list[Path]:
    return sorted(store.folder.iterdir())


@given(data=st.binary(max_size=5000), head=st.dictionaries(st.text(), st.text()))
def test_what_was_kept_comes_back(data: bytes, head: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> None:
    store = kept(tmp_path_factory.mktemp("k"))
    store.keep(NAME, head, data)
    entry = store.load(NAME)
    assert entry is not None
    with entry.body:
        assert (entry.head, entry.body.read()) == (head, data)


def test_a_large_body_is_packed_and_read_as_a_stream(tmp_path: Path) -> None:
    store = kept(tmp_path)
    writer = store.begin(NAME, {})
    assert writer is not None
    for _ in range(64):
        writer.write(b"the same line again and again\n" * 35_000)
    writer.end()
    assert entries(store)[0].stat().st_size < 1_000_000
    entry = store.load(NAME)
    assert entry is not None
    with entry.body:
        assert sum(len(piece) for piece in iter(lambda: entry.body.read(1 << 16), b"")) == 64 * 30 * 35_000


def test_only_its_user_can_look_into_it(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        store = kept(tmp_path)
        store.keep(NAME, {}, b"x")
    finally:
        os.umask(before)
    assert stat.S_IMODE(store.folder.stat().st_mode) == 0o700
    assert [stat.S_IMODE(file.stat().st_mode) for file in entries(store)] == [0o600]


def test_a_name_tells_nothing_of_what_it_was_made_of() -> None:
    assert "canary" not in key("canary", "token")
    assert key("ab", "c") != key("a", "bc")


@pytest.mark.parametrize("change", ["flip", "cut", "grow", "empty", "other"])
def test_an_entry_that_was_changed_is_dropped(tmp_path: Path, change: str) -> None:
    store = kept(tmp_path)
    store.keep(NAME, {"a": "b"}, b"hello " * 100)
    (file,) = entries(store)
    data = file.read_bytes()
    changed = {"cut": data[:-1], "grow": data + b"x", "empty": b"", "other": b"something else"}
    for at in range(len(data)) if change == "flip" else (0,):
        flipped = data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]
        file.write_bytes(changed.get(change, flipped))
        assert store.load(NAME) is None
        assert entries(store) == []
    store.keep(NAME, {}, b"again")
    assert body(store) == b"again"


def test_an_entry_that_was_not_ended_does_not_exist(tmp_path: Path) -> None:
    store = kept(tmp_path)
    writer = store.begin(NAME, {})
    assert writer is not None
    writer.write(b"half of it")
    assert store.load(NAME) is None
    writer.give_up()
    writer.end()
    assert entries(store) == []


def test_the_entries_used_longest_ago_go_first(tmp_path: Path) -> None:
    store = kept(tmp_path, most=20_000)
    names = [key(str(n)) for n in range(6)]
    for n, name in enumerate(names):
        store.keep(name, {}, os.urandom(4_500))
        os.utime(store.folder / name, (1000 + n, 1000 + n))
        if n == 3:
            assert body(store, names[0]) is not None  # it is used: now the second one is the oldest
    left = {file.name for file in entries(store)}
    assert names[0] in left
    assert names[5] in left
    assert names[1] not in left
    assert sum(file.stat().st_size for file in entries(store)) <= 20_000


def test_one_entry_is_not_worth_all_the_others(tmp_path: Path) -> None:
    store = kept(tmp_path, most=20_000)
    store.keep(NAME, {}, os.urandom(19_000))
    assert entries(store) == []


def test_bounds_hold_over_several_processes(tmp_path: Path) -> None:
    """Each begins with counting what is there."""
    for n in range(8):
        Kept(tmp_path / "kept", 20_000).keep(key(str(n)), {}, os.urandom(4_500))
    assert sum(file.stat().st_size for file in (tmp_path / "kept").iterdir()) <= 20_000


def test_what_a_killed_process_has_left_goes_in_time(tmp_path: Path) -> None:
    store = kept(tmp_path)
    store.folder.mkdir(mode=0o700)
    old, fresh = store.folder / ".old.1.0", store.folder / ".fresh.1.0"
    for file in (old, fresh):
        file.write_bytes(b"x")
    os.utime(old, (1000, 1000))
    store.keep(NAME, {}, b"x")
    assert not old.exists()
    assert fresh.exists()


@pytest.mark.parametrize("mode", [0o777, 0o720, 0o702])
def test_a_folder_that_others_may_write_to_is_not_used(tmp_path: Path, mode: int) -> None:
    store = kept(tmp_path)
    store.keep(NAME, {}, b"mine")
    store.folder.chmod(mode)
    assert store.load(NAME) is None
    store.keep(key("two"), {}, b"x")
    store.folder.chmod(0o700)
    assert len(entries(store)) == 1
    assert body(store) == b"mine"


def test_no_link_is_followed(tmp_path: Path) -> None:
    store = kept(tmp_path)
    store.keep(NAME, {}, b"mine")
    store.keep(key("two"), {}, b"theirs")
    (store.folder / NAME).unlink()
    (store.folder / NAME).symlink_to(store.folder / key("two"))
    assert store.load(NAME) is None


def test_it_works_without_a_folder(tmp_path: Path) -> None:
    (tmp_path / "kept").write_text("a file stands where the folder should be")
    store = kept(tmp_path)
    store.keep(NAME, {}, b"x")
    assert store.load(NAME) is None


def test_a_disk_that_is_nearly_full_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = kept(tmp_path, most=1000)
    real = os.statvfs(tmp_path)
    free = [1999, 2001]

    class State:
        f_frsize = 1

        @property
        def f_bavail(self) -> int:
            return free[0]

    assert real.f_frsize > 0
    monkeypatch.setattr(os, "statvfs", lambda _: State())
    store.keep(NAME, {}, b"x")
    assert store.load(NAME) is None
    free.pop(0)
    store.keep(NAME, {}, b"x")
    assert body(store) == b"x"


class Full:
    """A file on a disk that takes so many bytes."""

    def __init__(self, file: Any, left: int) -> None:
        self.file, self.left = file, left

    def write(self, data: bytes) -> int:
        self.left -= len(data)
        if self.left < 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return int(self.file.write(data))

    def __getattr__(self, name: str) -> Any:
        return getattr(self.file, name)


@pytest.mark.parametrize("left", [0, 40, 1000, 5000])
def test_a_full_disk_fails_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, left: int) -> None:
    real = os.fdopen
    monkeypatch.setattr(os, "fdopen", lambda fd, mode: Full(real(fd, mode), left) if "w" in mode else real(fd, mode))
    store = kept(tmp_path)
    store.keep(NAME, {}, os.urandom(20_000))
    assert store.load(NAME) is None
    assert entries(store) == []


def test_several_threads_keep_the_same(tmp_path: Path) -> None:
    store = kept(tmp_path, most=MANY)
    threads = [threading.Thread(target=store.keep, args=(NAME, {}, bytes([n]) * 100_000)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = body(store)
    assert found is not None
    assert len(set(found)) == 1
    assert [file.name for file in entries(store)] == [NAME]
