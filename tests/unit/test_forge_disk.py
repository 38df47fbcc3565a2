"""The route by the log files alone, on files recorded from Forgejo 7 and 16."""

import os
from dataclasses import replace
from pathlib import Path

import forge_data as fd
import pytest
from forge_route import attempt_of, reach, refusal, whole, write

from whyred.model.run import Attempt, Job, Run, Status, Step
from whyred.model.source import Boundaries, Fetched, Missing, MissingLogError
from whyred.sources import forge_disk
from whyred.sources.reach import Reach, Want

RUN = Run("alice/priv#1", repo="alice/priv", number=1)


def attempt(task: int | None, status: Status = Status.DONE) -> Attempt:
    return Attempt(RUN, status=status, id=task)


@pytest.fixture(scope="session", params=fd.VERSIONS)
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[fd.Data, Path]:
    """The files of a forge, without its database."""
    folder = tmp_path_factory.mktemp("disk")
    data = fd.recorded(request.param)
    fd.write_files(data, folder)
    return data, folder


def test_the_very_bytes(made: tuple[fd.Data, Path]) -> None:
    data, folder = made
    for scenario in ("green", "failed", "ugly"):
        if scenario in data.texts:
            fetched = forge_disk.log(reach(folder), attempt(fd.TASKS[data.version][scenario]), Want())
            assert not any(isinstance(chunk, Step) for chunk in fetched.chunks)
            assert fetched.boundaries is Boundaries.GUESSED
            assert fetched.route.startswith("forge-disk: ")
            again = forge_disk.log(reach(folder), attempt(fd.TASKS[data.version][scenario]), Want())
            assert whole(again) == data.texts[scenario]


def test_the_tail_is_whole_lines(made: tuple[fd.Data, Path]) -> None:
    data, folder = made
    text = data.texts["failed"]
    for size in (1, 100, 300, len(text) - 1, len(text), 10_000):
        fetched = forge_disk.log(reach(folder), attempt(fd.TASKS[data.version]["failed"]), Want(tail=size))
        tail = whole(fetched)
        assert text.endswith(tail)
        assert len(tail) <= max(size, 0)
        assert len(text) - len(tail) == 0 or text[: -len(tail) or None].endswith(b"\n")


def test_a_tail_over_the_frames_of_a_recorded_log(tmp_path: Path) -> None:
    data = fd.recorded("16")
    fd.write_files(data, tmp_path)
    tail = whole(forge_disk.log(reach(tmp_path), attempt(13), Want(tail=67_000)))
    assert data.texts["ugly"].endswith(tail)
    assert 60_000 < len(tail) <= 67_000


def test_a_repository_that_had_another_name(made: tuple[fd.Data, Path]) -> None:
    data, folder = made
    renamed = replace(attempt(fd.TASKS[data.version]["green"]), run=replace(RUN, repo="bob/other"))
    assert whole(forge_disk.log(reach(folder), renamed, Want())) == data.texts["green"]


def test_why_there_is_none(made: tuple[fd.Data, Path]) -> None:
    _, folder = made
    there = reach(folder)

    def reason(asked: Attempt) -> Missing:
        return refusal(lambda: forge_disk.log(there, asked, Want())).reason

    assert reason(attempt(None)) is Missing.WRONG_ID_KIND
    assert reason(replace(attempt(1), run=replace(RUN, repo=None))) is Missing.WRONG_ID_KIND
    assert reason(attempt(4711)) is Missing.DELETED
    assert reason(attempt(12, Status.RUNNING)) is Missing.STILL_RUNNING
    assert reason(attempt(None, Status.WAITING)) is Missing.NOT_STARTED


@pytest.fixture
def own(tmp_path: Path) -> tuple[fd.Data, Path]:
    """A forge that a test may spoil before it is written."""
    return fd.recorded("16"), tmp_path / "data"


def of_server(there: Reach, scenario: str) -> Attempt:
    """An attempt as an API tells it that knows no tasks."""
    return replace(attempt_of(there, scenario), id=None)


