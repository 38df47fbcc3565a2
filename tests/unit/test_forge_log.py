"""Parts of a log, and a log that grows, by the forge's database."""

import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import forge_data as fd
import pytest
from forge_route import ROOT, Own, attempt_of, attempt_of_number, refusal, split, whole, write

from whyred.hosts.local import LocalHost
from whyred.model.run import Attempt
from whyred.model.source import Boundaries, Missing
from whyred.sources import _dbfs, _sqlite, forge_database
from whyred.sources.http import Http
from whyred.sources.reach import Reach, Want


@pytest.fixture
def own(tmp_path: Path) -> Callable[[str], tuple[fd.Data, Path]]:
    """A data folder that a test may spoil: `rows` are changed before it is written."""

    def make(version: str) -> tuple[fd.Data, Path]:
        return fd.recorded(version), tmp_path / "data"

    return make


# Parts of a log


def big(own: Own, lines: int = 40_000) -> tuple[fd.Data, Reach, Attempt, bytes]:
    """A log of some megabytes, packed, with a step in the middle."""
    data, folder = own("16")
    text = b"".join(b"2026-11-23T19:28:30.%07dZ line %d\n" % (i, i) for i in range(lines))
    fd.add_run(data, 600, 60, 6000, 6001, "big", status=2)
    fd.add_task(data, 6001, 6000, text, status=2)
    for index, (name, first, count) in enumerate((("a", 10, 20_000), ("b", 20_010, 5), ("c", 20_015, 19_000))):
        fd.add_step(data, 6001, index, name, 1, first, count)
    data.files[data.row("action_task", 6001)["log_filename"]] = fd.packed(text)
    there = write(data, folder)
    return data, there, attempt_of_number(there, 60), text


class Counting(LocalHost):
    """Counts the bytes of files that are read."""

    def __init__(self) -> None:
        super().__init__()
        self.moved = 0

    def stream(self, path: str, start: int = 0) -> Iterator[bytes]:
        for piece in super().stream(path, start):
            for at in range(0, len(piece), 4096):  # as a connection would bring it
                self.moved += len(piece[at : at + 4096])
                yield piece[at : at + 4096]


def test_some_steps_of_a_big_log_move_few_bytes(own: Own) -> None:
    _, there, attempt, text = big(own)
    host = Counting()
    there = replace(there, host=host)
    lines = text.splitlines(keepends=True)
    assert split(forge_database.log(there, attempt, Want(steps=frozenset({2})))) == [
        ("b", b"".join(lines[20_010:20_015]))
    ]
    size = sum(f.stat().st_size for f in Path(there.folder or "").rglob("6001.log.zst"))
    assert host.moved < size / 3
    both = split(forge_database.log(there, attempt, Want(steps=frozenset({"Complete job", "Set up job"}))))
    assert both == [("Set up job", b"".join(lines[:10])), ("Complete job", b"".join(lines[39_015:]))]


def test_all_steps_of_a_big_log(own: Own) -> None:
    _, there, attempt, text = big(own)
    ours = split(forge_database.log(there, attempt, Want()))
    assert [t.count(b"\n") for _, t in ours] == [10, 20_000, 5, 19_000, 985]
    assert b"".join(t for _, t in ours) == text


def test_the_tail_of_a_big_log(own: Own) -> None:
    _, there, attempt, text = big(own)
    host = Counting()
    ours = split(forge_database.log(replace(there, host=host), attempt, Want(tail=100_000)))
    tail = b"".join(t for _, t in ours)
    assert text.endswith(tail)
    assert 99_900 < len(tail) <= 100_000
    assert tail.startswith(b"2026-")
    assert [name for name, _ in ours] == ["c", "Complete job"]


def test_a_line_index_that_does_not_fit_is_not_believed(own: Own) -> None:
    data, folder = own("16")
    _, _, _, text = big(lambda _: (data, folder))
    (folder / "gitea.db").unlink()
    data.row("action_task", 6001)["log_indexes"] = fd.indexes(text.replace(b"line", b"lines"))
    there = write(data, folder)
    lines = text.splitlines(keepends=True)
    ours = split(forge_database.log(there, attempt_of_number(there, 60), Want(steps=frozenset({2}))))
    assert ours == [("b", b"".join(lines[20_010:20_015]))]
    tail = whole(forge_database.log(there, attempt_of_number(there, 60), Want(tail=100)))
    assert text.endswith(tail)


