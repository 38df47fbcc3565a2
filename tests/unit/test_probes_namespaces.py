"""Real faults, made in namespaces of our own, asked about from inside and from outside, and as a stranger."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from time import monotonic

import pytest

from whyred.hosts.local import LocalHost
from whyred.model.evidence import Reason, Unknown
from whyred.model.host import Process, Subject
from whyred.model.probe import Facts, Kind
from whyred.probes.find import all_probes, probe

SOURCE = Path(__file__).parents[2] / "src"
ENV = {**os.environ, "PYTHONPATH": str(SOURCE), "PYTHONDONTWRITEBYTECODE": "1"}
DEAD_TMP = "mount -t tmpfs b /mnt; mkdir -p /mnt/p/tmp; mount --bind /mnt/p/tmp /tmp; rmdir /mnt/p/tmp; "
LIVE_TMP = "mount -t tmpfs b /mnt; mkdir -p /mnt/p/tmp; mount --bind /mnt/p/tmp /tmp; "
ASK = """
import json, sys
from whyred.hosts.local import LocalHost
from whyred.model.host import Process, Subject
from whyred.probes.find import probe
wanted = json.loads(sys.argv[1])
host = LocalHost()
for name, pid, unit, arguments in wanted:
    print(json.dumps(probe(name).ask(host, Subject("subject", pid, unit), arguments).decode()))
