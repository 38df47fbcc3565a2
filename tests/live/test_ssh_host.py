"""The program asks a real OpenSSH server: a healthy host, one with a dead /tmp, full, hostile, and one that says no."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from threading import Thread
from time import sleep

import pytest
from program import FOUNDING, Ended, environment, need, run

from live.sshd import Sshd, need_sshd, sshd
from whyred.hosts._address import Address
from whyred.hosts.local import LocalHost
from whyred.hosts.ssh import SshHost
from whyred.model.evidence import Reason
from whyred.model.host import HostRefusedError

ALONE = ["unshare", "--mount", "--pid", "--fork", "--mount-proc", "--kill-child", "--propagation", "private", "--"]
"""A host of its own: no other processes, and mounts that nobody else sees."""
DEAD_TMP = "mount -t tmpfs none /mnt; mkdir /mnt/tmp; mount --bind /mnt/tmp /tmp; rmdir /mnt/tmp"
UNDATED = "\n".join(line.partition(" ")[2] for line in FOUNDING.splitlines()) + "\n"
DAEMON = """\
import os
os.execvp("tail", ["/opt/forgejo-runner", "-f", "/dev/null", "daemon"])  # it waits for ever
"""
VOUCHED = "--this-host-ran-it"


@pytest.fixture
def folder() -> Iterator[Path]:
    """Outside /tmp, which some of these hosts do not have; short, for the path of a socket."""
    made = Path(tempfile.mkdtemp(prefix="wh-", dir="/var/tmp"))
    (made / "a.log").write_text(UNDATED)
    yield made
    shutil.rmtree(made)


@pytest.fixture
def server(folder: Path) -> Iterator[Sshd]:
    with sshd(folder / "sshd") as there:
        yield there


def namespaced(folder: Path, setup: str, *options: str) -> AbstractContextManager[Sshd]:
    """A server on a host of its own, after `setup` (a piece of shell)."""
    need_sshd()
    need(*ALONE)
    prefix = [*ALONE, "sh", "-ec", f'{setup}\nexec "$@"', "sh"]
    return sshd(folder / "sshd", options=options, prefix=prefix)


def whyred(folder: Path, server: Sshd, *arguments: str, **more: str) -> Ended:
    """The real program, whose `ssh` knows the way."""
    return run(arguments, environment(folder, PATH=server.env["PATH"], **more), cwd=folder)


def doctor(folder: Path, server: Sshd, *more: str) -> dict[tuple[str, str], tuple[str, str]]:
    """(state, reason) by subject and question."""
    ended = whyred(folder, server, "doctor", "--json", "--host", server.address, *more)
    assert ended.err == ""
    rows = json.loads(ended.out)["rows"]
    return {(r["subject"], r["question"]): (r["state"], r["because"]) for r in rows}


def verdict(folder: Path, server: Sshd, *more: str) -> dict[str, str]:
    ended = whyred(folder, server, "why", "a.log", "--json", "--host", server.address, *more)
    assert (ended.code, ended.err) == (1, "")
    return dict(json.loads(ended.out))


def over(server: Sshd, sockets: Path | None = None, **more: float) -> SshHost:
    address = Address("127.0.0.1", server.user, server.port)
    return SshHost(address, sockets, environ={**os.environ, **server.env}, **({"seconds": 60, "connecting": 30} | more))


# --- the program ------------------------------------------------------------------------------------------------------


def test_a_healthy_host(folder: Path) -> None:
    with namespaced(folder, "true") as there:
        rows = doctor(folder, there)
        assert rows["host", "mount-state /tmp"][0] == "fine"
        assert rows["host", "runner-processes"][0] == "fine"
        assert "wrong" not in {state for state, _ in rows.values()}
        assert verdict(folder, there)["confidence"] == "possible"
        assert verdict(folder, there, VOUCHED)["confidence"] == "possible"
        assert not list((folder / "cache").rglob("ssh-*")), "the socket of the connection is left behind"


def test_a_dead_tmp_is_confirmed_where_the_user_vouches(folder: Path) -> None:
    with namespaced(folder, DEAD_TMP) as there:
        assert doctor(folder, there)["host", "mount-state /tmp"] == ("wrong", "private-tmp-deleted")
        told = verdict(folder, there, VOUCHED)
        assert (told["cause"], told["confidence"]) == ("private-tmp-deleted", "confirmed")
        assert verdict(folder, there)["confidence"] == "possible", "a host is evidence only if shown to be the one"


def runner(folder: Path, setup: str, **variables: str) -> str:
    """A piece of shell that starts a runner's daemon in mounts of its own and goes on when it is there."""
    (folder / "daemon.py").write_text(DAEMON)
    given = " ".join(f"{k}={v}" for k, v in variables.items())
    start = f"env {given} {sys.executable} {folder}/daemon.py 2>/dev/null"
    return (
        f"unshare --mount --propagation private sh -ec '{setup}; exec {start}' & "
        "until grep -aq ^/opt/forgejo-runner /proc/$!/cmdline; do kill -0 $!; sleep 0.05; done"
    )


