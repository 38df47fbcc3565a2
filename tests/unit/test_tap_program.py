"""`whyred tap` as a user starts it: large bodies in flat memory, a full disk, signals, and what it refuses."""

import hashlib
import json
import os
import signal
import socket
import subprocess
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]
from program import PROGRAM, environment, in_namespace, need_namespaces, run
from tap_upstream import Act, Forge, Line, client, forge
from test_tap_keeper import fetch, log
from test_tap_relay import CANARY

import whyred.reports
from whyred.app.tap import Call, is_loopback, passes_by_proxy
from whyred.faces.cli.commands import tap as command
from whyred.faces.tap.serve import Listen

MIB = 1 << 20
SCHEMA = Draft202012Validator(json.loads((Path(whyred.reports.__path__[0]) / "schema/tap-1.json").read_text()))


class Program:
    """A tap under way."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self.process = process
        assert process.stdout is not None
        first = process.stdout.readline()
        assert first, process.communicate()
        self.events = [json.loads(first)]
        self.port = int(str(self.events[0]["listen"]).rpartition(":")[2])

    def ended(self, *numbers: int) -> int:
        """Its exit code, after these signals."""
        for number in numbers:
            self.process.send_signal(number)
        out, err = self.process.communicate()
        assert "Traceback" not in err
        assert CANARY not in out + err
        self.events += [json.loads(line) for line in out.splitlines()]
        for event in self.events:
            SCHEMA.validate(event)
        return self.process.returncode

    @property
    def peak(self) -> float:
        """The most memory that it had, in MiB."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.partition("VmHWM:")[2].split()[0]) / 1024


@contextmanager
def program(
    act: Act, folder: Path, *more: str, prefix: Sequence[str] = (), **env: str
) -> Iterator[tuple[Forge, Program]]:
    with forge(act) as there:
        argv = [*prefix, *PROGRAM, "tap", "--upstream", f"http://127.0.0.1:{there.port}", "--listen", "127.0.0.1:0"]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        process = subprocess.Popen([*argv, "--json", *more], env=environment(folder, **env), **pipes)  # type: ignore[call-overload]
        try:
            yield there, Program(process)
        finally:
            if process.poll() is None:
                process.kill()
                process.communicate()


def request(call: Call) -> bytes:
    head = (
        f"POST /api/actions/runner.v1.RunnerService/{call.method} HTTP/1.1\r\nHost: x\r\nContent-Type: {call.kind}\r\n"
    )
    return f"{head}x-runner-token: {CANARY}\r\nContent-Length: {len(call.body)}\r\n\r\n".encode() + call.body


def answer(body: bytes, kind: str = "application/json") -> bytes:
    return f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