"""


@cache
def why_no_namespace() -> str | None:
    try:
        done = subprocess.run(["unshare", "-Urm", "mount", "-t", "tmpfs", "x", "/mnt"], capture_output=True, text=True)
    except FileNotFoundError:
        return "unshare(1) is not installed"
    return None if done.returncode == 0 else f"no user namespaces here: {done.stderr.strip()}"


@pytest.fixture(autouse=True)
def _namespaces() -> None:
    if reason := why_no_namespace():
        pytest.skip(reason)


def answers(done: "subprocess.CompletedProcess[str]", names: list[str]) -> list[Facts]:
    assert done.returncode == 0, done.stderr
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    return [probe(n).read(r.encode()) for n, r in zip(names, rows, strict=True)]


def inside(setup: str, name: str, arguments: dict[str, str], python: str = sys.executable) -> Facts:
    """The facts as whyred sees them when it runs itself in a namespace with this fault."""
    wanted = json.dumps([[name, None, None, arguments]])
    argv = ["unshare", "-Urm", "sh", "-ec", f'{setup} exec "$@"', "sh", python, "-c", ASK, wanted]
    return answers(subprocess.run(argv, capture_output=True, text=True, env=ENV), [name])[0]


@contextmanager
def sleeper(setup: str, last: str = "exec sleep 600") -> Iterator[int]:
    """The pid of a process that sleeps in a namespace with this fault."""
    argv = ["unshare", "-Urm", "sh", "-ec", f"{setup} echo ready; {last}"]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, stdin=subprocess.PIPE) as child:
        try:
            assert child.stdout is not None
            assert child.stdout.readline() == b"ready\n"
            yield child.pid
        finally:
            child.kill()


def ask(pid: int | None, name: str, **arguments: str) -> Facts:
    unit = probe(name)
    return unit.read(unit.ask(LocalHost(), Subject("subject", pid), arguments))


def reason(value: object) -> Reason | None:
    return value.reason if isinstance(value, Unknown) else None


@pytest.mark.parametrize("view", ["inside", "outside"])
@pytest.mark.parametrize(("setup", "deleted"), [(DEAD_TMP, True), (LIVE_TMP, False)])
def test_a_dead_private_tmp_is_told_from_a_live_one(view: str, setup: str, deleted: bool) -> None:
    if view == "inside":
        facts = inside(setup, "mount-state", {"path": "/tmp"})
    else:
        with sleeper(setup) as pid:
            facts = ask(pid, "mount-state", path="/tmp")
    assert facts["deleted"] is deleted
    assert facts["links"] == (0 if deleted else 2)
    assert facts["present"] is True
    assert facts["mounted"] is True
    assert facts["fstype"] == "tmpfs"
    assert str(facts["root"]).endswith("//deleted") is deleted


def test_outside_the_namespace_tmp_stays_healthy() -> None:
    with sleeper(DEAD_TMP):
        facts = ask(None, "mount-state", path="/tmp")
    assert facts["deleted"] is False
    assert facts["links"] != 0


def test_the_dead_tmp_looks_healthy_to_everything_but_a_create_attempt() -> None:
    facts = inside(DEAD_TMP, "directory-state", {"path": "/tmp", "create": "yes"})
    assert facts["exists"] is True
    assert facts["links"] == 0
    assert facts["writable"] is True
    assert facts["free_percent"] != 0.0
    assert facts["creatable"] is False
    assert inside(LIVE_TMP, "directory-state", {"path": "/tmp", "create": "yes"})["creatable"] is True


@pytest.mark.parametrize(
    ("options", "field"), [("noexec", "noexec"), ("ro", "readonly"), ("nosuid", None), ("ro,noexec", "noexec")]
)
@pytest.mark.parametrize("folder", ["/mnt", "/mnt/with blank"])
def test_mount_options_of_the_mount_that_holds_a_path(options: str, field: str | None, folder: str) -> None:
    setup = f"mount -t tmpfs o /mnt; mkdir -p '{folder}'; mount -t tmpfs -o {options} src '{folder}';"
    with sleeper(setup) as pid:
        facts = ask(pid, "mount-state", path=folder)
        below = ask(pid, "mount-state", path=f"{folder}/missing/x")
    assert facts["mounted"] is True
    assert facts["source"] == "src"
    assert facts["noexec"] is ("noexec" in options)
    assert facts["readonly"] is ("ro" in options.split(","))
    assert (below["mounted"], below["present"], below["links"]) == (False, False, None)
    assert field is None or below[field] is True


def test_a_file_system_that_was_made_read_only_afterwards() -> None:
    facts = inside("mount -t tmpfs o /mnt; mount -t tmpfs -o remount,ro o /mnt;", "mount-state", {"path": "/mnt"})
    assert facts["readonly"] is True


def test_a_mount_that_a_later_one_hides_is_not_taken() -> None:
    setup = "mount -t tmpfs a /mnt; mkdir /mnt/in; mount -t tmpfs -o noexec hidden /mnt/in; mount -t tmpfs top /mnt;"
    facts = inside(setup, "mount-state", {"path": "/mnt/in"})
    assert (facts["source"], facts["noexec"], facts["present"]) == ("top", False, False)


def test_a_full_file_system() -> None:
    setup = "mount -t tmpfs -o size=64k x /mnt; dd if=/dev/zero of=/mnt/fill 2>/dev/null || true;"
    facts = inside(setup, "directory-state", {"path": "/mnt", "create": "yes"})
    assert facts["free_bytes"] == 0
    assert facts["free_percent"] == 0.0
    assert facts["total_bytes"] == 65536
    assert facts["free_inodes"] != 0
    assert facts["entries"] == 1


def test_no_inodes_left_while_blocks_are_free() -> None:
    setup = "mount -t tmpfs -o size=1m,nr_inodes=3 x /mnt; touch /mnt/1 /mnt/2 /mnt/3 2>/dev/null || true;"
    facts = inside(setup, "directory-state", {"path": "/mnt", "create": "yes"})
    assert facts["free_inodes"] == 0
    assert facts["free_inodes_percent"] == 0.0
    assert facts["free_percent"] == 100.0
    assert facts["creatable"] is False


def test_an_absolute_link_is_followed_in_the_root_of_the_process() -> None:
    setup = "mount -t tmpfs o /mnt; mkdir -m 700 /mnt/own; mkdir /mnt/sub; ln -s /mnt/own /mnt/sub/link; "
    setup += "ln -s /mnt/gone /mnt/dangling; "
    with sleeper(setup) as pid:
        linked, dangling = (ask(pid, "directory-state", path=f"/mnt/{p}") for p in ("sub/link", "dangling"))
        assert not Path("/mnt/own").exists(), "the host has the folder too, so this proves nothing"
        mount = ask(pid, "mount-state", path="/mnt/sub/link")
    assert (linked["exists"], linked["mode"], linked["kind"]) == (True, "0700", "directory")
    assert (dangling["exists"], dangling["kind"], dangling["dangling"]) == (False, "link", True)
    assert (mount["present"], mount["source"]) == (True, "o")


def test_a_relative_path_counts_from_the_working_directory_of_the_process() -> None:
    with sleeper("mount -t tmpfs o /mnt; mkdir /mnt/here /mnt/here/tmp; cd /mnt/here;") as pid:
        facts = ask(pid, "directory-state", path="tmp")
    assert (facts["exists"], facts["path_bytes"]) == (True, 3)


def test_rights_within_a_user_namespace_end_at_its_ids() -> None:
    """Root of a namespace may write what belongs to an id it maps, and not what belongs to another."""
    if os.geteuid() != 0:
        pytest.skip("needs root to own a directory as another user")
    setup = "mount -t tmpfs o /mnt; mkdir -m 555 /mnt/own; "
    with sleeper(setup) as pid:
        assert ask(pid, "directory-state", path="/mnt/own")["writable"] is True
        owner = Path(f"/proc/{pid}/root/mnt")
        (owner / "other").mkdir(mode=0o755)
        os.chown(owner / "other", 1234, 1234)
        assert ask(pid, "directory-state", path="/mnt/other")["writable"] is False
    inner = "mount -t tmpfs o /mnt; mkdir -m 555 /mnt/own;"
    assert inside(inner, "directory-state", {"path": "/mnt/own"})["writable"] is True


class Only(LocalHost):
    """This machine with no other processes than these: what else runs here decides nothing."""

    def __init__(self, *pids: int) -> None:
        super().__init__()
        self.pids = {1, *pids}

    def processes(self) -> list[Process]:
        return [p for p in super().processes() if p.pid in self.pids]


def ask_among(pids: tuple[int, ...], about: int | None, name: str) -> Facts:
    unit = probe(name)
    return unit.read(unit.ask(Only(*pids), Subject("subject", about), {}))


def test_a_runner_with_a_dead_tmp_and_one_without(tmp_path: Path) -> None:
    """The stand-in runner is a Python under the runner's name, with a program that no /tmp can take away."""
    (tmp_path / "wait.py").write_text("input()")
    last = f"exec bash -c 'exec -a /usr/bin/forgejo-runner {sys.executable} /dev/fd/3 daemon -c /etc/runner-N.yaml'"
    program = f"exec 3< {tmp_path}/wait.py;"
    with sleeper(program + DEAD_TMP, last) as dead, sleeper(program + LIVE_TMP, last) as live:
        for pid in (dead, live):
            becomes(pid, "daemon")
        both = ask_among((dead, live), None, "runner-processes")
        healthy = ask_among((live,), None, "runner-processes")
        none = ask_among((), None, "runner-processes")
    fields = ("runners", "private_tmp", "tmp_deleted")
    assert [both[f] for f in fields] == [2, 2, 1]
    assert [healthy[f] for f in fields] == [1, 1, 0]
    assert [none[f] for f in fields] == [0, 0, 0]
    assert none["names"] is None