def test_a_runner_with_a_dead_tmp_on_a_healthy_host(folder: Path) -> None:
    with namespaced(folder, runner(folder, DEAD_TMP)) as there:
        rows = doctor(folder, there)
        (name,) = {subject for subject, _ in rows if subject != "host"}
        assert rows[name, "mount-state /tmp"] == ("wrong", "private-tmp-deleted")
        assert rows["host", "mount-state /tmp"][0] == "fine"
        told = verdict(folder, there, VOUCHED)
        assert (told["cause"], told["confidence"]) == ("private-tmp-deleted", "confirmed")


def test_a_bundle_of_it_replays_offline(folder: Path) -> None:
    with namespaced(folder, runner(folder, DEAD_TMP)) as there:
        saved = whyred(folder, there, "save", "a.log", "a.whyred", "--host", there.address, VOUCHED)
        live = whyred(folder, there, "why", "a.log", "--host", there.address, VOUCHED)
        assert (saved.code, live.code) == (0, 1)
    replayed = run(["why", "a.whyred"], environment(folder), cwd=folder)
    assert replayed.out.startswith("CONFIRMED")
    assert replayed.out.partition("\n")[2] == live.out.partition("\n")[2]


def test_create_is_tried_only_when_asked_for(folder: Path) -> None:
    with namespaced(folder, DEAD_TMP) as there:
        for more, creatable in (((), None), (("--create-test",), "no")):
            ended = whyred(folder, there, "doctor", "--json", "--host", there.address, *more)
            rows = {(r["subject"], r["question"]): r["facts"] for r in json.loads(ended.out)["rows"]}
            facts = next(f for (s, q), f in rows.items() if s == "host" and q.startswith("directory-state /tmp"))
            assert facts.get("creatable") == creatable


def test_a_full_disk_and_no_tmp(folder: Path) -> None:
    """Also the home is full: whatever wants a file there gets none."""
    setup = "for d in /root /tmp; do mount -t tmpfs -o size=64k none $d; cat /dev/zero > $d/x 2>/dev/null || true; done"
    with namespaced(folder, setup) as there:
        rows = doctor(folder, there)
        assert rows["host", "directory-state /tmp"] == ("wrong", "tmp-full")
        assert rows["host", "tool-version bash"][0] == "fine"


def test_a_host_without_tmp(folder: Path) -> None:
    """A root of its own, with everything of the real one but /tmp."""
    setup = (
        "mount -t tmpfs none /mnt; cd /; for d in *; do "
        'if [ -L "$d" ]; then cp -P "$d" /mnt/; elif [ "$d" != tmp ] && [ "$d" != mnt ] && [ -d "$d" ]; then '
        'mkdir "/mnt/$d"; mount --rbind "/$d" "/mnt/$d"; fi; done; set -- chroot /mnt "$@"'
    )
    with namespaced(folder, setup) as there:
        rows = doctor(folder, there)
        assert rows["host", "directory-state /tmp"] == ("wrong", "tmp-missing-in-root")
        assert rows["host", "tool-version bash"][0] == "fine"


@pytest.mark.parametrize("arguments", [["doctor"], ["why", "a.log", VOUCHED]], ids=["doctor", "why"])
def test_a_host_that_cannot_be_reached_is_a_value_with_a_reason(
    folder: Path, server: Sshd, arguments: list[str]
) -> None:
    closed = server.address.rpartition(":")[0] + ":1"
    ended = whyred(folder, server, *arguments, "--host", closed)
    assert ended.code == (4 if arguments == ["doctor"] else 1), ended
    assert "nothing takes connections at that port" in ended.out
    assert "no-host" in ended.out


