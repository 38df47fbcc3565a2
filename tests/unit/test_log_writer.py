"""How the pieces of a log are written: as JSON that a terminal can show, line for line."""

import json
import os
import stat
import threading
from pathlib import Path

import pytest

from whyred.app.log_pieces import Head
from whyred.app.log_steps import StepHead
from whyred.faces.cli.log_writer import LogWriter
from whyred.model.run import Attempt, Conclusion, Job, Run, Status, Step
from whyred.model.source import Boundaries, Fetched
from whyred.model.trouble import UserError

HOSTILE = "a\x9b31m\u202eb\x1b]0;x\x07\ud800"
ATTEMPT = Attempt(
    Run("team/app#1"),
    Job(None, HOSTILE),
    1,
    Status.DONE,
    Conclusion.FAILURE,
    steps=(Step(HOSTILE, Conclusion.FAILURE),),
)


def head() -> Head:
    return Head(
        ATTEMPT, Fetched(ATTEMPT, iter(()), "web-state", boundaries=Boundaries.TOLD), lambda: Conclusion.FAILURE
    )


def written(folder: Path, *pieces: Head | StepHead | bytes, as_json: bool = True) -> str:
    file = folder / "out"
    with LogWriter(file, as_json=as_json, raw=False) as writer:
        for piece in pieces:
            writer.take(piece)
    return file.read_bytes().decode()


def test_names_drive_no_terminal_and_are_still_the_names(tmp_path: Path) -> None:
    text = written(tmp_path, head(), StepHead(ATTEMPT.steps[0], 1))
    assert all(c.isprintable() for c in text.replace("\n", ""))
    first, second = map(json.loads, text.splitlines())
    assert (first["job"], second["step"]) == (HOSTILE, HOSTILE)


def test_a_line_of_json_for_every_line_of_the_log(tmp_path: Path) -> None:
    log = b"one\n\nprogress 10%\rprogress 100%\ncrlf\r\n\x85\x0b\x0c\x1c\xe2\x80\xa8 no line ends\nlast"
    rows = [json.loads(row)["line"] for row in written(tmp_path, log).splitlines()]
    assert len(rows) == log.count(b"\n") + 1
    assert rows[:4] == ["one", "", "progress 100%", "crlf"]
    assert rows[-1] == "last"


def test_names_are_cleaned_where_people_read_them(tmp_path: Path) -> None:
    text = written(tmp_path, head(), StepHead(ATTEMPT.steps[0], 1), b"a line\n", as_json=False)
    assert all(c.isprintable() for c in text.replace("\n", ""))
    assert text.count("\n") == 3


def test_what_breaks_off_leaves_no_file(tmp_path: Path) -> None:
    writer = LogWriter(tmp_path / "out", as_json=False, raw=False)
    writer.take(b"half\n")
    writer.__exit__(KeyboardInterrupt, KeyboardInterrupt(), None)
    assert not list(tmp_path.iterdir())


def test_a_place_that_cannot_be_written_to_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="a folder that is there"):
        LogWriter(tmp_path / "none" / "out", as_json=False, raw=False)


@pytest.mark.parametrize("there", [True, False])
def test_a_link_is_followed_to_its_file(there: bool, tmp_path: Path) -> None:
    file, link = tmp_path / "far" / "x.log", tmp_path / "out"
    file.parent.mkdir()
    if there:
        file.write_text("older")
    link.symlink_to(file)
    written(tmp_path, b"a line\n", as_json=False)
    assert link.is_symlink()
    assert file.read_bytes() == b"a line\n"
    assert [entry.name for entry in file.parent.iterdir()] == ["x.log"]


def test_a_pipe_is_written_into_and_stays_a_pipe(tmp_path: Path) -> None:
    pipe, came = tmp_path / "out", list[bytes]()
    os.mkfifo(pipe)
    reader = threading.Thread(target=lambda: came.append(pipe.read_bytes()), daemon=True)
    reader.start()  # a daemon: where the pipe is replaced it waits for ever
    with LogWriter(pipe, as_json=False, raw=False) as writer:
        writer.take(b"a line\n")
    assert stat.S_ISFIFO(pipe.lstat().st_mode)
    reader.join()
    assert came == [b"a line\n"]
    assert [entry.name for entry in tmp_path.iterdir()] == ["out"]


def test_a_link_to_itself_is_left_alone(tmp_path: Path) -> None:
    link = tmp_path / "out"
    link.symlink_to(link)
    with pytest.raises(UserError, match="cannot write"):
        LogWriter(link, as_json=False, raw=False)
    assert link.is_symlink()


@pytest.mark.skipif(os.geteuid() != 0, reason="device nodes are root's to make")
@pytest.mark.parametrize("full", [True, False])
def test_a_device_stays_a_device(full: bool, tmp_path: Path) -> None:
    node = tmp_path / "out"
    try:
        os.mknod(node, 0o600 | stat.S_IFCHR, os.makedev(1, 7 if full else 3))
        os.close(os.open(node, os.O_WRONLY))
    except PermissionError:
        pytest.skip("device nodes are of no use here")
    if full:
        with pytest.raises(UserError, match="No space left"):
            written(tmp_path, b"a line\n", as_json=False)
    else:
        with LogWriter(node, as_json=False, raw=False) as writer:
            writer.take(b"a line\n")
    assert stat.S_ISCHR(node.lstat().st_mode)