def becomes(pid: int, word: str) -> None:
    """Wait until the process has started the program that has this word among its arguments."""
    end = monotonic() + 60
    while word.encode() not in Path(f"/proc/{pid}/cmdline").read_bytes().rstrip(b"\0").split(b"\0"):
        assert monotonic() < end, f"process {pid} never became {word}"


def test_an_sccache_server_that_sits_in_a_dead_tmp() -> None:
    last = "exec env -u TMPDIR bash -c 'exec -a sccache cat'"
    with sleeper(DEAD_TMP, last) as server, sleeper(LIVE_TMP) as job:
        becomes(server, "sccache")
        found, own, asked = (ask_among((server, job), about, "sccache-server") for about in (None, server, job))
        none = ask_among((job,), job, "sccache-server")
    assert (found["running"], found["pid"]) == (True, server)
    assert (found["tmpdir"], found["tmpdir_exists"], found["tmpdir_links"]) == ("/tmp", True, 0)
    assert found["tmp_deleted"] is True
    assert found == own
    assert found["same_mounts_as_asker"] is False
    assert asked["same_mounts_as_asker"] is False
    assert (none["running"], none["pid"]) == (False, None)


def test_an_sccache_server_whose_tmpdir_is_gone(tmp_path: Path) -> None:
    env = {**os.environ, "TMPDIR": f"{tmp_path}/job-1"}
    with subprocess.Popen(["sccache"], executable="cat", stdin=subprocess.PIPE, env=env) as server:
        facts = ask_among((server.pid,), None, "sccache-server")
        server.communicate(b"")
    assert (facts["pid"], facts["tmpdir"]) == (server.pid, f"{tmp_path}/job-1")
    assert (facts["tmpdir_exists"], facts["tmpdir_links"], facts["tmp_deleted"]) == (False, None, False)
    assert facts["same_mounts_as_asker"] is True