def test_no_line_index_at_all(own: Own) -> None:
    data, folder = own("16")
    _, _, _, text = big(lambda _: (data, folder))
    (folder / "gitea.db").unlink()
    data.row("action_task", 6001)["log_indexes"] = None
    there = write(data, folder)
    ours = split(forge_database.log(there, attempt_of_number(there, 60), Want(steps=frozenset({2}))))
    assert ours == [("b", b"".join(text.splitlines(keepends=True)[20_010:20_015]))]


def test_rows_that_overlap_or_lie_lose_no_line(own: Own) -> None:
    data, folder = own("16")
    text = b"".join(b"2026-11-23T19:28:30.0000000Z %d\n" % i for i in range(100))
    fd.add_run(data, 600, 60, 6000, 6001, "odd", status=2)
    fd.add_task(data, 6001, 6000, text, status=2)
    rows = ((90, 500), (5, 10), (-7, 3), (1 << 60, 1 << 60))
    for index, (first, count) in enumerate(rows):
        fd.add_step(data, 6001, index, f"s{index}", 1, first, count)
    data.files[data.row("action_task", 6001)["log_filename"]] = fd.packed(text)
    there = write(data, folder)
    assert whole(forge_database.log(there, attempt_of_number(there, 60), Want())) == text


def test_a_log_without_rows_of_steps_says_so(own: Own) -> None:
    data, folder = own("16")
    data.rows["action_task_step"] = []
    there = write(data, folder)
    fetched = forge_database.log(there, attempt_of(there, "green"), Want())
    assert fetched.boundaries is Boundaries.GUESSED
    assert whole(fetched) == data.texts["green"]


# A job that runs


def test_follows_a_job_to_its_end(own: Own) -> None:
    """Rows come, states come after them, the job ends, the log moves to its file, a last row comes late."""
    data, folder = own("16")
    there = write(data, folder)
    attempt = attempt_of(there, "running")
    everything = b"".join(line for step in fd.web_lines("16", "running") for line in step)
    polls = script(folder, data, everything)
    there = replace(there, http=Http(ROOT, sleep=lambda _: next(polls), clock=lambda: 0.0))
    fetched = forge_database.log(there, attempt, Want(follow=True))
    ours = split(fetched)
    assert next(polls, "ended") == "ended"
    assert b"".join(text for _, text in ours) == everything
    page = fd.web_lines("16", "running")
    assert [text for _, text in ours] == [b"".join(lines) for lines in page]
    assert [name for name, _ in ours] == ["Set up job", "Quick", "Ticking", "After", "Complete job"]


def script(folder: Path, data: fd.Data, everything: bytes) -> Iterator[None]:
    """What the forge does between two questions."""
    lines, task = everything.splitlines(keepends=True), data.task("running")

    def rows(count: int) -> bytes:
        return b"".join(lines[:count])

    def put(sql: str, *values: Any) -> None:
        with sqlite3.connect(folder / "gitea.db", isolation_level=None) as connection:
            connection.execute(sql, values)
        connection.close()

    def text(count: int) -> None:
        put("UPDATE dbfs_data SET blob_data = ? WHERE meta_id = 22", rows(count))
        put("UPDATE dbfs_meta SET file_size = ? WHERE id = 22", len(rows(count)))
        put("UPDATE action_task SET log_length = ?, log_size = ? WHERE id = ?", count, len(rows(count)), task["id"])

    def step(index: int, status: int, first: int, count: int) -> None:
        told = "status = ?, log_index = ?, log_length = ?, started = 1795462345"
        put(f'UPDATE action_task_step SET {told} WHERE task_id = ? AND "index" = ?', status, first, count, 22, index)

    text(30)
    yield
    step(1, 6, 4, 26)
    yield
    text(49)
    step(1, 1, 4, 45)
    yield
    text(50)  # a row of a step that nobody told of yet
    yield
    step(2, 1, 49, 1)
    put("UPDATE action_task SET status = 1, stopped = 1795462400 WHERE id = ?", task["id"])
    yield
    text(51)  # the last row, after the end
    yield
    name = folder / "actions_log" / task["log_filename"]
    name.parent.mkdir(parents=True, exist_ok=True)
    name.write_bytes(fd.packed(everything))
    put("UPDATE action_task SET log_in_storage = 1 WHERE id = ?", task["id"])
    put("DELETE FROM dbfs_data WHERE meta_id = 22")
    put("DELETE FROM dbfs_meta WHERE id = 22")
    yield


