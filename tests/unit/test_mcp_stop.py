"""A call that nobody wants any more: its thread ends where it next says how far it is, waits, or reads from a forge, be
that forge silent.
"""

import json
import socket
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import anyio
import httpx2
import pytest
from mcp.client import Client
from mcp.client.streamable_http import streamable_http_client
from mcp_client import with_client
from test_mcp_http import TOKEN, listening

from whyred.faces.mcp import server as face
from whyred.faces.mcp.call import Call, StoppedError
from whyred.faces.mcp.serving import Serving
from whyred.sources._lines import Lines


def test_progress_and_pauses_end_a_stopped_call() -> None:
    said: list[str] = []
    call = Call({}, Serving(), tell=said.append)
    call.progress("one")
    call.stopped.set()
    with pytest.raises(StoppedError):
        call.progress("two")
    with pytest.raises(StoppedError):
        call.pause(1e9)
    assert said == ["one"]


def test_a_pause_ends_when_the_call_is_stopped_meanwhile() -> None:
    call = Call({}, Serving())
    ended = threading.Event()

    def wait() -> None:
        with pytest.raises(StoppedError):
            call.pause(1e6)
        ended.set()

    thread = threading.Thread(target=wait)
    thread.start()
    call.stopped.set()
    thread.join()
    assert ended.is_set()


def test_forges_wait_by_the_calls_own_pause() -> None:
    call = Call({}, Serving(remote=True, forges=("https://forge.example",)))
    http = call.forges().http("https://forge.example")
    assert http.sleep == call.pause


# --- a forge that falls silent ---------------------------------------------------------------------------------------

JOBS = "/api/v1/repos/alice/priv/actions"
RUN = {"id": 1, "index_in_repo": 1, "title": "t", "status": "failure", "workflow_id": "ci.yml"}
JOB = {"id": 7, "task_id": 7, "name": "test", "run_id": 1, "attempt": 1, "status": "failure", "runs_on": ["docker"]}
ANSWERS: dict[str, object] = {
    "/api/forgejo/v1/version": {"version": "16.0.0+gitea-1.22.0"},
    "/swagger.v1.json": {
        "paths": {
            f"/repos/{{owner}}/{{repo}}/actions/{path}": {}
            for path in ("runs", "runs/{run_id}", "runs/{run_id}/jobs", "jobs/{job_id}/logs")
        }
    },
    "/api/v1/repos/alice/priv": {"default_branch": "main"},
    f"{JOBS}/runs": {"workflow_runs": [RUN], "total_count": 1},
    f"{JOBS}/runs/1/jobs": [JOB],
}


class Silent:
    """What is known of a forge that gives the beginning of a log and then nothing more. `begun`: that has been sent;
    `left`: the client has closed the connection.
    """

    def __init__(self) -> None:
        self.begun, self.left = threading.Event(), threading.Event()
        self.logs = 0
        self.url = ""


@contextmanager
def silent_forge(close: bool) -> Iterator[Silent]:
    """`close`: it says that the connection ends with the log."""
    known = Silent()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            path = self.path.partition("?")[0]
            if path.endswith("/logs"):
                known.logs += 1
                length = [] if close else [("Content-Length", "1000000")]
                self.answer(200, [("Content-Type", "text/plain"), *length, *([("Connection", "close")] * close)])
                self.wfile.write(b"2026-05-04T10:00:00.0000000Z row\n" * 10)
                known.begun.set()
                assert self.connection.recv(1) == b""
                known.left.set()
                self.close_connection = True
                return
            body = json.dumps(ANSWERS.get(path, {})).encode()
            told = [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
            self.answer(200 if path in ANSWERS else 404, told)
            self.wfile.write(body)

        def answer(self, status: int, headers: list[tuple[str, str]]) -> None:
            self.send_response(status)
            for name, value in headers:
                self.send_header(name, value)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
            pass

    forge = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    forge.daemon_threads = True
    known.url = f"http://127.0.0.1:{forge.server_address[1]}"
    thread = threading.Thread(target=forge.serve_forever)
    thread.start()
    try:
        yield known
    finally:
        forge.shutdown()
        thread.join()
        forge.server_close()


@pytest.fixture
def _one_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME"):
        monkeypatch.setenv(name, str(tmp_path))
    monkeypatch.setattr(face, "_LARGE", 1)


async def heard(event: threading.Event) -> None:
    """Waits for what happens in another thread."""
    await anyio.to_thread.run_sync(event.wait, abandon_on_cancel=True)


async def cancelled_in_the_middle(client: Client, tool: str, known: Silent) -> None:
    """Calls, and cancels the call when the forge has fallen silent: the forge is left, and the next call has a thread,
    though only one of its kind may run.
    """
    for turn in (1, 2):
        known.begun.clear()
        known.left.clear()
        async with anyio.create_task_group() as group:
            group.start_soon(partial(client.call_tool, tool, {"target": "alice/priv#1"}))
            await heard(known.begun)
            group.cancel_scope.cancel()
        await heard(known.left)
        assert known.logs == turn, "nothing was asked for once more"


EACH = pytest.mark.parametrize(("tool", "close"), [("ci_logs", False), ("ci_logs", True), ("ci_why", False)])


@pytest.mark.usefixtures("_one_at_a_time")
@EACH
def test_a_cancelled_call_leaves_a_silent_forge(tool: str, close: bool) -> None:
    with silent_forge(close) as known:
        with_client(Serving(remote=True, forges=(known.url,)), lambda c: cancelled_in_the_middle(c, tool, known))


def over_http(url: str, work: Callable[[Client], Awaitable[None]]) -> None:
    """What a caller does over HTTP."""

    async def connected() -> None:
        headers = {"authorization": f"Bearer {TOKEN}"}
        async with (
            httpx2.AsyncClient(headers=headers, timeout=60) as http,
            Client(streamable_http_client(url, http_client=http)) as client,
        ):
            await work(client)

    anyio.run(connected)


@pytest.mark.usefixtures("_one_at_a_time")
def test_a_call_cancelled_over_http_leaves_a_silent_forge() -> None:
    with silent_forge(close=False) as known, listening(Serving(remote=True, forges=(known.url,))) as url:
        over_http(url, lambda client: cancelled_in_the_middle(client, "ci_logs", known))


@pytest.mark.usefixtures("_one_at_a_time")
def test_a_call_that_asks_for_a_little_waits_for_none_that_reads_a_log() -> None:
    async def work(client: Client) -> None:
        async with anyio.create_task_group() as group:
            for _ in range(3):
                group.start_soon(partial(client.call_tool, "ci_logs", {"target": "alice/priv#1"}))
            await heard(known.begun)
            told = await client.call_tool("ci_status", {"targets": ["alice/priv"]})
            assert not told.is_error
            assert (known.logs, known.left.is_set()) == (1, False), "the others wait, and the first still reads"
            group.cancel_scope.cancel()

    with silent_forge(close=False) as known:
        with_client(Serving(remote=True, forges=(known.url,)), work)


def test_a_connection_that_comes_after_the_cut_is_ended_as_well() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        lines = Lines()
        lines.cut()
        lines.add(ours)
        assert theirs.recv(1) == b""