@pytest.mark.parametrize("host", ["ssh://", "ssh://-oProxyCommand=id@host", "ssh://ci:hunter2@host", "ssh://h/x"])
@pytest.mark.parametrize("command", ["doctor", "why", "save"])
def test_what_is_no_address_is_said_before_anything_is_read(folder: Path, host: str, command: str) -> None:
    more = {"doctor": [], "why": ["/no/such/log"], "save": ["/no/such/log", "b"]}[command]
    ended = run([command, *more, "--host", host], environment(folder), cwd=folder)
    assert (ended.code, ended.out) == (2, "")
    assert "hunter2" not in ended.one_line()
    assert "ssh://USER@HOST" in ended.one_line()


# --- the host ---------------------------------------------------------------------------------------------------------


def same_machine(host: SshHost) -> None:
    ours = LocalHost(seconds=20)
    assert host.identity == ours.identity
    assert host.names("/") == ours.names("/")
    assert host.stat("/etc/passwd") == ours.stat("/etc/passwd")
    assert os.getpid() in [p.pid for p in host.processes()]
    assert host.run(["sh", "-c", "echo out; echo err >&2; exit 3"], 60) == ours.run(
        ["sh", "-c", "echo out; echo err >&2; exit 3"], 60
    )


def test_it_is_this_machine_with_and_without_a_shared_connection(folder: Path, server: Sshd) -> None:
    with over(server) as host:
        same_machine(host)
    sockets = folder / "sockets"
    with over(server, sockets) as host:
        assert len(list(sockets.iterdir())) == 1
        same_machine(host)
    assert list(sockets.iterdir()) == []


def accepted(server: Sshd) -> int:
    return (server.folder / "sshd.log").read_text().count("Accepted publickey")


def test_all_shells_share_one_connection(folder: Path, server: Sshd) -> None:
    with over(server, folder / "sockets") as host:
        streams = [host.stream("/etc/passwd") for _ in range(5)]
        for _ in range(3):
            host.run(["true"], 60)
        assert {b"".join(s) for s in streams} == {Path("/etc/passwd").read_bytes()}
    assert accepted(server) == 1


@pytest.mark.parametrize("shared", [True, False])
def test_who_hangs_up_ends_what_ran_there(folder: Path, server: Sshd, shared: bool) -> None:
    note = folder / "pid"
    script = f"sh -c 'echo $$ > {note}.part; mv {note}.part {note}; exec sleep 600' & sleep 600"
    told: list[Reason] = []
    with over(server, folder / "sockets" if shared else None) as host:
        waits = Thread(target=lambda: told.append(refused(lambda: host.run(["sh", "-c", script], 600))[0]))
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


def test_a_connection_of_the_users_own_is_used(folder: Path, server: Sshd) -> None:
    """It may have taken a second factor, which nobody can be asked for here."""
    settings = server.folder / "ssh_config"
    settings.write_text(settings.read_text() + f"  ControlPath {folder}/own\n")
    where = ["-p", str(server.port), f"{server.user}@127.0.0.1"]
    env = {**os.environ, **server.env}
    subprocess.run(["ssh", "-fNM", *where], env=env, check=True, stderr=subprocess.DEVNULL)
    try:
        (server.folder / "authorized_keys").write_text("")
        with over(server, folder / "sockets") as host:
            assert host.identity == LocalHost().identity
        assert (folder / "own").exists(), "what the user has opened stays open"
    finally:
        subprocess.run(["ssh", "-O", "exit", *where], env=env, check=True, stderr=subprocess.DEVNULL)


@pytest.mark.parametrize("shell", ["fish", "tcsh", "bash"])
def test_another_login_shell_with_a_noisy_start(folder: Path, shell: str) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"needs {shell}")
    banner = folder / "banner"
    banner.write_text("Only for members\n")
    command = f'ForceCommand echo Welcome; echo Hello >&2; exec {shell} -c "$SSH_ORIGINAL_COMMAND"'
    with sshd(folder / "sshd", options=[command, f"Banner {banner}"]) as there, over(there) as host:
        same_machine(host)


def refused(ask: Callable[[], object]) -> tuple[Reason, str]:
    with pytest.raises(HostRefusedError) as caught:
        ask()
    return caught.value.unknown.reason, caught.value.unknown.detail


def change(server: Sshd, old: str, new: str) -> None:
    settings = server.folder / "ssh_config"
    text = settings.read_text()
    assert old in text
    settings.write_text(text.replace(old, new))


def lines(*changes: tuple[str, str]) -> Callable[[Sshd], None]:
    def make(server: Sshd) -> None:
        for old, new in changes:
            change(server, old, new)

    return make


