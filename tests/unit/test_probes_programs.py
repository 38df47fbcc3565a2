"""Programs, libraries, locks and compilers: what profiles and ELF files say, asked of folders made for the purpose."""

import os
import socket
import struct
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whyred.hosts.local import LocalHost
from whyred.model.evidence import Unknown
from whyred.model.host import Subject
from whyred.model.probe import Facts
from whyred.probes.elf import machine_of, read_elf
from whyred.probes.find import probe
from whyred.probes.libraries import Blocks
from whyred.probes.profiles import Profile, defines, expanded, folders
from whyred.probes.program_search import is_slip

HEAD = b"\x7fELF\x02\x01\x01" + b"\0" * 9 + struct.pack("<HH", 2, 183)


@contextmanager
def process(home: Path, **env: str) -> Iterator[Subject]:
    """A process with this environment, which has been started when it is asked about."""
    child = subprocess.Popen(
        ["/bin/sh", "-c", "echo; exec cat"],
        env={"PATH": "/usr/bin:/bin", "HOME": str(home), **env},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=home,
    )
    with child:
        assert child.stdout is not None
        child.stdout.readline()
        yield Subject("runner", child.pid)
        child.kill()


def facts_of(name: str, subject: Subject, **arguments: str) -> Facts:
    unit = probe(name)
    return unit.read(unit.ask(LocalHost(), subject, arguments))


def program(path: Path, text: str = "#!/bin/sh\n") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode())
    path.chmod(0o755)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('export PATH="$HOME/.cargo/bin:$PATH"', ["/home/ci/.cargo/bin"]),
        ("PATH=$PATH:~/tools/bin", ["/home/ci/tools/bin"]),
        ("ROOT=/srv/kit\nexport PATH=${ROOT}/bin:$PATH", ["/srv/kit/bin"]),
        ("fish_add_path /opt/kit/bin", ["/opt/kit/bin"]),
        ("# export PATH=/old/bin:$PATH", []),
        ("export MANPATH=/usr/share/man", []),
        ('PATH="$(brew --prefix)/bin:$PATH"', ["/bin"]),
    ],
)
def test_folders_that_a_profile_names(text: str, found: list[str]) -> None:
    assert list(folders(Profile("/home/ci/.profile", text, "/home/ci"))) == found


@pytest.mark.parametrize(
    ("text", "is_defined"),
    [
        ("alias deploy='ssh x'", True),
        ("deploy() { ssh x; }", True),
        ("function deploy\n  ssh x\nend", True),
        ("deploy_all() { ssh x; }", False),
        ("# alias deploy=x", False),
    ],
)
def test_what_a_profile_defines(text: str, is_defined: bool) -> None:
    assert defines(Profile("/x", text, "/home/ci"), "deploy") is is_defined


@given(st.text(max_size=200))
def test_a_profile_may_hold_anything(text: str) -> None:
    profile = Profile("/x", text, "/home/ci")
    assert all(folder.startswith("/") for folder in folders(profile))
    defines(profile, "tool")
    word = expanded(text, "/home/ci", {"A": "$A$A"})
    assert word is None or word.startswith("/")


@given(st.binary(max_size=300))
def test_a_broken_program_is_none(rest: bytes) -> None:
    data = HEAD + rest
    found = read_elf(lambda at, size: data[at : at + size])
    assert machine_of(data) == "aarch64"
    assert found is None or found.machine == "aarch64"


def test_a_program_of_the_system_says_what_it_needs() -> None:
    found = read_elf(Blocks(LocalHost(), "/bin/sh"))
    assert found is not None
    assert found.libraries
    assert all(name in found.libraries for name, _ in found.needs)


def test_beside_the_path(tmp_path: Path) -> None:
    program(tmp_path / "kit/queuectl")
    (tmp_path / ".bashrc").write_text("TOKEN=canary-77\nexport PATH=$HOME/kit:$PATH\n")
    with process(tmp_path) as runner:
        facts = facts_of("program-search", runner, tool="queuectl")
        raw = probe("program-search").ask(LocalHost(), runner, {"tool": "queuectl"})
    assert facts["off_path"] is True
    assert facts["named_in"] == f"{tmp_path}/.bashrc"
    assert b"canary-77" not in raw
    with process(tmp_path, PATH=f"{tmp_path}/kit:/usr/bin") as runner:
        assert facts_of("program-search", runner, tool="queuectl")["on_path"] is True


def test_in_a_folder_that_no_profile_names_it_is_not_seen(tmp_path: Path) -> None:
    program(tmp_path / "venv/bin/queuectl")
    with process(tmp_path) as runner:
        assert facts_of("program-search", runner, tool="queuectl")["installed"] is False