@pytest.mark.parametrize("version", fd.VERSIONS)
def test_the_database_knows_the_number(tmp_path: Path, version: str) -> None:
    data = fd.make(version, tmp_path / "data")
    there = reach(tmp_path / "data")
    told = of_server(there, "green")
    fetched = forge_disk.log(there, told, Want())
    assert whole(fetched) == data.texts["green"]
    assert fetched.attempt.id == fd.TASKS[version]["green"]
    assert (fetched.boundaries, fetched.route.startswith("forge-disk: ")) == (Boundaries.GUESSED, True)
    by_place = replace(told, run=replace(told.run, id=None), job=Job(None, "test", index=0))
    assert whole(forge_disk.log(there, by_place, Want())) == data.texts["green"]


def test_an_earlier_attempt_has_a_file_of_its_own(own: tuple[fd.Data, Path]) -> None:
    data, folder = own
    there = write(data, folder)
    first = replace(of_server(there, "failed"), number=1)
    assert whole(forge_disk.log(there, first, Want())) == data.texts["failed"]


def test_the_database_knows_the_name_that_the_repository_had(own: tuple[fd.Data, Path]) -> None:
    data, folder = own
    name = f"old/name/{data.task('green')['log_filename'].rpartition('/')[2]}"
    data.files[name] = data.files.pop(data.task("green")["log_filename"])
    data.task("green")["log_filename"] = name
    there = write(data, folder)
    assert whole(forge_disk.log(there, of_server(there, "green"), Want())) == data.texts["green"]
    assert whole(forge_disk.log(there, attempt_of(there, "green"), Want())) == data.texts["green"]


def test_without_a_database_that_is_said_and_what_would_help(own: tuple[fd.Data, Path]) -> None:
    data, folder = own
    told = of_server(write(data, folder), "green")
    (folder / "gitea.db").unlink()
    (folder / "app.ini").write_text("[database]\nDB_TYPE = postgres\n")
    error = refusal(lambda: forge_disk.log(reach(folder), told, Want()))
    assert error.reason is Missing.WRONG_ID_KIND
    assert "no-permission" in error.help
    assert "--database" in error.help
    assert str(folder / "app.ini") in error.help


def gone(there: Reach, told: Attempt) -> MissingLogError:
    return refusal(lambda: forge_disk.log(there, told, Want()))


def test_why_a_file_is_gone_and_what_helps(own: tuple[fd.Data, Path]) -> None:
    data, folder = own
    data.files.clear()
    there = write(data, folder)
    (folder / "actions_log").mkdir()
    for told in (of_server(there, "green"), attempt_of(there, "green")):
        stored = gone(there, told)
        assert stored.reason is Missing.DELETED
        for words in ("did not delete it", "backup", "--runner-host", "whyred tap", "whyred rerun"):
            assert words in stored.help
        assert "app.ini" not in stored.help
    told = attempt_of(there, "green")
    (folder / "gitea.db").unlink()
    (folder / "app.ini").write_text("[server]\n")
    unknown = gone(reach(folder), told)
    assert unknown.reason is Missing.DELETED
    for words in ("[actions] LOG_RETENTION_DAYS", "365", "[storage.actions_log]", "--read-app-ini", "--runner-host"):
        assert words in unknown.help
    (folder / "app.ini").write_text(f"[server]\nAPP_DATA_PATH = {folder}\n")
    read = gone(reach(folder, may_read=lambda _: True), told)
    assert read.reason is Missing.DELETED
    assert "--read-app-ini" not in read.help


def test_what_the_forge_deleted_itself_has_expired(own: tuple[fd.Data, Path]) -> None:
    data, folder = own
    del data.files[data.task("green")["log_filename"]]
    data.task("green")["log_expired"] = 1
    there = write(data, folder)
    for told in (of_server(there, "green"), attempt_of(there, "green")):
        error = gone(there, told)
        assert error.reason is Missing.EXPIRED
        assert "LOG_RETENTION_DAYS" in error.help


def test_rows_that_never_left_the_database(tmp_path: Path) -> None:
    fd.make("11", tmp_path / "data")
    there = reach(tmp_path / "data")
    error = gone(there, attempt_of(there, "lingering"))
    assert error.reason is Missing.NOT_FOUND
    assert "--route forge-database" in error.help