def test_the_port_tells_which_of_two_sccache_servers_a_job_uses() -> None:
    def start(argv: list[str], port: str) -> "subprocess.Popen[bytes]":
        env = {**os.environ, "SCCACHE_SERVER_PORT": port}
        return subprocess.Popen(argv, executable="cat", stdin=subprocess.PIPE, env=env)

    with start(["sccache"], "4226") as first, start(["sccache"], "5000") as second, start(["job"], "5000") as job:
        pids = (first.pid, second.pid, job.pid)
        of_job, of_host = ask_among(pids, job.pid, "sccache-server"), ask_among(pids, None, "sccache-server")
        for child in (first, second, job):
            child.communicate(b"")
    assert of_job["pid"] == second.pid
    assert reason(of_host["pid"]) is Reason.WHICH_RUNNER


ARGUMENTS: dict[str, dict[str, str]] = {
    "mount-state": {"path": "/tmp"},
    "directory-state": {"path": "/tmp"},
    "process-env": {"key": "PATH"},
    "tool-version": {"tool": "sh"},
    "variable-layers": {"name": "TMPDIR", "folder": "/"},
}


@cache
def stranger() -> tuple[list[str], str] | None:
    """How to start whyred as a user without rights, and with which Python; None where that is not possible."""
    drop = ["setpriv", "--reuid=1234", "--regid=1234", "--clear-groups", "--inh-caps=-all"]
    drop = drop if os.geteuid() == 0 else []
    for python in (sys.executable, "/usr/bin/python3"):
        try:
            done = subprocess.run([*drop, python, "-c", "import whyred.hosts.local"], env=ENV, capture_output=True)
        except FileNotFoundError:
            continue
        if done.returncode == 0:
            return drop, python
    return None


def of_hosts() -> list[str]:
    """The probes that ask a host, and not a forge."""
    return sorted(name for name, known in all_probes().items() if known.kind is not Kind.FORGE)