def unknown_key(server: Sshd) -> None:
    (server.folder / "known_hosts").write_text("")


def changed_key(server: Sshd) -> None:
    other = (server.folder / "user_key.pub").read_text()
    (server.folder / "known_hosts").write_text(f"[127.0.0.1]:{server.port} {other}")


def no_key(server: Sshd) -> None:
    (server.folder / "authorized_keys").write_text("")


def open_key(server: Sshd) -> None:
    (server.folder / "user_key").chmod(0o644)


FAULTS: list[tuple[Callable[[Sshd], None], Reason, str]] = [
    (unknown_key, Reason.REFUSED, "connect once by hand and compare the fingerprint: ssh -p "),
    (changed_key, Reason.REFUSED, "not the one you know"),
    (no_key, Reason.REFUSED, "takes none of your keys"),
    (open_key, Reason.REFUSED, "user_key' are too open"),
    (lines(("Host *\n", "Host *\n  HostName no-such-host.invalid\n")), Reason.NO_HOST, "no host of this name"),
    (lines(("Host *\n", "Host *\n  ProxyCommand sleep 600\n")), Reason.TIMED_OUT, "does not answer"),
    (lines(("Host *\n", "Host *\n  NoSuchOption x\n")), Reason.REFUSED, "Bad configuration option"),
    (lines(("Host *\n", "Host *\n  ProxyCommand false\n")), Reason.NO_HOST, "ssh -o BatchMode=yes"),
]


@pytest.mark.parametrize(("fault", "reason", "words"), FAULTS)
def test_each_refusal_says_what_to_do(
    folder: Path, server: Sshd, fault: Callable[[Sshd], None], reason: Reason, words: str
) -> None:
    fault(server)
    told, detail = refused(lambda: over(server, folder / "sockets", connecting=2 if reason is Reason.TIMED_OUT else 30))
    assert told is reason, detail
    assert words in detail
    assert server.address in detail
    assert not list((folder / "sockets").glob("*"))


def test_a_login_that_takes_no_commands(folder: Path) -> None:
    with sshd(folder / "sshd", options=["ForceCommand echo This account is not available >&2; exit 1"]) as there:
        told, detail = refused(lambda: over(there))
    assert told is Reason.REFUSED
    assert "This account is not available" in detail


@pytest.mark.parametrize("shared", [True, False])
def test_a_server_that_goes_away_is_a_lost_connection(folder: Path, shared: bool) -> None:
    with sshd(folder / "sshd") as there:
        host = over(there, folder / "sockets" if shared else None)
        for pid in sessions(there):
            os.kill(pid, 9)
        with host:
            told, detail = refused(lambda: host.stat("/"))
            assert told is Reason.NO_HOST
            assert "connection was lost" in detail
            assert host.stat("/").kind == "directory", "it is found again"


def sessions(server: Sshd) -> Sequence[int]:
    """The processes of the server that serve one connection each."""
    return [p.pid for p in LocalHost().processes() if p.parent == server.pid]


def test_through_a_jump_host(folder: Path, server: Sshd) -> None:
    change(
        server,
        "Host *\n",
        f"Host inner\n  HostName 127.0.0.1\n  Port {server.port}\n  ProxyJump outer\n"
        f"  User {server.user}\nHost outer\n  HostName 127.0.0.1\n  Port {server.port}\n  User {server.user}\nHost *\n",
    )
    wrapper = server.folder / "bin" / "ssh"
    env = {**os.environ, **server.env}
    assert wrapper.exists()
    with SshHost(Address("inner"), folder / "sockets", seconds=60, connecting=30, environ=env) as host:
        same_machine(host)
    assert accepted(server) == 2


def test_no_secret_of_the_host_reaches_the_program(folder: Path) -> None:
    """Of a runner's environment only what was asked for comes over, and what is masked stays masked."""
    canary = "hunter2hunter2hunter2"
    with namespaced(folder, runner(folder, "true", API_TOKEN=canary, TMPDIR="/nowhere")) as there:
        shown = whyred(folder, there, "doctor", "--all", "--host", there.address)
        saved = whyred(folder, there, "save", "a.log", "a.whyred", "--host", there.address, VOUCHED)
    assert "/nowhere" in shown.out
    assert canary not in shown.out + shown.err + saved.out + saved.err
    for file in folder.rglob("*"):
        if file.is_file() and file.name != "sshd.log":
            assert canary.encode() not in file.read_bytes(), file
