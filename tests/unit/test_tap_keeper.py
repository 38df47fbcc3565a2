"""What is kept of the calls that pass: rows and states, masked, from whom they may come; and never anything secret."""

import base64
import errno
import gzip
import json
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from test_protobuf import message
from test_runner_calls import moment

from whyred.app import tap_keeper
from whyred.app.library import Library
from whyred.app.tap import Call, Event, Keeper, keeping
from whyred.model.trouble import UserError
from whyred.sources._tap_files import folder_of, read_kept
from whyred.sources._tap_keep import TaskFiles

ROOT = "http://127.0.0.1:3000"
SECRET, TOKEN, LINES = "canary-secret-0123456789", "canary-job-token-abcdef", "canary first line\ncanary second line"
ABSENT = (SECRET, TOKEN, *LINES.splitlines(), "env-of-the-workflow", "canary-variable", "canary-output", "canary-event")
PAYLOAD = b"""\
name: ci
on: push
env: {A: env-of-the-workflow}
jobs:
  test:
    name: Test it
    steps:
      - name: Prepare with canary-secret-0123456789
        run: echo env-of-the-workflow
      - uses: actions/checkout@v4
      - run: echo env-of-the-workflow
"""
ME, OTHER = b"me", b"other"
LIBRARY = Library(cache=None)


def taken(task: int = 9, **context: str) -> dict[str, Any]:
    told = {
        "repository": "alice/pub",
        "run_id": "7",
        "run_number": "3",
        "run_attempt": "1",
        "job": "test",
        "server_url": "https://Forge.example/",
        "token": TOKEN,
        "gitea_runtime_token": f"{TOKEN}-2",
        "sha": "0123456789abcdef",
        "event": {"ref": "canary-event"},
    }
    return {
        "id": str(task),
        "workflowPayload": base64.b64encode(PAYLOAD).decode(),
        "context": told | context,
        "secrets": {"DEPLOY": SECRET, "KEY": LINES, "SHORT": "a"},
        "vars": {"V": "canary-variable"},
    }


def call(method: str, body: Any, reply: Any = None, caller: bytes = ME, status: int | None = 200, **more: Any) -> Call:
    return Call(
        method,
        "application/json",
        "",
        json.dumps(body).encode(),
        caller,
        status,
        "application/json",
        "",
        json.dumps({} if reply is None else reply).encode(),
        **more,
    )


def fetch(task: int = 9, caller: bytes = ME, **context: str) -> Call:
    return call("FetchTask", {"tasksVersion": "1"}, {"task": taken(task, **context), "tasksVersion": "2"}, caller)


def log(index: int, *texts: str, last: bool = False, ack: int | None = None, task: int = 9, **more: Any) -> Call:
    rows = [{"time": f"2026-01-02T03:04:05.{index + n:03}Z", "content": text} for n, text in enumerate(texts)]
    acked = index + len(texts) if ack is None else ack
    body = {"taskId": str(task), "index": str(index), "rows": rows, "noMore": last}
    return call("UpdateLog", body, {"ackIndex": str(acked)}, **more)


def state(result: str = "RESULT_UNSPECIFIED", task: int = 9, **more: Any) -> Call:
    steps = [{"id": "0", "result": result, "startedAt": "2026-01-02T03:04:05Z", "logIndex": "1", "logLength": "2"}]
    told = {"id": str(task), "result": result, "startedAt": "2026-01-02T03:04:05Z", "steps": steps}
    return call("UpdateTask", {"state": told, "outputs": {"key": "canary-output"}}, **more)


def keep(folder: Path, *calls: Call, said: list[Event] | None = None) -> tuple[Keeper, list[Event]]:
    """Hands all of it over; what was said."""
    said = [] if said is None else said
    with keeping(folder / "tap", ROOT, LIBRARY.masker, said.append) as keeper:
        for each in calls:
            keeper.take(each)
    return keeper, said


def text(folder: Path, task: int = 9) -> list[str]:
    file = folder_of(folder / "tap", ROOT) / f"{task}.log"
    return [line[29:] for line in file.read_bytes().decode().split("\n")[:-1]] if file.exists() else []


def everything(folder: Path) -> str:
    return "\n".join(f"{p}\n{p.read_bytes().decode('latin-1')}" for p in folder.rglob("*") if p.is_file())