def test_follow_waits_for_the_first_row_and_gives_up_on_a_deleted_run(own: Own) -> None:
    data, folder = own("16")
    data.rows["dbfs_meta"], data.rows["dbfs_data"] = [], []
    data.task("running").update(log_length=0, log_size=0, log_indexes=None)
    there = write(data, folder)
    attempt = attempt_of(there, "running")
    assert refusal(lambda: forge_database.log(there, attempt, Want())).reason is Missing.STILL_RUNNING

    def gone(_: float) -> None:
        with sqlite3.connect(folder / "gitea.db", isolation_level=None) as connection:
            connection.execute("DELETE FROM action_task WHERE id = 22")
        connection.close()

    there = replace(there, http=Http(ROOT, sleep=gone, clock=lambda: 0.0))
    fetched = forge_database.log(there, attempt, Want(follow=True))
    assert refusal(lambda: list(fetched.chunks)).reason is Missing.DELETED


def test_a_log_that_moves_to_its_file_while_it_is_read(own: Own, monkeypatch: pytest.MonkeyPatch) -> None:
    data, folder = own("16")
    text = b"".join(b"2026-11-23T19:28:30.0000000Z row %d\n" % i for i in range(30_000))
    fd.add_run(data, 600, 60, 6000, 6001, "moves", status=6)
    fd.add_task(data, 6001, 6000, text, status=6, log_in_storage=0)
    fd.add_step(data, 6001, 0, "a", 6, 5, 29_995)
    name = data.row("action_task", 6001)["log_filename"]
    fd.add_rows(data, [meta(6, name)], name, text)
    there = write(data, folder)
    read = _dbfs.Rows.read

    def moving(self: _dbfs.Rows, start: int = 0) -> Iterator[bytes]:
        for i, piece in enumerate(read(self, start)):
            if i == 9:  # the first eight blocks came in one answer
                file = folder / "actions_log" / name
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(fd.packed(text))
                with sqlite3.connect(folder / "gitea.db", isolation_level=None) as connection:
                    connection.execute("DELETE FROM dbfs_data WHERE meta_id = 6")
                    connection.execute("DELETE FROM dbfs_meta WHERE id = 6")
                    connection.execute("UPDATE action_task SET log_in_storage = 1, status = 1 WHERE id = 6001")
                connection.close()
            yield piece

    monkeypatch.setattr(_dbfs.Rows, "read", moving)
    # The database is open while it changes, as with a server that runs; it was opened when no server had it open.
    monkeypatch.setattr(_sqlite, "_how", lambda *_, **__: "mode=ro")
    assert whole(forge_database.log(there, attempt_of_number(there, 60), Want())) == text


def meta(id_: int, name: str) -> dict[str, Any]:
    return {"id": id_, "full_path": f"4:actions_log/{name}", "block_size": fd.BLOCK}


def test_blocks_that_were_never_written_read_as_zeros(own: Own) -> None:
    data, folder = own("16")
    text = b"x" * 40_000 + b"\n"
    fd.add_run(data, 600, 60, 6000, 6001, "holes", status=6)
    fd.add_task(data, 6001, 6000, text, status=6, log_in_storage=0)
    name = data.row("action_task", 6001)["log_filename"]
    fd.add_rows(data, [meta(6, name)], name, text)
    data.rows["dbfs_data"] = [r for r in data.rows["dbfs_data"] if (r["meta_id"], r["blob_offset"]) != (6, 0)]
    there = write(data, folder)
    expected = bytes(fd.BLOCK) + text[fd.BLOCK :]
    assert whole(forge_database.log(there, attempt_of_number(there, 60), Want())) == expected
