"""`SshHost` says the same as `LocalHost`, whatever shell and programs are there, and lets nothing else travel.

The `ssh` of these tests runs the command here (fake_ssh.py); a real server is asked in tests/live/test_ssh_host.py.
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from threading import Thread
from time import sleep

import pytest
from fake_ssh import POSIX, WRITES, fake_ssh, need, path_of, path_of_busybox
from program import NAMESPACE, need_namespaces

from whyred.hosts._address import Address
from whyred.hosts.local import LocalHost
from whyred.hosts.ssh import OUTPUT_LIMIT, SshHost
from whyred.model.evidence import Reason
from whyred.model.host import Host, HostRefusedError
from whyred.probes.place import follow

ADDRESS = Address("host", "ci", 2222)
LOCAL = LocalHost(seconds=20)
CANARY = "hunter2hunter2"
HOSTILE = (
    b"plain", b" lead", b"-rf", b"--", b"*", b".*", b".[!.]*", b"..?*", b"?", b"[a]", b".hidden", b"..two", b"a b",
    b"new\nline", b"end\n", b"$(id)", b"`id`", b"'quote'", b'"', b"\\", b"a\\nb", b"\x01\x7f", b"\x80\x81\x88\xff",
    "ünï".encode(), b": Permission denied", b"x -> y", b"~", b"#", b"{a,b}", b"!!", b"%s", b"\t",
)  # fmt: skip


def asked(folder: Path, **how: str) -> SshHost:
    """A host by the fake ssh. The limit is for tests that hang and not for machines that are slow."""
    return SshHost(ADDRESS, seconds=60, connecting=30, environ=fake_ssh(folder / "fake", **how))


def reason(call: Callable[[], object]) -> tuple[Reason, str]:
    with pytest.raises(HostRefusedError) as caught:
        call()
    return caught.value.unknown.reason, caught.value.unknown.detail


SHELLS = {
    "dash": "dash",
    "bash": "bash --posix",
    "busybox": "busybox sh",
    "mksh": "mksh",
    "ksh93": "ksh93",
    "zsh": "zsh --emulate sh",
}
"""What is /bin/sh somewhere, by the program that it needs."""


@pytest.fixture(scope="module", params=[*SHELLS, "posix programs", "busybox programs"])
def host(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SshHost]:
    """The same machine behind several shells, and with fewer or other programs."""
    name, folder = request.param, tmp_path_factory.mktemp("host")
    if name == "posix programs":
        how = {"FAKE_PATH": path_of(folder / "path", *POSIX, *WRITES)}
    elif name == "busybox programs":
        how = {"FAKE_PATH": path_of_busybox(folder / "path"), "FAKE_SH": f"{need('busybox')} sh"}
    else:
        need(name)
        how = {"FAKE_SH": SHELLS[name]}
    with asked(folder, **how) as there:
        yield there


@pytest.fixture
def full(tmp_path: Path) -> Iterator[SshHost]:
    """A host with everything, by the shell that is /bin/sh here."""
    with asked(tmp_path) as there:
        yield there


@pytest.fixture
def hostile(tmp_path: Path) -> Path:
    """A folder of files whose names are meant to be misread."""
    folder = tmp_path / "hostile"
    folder.mkdir()
    for name in HOSTILE:
        Path(os.fsdecode(os.fsencode(folder) + b"/" + name)).write_bytes(name)
    return folder


# --- the same answers as on the machine itself ------------------------------------------------------------------------


def test_it_is_the_same_machine(host: SshHost) -> None:
    assert host.identity == LOCAL.identity


def test_the_same_names_files_and_states(host: SshHost, hostile: Path) -> None:
    assert host.names(str(hostile)) == LOCAL.names(str(hostile))
    assert host.names("/") == LOCAL.names("/")
    empty = hostile / "empty"
    empty.mkdir()
    assert host.names(str(empty)) == []
    for name in HOSTILE:
        path = f"{hostile}/{os.fsdecode(name)}"
        assert host.read(path) == name
        same_state(host, path)


def same_state(host: SshHost, path: str) -> None:
    """Of a host without `stat` time and device are not told in full."""
    for through in (True, False):
        theirs, ours = host.stat(path, follow=through), LOCAL.stat(path, follow=through)
        if theirs.device == 0:
            assert theirs.modified in (ours.modified // 60 * 60, ours.modified // 86400 * 86400)
            ours = replace(ours, device=0, modified=theirs.modified, changed=None)
        assert (theirs.changed is None) == (ours.changed is None)
        assert theirs.changed is None or abs(theirs.changed - (ours.changed or 0)) < 1
        assert theirs == replace(ours, modified=theirs.modified, changed=theirs.changed)
        assert int(theirs.modified) in (int(ours.modified), int(theirs.modified))


def test_a_path_is_followed_to_the_same_place(host: SshHost, hostile: Path) -> None:
    (hostile / "deep/er").mkdir(parents=True)
    (hostile / "deep/er/file").touch()
    (hostile / "up").symlink_to("deep/er/../er")
    (hostile / "away").symlink_to(f"{hostile}/up/file\n")
    (hostile / "circle").symlink_to("circle")
    (hostile / "root").symlink_to("/")
    ends = (
        "",
        "deep/er/file",
        "up/file",
        "up/gone",
        "away",
        "circle/x",
        "up/file/x",
        "new\nline/..",
        "root/etc/passwd",
    )
    for end in ends:
        for entry in ("", "/proc/self/root"):
            theirs = follow(host, entry, f"{hostile}/{end}")
            ours = follow(LOCAL, entry, f"{hostile}/{end}")
            assert (theirs.path, theirs.reach, theirs.dangling) == (ours.path, ours.reach, ours.dangling)
            assert (theirs.stat is None) == (ours.stat is None)
            assert [s.inode for s in theirs.crossed] == [s.inode for s in ours.crossed]
            if theirs.stat and ours.stat:
                assert theirs.stat.inode == ours.stat.inode


def test_a_path_is_followed_in_one_round_trip(full: SshHost, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "link").symlink_to("file")
    (tmp_path / "file").touch()
    asked_for: list[str] = []
    ask = full._ask

    def noted(what: str, question: str, *rest: bytes) -> object:
        asked_for.append(question)
        return ask(what, question, *rest)

    monkeypatch.setattr(full, "_ask", noted)
    follow(full, "", f"{tmp_path}/file")
    assert asked_for == ["ahead"]
    follow(full, "", f"{tmp_path}/link")
    assert asked_for == ["ahead"] * 3
    # What was foreseen is no answer to a question that is put again.
    (tmp_path / "file").rename(tmp_path / "other")
    assert follow(full, "", f"{tmp_path}/file").stat is None
    full.stat(f"{tmp_path}/other")
    assert asked_for[-1] == "stat"


@pytest.mark.parametrize("mode", [0o000, 0o644, 0o4755, 0o6644, 0o1777, 0o2070, 0o7777])
def test_the_same_modes_and_kinds(host: SshHost, tmp_path: Path, mode: int) -> None:
    (tmp_path / "file").write_text("x")
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("file")
    (tmp_path / "gone").symlink_to("/no/such/place\n")
    for name in ("file", "folder", "pipe"):
        (tmp_path / name).chmod(mode)
        same_state(host, f"{tmp_path}/{name}")
    same_state(host, f"{tmp_path}/link")
    same_state(host, "/dev/null")
    assert host.stat(f"{tmp_path}/gone", follow=False).kind == "link"
    assert host.link(f"{tmp_path}/gone") == "/no/such/place\n"
    (tmp_path / "folder").chmod(0o755)


@pytest.mark.parametrize("seconds", [0, 86400 * 200, 1_000_000_000, 4_000_000_000])
def test_a_time_is_never_later_than_it_was(host: SshHost, tmp_path: Path, seconds: int) -> None:
    (tmp_path / "a").touch()
    os.utime(tmp_path / "a", (seconds, seconds))
    told = host.stat(f"{tmp_path}/a").modified
    assert told <= seconds < told + 86400


def test_the_same_space(host: SshHost, tmp_path: Path) -> None:
    for path in (str(tmp_path), "/proc", "/dev"):
        theirs, ours = host.space(path), LOCAL.space(path)
        assert abs(theirs.total_bytes - ours.total_bytes) < 1 << 10
        assert (theirs.total_inodes, theirs.readonly) == (ours.total_inodes, ours.readonly)
        assert 0 <= theirs.free_bytes <= theirs.total_bytes


@pytest.mark.parametrize(
    "ask",
    [
        lambda host, _: host.read("/no/such/file"),
        lambda host, _: host.read("/etc"),
        lambda host, _: host.read("/dev/zero"),
        lambda host, folder: host.read(f"{folder}/pipe"),
        lambda host, folder: host.read(f"{folder}/circle"),
        lambda host, _: host.read("/etc/passwd/x"),
        lambda host, _: host.stream("/no/such/file"),
        lambda host, _: host.stream("/dev/zero", 3),
        lambda host, _: host.names("/etc/passwd"),
        lambda host, _: host.names("/no/such"),
        lambda host, _: host.link("/etc"),
        lambda host, _: host.link("/no/such"),
        lambda host, folder: host.stat(f"{folder}/gone: Permission denied"),
        lambda host, _: host.stat("/a\0b"),
        lambda host, _: host.stat("/\udfff\ud800"),
        lambda host, _: host.stat("/" + "x" * 300),
        lambda host, _: host.space("/no/such"),
        lambda host, _: host.run(["whyred-no-such-program"]),
        lambda host, _: host.run(["/no/such/program"]),
        lambda host, _: host.run(["/etc/passwd"]),
        lambda host, _: host.run(["a\0b"]),
    ],
)
def test_the_same_refusals(ask: Callable[[Host, Path], object], host: SshHost, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "circle").symlink_to("circle")
    assert reason(lambda: ask(host, tmp_path)) == reason(lambda: ask(LOCAL, tmp_path))


def test_a_path_longer_than_any_is_refused_here(host: SshHost) -> None:
    for path in ("/" + "x" * 5000, "/x" * 100_000):
        assert reason(partial(host.stat, path))[0] is reason(partial(LOCAL.stat, path))[0]
    assert reason(lambda: host.run(["echo", "x" * 200_000]))[0] is Reason.UNREADABLE


@pytest.mark.parametrize("start", [0, 1, 70_000, 3_000_000, 9_000_000])
def test_a_file_comes_piece_by_piece(host: SshHost, tmp_path: Path, start: int) -> None:
    data = os.urandom(64) * (5 << 14)
    (tmp_path / "big").write_bytes(data)
    assert b"".join(host.stream(f"{tmp_path}/big", start)) == data[start:]
    assert host.read(f"{tmp_path}/big", 1000) == data[:1000]
    assert host.read(f"{tmp_path}/big", len(data)) == data


def test_who_stops_reading_stops_the_sending(full: SshHost, tmp_path: Path) -> None:
    with (tmp_path / "endless").open("wb") as file:
        file.truncate(1 << 40)
    pieces = full.stream(f"{tmp_path}/endless")
    assert len(next(pieces)) > 0
    del pieces
    assert full.read(f"{tmp_path}/endless", 10) == bytes(10)
    assert full.stat("/").kind == "directory"


# --- processes and their environment ----------------------------------------------------------------------------------


@pytest.fixture
def impostor() -> Iterator[int]:
    """A process that looks like several others in every file that shows it."""
    forged = "\n/proc/1/stat:1 (forged) S 0 1 1 0 -1 4194560 1 1 1 1 1 1 1 1 20 0 1 0 1 1 1 1\n/proc/1/cmdline:forged\n"
    code = "open('/proc/self/comm','w').write('x) S 1 (1\\n2 (y'); print(flush=True); input()"
    argv = [sys.executable, "-c", code, forged, "", "/proc/1/status\nUid:\t7\t7\t7\t7", "\x01"]
    env = {"TMPDIR": "/a b\n=c\\n", "EMPTY": "", "LONG": "é" * 5000, "API_TOKEN": CANARY, "TMPDIRX": CANARY, "": CANARY}
    with subprocess.Popen(argv, env=env, stdin=-1, stdout=-1) as child:
        assert child.stdout is not None
        child.stdout.readline()
        yield child.pid
        child.communicate(b"\n")


def test_the_same_processes(host: SshHost, impostor: int) -> None:
    before = {p.pid: p for p in LOCAL.processes()}
    theirs = {p.pid: p for p in host.processes()}
    after = {p.pid: p for p in LOCAL.processes()}
    assert theirs[impostor] == before[impostor]
    assert before.keys() & after.keys() <= theirs.keys()
    # the kernel names its threads after what they do at the moment
    lasting = [p for p in before if before[p] == after.get(p) and before[p].argv]
    assert len(lasting) > 1
    assert [theirs[p] for p in lasting] == [before[p] for p in lasting]


def test_only_what_was_asked_for_travels(impostor: int, tmp_path: Path) -> None:
    tap = tmp_path / "tap"
    with asked(tmp_path, FAKE_TAP=str(tap)) as host:
        found = host.environ(impostor, ["TMPDIR", "EMPTY", "LONG", "ABSENT", "", "A=B"])
        assert found == LOCAL.environ(impostor, ["TMPDIR", "EMPTY", "LONG"])
        assert found["TMPDIR"] == "/a b\n=c\\n"
        assert host.environ(impostor, []) == {}
    travelled = tap.read_bytes()
    assert b"/a b".hex("\n").encode() in travelled
    for secret in (CANARY, CANARY.encode().hex(), CANARY.encode().hex(" "), CANARY.encode().hex("\n"), "API_TOKEN"):
        assert secret.encode() not in travelled


def test_the_same_environment(host: SshHost, impostor: int) -> None:
    keys = ["TMPDIR", "EMPTY", "LONG"]
    if not host._greeting.has_od:
        assert reason(lambda: host.environ(impostor, keys))[0] is Reason.TOOL_MISSING
    else:
        assert host.environ(impostor, keys) == LOCAL.environ(impostor, keys)


def test_a_process_that_is_gone(full: SshHost) -> None:
    assert reason(lambda: full.environ(0x7FFFFFFF, ["X"])) == reason(lambda: LOCAL.environ(0x7FFFFFFF, ["X"]))
    path = "/proc/2147483647/status"
    assert reason(lambda: full.read(path)) == reason(lambda: LOCAL.read(path))


def test_its_own_process_outlives_the_question(full: SshHost) -> None:
    own = int(full.link("/proc/self"))
    for _ in range(3):
        full.run(["true"], 60)
    assert own == int(full.link("/proc/self"))
    assert next(p for p in full.processes() if p.pid == own).mounts == full.identity.mounts
    assert "PATH" in full.environ(own, ["PATH"])


# --- programs ---------------------------------------------------------------------------------------------------------


def test_a_command_has_no_input_no_terminal_and_the_plain_locale(host: SshHost) -> None:
    code = "read x; echo $? $LC_ALL ${LANG-none}; pwd; echo err >&2; exit 3"
    assert host.run(["/bin/sh", "-c", code], 60) == LOCAL.run(["/bin/sh", "-c", code], 60)


def test_words_reach_the_command_as_they_are(full: SshHost) -> None:
    words = [os.fsdecode(n) for n in HOSTILE] + ["", "'", "a'b'"]
    told = full.run(["printf", "%s\\0", *words], 60).out
    assert told == b"".join(os.fsencode(w) + b"\0" for w in words)


def test_output_is_cut_and_the_rest_dropped(full: SshHost) -> None:
    done = full.run(["sh", "-c", f"head -c {3 * OUTPUT_LIMIT} /dev/zero | tee /dev/stderr; exit 5"], 60)
    assert (len(done.out), len(done.err), done.code) == (OUTPUT_LIMIT, OUTPUT_LIMIT, 5)


def test_at_the_limit_it_is_left(full: SshHost) -> None:
    told, detail = reason(lambda: full.run(["sleep", "600"], 0.2))
    assert (told, detail) == (Reason.TIMED_OUT, "sleep: no end within 0.2 s, ended by whyred")
    assert full.stat("/").kind == "directory"


@pytest.mark.parametrize("shell", SHELLS)
def test_what_is_left_is_ended_with_what_it_started(tmp_path: Path, shell: str) -> None:
    need(shell)
    note = tmp_path / "pid"
    script = f"sh -c 'echo $$ > {note}.part; mv {note}.part {note}; exec sleep 600' & while :; do sleep 0.01; done"
    told: list[Reason] = []
    with asked(tmp_path, FAKE_SH=SHELLS[shell]) as host:
        waits = Thread(target=lambda: told.append(reason(lambda: host.run(["sh", "-c", script], 600))[0]))
        waits.start()
        while not note.exists():  # a script that never starts hangs this test, and so is seen
            sleep(0.01)
    waits.join()
    assert told == [Reason.NO_HOST]
    ends(int(note.read_text()))


def ends(pid: int) -> None:
    """Waits for the end of a process; one that does not end hangs the test, and so is seen."""
    while True:
        try:
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                return
        except (FileNotFoundError, ProcessLookupError):
            return
        sleep(0.01)


def test_a_service_that_stays_behind_disturbs_nobody(full: SshHost, tmp_path: Path) -> None:
    note = tmp_path / "pid"
    loop = f"echo $$ > {note}; while :; do echo noise || exit; done"
    done = full.run(["sh", "-c", f"setsid sh -c '{loop}' & while [ ! -s {note} ]; do :; done"], 60)
    assert done.code == 0
    for _ in range(20):
        assert full.read("/etc/passwd") == LOCAL.read("/etc/passwd")
    ends(int(note.read_text()))


# --- writing ----------------------------------------------------------------------------------------------------------


def test_create_leaves_nothing_behind(host: SshHost, tmp_path: Path) -> None:
    folder = tmp_path / "here: $(id)"
    folder.mkdir()
    assert host.create(str(folder)) is None
    assert list(folder.iterdir()) == []
    assert "No such file or directory" in (host.create(f"{folder}/gone") or "")


@pytest.mark.parametrize("shell", SHELLS)
def test_nothing_else_needs_to_write(tmp_path: Path, shell: str) -> None:
    need_namespaces()
    need(shell)
    script = tmp_path / "readonly"
    script.write_text(f"#!/bin/sh\nmount -t tmpfs -o ro none /tmp\nexport TMPDIR=/nowhere\nexec {SHELLS[shell]} -s\n")
    script.chmod(0o755)
    with asked(tmp_path, FAKE_SH=" ".join([*NAMESPACE, str(script)])) as host:
        own = int(host.link("/proc/self"))
        assert host.environ(own, ["TMPDIR"]) == {"TMPDIR": "/nowhere"}
        assert host.names("/tmp") == []
        assert host.space("/tmp").readonly
        assert own in [p.pid for p in host.processes()]
        assert host.stat("/tmp").kind == "directory"
        assert host.run(["/bin/sh", "-c", "exit 3"], 60).code == 3
        assert "Read-only file system" in (host.create("/tmp") or "")


# --- the way there ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("login", ["bash", "fish", "tcsh", "csh", "mksh", "zsh"])
def test_any_login_shell_will_do(tmp_path: Path, login: str) -> None:
    need(login)
    with asked(tmp_path, FAKE_LOGIN=login) as host:
        assert host.identity == LOCAL.identity
        assert host.names("/") == LOCAL.names("/")


MARK = "0123456789abcdef0123456789abcdef"


@pytest.mark.parametrize(
    "noise",
    [
        "echo Welcome",
        "printf 'no line end'",
        f"printf '\\n{MARK} 1 <\\npid 1\\n{MARK} 1 > 0\\n{MARK} 1 .\\n'",
        "echo Welcome >&2",
        "head -c 100000 /dev/urandom",
        "printf 'w_ask 1 hello\\n\\000\\377'",
    ],
)
def test_what_a_login_shell_says_is_no_answer(tmp_path: Path, noise: str) -> None:
    with asked(tmp_path, FAKE_NOISE=noise) as host:
        assert host.identity == LOCAL.identity
        assert host.read("/etc/passwd") == LOCAL.read("/etc/passwd")
        assert host.run(["sh", "-c", "echo 1; echo 2 >&2"], 60).err == b"2\n"


def test_a_login_shell_that_never_stops_is_refused(tmp_path: Path) -> None:
    told, detail = reason(lambda: asked(tmp_path, FAKE_NOISE="while :; do echo Welcome; done"))
    assert told is Reason.UNREADABLE
    assert "bytes before the answer" in detail


def test_a_login_shell_that_starts_something_else_is_a_time_out(tmp_path: Path) -> None:
    environ = fake_ssh(tmp_path, FAKE_NOISE="exec sleep 600")
    told, detail = reason(lambda: SshHost(ADDRESS, connecting=0.2, environ=environ))
    assert told is Reason.TIMED_OUT
    assert "login shell" in detail


def test_a_question_that_hangs_costs_only_itself(tmp_path: Path) -> None:
    """As `df` of a dead network mount does."""
    path = path_of(tmp_path / "path", *(p for p in POSIX if p != "df"), "sleep")
    (tmp_path / "path/df").write_text("#!/bin/sh\nexec sleep 600\n")
    (tmp_path / "path/df").chmod(0o755)
    with asked(tmp_path, FAKE_PATH=path) as host:
        host._seconds = 0.2
        told, detail = reason(lambda: host.space("/net/dead"))
        assert (told, detail) == (Reason.TIMED_OUT, "/net/dead: no answer from ssh://ci@host:2222 within 0.2 s")
        host._seconds = 60
        assert host.stat("/").kind == "directory"


def test_a_connection_that_is_lost_is_found_again(full: SshHost) -> None:
    os.kill(int(full.link("/proc/self")), 9)
    told, detail = reason(lambda: full.stat("/"))
    assert told is Reason.NO_HOST
    assert "connection was lost" in detail
    assert full.stat("/").kind == "directory"


def test_after_the_end_nobody_is_asked(full: SshHost) -> None:
    own = int(full.link("/proc/self"))
    full.close()
    assert reason(lambda: full.stat("/"))[0] is Reason.NO_HOST
    ends(own)
    full.close()


# The texts are those that OpenSSH 9.2 printed; tests/live/test_ssh_host.py makes most of them anew.
SAID = {
    "Host key verification failed.": (Reason.REFUSED, "connect once by hand and compare the fingerprint: ssh -p 2222"),
    "No ED25519 host key is known for h and you have requested strict checking.\r\nHost key verification failed.": (
        Reason.REFUSED,
        "its host key is not known here",
    ),
    "@@@\n@ WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED! @\n@@@\nHost key verification failed.": (
        Reason.REFUSED,
        "not the one you know",
    ),
    "ci@host: Permission denied (publickey).": (Reason.REFUSED, "ssh-copy-id"),
    "@@@\nPermissions 0644 for '/k' are too open.\nci@host: Permission denied (publickey).": (Reason.REFUSED, "'/k'"),
    "Received disconnect from 127.0.0.1 port 22:2: Too many authentication failures": (Reason.REFUSED, "ssh-add"),
    "ssh: Could not resolve hostname host: Name or service not known": (Reason.NO_HOST, "no host of this name"),
    "ssh: connect to host host port 2222: Connection refused": (Reason.NO_HOST, "is the ssh server running"),
    "ssh: connect to host host port 2222: Connection timed out": (Reason.TIMED_OUT, "is it running"),
    "Connection timed out during banner exchange": (Reason.TIMED_OUT, "is it running"),
    "ssh: connect to host host port 2222: No route to host": (Reason.NO_HOST, "no way to it"),
    "/x/config: line 1: Bad configuration option: foo\n/x/config: terminating, 1 bad configuration options": (
        Reason.REFUSED,
        "Bad configuration option: foo",
    ),
    "kex_exchange_identification: Connection closed by remote host": (Reason.NO_HOST, "Connection closed by remote"),
    "odd \x1b[31mred\x07": (Reason.NO_HOST, "odd \ufffd[31mred\ufffd"),
}


@pytest.mark.parametrize("said", SAID, ids=lambda s: s[:40])
def test_why_there_is_no_connection_and_what_to_do(tmp_path: Path, said: str) -> None:
    expected, words = SAID[said]
    told, detail = reason(lambda: asked(tmp_path, FAKE_SAYS=said))
    assert told is expected
    assert detail.startswith("ssh://ci@host:2222: ")
    assert words in detail
    assert detail.isprintable()


@pytest.mark.parametrize("code", ["1", "126", "0"])
def test_a_login_that_takes_no_commands(tmp_path: Path, code: str) -> None:
    told, detail = reason(lambda: asked(tmp_path, FAKE_SAYS="This account is not available", FAKE_CODE=code))
    assert told is Reason.REFUSED
    assert "takes no commands" in detail
    assert "This account is not available" in detail


def test_without_ssh_it_says_so(tmp_path: Path) -> None:
    told, detail = reason(lambda: SshHost(ADDRESS, environ={"PATH": str(tmp_path)}))
    assert told is Reason.TOOL_MISSING
    assert "install OpenSSH" in detail
    (tmp_path / "ssh").write_text("")
    assert reason(lambda: SshHost(ADDRESS, environ={"PATH": str(tmp_path)}))[0] is Reason.REFUSED


def arguments(folder: Path, address: Address, sockets: Path | None = None) -> list[str]:
    """What ssh was called with."""
    told = folder / "told"
    with SshHost(address, sockets, environ=fake_ssh(folder / "fake", FAKE_ARGUMENTS=str(told))):
        return told.read_text().splitlines()


def test_ssh_asks_nobody_and_opens_nothing(tmp_path: Path) -> None:
    argv = arguments(tmp_path, ADDRESS)
    assert argv[-7:] == ["-l", "ci", "-p", "2222", "--", "host", "exec /bin/sh -s"]
    for option in ("BatchMode=yes", "ConnectTimeout=10", "ClearAllForwardings=yes", "PermitLocalCommand=no"):
        assert f"-o{option}" in argv
    assert "-oControlMaster=no" in argv
    assert arguments(tmp_path, Address("alias"))[-3:] == ["--", "alias", "exec /bin/sh -s"]


def test_one_connection_where_a_socket_can_be_had(tmp_path: Path) -> None:
    # A socket's path has 104 bytes at most, and the folder of a test may be longer than that by itself.
    with tempfile.TemporaryDirectory(prefix="w") as folder:
        short = Path(folder, "s%")
        argv = arguments(tmp_path, ADDRESS, short)
        path = argv[argv.index("-S") + 1]
        assert path.startswith(f"{folder}/s%%/ssh-")
        assert "-oControlMaster=auto" in argv
        assert short.stat().st_mode & 0o777 == 0o700
        assert list(short.iterdir()) == []


@pytest.mark.parametrize("sick", ["long", "file", "others", "closed"])
def test_without_a_safe_and_short_folder_every_shell_has_its_own(tmp_path: Path, sick: str) -> None:
    folder = tmp_path / ("x" * 80 if sick == "long" else "sockets")
    if sick == "file":
        folder.write_text("")
    if sick == "others":
        folder.mkdir()
        folder.chmod(0o777)
    if sick == "closed":
        folder = Path("/proc/sockets")
    assert "-oControlMaster=no" in arguments(tmp_path, ADDRESS, folder)