def test_what_the_database_says_of_a_job_that_has_no_file_yet(own: tuple[fd.Data, Path]) -> None:
    there = write(*own)
    asked = replace(of_server(there, "running"), status=Status.UNKNOWN)
    running = gone(there, asked)
    assert running.reason is Missing.STILL_RUNNING
    assert "forge-database" in running.help
    waiting = replace(of_server(there, "waiting"), status=Status.UNKNOWN)
    assert gone(there, waiting).reason is Missing.NOT_STARTED


def test_nobody_named_the_machine() -> None:
    there = replace(reach(None), host=None)
    refused = forge_disk.refuses(there)
    assert refused is not None
    assert refused.reason is Missing.UNREACHABLE
    assert refusal(lambda: forge_disk.log(there, attempt(1), Want())).reason is Missing.UNREACHABLE
    assert forge_disk.refuses(reach(None)) is None


@pytest.mark.parametrize("version", ["11", "16"])
def test_truncated_frames_are_corrupt(tmp_path: Path, version: str) -> None:
    data = fd.recorded(version)
    task = fd.TASKS[version]["green"]
    name = data.task("green")["log_filename"]
    content = data.files[name]
    for cut in (0, 3, len(content) // 2, len(content) - 60):
        data.files[name] = content[:cut]
        fd.write_files(data, tmp_path)
        error = refusal(lambda: list(forge_disk.log(reach(tmp_path), attempt(task), Want()).chunks))
        assert error.reason is Missing.CORRUPT
        assert str(tmp_path) in error.asked


def test_a_damaged_frame_is_corrupt(tmp_path: Path) -> None:
    data = fd.recorded("16")
    name = data.task("green")["log_filename"]
    content = bytearray(data.files[name])
    content[40:60] = bytes(20)
    data.files[name] = bytes(content)
    fd.write_files(data, tmp_path)
    assert refusal(lambda: list(forge_disk.log(reach(tmp_path), attempt(11), Want()).chunks)).reason is Missing.CORRUPT


def test_a_seek_table_that_lies_is_not_believed(tmp_path: Path) -> None:
    data = fd.recorded("16")
    text = b"".join(b"line %06d\n" % i for i in range(50_000))
    packed = bytearray(fd.packed(text))
    packed[-9 - 12] ^= 0x55  # the packed size of the last frame
    name = "alice/priv/0b/11.log.zst"
    data.files[name] = bytes(packed)
    fd.write_files(data, tmp_path)
    assert whole(forge_disk.log(reach(tmp_path), attempt(11), Want(tail=100))) == text


def test_plain_zstd_without_a_seek_table_is_read(tmp_path: Path) -> None:
    import zstandard

    data = fd.recorded("16")
    data.files["alice/priv/0b/11.log.zst"] = zstandard.ZstdCompressor().compress(data.texts["green"])
    fd.write_files(data, tmp_path)
    assert whole(forge_disk.log(reach(tmp_path), attempt(11), Want())) == data.texts["green"]


def _open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def test_no_file_stays_open(made: tuple[fd.Data, Path]) -> None:
    data, folder = made
    before = _open_files()

    def fetched() -> Fetched:
        return forge_disk.log(reach(folder), attempt(fd.TASKS[data.version]["green"]), Want())

    unread, begun = fetched(), fetched()
    next(iter(begun.chunks))
    del unread, begun
    assert _open_files() == before


def test_a_folder_in_place_of_the_file(tmp_path: Path) -> None:
    (tmp_path / "actions_log/alice/priv/0b/11.log.zst").mkdir(parents=True)
    assert refusal(lambda: forge_disk.log(reach(tmp_path), attempt(11), Want())).reason is Missing.DELETED


def test_a_pipe_in_place_of_the_file_is_not_opened(tmp_path: Path) -> None:
    folder = tmp_path / "actions_log/alice/priv/0b"
    folder.mkdir(parents=True)
    os.mkfifo(folder / "11.log.zst")
    assert refusal(lambda: forge_disk.log(reach(tmp_path), attempt(11), Want())).reason is Missing.DELETED