def test_as_a_stranger_every_probe_answers_or_says_why() -> None:
    if stranger() is None:
        pytest.skip("no Python here that a user without rights may run")
    drop, python = stranger() or ([], "")
    names = of_hosts()
    with sleeper(DEAD_TMP) as pid:
        wanted = [[n, p, "no-such.service", ARGUMENTS.get(n, {})] for p in (None, pid) for n in names]
        argv = [*drop, python, "-c", ASK, json.dumps(wanted)]
        env = {**ENV, "HOME": "/nonexistent"}
        found = answers(subprocess.run(argv, capture_output=True, text=True, env=env), names * 2)
    of_host, of_process = dict(zip(names, found, strict=False)), dict(zip(names, found[len(names) :], strict=True))
    assert of_host["mount-state"]["deleted"] is False
    assert of_host["directory-state"]["exists"] is True
    assert of_host["tool-version"]["present"] is True
    assert of_host["variable-layers"]["set_anywhere"] is False
    # mountinfo is open to everybody: a dead /tmp is seen without any right
    assert of_process["mount-state"]["deleted"] is True
    assert of_process["memory-events"]["cgroup"]
    if os.geteuid() == 0:
        assert reason(of_process["mount-state"]["links"]) is Reason.NO_PERMISSION
        assert reason(of_process["directory-state"]["exists"]) is Reason.NO_PERMISSION
        assert reason(of_process["process-env"]["set"]) is Reason.NO_PERMISSION
    unknown = [v for facts in found for v in facts.values() if isinstance(v, Unknown)]
    assert all(v.detail for v in unknown)
    assert not {v.reason for v in unknown} & {Reason.UNREADABLE, Reason.FAULT, Reason.TIMED_OUT}


def test_hidden_processes_are_said_not_denied() -> None:
    """With hidepid=2 a stranger sees only its own processes: that none is found proves nothing."""
    if os.geteuid() != 0 or stranger() is None:
        pytest.skip("needs root to mount /proc with hidepid and a Python that a user without rights may run")
    drop, python = stranger() or ([], "")
    names = ["runner-processes", "sccache-server", "mount-state"]
    wanted = [
        ["runner-processes", None, None, {}],
        ["sccache-server", None, None, {}],
        ["mount-state", 1, None, ARGUMENTS["mount-state"]],
    ]
    inner = [
        "sh",
        "-ec",
        'mount -t proc -o hidepid=2 proc /proc; "$@"',
        "sh",
        *drop,
        python,
        "-c",
        ASK,
        json.dumps(wanted),
    ]
    done = subprocess.run(["unshare", "-pmf", *inner], capture_output=True, text=True, env=ENV)
    if "Operation not permitted" in done.stderr or "permission denied" in done.stderr:
        pytest.skip(f"no process namespace here: {done.stderr.strip()}")
    runners, sccache, mount = answers(done, names)
    assert reason(runners["runners"]) is Reason.NO_PERMISSION
    assert reason(sccache["running"]) is Reason.NO_PERMISSION
    assert reason(mount["deleted"]) is Reason.NO_PERMISSION


def test_a_process_that_is_gone() -> None:
    with subprocess.Popen(["true"]) as child:
        child.wait()
        pid = child.pid
    for name in ("mount-state", "directory-state", "process-env", "tool-version", "memory-events"):
        facts = ask(pid, name, **ARGUMENTS.get(name, {}))
        assert {reason(v) for v in facts.values()} == {Reason.NOT_FOUND}, name


def test_without_dev_home_and_environment() -> None:
    """A root file system without /dev, an empty environment: every probe still answers."""
    wanted = json.dumps([[n, None, None, ARGUMENTS.get(n, {})] for n in of_hosts()])
    setup = "mount -t tmpfs d /dev; mount -t tmpfs -o ro,mode=0 t /tmp; "
    setup += 'exec env -i PYTHONPATH="$PYTHONPATH" "$@"'
    argv = ["unshare", "-Urm", "sh", "-ec", setup, "sh", sys.executable, "-c", ASK, wanted]
    done = subprocess.run(argv, capture_output=True, text=True, env=ENV)
    found = dict(zip(of_hosts(), answers(done, of_hosts()), strict=True))
    assert found["tool-version"]["present"] is True
    assert found["mount-state"]["readonly"] is True
