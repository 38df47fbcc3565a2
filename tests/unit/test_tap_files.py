"""What a tap keeps of a task: each row once and in its place, whatever is sent twice, crashes, or finds a full disk."""

import errno
import json
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from whyred.model.trouble import UserError
from whyred.sources import _tap_files as files
from whyred.sources._runner_calls import StepTold, TaskTold
from whyred.sources._tap_files import Kept, What
from whyred.sources._tap_keep import TaskFiles, kept_alone

WHAT = What(9, "alice/pub", 3, 4, 1, "test", ("Prepare", ""), "https://forge.example", "runner-1")


def row(number: int) -> bytes:
    return f"2026-01-02T03:04:05.{number:07}Z row {number}\n".encode()


def rows(first: int, count: int) -> list[bytes]:
    return [row(number) for number in range(first, first + count)]


def kept(folder: Path, task: int = 9) -> Kept:
    found = files.read_kept(folder, task)
    assert found is not None
    return found


def placed(folder: Path) -> dict[int, bytes]:
    """The rows by their numbers, as the files tell them; every other line is a note."""
    told = files.read_kept(folder, 9) or Kept(folder, What(9))
    lines = told.log.read_bytes().splitlines(keepends=True) if told.log.exists() else []
    found: dict[int, bytes] = {}
    row_of, starts = 0, dict(told.segments)
    for number, line in enumerate(lines):
        row_of = starts.get(number, row_of)
        if b" whyred tap: " in line:
            assert number + 1 in starts, "a note stands before a segment"
            continue
        assert row_of not in found, f"row {row_of} is there twice"
        found[row_of] = line
        assert told.line_of(row_of) == number
        row_of += 1
    return found


def test_rows_that_are_sent_again_are_kept_once(tmp_path: Path) -> None:
    task = TaskFiles(tmp_path, 9)
    assert [task.rows(0, rows(0, 3)), task.rows(0, rows(0, 5)), task.rows(2, rows(2, 2)), task.rows(5, [])] == [
        3,
        2,
        0,
        0,
    ]
    assert (tmp_path / "9.log").read_bytes() == b"".join(rows(0, 5))
    assert kept(tmp_path).segments == () if (tmp_path / "9.jsonl").exists() else True


def test_what_is_told_is_read(tmp_path: Path) -> None:
    task = TaskFiles(tmp_path, 9)
    task.what(WHAT)
    steps = (StepTold(0, 1, 10.5, 11.0, 2, 3), StepTold(1, 0, None, None, 0, 0))
    task.state(TaskTold(9, 0, 10.0, None, steps))
    task.state(TaskTold(9, 0, 10.0, None, steps))
    task.state(TaskTold(9, 2, 10.0, 12.0, (steps[0], StepTold(1, 4, None, 12.0, 5, 0))))
    task.end()
    task.end()
    told = kept(tmp_path)
    assert (told.what, told.result, told.started, told.stopped, told.complete) == (WHAT, 2, 10.0, 12.0, True)
    assert dict(told.steps) == {0: steps[0], 1: StepTold(1, 4, None, 12.0, 5, 0)}
    assert files.read_what(tmp_path, 9) == WHAT
    records = [json.loads(line) for line in (tmp_path / "9.jsonl").read_text().splitlines()]
    assert [sorted(r) for r in records[1:]] == [["state", "steps"], ["state", "steps"], ["end"]]
    assert [len(r["steps"]) for r in records[1:3]] == [2, 1], "only what changed is written"


def test_a_tap_that_began_late_says_what_is_missing(tmp_path: Path) -> None:
    TaskFiles(tmp_path, 9).rows(57, rows(57, 3))
    lines = (tmp_path / "9.log").read_bytes().splitlines(keepends=True)
    assert lines[1:] == rows(57, 3)
    assert lines[0].startswith(row(57)[:28] + b" whyred tap: 57 rows are missing here")
    told = kept(tmp_path)
    assert told.segments == ((1, 57),)
    assert [told.line_of(n) for n in (0, 30, 56, 57, 59, 60)] == [0, 0, 0, 1, 3, 4]
    assert told.lines(50, 9) == (0, 3)


def test_started_again_it_goes_on_where_the_files_end(tmp_path: Path) -> None:
    TaskFiles(tmp_path, 9).what(WHAT)
    TaskFiles(tmp_path, 9).rows(0, rows(0, 4))
    again = TaskFiles(tmp_path, 9)
    assert again.rows(2, rows(2, 5)) == 3
    again.what(WHAT)
    assert placed(tmp_path) == dict(enumerate(rows(0, 7)))
    assert (tmp_path / "9.jsonl").read_bytes().count(b"\n") == 1