def test_a_job_from_its_beginning_to_its_end(tmp_path: Path) -> None:
    keeper, said = keep(
        tmp_path,
        call("Declare", {"version": "v1"}, {"runner": {"name": "runner-1", "uuid": "u", "token": TOKEN}}),
        fetch(),
        log(0, "runner-1 received task", f"the secret is [{SECRET}]", "canary first line", "so a short one stays"),
        state(),
        log(2, "canary first line", "so a short one stays", "\x1b[31mred\x1b[0m \r end\r", f"\x1b[1m{TOKEN}\x1b[0m"),
        log(6, "Job succeeded", last=True),
        state("RESULT_SUCCESS"),
    )
    kept = read_kept(folder_of(tmp_path / "tap", ROOT), 9)
    assert kept is not None
    what = kept.what
    assert (what.task, what.repo, what.run_id, what.run_number, what.attempt) == (9, "alice/pub", 7, 3, 1)
    assert (what.job, what.server, what.runner) == ("Test it", "https://forge.example", "runner-1")
    assert what.steps == ("Prepare with ***", "actions/checkout@v4", "")
    assert (kept.result, kept.complete, kept.steps[0].first, kept.steps[0].count) == (1, True, 1, 2)
    assert text(tmp_path) == [
        "runner-1 received task",
        "the secret is [***]",
        "***",
        "so a short one stays",
        "\x1b[31mred\x1b[0m \r end\r",
        "***",
        "Job succeeded",
    ]
    assert keeper.rows == 7
    assert [(e.kind, e.task) for e in said] == [("job", 9), ("ended", 9)]
    for absent in ABSENT:
        assert absent not in everything(tmp_path), absent
        assert absent not in repr((said, keeper, keeper._tasks)), absent


def test_packed_calls_with_compression(tmp_path: Path) -> None:
    """As real runners send them."""
    context = [
        (1, message([(1, k.encode()), (2, message([(3, v.encode())]))]))
        for k, v in (("repository", "a/b"), ("run_id", "5"))
    ]
    task = message([(1, 9), (2, PAYLOAD), (3, message(context)), (4, message([(1, b"D"), (2, SECRET.encode())]))])
    rows = [(3, message([(1, moment((n, 500))), (2, f"{n} {SECRET}".encode())])) for n in range(3)]
    packed = message([(1, 9), (3, message([(1, moment((0, 0))), (2, b"x")])), *rows, (4, 1)])
    proto: Any = {"kind": "application/proto", "reply_kind": "application/proto", "caller": ME, "status": 200}
    keep(
        tmp_path,
        Call(
            "FetchTask",
            encoding="",
            body=b"",
            reply_encoding="gzip",
            reply=gzip.compress(message([(1, task)])),
            **proto,
        ),
        Call("UpdateLog", encoding="gzip", body=gzip.compress(packed), reply=message([(1, 4)]), **proto),
    )
    assert text(tmp_path) == ["x", "0 ***", "1 ***", "2 ***"]
    assert (folder_of(tmp_path / "tap", ROOT) / "9.log").read_bytes().splitlines()[3][
        :28
    ] == b"1970-01-01T00:00:02.0000005Z"


def test_secrets_of_the_kinds_that_the_library_knows_are_masked_too(tmp_path: Path) -> None:
    keep(
        tmp_path,
        fetch(),
        log(0, "token ghp_0123456789abcdefghijklmnopqrstuvwxyz", "::add-mask::later-value", "later-value!"),
    )
    assert text(tmp_path) == ["token ***", "::add-mask::***", "***!"]


# --- from whom rows may come ------------------------------------------------------------------------------------------


def test_the_runner_of_a_job_is_believed_also_while_the_forge_is_away(tmp_path: Path) -> None:
    keep(tmp_path, fetch(), log(0, "a", "b", status=None), log(0, "a", "b", "c", status=502), state(status=None))
    assert text(tmp_path) == ["a", "b", "c"]
    kept = read_kept(folder_of(tmp_path / "tap", ROOT), 9)
    assert kept is not None
    assert (kept.steps[0].count, kept.complete) == (2, False)