def digests(line: Line) -> None:
    """Answers each request with the digest of its body, and with as many bytes as it had."""
    while head := line.socket.recv(1 << 20):
        while b"\r\n\r\n" not in head:
            head += line.socket.recv(1 << 20)
        head, _, body = head.partition(b"\r\n\r\n")
        left = int(head.partition(b"Content-Length: ")[2].split()[0]) - len(body)
        digest, size = hashlib.sha256(body), left + len(body)
        while left:
            body = line.socket.recv(min(left, 1 << 20))
            digest.update(body)
            left -= len(body)
        line.send(f"HTTP/1.1 200 OK\r\nDigest: {digest.hexdigest()}\r\nContent-Length: {size}\r\n\r\n".encode())
        for _ in range(size // MIB):
            line.send(bytes(MIB))


def upload(line: Line, block: bytes, count: int) -> None:
    """Sends so many blocks, and reads as many bytes back."""
    line.send(b"PUT /upload HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % (count * len(block)))
    sent = hashlib.sha256()
    for _ in range(count):
        line.send(block)
        sent.update(block)
    line.seen.clear()
    head, _, body = line.until(b"\r\n\r\n").partition(b"\r\n\r\n")
    assert f"Digest: {sent.hexdigest()}\r\n".encode() in head
    left = count * len(block) - len(body)
    while left:
        left -= len(line.socket.recv(min(left, MIB)))


def test_large_bodies_pass_in_both_directions_in_flat_memory(tmp_path: Path) -> None:
    """An artifact of 256 MiB up, and one down: both need no more memory than small ones."""
    block = os.urandom(MIB)
    with program(digests, tmp_path) as (_, tap), client(tap.port) as line:
        upload(line, block, 1)
        before = tap.peak
        upload(line, block, 256)
        assert tap.peak - before < 24
        assert tap.ended(signal.SIGTERM) == 0
    assert tap.events[-1]["calls"] == 2


def test_what_it_says_and_keeps(tmp_path: Path) -> None:
    calls = [fetch(), log(0, "first"), log(1, "last", last=True)]

    def act(line: Line) -> None:
        for call in calls:
            line.count(len(line.seen) + 1)
            line.until(call.body[-10:]) if call.body[-10:] not in line.seen[-10:] else None
            line.send(answer(call.reply))
        line.rest()

    with program(act, tmp_path) as (there, tap):
        with client(tap.port) as line:
            for call in calls:
                line.send(request(call))
                line.until(call.reply)
        assert tap.ended(signal.SIGTERM) == 0
    assert [e["event"] for e in tap.events] == ["ready", "job", "ended", "stopped"]
    assert {e["schema"] for e in tap.events} == {"whyred.tap/1"}
    assert (tap.events[1]["task"], tap.events[1]["text"]) == (9, "alice/pub: job Test it")
    assert (tap.events[-1]["calls"], tap.events[-1]["rows"]) == (3, 2)
    (kept,) = (tmp_path / "data/whyred/tap").rglob("9.log")
    assert kept.parent.name == f"http%3A%2F%2F127.0.0.1%3A{there.port}"
    assert [row[29:] for row in kept.read_text().splitlines()] == ["first", "last"]


def test_a_full_disk_stops_no_call(tmp_path: Path) -> None:
    """Really full, from the beginning on."""
    need_namespaces()
    calls = [fetch(), *[log(n, "x" * 5000) for n in range(40)]]

    def act(line: Line) -> None:
        for call in calls:
            line.until(call.body[-10:])
            line.send(answer(call.reply))
        line.rest()

    keep = tmp_path / "disk"
    keep.mkdir()
    setup = f"mount -t tmpfs -o size=64k,mode=700 none {keep}"
    with program(act, tmp_path, "--keep", f"{keep}/tap", prefix=in_namespace(setup)) as (_, tap):
        with client(tap.port) as line:
            for call in calls:
                line.send(request(call))
                assert line.until(call.reply).endswith(answer(call.reply))
        assert tap.ended(signal.SIGTERM) == 0
    assert [e["event"] for e in tap.events] == ["ready", "job", "trouble", "stopped"]
    assert "No space left on device" in tap.events[2]["text"]
    assert 0 < tap.events[-1]["rows"] < 40
    assert tap.events[-1]["calls"] == 41


def test_a_call_under_way_ends_before_the_tap_does(tmp_path: Path) -> None:
    asked, let_go = threading.Event(), threading.Event()

    def act(line: Line) -> None:
        line.until(b"\r\n\r\n")
        asked.set()
        let_go.wait()
        line.send(answer(b"late"))
        line.rest()

    with program(act, tmp_path) as (_, tap), client(tap.port) as line, client(tap.port) as idle:
        line.send(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        asked.wait()
        tap.process.send_signal(signal.SIGTERM)
        refused(tap.port)
        let_go.set()
        assert line.rest().endswith(b"late")
        assert idle.rest() == b""
        assert tap.ended() == 0


def refused(port: int) -> None:
    """Waits until nobody listens there any more."""
    while True:
        try:
            with socket.create_connection(("127.0.0.1", port)):
                continue
        except ConnectionResetError:
            continue  # taken by the kernel, and dropped with the listener
        except ConnectionRefusedError:
            return


def test_a_second_signal_ends_it_at_once(tmp_path: Path) -> None:
    asked = threading.Event()

    def act(line: Line) -> None:
        line.until(b"\r\n\r\n")
        asked.set()
        line.rest()

    with program(act, tmp_path) as (_, tap), client(tap.port) as line:
        line.send(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        asked.wait()
        tap.process.send_signal(signal.SIGINT)
        refused(tap.port)
        assert tap.ended(signal.SIGTERM) == 130
        assert line.rest() == b""


def test_a_hangup_is_passed_over_under_nohup(tmp_path: Path) -> None:
    with program(lambda line: None, tmp_path, prefix=["nohup"]) as (_, tap):
        assert tap.ended(signal.SIGHUP, signal.SIGTERM) == 0
    assert tap.process.returncode == 0


def test_two_taps_for_one_forge_say_so(tmp_path: Path) -> None:
    with program(lambda line: None, tmp_path) as (there, tap):
        argv = ["tap", "--upstream", f"http://127.0.0.1:{there.port}", "--listen", "127.0.0.1:0"]
        ended = run(argv, environment(tmp_path))
        assert ended.code == 2
        assert "another tap does so now" in ended.one_line()
        assert tap.ended(signal.SIGTERM) == 0


REFUSED = {
    "no forge": (["--upstream", "forge.example"], "no address of a forge"),
    "a password": ([f"--upstream=https://me:{CANARY}@forge.example"], "holds a user name or a password"),
    "plain http": (["--upstream", "http://forge.example"], "plain HTTP: everybody on the way could read"),
    "no port": (["--upstream", "http://127.0.0.1:1", "--listen", "127.0.0.1"], "--listen wants HOST:PORT"),
    "bad port": (["--upstream", "http://127.0.0.1:1", "--listen", "127.0.0.1:70000"], "--listen wants HOST:PORT"),
    "not here": (["--upstream", "http://127.0.0.1:1", "--listen", "192.0.2.1:8377"], "cannot listen at 192.0.2.1:8377"),
    "no ca": (["--upstream", "https://127.0.0.1:1", "--ca", "/no/such.pem"], "cannot read the CA file /no/such.pem"),
    "no folder": (["--upstream", "http://127.0.0.1:1", "--keep", "/dev/null/x"], "cannot keep anything in /dev/null/x"),
    "not private": (["--upstream", "http://127.0.0.1:1", "--keep", "/usr"], "is not private"),
    "nothing": ([], "'--upstream'"),
}


@pytest.mark.parametrize(("arguments", "words"), REFUSED.values(), ids=list(REFUSED))
def test_each_refusal_says_what_to_do(tmp_path: Path, arguments: list[str], words: str) -> None:
    ended = run(["tap", "--listen", "127.0.0.1:0", *arguments], environment(tmp_path))
    assert (ended.code, ended.out) == (2, "")
    assert words in ended.one_line()
    assert CANARY not in ended.err


def test_a_port_that_is_taken_and_the_tap_itself(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ended = run(["tap", "--upstream", "http://127.0.0.1:1", "--listen", str(port)], environment(tmp_path))
        assert ended.code == 2
        assert f"cannot listen at 127.0.0.1:{port}: Address already in use" in ended.one_line()
    ended = run(["tap", "--upstream", f"http://localhost:{port}", "--listen", str(port)], environment(tmp_path))
    assert ended.code == 2
    assert "the tap itself listens" in ended.one_line()


def test_without_a_home_a_folder_must_be_named(tmp_path: Path) -> None:
    env = environment(tmp_path) | {"HOME": "/no/such/home", "XDG_DATA_HOME": ""}
    ended = run(["tap", "--upstream", "http://127.0.0.1:1", "--listen", "0"], env)
    assert ended.code == 2
    assert "--keep FOLDER" in ended.one_line()


def test_a_forge_that_is_away_at_the_start_is_waited_for(tmp_path: Path) -> None:
    with forge(lambda _: None) as gone:
        pass
    argv = ["tap", "--upstream", f"http://127.0.0.1:{gone.port}", "--listen", "127.0.0.1:0", "--json"]
    process = subprocess.Popen(
        [*PROGRAM, *argv], env=environment(tmp_path), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    first, second = json.loads(process.stdout.readline()), json.loads(process.stdout.readline())
    assert (first["event"], second["event"]) == ("trouble", "ready")
    assert "cannot be reached: Connection refused" in first["text"]
    process.send_signal(signal.SIGTERM)
    process.communicate()
    assert process.returncode == 0


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        *[(host, True) for host in ("127.0.0.1", "127.8.9.1", "localhost", "::1")],
        *[(host, False) for host in ("0.0.0.0", "::", "172.17.0.1", "fe80::1", "127.0.0.1.example")],
    ],
)
def test_who_else_can_reach_it_is_said(host: str, loopback: bool, capsys: pytest.CaptureFixture[str]) -> None:
    assert is_loopback(host) is loopback
    command._Teller("https://forge.example", Path("/kept"), as_json=False).ready(Listen(host, 8377))
    said = capsys.readouterr().err
    at = f"[{host}]:8377" if ":" in host else f"{host}:8377"
    assert f"http://{at} leads to https://forge.example; rows are kept in /kept" in said
    assert ("tokens and secrets" in said) is not loopback


def test_a_proxy_of_the_environment_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", "http://proxy.example:3128")
    monkeypatch.setenv("no_proxy", "inside.example")
    assert passes_by_proxy("https://forge.example")
    assert not passes_by_proxy("https://inside.example")
    assert not passes_by_proxy("http://forge.example")


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("8377", "127.0.0.1", 8377),
        ("localhost:1", "localhost", 1),
        ("[::1]:8377", "::1", 8377),
        ("10.0.0.1:0", "10.0.0.1", 0),
    ],
)
def test_addresses(text: str, host: str, port: int) -> None:
    assert command._address(text) == Listen(host, port)