def test_another_task_of_the_same_number_is_not_mixed_with_it(tmp_path: Path) -> None:
    """A forge that was set up anew counts from 1 again."""
    first, second = TaskFiles(tmp_path, 9), TaskFiles(tmp_path, 9)
    first.what(WHAT)
    first.rows(0, rows(0, 4))
    second.what(What(9, "alice/pub", 1, 1, 1))
    assert second.rows(0, [b"2026 other\n"]) == 1
    assert (tmp_path / "9.log").read_bytes() == b"2026 other\n"
    assert (tmp_path / "9.log.old").read_bytes() == b"".join(rows(0, 4))
    assert files.read_what(tmp_path, 9).run_id == 1


@contextmanager
def full_disk(free: int) -> Iterator[None]:
    """A disk with so many bytes left: what does not fit is written in part, and then refused."""
    real, left = os.write, [free]

    def write(descriptor: int, data: bytes | memoryview) -> int:
        if left[0] <= 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        count = real(descriptor, data[: left[0]])
        left[0] -= count
        return count

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "write", write)
        yield


@pytest.mark.parametrize("free", range(0, 400, 7))
def test_a_full_disk_leaves_whole_lines_and_says_later_what_is_missing(tmp_path: Path, free: int) -> None:
    task = TaskFiles(tmp_path, 9)
    task.rows(0, rows(0, 2))
    refused: list[int | None] = []
    with full_disk(free):
        for first in (2, 4, 6, 8):
            try:
                task.what(WHAT)
                task.rows(first, rows(first, 2))
                task.state(TaskTold(9, 1, 1.0, 2.0, (StepTold(0, 1, 1.0, 2.0, 0, 9),)))
            except OSError as e:
                refused.append(e.errno)
            for file in tmp_path.iterdir():
                assert file.read_bytes()[-1:] in (b"", b"\n"), file
            placed(tmp_path)
    task.what(WHAT)
    assert task.rows(10, rows(10, 2)) == 2
    task.state(TaskTold(9, 1, 1.0, 2.0, (StepTold(0, 1, 1.0, 2.0, 0, 9),)))
    assert set(refused) <= {errno.ENOSPC}
    found = placed(tmp_path)
    assert {0, 1, 10, 11} <= set(found)
    assert all(found[number] == row(number) for number in found)
    notes = (tmp_path / "9.log").read_bytes().count(b"missing here")
    gaps = sum(n + 1 not in found for n in found) - 1
    assert notes == gaps
    told = kept(tmp_path)
    assert (told.what, told.result, told.steps[0].count) == (WHAT, 1, 9)


TAILS = st.sampled_from([b"", b"2026-01-02T03:04:05.0000", b'{"rows": [1', b"\n", b"\xff\xfe"])
ACTS = st.one_of(
    st.tuples(st.just("rows"), st.integers(0, 12), st.integers(0, 6), st.none()),
    st.tuples(st.just("rows"), st.integers(0, 12), st.integers(0, 6), st.integers(0, 300)),
    st.tuples(st.just("crash"), st.integers(0, 1), st.integers(0, 40), st.none()),
)


@settings(max_examples=300)
@given(st.lists(ACTS, max_size=12))
def test_whatever_happens_each_row_is_there_once_and_in_its_place(acts: list[tuple[str, int, int, int | None]]) -> None:
    """A crash is a new start on files whose last bytes were lost."""
    with TemporaryDirectory() as name:
        folder, sure = Path(name), set[int]()
        task = TaskFiles(folder, 9)
        for act, first, count, free in acts:
            if act == "crash":
                file = folder / ("9.log" if first else "9.jsonl")
                if file.exists() and first:
                    os.truncate(file, max(0, file.stat().st_size - count))
                    sure = set(placed_or_cut(folder))
                elif file.exists():
                    with file.open("ab") as end:
                        end.write(b'{"rows": [1'[:count])
                task = TaskFiles(folder, 9)
                continue
            before = set(placed(folder))
            due = task._looked().next
            try:
                with full_disk(1 << 20 if free is None else free):
                    task.rows(first, rows(first, count))
                sure |= {n for n in range(first, first + count) if n >= due}
            except OSError:
                assert set(placed(folder)) == before
        found = placed(folder)
        assert sure <= set(found)
        assert all(found[number] == row(number) for number in found)
        assert sorted(found) == list(found)