def test_a_stranger_is_believed_as_far_as_the_forge_takes_his_rows(tmp_path: Path) -> None:
    """As of a job that had begun before the tap did."""
    keep(
        tmp_path,
        fetch(),
        log(0, "a"),
        log(1, "forged", caller=OTHER, status=401),
        log(1, "forged", caller=OTHER, status=None),
        log(1, "b", "c", "beyond", caller=OTHER, ack=3),
        state("RESULT_FAILURE", caller=OTHER, status=500),
        log(0, "nothing of it", task=10, caller=OTHER, status=500),
        log(4, "in the midst", task=11, caller=OTHER, last=True),
    )
    assert text(tmp_path) == ["a", "b", "c"]
    assert text(tmp_path, 10) == []
    assert text(tmp_path, 11)[0].startswith("whyred tap: 4 rows are missing here")
    folder = folder_of(tmp_path / "tap", ROOT)
    told, late = read_kept(folder, 9), read_kept(folder, 11)
    assert told is not None
    assert late is not None
    assert (told.result, late.what.repo, late.complete) == (0, None, True)


def test_rows_that_the_forge_refuses_do_not_end_the_log(tmp_path: Path) -> None:
    """The runner sends the last ones again; the forge may have closed the log without them."""
    _, said = keep(tmp_path, fetch(), log(0, "a", last=True, status=500))
    kept = read_kept(folder_of(tmp_path / "tap", ROOT), 9)
    assert kept is not None
    assert not kept.complete
    assert [e.kind for e in said] == ["job"]


@pytest.mark.parametrize("task", ["0", "-5", "", "x", "99999999999999999999"])
def test_a_task_has_a_number(tmp_path: Path, task: str) -> None:
    body = {"taskId": task, "index": "0", "rows": [{"content": "x"}]}
    _, said = keep(tmp_path, call("UpdateLog", body, {"ackIndex": 1}), call("UpdateTask", {"state": {"id": task}}))
    assert [p.name for p in folder_of(tmp_path / "tap", ROOT).iterdir()] == ["lock"]
    assert said == []


# --- trouble ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "bad",
    [
        call("UpdateLog", [1]),
        Call("UpdateLog", "application/json", "", f'{{"{SECRET}'.encode(), ME, 200),
        Call("UpdateLog", "application/proto", "", b"\x0b\xff", ME, 200),
        Call("UpdateLog", "application/json", "br", b"{}", ME, 200),
        Call("FetchTask", "application/json", "", b"", ME, 200, "text/html", "", SECRET.encode()),
        Call("Declare", "application/json", "", b"", ME, 200, "application/json", "gzip", SECRET.encode()),
    ],
)
def test_what_cannot_be_read_is_said_once_and_quotes_nothing(tmp_path: Path, bad: Call) -> None:
    _, said = keep(tmp_path, bad, bad, fetch(), log(0, "a"))
    assert text(tmp_path) == ["a"]
    troubles = [e.text for e in said if e.kind == "trouble"]
    assert len(troubles) == (0 if bad.body == b"[1]" else 1)
    assert SECRET not in repr(said)


def test_a_call_that_is_too_large_is_not_held(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tap_keeper, "MOST", 1000)
    _, said = keep(tmp_path, log(0, "x" * 2000), log(0, "y" * 2000), log(0, "small"))
    assert [e.kind for e in said] == ["trouble"]
    assert "larger than" in said[0].text
    assert text(tmp_path) == ["small"]


