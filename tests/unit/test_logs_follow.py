"""`logs --follow` of a job that no runner has taken yet: it is waited for, told once for what, and then followed."""

import json
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from change_standin import Way, address, picked, way
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]
from program import PROGRAM, environment
from standin import PROFILES, Status, scenarios, standin

import whyred.reports
from whyred.app.library import Library
from whyred.app.log_pieces import Absent, Head, LogWish, Piece
from whyred.app.log_wait import Note
from whyred.app.logs import logs
from whyred.faces.cli.log_writer import LogWriter

EACH = pytest.mark.parametrize("name", PROFILES)
LISTED = pytest.mark.parametrize("name", ["forgejo-14", "forgejo-16", "gitea-1.26.4"])
FILE = Path(whyred.reports.__path__[0]) / "schema" / "logs-1.json"
SCHEMA = Draft202012Validator(json.loads(FILE.read_text(encoding="utf-8")))
LABEL = "nobody-offers-this"


def seen(user: Way, target: str, writer: LogWriter | None = None) -> list[Piece]:
    """The pieces of what is followed; they go to the writer as well."""
    found = []
    for piece in logs(LogWish(address(target), follow=True), user.forges, Library(None)):
        found.append(piece)
        if writer is not None:
            writer.take(piece)
    return found


def text(pieces: list[Piece]) -> bytes:
    return b"".join(piece for piece in pieces if isinstance(piece, bytes))


def cancel(user: Way) -> Callable[[], None]:
    """What somebody does to the waiting job."""

    def do() -> None:
        job = user.repo.runs[3].jobs[0]
        job.status = Status.CANCELLED

    return do


@EACH
def test_a_waiting_job_is_waited_for_and_then_followed(name: str) -> None:
    with way(name) as user:
        user.works = [lambda: None] * 5 + picked(user.repo.runs[3].jobs[0])
        found = seen(user, "alice/priv#4")
        notes = [piece.text for piece in found if isinstance(piece, Note)]
        assert len(notes) == 1
        assert "lonely waits" in notes[0]
        assert text(found).count(b"hello again\n") == 1
        assert [piece.ended().value for piece in found if isinstance(piece, Head)] == ["success"]


@LISTED
def test_it_is_told_which_label_is_waited_for_and_that_no_runner_offers_it(name: str) -> None:
    with way(name) as user:
        user.works = picked(user.repo.runs[3].jobs[0])
        note = next(piece.text for piece in seen(user, "alice/priv#4") if isinstance(piece, Note))
        assert LABEL in note
        assert name == "forgejo-14" or "no runner of this repository offers it" in note


@EACH
def test_a_waiting_job_that_is_cancelled_ends_it(name: str, tmp_path: Path) -> None:
    with way(name) as user, LogWriter(tmp_path / "out", as_json=True, raw=False) as writer:
        user.works = [lambda: None, cancel(user)]
        found = seen(user, "alice/priv#4", writer)
        assert any(isinstance(piece, Absent) for piece in found)
        assert writer.end() == 1
    rows = [json.loads(row) for row in (tmp_path / "out").read_text().splitlines()]
    for row in rows:
        SCHEMA.validate(row)
    assert rows[-1] == {"schema": "whyred.logs/1", "conclusion": "cancelled", "exit_code": 1}


def test_ctrl_c_ends_the_wait_cleanly(tmp_path: Path) -> None:
    world = scenarios.everyday()
    with standin("forgejo-16", world) as forge:
        token = world.users["alice"].token("read:repository")
        env = environment(tmp_path, WHYRED_SERVER=forge.url, WHYRED_TOKEN=token)
        argv = [*PROGRAM, "logs", f"{forge.url}/alice/pub/actions/runs/4", "--follow", "--json"]
        child = subprocess.Popen(argv, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        try:
            assert child.stderr is not None
            said = child.stderr.readline()
            child.send_signal(signal.SIGINT)
            out, err = child.communicate()
        finally:
            child.kill()
            child.wait()
    assert LABEL in said
    assert child.returncode == 130
    assert "Traceback" not in err
    assert json.loads(out.splitlines()[-1]) == {
        "schema": "whyred.logs/1",
        "conclusion": "unknown",
        "exit_code": 130,
    }