def placed_or_cut(folder: Path) -> dict[int, bytes]:
    """The rows whose lines are whole: a line that a crash cut is not there any more."""
    TaskFiles(folder, 9)._looked()
    return placed(folder)


@given(st.binary(max_size=400))
def test_damaged_files_are_read_as_far_as_they_go(data: bytes) -> None:
    with TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "9.jsonl").write_bytes(b'{"task": 9, "repo": "a/b"}\n' + data + b'\n{"end": true}\n')
        told = kept(folder)
        assert told.complete
        task = TaskFiles(folder, 9)
        task.rows(0, rows(0, 2))
        assert (folder / "9.log").read_bytes().endswith(b"".join(rows(0, 2)))


@pytest.mark.parametrize(
    "line",
    [
        '{"task": [], "repo": 7, "steps": [1, "x"]}',
        '{"state": 3, "steps": 5}',
        '{"rows": "x"}',
        '{"rows": [1]}',
        "[]",
        "7",
        '{"state": [true, "a", null], "steps": [[], [1], "x", [0, 1, 2, 3, 4, 5, 6]]}',
        '{"end": 1}',
        '{"rows": [-5, -7]}',
    ],
)
def test_records_of_another_shape_count_as_not_told(tmp_path: Path, line: str) -> None:
    (tmp_path / "9.jsonl").write_text(line + "\n")
    told = kept(tmp_path)
    assert (told.what.repo, told.complete) == (None, False)
    assert told.line_of(3) >= -10


def test_the_forges_have_their_folders(tmp_path: Path) -> None:
    for root in ("https://forge.example/git", "http://127.0.0.1:3000"):
        files.folder_of(tmp_path, root).mkdir()
    assert [root for _, root in files.forge_folders(tmp_path)] == ["http://127.0.0.1:3000", "https://forge.example/git"]
    for name in ("12.jsonl", "9.jsonl", "100.jsonl", "x.jsonl", "7.log", "8.jsonl.old", "²3.jsonl"):
        (tmp_path / name).touch()
    assert files.tasks(tmp_path) == [100, 12, 9]


def test_the_folder_is_its_users_alone(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "tap" / "forge"
    os.umask(os.umask(0))
    with kept_alone(folder):
        assert {p.stat().st_mode & 0o777 for p in (folder, folder.parent, folder.parent.parent)} == {0o700}
        assert (folder / files.LOCK).stat().st_mode & 0o777 == 0o600
        assert files.has_tap(folder)
        TaskFiles(folder, 1).rows(0, rows(0, 1))
        assert (folder / "1.log").stat().st_mode & 0o777 == 0o600
    assert not files.has_tap(folder)
    folder.parent.chmod(0o755)
    with pytest.raises(UserError, match=r"not private.*chmod 700"), kept_alone(folder):
        pytest.fail("it was taken")


def test_two_taps_do_not_keep_in_one_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("whyred.sources._tap_keep._PATIENCE", 0.0)
    with kept_alone(tmp_path / "a" / "b"):
        with pytest.raises(UserError, match=r"another tap does so now.*--keep"), kept_alone(tmp_path / "a" / "b"):
            pytest.fail("it was taken")
        assert files.has_tap(tmp_path / "a" / "b")


def test_a_reader_that_looks_for_a_tap_does_not_keep_one_away(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir(mode=0o700)
    (tmp_path / "a" / "b").mkdir(mode=0o700)
    until = threading.Event()

    def look() -> None:
        while not until.is_set():
            files.has_tap(tmp_path / "a" / "b")

    looking = threading.Thread(target=look)
    looking.start()
    try:
        for _ in range(20):
            with kept_alone(tmp_path / "a" / "b"):
                assert files.has_tap(tmp_path / "a" / "b")
    finally:
        until.set()
        looking.join()


@pytest.mark.parametrize("end", ["log", "jsonl"])
def test_a_link_is_not_written_through(tmp_path: Path, end: str) -> None:
    (tmp_path / "elsewhere").write_text("mine\n")
    (tmp_path / f"9.{end}").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match="symbolic"):
        TaskFiles(tmp_path, 9).what(WHAT)
    with pytest.raises(OSError, match="symbolic"):
        TaskFiles(tmp_path, 9).rows(0, rows(0, 1))
    assert (tmp_path / "elsewhere").read_text() == "mine\n"


def test_no_place_at_all_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match=r"cannot keep anything.*--keep"), kept_alone(tmp_path / "file" / "x"):
        pytest.fail("it was taken")