def test_a_disk_that_hangs_stops_no_call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What comes meanwhile waits up to a limit, and is then left out; the log says so."""
    monkeypatch.setattr(tap_keeper, "_WAITING", 1500)
    hangs, real = threading.Event(), TaskFiles.rows

    def rows(files: Any, index: int, lines: Any) -> int:
        hangs.wait()
        return real(files, index, lines)

    monkeypatch.setattr(TaskFiles, "rows", rows)
    said: list[Event] = []
    with keeping(tmp_path / "tap", ROOT, LIBRARY.masker, said.append) as keeper:
        for n in range(20):
            keeper.take(log(n, f"{n}"))
        hangs.set()
        while keeper._waiting:
            threading.Event().wait(0.001)
        keeper.take(log(20, "20", last=True))
    lines = text(tmp_path)
    assert lines[0] == "0"
    assert lines[-1] == "20"
    assert sum("missing here" in line for line in lines) == 1
    assert [e.kind for e in said] == ["trouble", "ended"]


@pytest.fixture
def full(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[bool], None]]:
    """Makes the disk full, or gives it room again."""
    real, is_full = os.write, [False]

    def write(descriptor: int, data: Any) -> int:
        if is_full[0]:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return real(descriptor, data)

    monkeypatch.setattr(os, "write", write)
    yield lambda now: is_full.__setitem__(0, now)
    is_full[0] = False


def test_a_full_disk_is_said_once_and_again_when_it_is_over(tmp_path: Path, full: Callable[[bool], None]) -> None:
    said: list[Event] = []
    with keeping(tmp_path / "tap", ROOT, LIBRARY.masker, said.append) as keeper:

        def settled() -> None:
            while keeper._waiting:
                threading.Event().wait(0.001)

        keeper.take(log(0, "a"))
        settled()
        full(True)
        for n in range(1, 4):
            keeper.take(log(n, f"{n}"))
        keeper.take(fetch(task=12))
        settled()
        full(False)
        keeper.take(log(4, "4"))
        keeper.take(log(0, "first", task=12))
        settled()
    assert text(tmp_path) == [
        "a",
        "whyred tap: 3 rows are missing here: the tap did not see them, or could not write them",
        "4",
    ]
    assert [e.kind for e in said] == ["trouble", "job", "better"]
    assert "No space left on device" in said[0].text
    assert "Calls go on passing" in said[0].text
    told = read_kept(folder_of(tmp_path / "tap", ROOT), 12)
    assert told is not None
    assert told.what.repo == "alice/pub", "what could not be written is written later"


def test_a_bug_is_told_at_the_end_and_stops_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def rows(*_: object) -> int:
        raise ZeroDivisionError(SECRET)

    monkeypatch.setattr(TaskFiles, "rows", rows)
    said: list[Event] = []
    with pytest.raises(ZeroDivisionError):
        keep(tmp_path, log(0, "a"), log(0, "a"), state("RESULT_SUCCESS"), said=said)
    kept = read_kept(folder_of(tmp_path / "tap", ROOT), 9)
    assert kept is not None
    assert kept.result == 1
    assert [e.text for e in said] == ["a bug in whyred (ZeroDivisionError): a call could not be kept"]


def test_tasks_that_are_silent_for_long_are_forgotten_and_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tap_keeper, "_TASKS", 2)
    keeper, _ = keep(
        tmp_path,
        *[call("Declare", {}, {"runner": {"name": f"r{n}"}}, caller=b"%d" % n) for n in range(5)],
        *[fetch(task) for task in (1, 2, 3)],
        log(0, "a", task=1),
        log(0, "b", task=3),
        log(1, "c", task=1),
    )
    assert len(keeper._tasks) == len(keeper._names) == 2
    assert (text(tmp_path, 1), text(tmp_path, 3)) == (["a", "c"], ["b"])


def test_a_workflow_that_nobody_can_read_has_no_names(tmp_path: Path) -> None:
    body = taken() | {"workflowPayload": base64.b64encode(b"jobs: [canary-event").decode()}
    keep(tmp_path, call("FetchTask", {}, {"task": body}))
    kept = read_kept(folder_of(tmp_path / "tap", ROOT), 9)
    assert kept is not None
    assert (kept.what.job, kept.what.steps) == ("test", ())
    assert "canary" not in everything(tmp_path)


@pytest.mark.parametrize(
    ("key", "value", "field"),
    [
        ("run_number", "x" * 30, "run_number"),
        ("run_id", "", "run_id"),
        ("server_url", "ftp://user:pw@x", "server"),
        ("run_attempt", "0", "attempt"),
    ],
)
def test_a_context_of_another_shape_tells_nothing(tmp_path: Path, key: str, value: str, field: str) -> None:
    context: Any = {key: value}
    keep(tmp_path, fetch(**context))
    kept = read_kept(folder_of(tmp_path / "tap", ROOT), 9)
    assert kept is not None
    assert getattr(kept.what, field) is None


def test_no_place_to_keep_anything_is_said_before_the_first_call(tmp_path: Path) -> None:
    (tmp_path / "tap").write_text("a file")
    with pytest.raises(UserError, match="cannot keep anything"):
        keep(tmp_path)