@pytest.mark.parametrize(
    ("typed", "meant", "fits"),
    [
        ("gti", "git", True),
        ("pyhton3", "python3", True),
        ("carrgo", "cargo", True),
        ("shllcheck", "shellcheck", True),
        ("git", "git", False),
        ("clang-19", "clang-18", False),
        ("gcc-21", "gcc-12", False),
        ("cmake", "make", False),
        ("pnpm", "npm", False),
        ("dockerd", "docker", False),
        ("python", "python3", False),
        ("just", "jest", False),
        ("fd", "df", False),
    ],
)
def test_a_slip_and_a_sibling(typed: str, meant: str, fits: bool) -> None:
    assert is_slip(typed, meant) is fits


def test_a_misspelt_name_is_not_a_missing_program(tmp_path: Path) -> None:
    program(tmp_path / "kit/queuectl")
    with process(tmp_path, PATH=f"{tmp_path}/kit:/usr/bin") as runner:
        facts = facts_of("program-search", runner, tool="queeuctl")
    assert (facts["lookalike"], facts["installed"], facts["on_path"]) == ("queuectl", None, False)


def test_a_bundle_proves_nothing() -> None:
    found = probe("program-search").read(
        b'{"on_path": null, "elsewhere": null, "bundle": "/opt/kit/bin/python", "named_in": null,'
        b' "defined_in": null, "other_user": null}'
    )
    assert (found["installed"], found["off_path"], found["elsewhere"]) == (True, None, "/opt/kit/bin/python")


@pytest.mark.parametrize("name", ["../x", "a b", "", "x;y", "/bin/sh"])
def test_no_plain_name_is_looked_for(tmp_path: Path, name: str) -> None:
    with process(tmp_path) as runner:
        facts = facts_of("program-search", runner, tool=name)
    assert all(isinstance(value, Unknown) for value in facts.values())


@pytest.mark.parametrize(
    ("line", "fits"), [("#!/bin/sh\n", True), ("#!/bin/sh\r\n", False), ("#! /nowhere/python3 -u\n", False), ("", None)]
)
def test_a_script(tmp_path: Path, line: str, fits: bool | None) -> None:
    program(tmp_path / "tool", line)
    with process(tmp_path) as runner:
        assert facts_of("program-file", runner, path=f"{tmp_path}/tool")["fits"] is fits


def test_a_lock_is_held_as_long_as_its_file_is_open(tmp_path: Path) -> None:
    lock = tmp_path / ".package-cache"
    lock.touch()
    with process(tmp_path, CARGO_HOME=str(tmp_path)) as runner:
        assert facts_of("cargo-locks", runner, what="package cache")["held"] is False
        with subprocess.Popen(
            ["flock", str(lock), "sh", "-c", "echo; cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        ) as holder:
            assert holder.stdout is not None
            holder.stdout.readline()
            facts = facts_of("cargo-locks", runner, what="package cache")
            holder.communicate()
        assert facts_of("cargo-locks", runner, what="package cache")["held"] is False
    assert (facts["held"], facts["holder_alive"], facts["holder"]) == (True, True, holder.pid)


@pytest.mark.parametrize(("age", "before"), [(3600, True), (-3600, False)])
def test_a_failure_that_was_written_down(tmp_path: Path, age: int, before: bool) -> None:
    info = tmp_path / "target/.rustc_info.json"
    info.parent.mkdir()
    info.write_text('{"outputs": {"5": {"success": false, "stdout": "", "stderr": "boom\\n"}}}')
    now = info.stat().st_mtime
    os.utime(info, (now - age, now - age))
    with process(tmp_path) as runner:
        facts = facts_of("rustc-info", runner)
    assert (facts["poisoned"], facts["said"], facts["before_runner"]) == (True, "boom", before)


def test_a_healthy_memory_with_a_failure(tmp_path: Path) -> None:
    info = tmp_path / "target/.rustc_info.json"
    info.parent.mkdir()
    info.write_text(
        '{"outputs": {"5": {"success": true, "stdout": "rustc 1.63.0\\n", "stderr": ""},'
        ' "6": {"success": false, "stdout": "", "stderr": "unstable"}}}'
    )
    with process(tmp_path) as runner:
        assert facts_of("rustc-info", runner)["poisoned"] is False


def test_who_listens_for_sccache(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        port = str(mute.getsockname()[1])
        with process(tmp_path, SCCACHE_SERVER_PORT=port) as runner:
            facts = facts_of("sccache-client", runner)
    assert (facts["listening"], facts["foreign"], facts["log_unwritable"]) == (True, True, False)
