"""Probes asked of stand-ins for what this machine may lack: systemd, control groups of version 2, odd tools."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from whyred.hosts.local import LocalHost
from whyred.model.evidence import Reason, Unknown
from whyred.model.host import HostRefusedError, Output, Subject
from whyred.model.probe import Facts
from whyred.probes.find import probe

RUNNER = Subject("runner", 1, "forgejo-runner@3.service")


class Systemd(LocalHost):
    """This machine with a systemctl that prints this."""

    def __init__(self, out: str, code: int = 0, err: str = "") -> None:
        super().__init__()
        self.output = Output(code, out.encode(), err.encode())
        self.asked: list[str] = []

    def run(self, argv: Sequence[str], seconds: float = 2.0) -> Output:
        self.asked = list(argv)
        return self.output


def facts_of(host: LocalHost, name: str, subject: Subject = RUNNER, **arguments: str) -> Facts:
    unit = probe(name)
    return unit.read(unit.ask(host, subject, arguments))


def reasons(facts: Facts) -> set[Reason | None]:
    return {v.reason if isinstance(v, Unknown) else None for v in facts.values()}


# The form that `systemctl show` of systemd 252 documents in systemctl(1) and org.freedesktop.systemd1(5).
SHOWN = """\
ExecMainStartTimestamp=Mon 2025-11-24 08:00:00 UTC
Environment=TMPDIR=/var/tmp "GREETING=two words" API_TOKEN=hush-hush
EnvironmentFiles=/etc/runner.env (ignore_errors=no)
EnvironmentFiles=/etc/more.env (ignore_errors=yes)
PrivateTmp=yes
DynamicUser=no
ProtectSystem=strict
RestrictAddressFamilies=AF_INET AF_UNIX
ReadWritePaths=/srv/a -/srv/b
LoadState=loaded
FragmentPath=/etc/systemd/system/forgejo-runner@.service
NeedDaemonReload=yes
DropInPaths=/etc/systemd/system/forgejo-runner@.service.d/a.conf /run/systemd/b.conf
"""


def test_settings_of_a_unit() -> None:
    host = Systemd(SHOWN)
    assert b"hush" not in probe("unit-settings").ask(host, RUNNER, {})
    assert host.asked[-2:] == ["--", "forgejo-runner@3.service"]
    assert facts_of(host, "unit-settings") == {
        "private_tmp": True,
        "dynamic_user": False,
        "environment": "API_TOKEN,GREETING,TMPDIR",
        "tmpdir": "/var/tmp",
        "environment_files": "/etc/runner.env,/etc/more.env",
        "read_write_paths": "/srv/a,-/srv/b",
        "protect_system": "strict",
        "address_families": "AF_INET AF_UNIX",
        "no_network": False,
        "addresses_denied": None,
        "executable_memory_denied": False,
        "namespaces_denied": None,
        "started": "Mon 2025-11-24 08:00:00 UTC",
        "fragment": "/etc/systemd/system/forgejo-runner@.service",
        "drop_ins": 2,
        "drop_in_files": "/etc/systemd/system/forgejo-runner@.service.d/a.conf,/run/systemd/b.conf",
        "needs_reload": True,
    }


def test_a_disconnected_tmp_has_no_directory_in_the_host() -> None:
    host = Systemd(SHOWN.replace("PrivateTmp=yes", "PrivateTmp=yes\nPrivateTmpEx=disconnected"))
    assert facts_of(host, "unit-settings")["private_tmp"] is False


def test_a_plain_unit() -> None:
    facts = facts_of(
        Systemd("LoadState=loaded\nEnvironment=\nPrivateTmp=no\nExecMainStartTimestamp=\n"), "unit-settings"
    )
    absent = ("environment", "tmpdir", "environment_files", "read_write_paths", "started", "fragment")
    assert [facts[f] for f in absent] == [None] * 6
    assert (facts["private_tmp"], facts["drop_ins"], facts["protect_system"]) == (False, 0, "no")


@pytest.mark.parametrize(
    ("host", "reason"),
    [
        (Systemd("LoadState=not-found\n"), Reason.NOT_FOUND),
        (Systemd("", 1, "System has not been booted with systemd as init system (PID 1)."), Reason.NOT_SUPPORTED),
        (Systemd("", 1, "Access denied"), Reason.REFUSED),
    ],
)
def test_systemd_that_does_not_answer(host: Systemd, reason: Reason) -> None:
    assert reasons(facts_of(host, "unit-settings")) == {reason}


def test_a_host_without_systemctl() -> None:
    class Bare(LocalHost):
        def run(self, argv: Sequence[str], seconds: float = 2.0) -> Output:
            raise HostRefusedError(Reason.TOOL_MISSING, "systemctl: this program is not on the host")

    assert reasons(facts_of(Bare(), "unit-settings")) == {Reason.TOOL_MISSING}


@pytest.mark.parametrize("unit", ["--all", "a b.service", "*", "a\nb", ""])
def test_what_is_no_unit_is_never_asked_about(unit: str) -> None:
    host = Systemd(SHOWN)
    assert reasons(facts_of(host, "unit-settings", Subject("x", 1, unit))) == {Reason.NOT_APPLICABLE}
    assert host.asked == []


class Files(LocalHost):
    """A machine of these files."""

    def __init__(self, files: Mapping[str, str]) -> None:
        super().__init__()
        self.files = files

    def read(self, path: str, limit: int = 1 << 20) -> bytes:
        if path not in self.files:
            raise HostRefusedError(Reason.NOT_FOUND, f"{path}: No such file or directory")
        return self.files[path].encode()


MOUNTS = "25 22 0:22 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw,nsdelegate\n"
GROUP = "/sys/fs/cgroup/ci.slice/r.service"
V2 = {
    "/proc/self/mountinfo": MOUNTS,
    "/proc/1/cgroup": "0::/ci.slice/r.service\n",
    f"{GROUP}/memory.events": "low 0\nhigh 0\nmax 9\noom 4\noom_kill 3\noom_group_kill 0\n",
    f"{GROUP}/memory.max": "max\n",
    f"{GROUP}/memory.current": "1048576\n",
    "/sys/fs/cgroup/ci.slice/memory.max": "157286400\n",
}


def test_a_group_of_version_2_with_a_limit_of_its_parent() -> None:
    assert facts_of(Files(V2), "memory-events") == {
        "oom_kill": 3,
        "oom": 4,
        "limit_bytes": 157286400,
        "current_bytes": 1048576,
        "cgroup": "/ci.slice/r.service",
    }


def test_a_group_without_a_limit() -> None:
    files = {k: v for k, v in V2.items() if "ci.slice/memory.max" not in k}
    assert facts_of(Files(files), "memory-events")["limit_bytes"] is None


def test_the_root_group_counts_in_vmstat() -> None:
    files = {"/proc/self/mountinfo": MOUNTS, "/proc/vmstat": "nr_free_pages 5\noom_kill 7\n"}
    facts = facts_of(Files(files), "memory-events", Subject("host"))
    assert (facts["oom_kill"], facts["limit_bytes"], facts["cgroup"]) == (7, None, "/")
    assert isinstance(facts["oom"], Unknown)


def test_a_container_that_sees_only_its_own_groups() -> None:
    mounts = "25 22 0:22 /docker/abc /sys/fs/cgroup ro - cgroup2 cgroup rw\n"
    files = {
        "/proc/self/mountinfo": mounts,
        "/proc/1/cgroup": "0::/docker/abc/job\n",
        "/sys/fs/cgroup/job/memory.events": "oom 1\noom_kill 1\n",
        "/sys/fs/cgroup/job/memory.max": "5\n",
        "/sys/fs/cgroup/job/memory.current": "4\n",
    }
    facts = facts_of(Files(files), "memory-events")
    assert (facts["oom_kill"], facts["limit_bytes"], facts["current_bytes"]) == (1, 5, 4)


def test_no_control_groups_at_all() -> None:
    files = {"/proc/self/mountinfo": "22 1 8:1 / / rw - ext4 a rw\n", "/proc/1/cgroup": ""}
    assert reasons(facts_of(Files(files), "memory-events")) == {Reason.NOT_SUPPORTED}


def tool(folder: Path, name: str, script: str = "echo rustc 1.93.0; echo more", mode: int = 0o755) -> str:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(f"#!/bin/sh\n{script}\n")
    (folder / name).chmod(mode)
    return str(folder)


def ask_tool(name: str, path: str) -> Facts:
    return facts_of(LocalHost(), "tool-version", Subject("host"), tool=name, path=path)


def test_the_first_executable_on_the_path_counts(tmp_path: Path) -> None:
    plain = tool(tmp_path / "plain", "rustc", mode=0o644)
    first = tool(tmp_path / "first", "rustc")
    second = tool(tmp_path / "second", "rustc", "echo rustc 1.95.0")
    facts = ask_tool("rustc", f"relative:{tmp_path}/gone:{plain}:{first}/:{second}")
    known = {"present": True, "path": f"{first}/rustc", "version": "rustc 1.93.0", "minor": 93}
    assert facts == {**known, "older": None, "others": f"{second}/rustc"}


def test_a_tool_that_is_not_there(tmp_path: Path) -> None:
    nothing = {"path": None, "version": None, "minor": None, "older": None, "others": None}
    assert ask_tool("rustc", str(tmp_path)) == {"present": False, **nothing}


@pytest.mark.parametrize("name", ["deploy", "reboot", "whyred"])
def test_a_program_from_a_log_is_never_started(tmp_path: Path, name: str) -> None:
    facts = ask_tool(name, tool(tmp_path / "bin", name, f"touch {tmp_path}/started"))
    assert facts["present"] is True
    assert isinstance(facts["version"], Unknown)
    assert not (tmp_path / "started").exists()


@pytest.mark.parametrize("name", ["", "-x", "../sh", "a b", "/bin/sh", "x" * 65, "a\nb"])
def test_what_is_no_plain_name_is_never_looked_for(name: str) -> None:
    assert reasons(ask_tool(name, "/usr/bin")) == {Reason.NOT_APPLICABLE}


@pytest.mark.parametrize("where", ["file", "folder"])
def test_a_tool_that_anybody_may_rewrite_is_not_started(tmp_path: Path, where: str) -> None:
    folder = tool(tmp_path / "bin", "rustc", f"touch {tmp_path}/started")
    (tmp_path / "bin" / "rustc" if where == "file" else tmp_path / "bin").chmod(0o777)
    facts = ask_tool("rustc", folder)
    assert (facts["present"], reasons({"v": facts["version"]})) == (True, {Reason.REFUSED})
    assert not (tmp_path / "started").exists()


def test_a_tool_that_fails_says_what_it_said(tmp_path: Path) -> None:
    facts = ask_tool("rustc", tool(tmp_path / "bin", "rustc", "echo no toolchain >&2; exit 1"))
    assert isinstance(facts["version"], Unknown)
    assert "no toolchain" in facts["version"].detail


def test_go_is_asked_in_its_own_words(tmp_path: Path) -> None:
    assert ask_tool("go", tool(tmp_path / "bin", "go", 'echo "got $*"'))["version"] == "got version"


def test_rustup_is_not_started_where_it_would_make_a_home(tmp_path: Path) -> None:
    """Whoever starts one of its proxies without settings gets a new ~/.rustup."""
    marks, home = tmp_path / "marks", tmp_path / "home"
    program = tmp_path / "bin" / "rustup"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\necho started >> {marks}\necho 'rustc 1.90.0 (a 2026-01-01)'\n")
    program.chmod(0o755)
    (tmp_path / "bin" / "rustc").hardlink_to(program)
    (tmp_path / "bin" / "cargo").symlink_to("rustup")

    class Home(LocalHost):
        def environ(self, pid: int, keys: Sequence[str]) -> dict[str, str]:
            return {"HOME": str(home)}

    def asked(tool: str) -> Facts:
        return facts_of(Home(), "tool-version", Subject("host"), tool=tool, path=str(tmp_path / "bin"))

    for tool in ("rustc", "cargo", "rustup"):
        assert isinstance(asked(tool)["version"], Unknown)
        assert asked(tool)["present"] is True
    assert not marks.exists()
    (home / ".rustup").mkdir(parents=True)
    (home / ".rustup" / "settings.toml").write_text("")
    assert asked("rustc")["minor"] == 90
    assert marks.exists()
