"""Which machine a name means, where its socket may lie, and that what a far host does not tell stays unknown."""

import zipfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from fake_ssh import fake_ssh

from whyred.app import hosts
from whyred.app.ask import PROBE_SECONDS
from whyred.hosts.local import LocalHost
from whyred.hosts.ssh import SshHost
from whyred.model.evidence import Reason, Unknown
from whyred.model.host import FarHost, Output, Space, Stat, Subject
from whyred.model.trouble import UserError
from whyred.probes.find import probe
from whyred.settings import folders


@pytest.mark.parametrize(
    ("name", "live"), [("local", True), ("ssh://h", True), ("ssh:", True), ("a.whyred", False), ("./local", False)]
)
def test_what_can_be_asked_now(name: str, live: bool) -> None:
    assert hosts.is_live(name) is live


def test_what_is_no_address_is_said_at_once(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "bundle.whyred", "w") as archive:
        archive.writestr("manifest.json", "{}")
    hosts.check(None)
    hosts.check(str(tmp_path / "bundle.whyred"))
    hosts.check("ssh://ci@host")
    with pytest.raises(UserError):
        hosts.check("ssh://ci@-host")
    with pytest.raises(UserError, match="no such file"):
        hosts.check("bundle.whyred")
    with pytest.raises(UserError, match="no machine"):
        hosts.host("bundle.whyred")


def test_this_machine() -> None:
    assert isinstance(hosts.host("local"), LocalHost)
    with hosts.reach("local") as (here, patience):
        assert isinstance(here, LocalHost)
        assert not isinstance(here, FarHost)
        assert patience == PROBE_SECONDS


def test_another_machine_is_given_more_time_and_closed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in fake_ssh(tmp_path / "fake").items():
        monkeypatch.setenv(name, value)
    told: list[str] = []
    with hosts.reach("ssh://ci@host", told.append) as (there, patience):
        assert isinstance(there, SshHost)
        assert isinstance(there, FarHost)
        assert patience > PROBE_SECONDS
        assert there.stat("/").kind == "directory"
    assert told == ["connecting to ssh://ci@host"]
    lasting = hosts.host("ssh://ci@host")
    assert isinstance(lasting, SshHost)
    lasting.close()


def test_where_a_socket_may_lie(tmp_path: Path) -> None:
    cache = {"XDG_CACHE_HOME": "/c"}
    assert folders.sockets(cache | {"XDG_RUNTIME_DIR": str(tmp_path)}) == tmp_path / "whyred"
    for none in ("", "relative", f"{tmp_path}/gone"):
        assert folders.sockets(cache | {"XDG_RUNTIME_DIR": none}) == Path("/c/whyred")


class Reticent(LocalHost):
    """A host that tells neither devices nor inodes, as one without `stat` and `df -i`."""

    def stat(self, path: str, *, follow: bool = True) -> Stat:
        return replace(super().stat(path, follow=follow), device=0)

    def space(self, path: str) -> Space:
        return replace(super().space(path), free_inodes=None, total_inodes=None)

    def read(self, path: str, limit: int = 1 << 20) -> bytes:
        data = super().read(path, limit)
        return (
            data if path != "/proc/self/mountinfo" else data + b"\n"
        )  # so that every process seems to see another root

    def run(self, argv: Sequence[str], seconds: float = 2.0) -> Output:
        raise AssertionError("a program that may be another one was started")


def test_inodes_that_are_not_told_are_unknown() -> None:
    unit = probe("directory-state")
    facts = unit.read(unit.ask(Reticent(), Subject("host"), {"path": "/tmp"}))
    for name in ("free_inodes", "total_inodes", "free_inodes_percent"):
        told = facts[name]
        assert isinstance(told, Unknown)
        assert told.reason is Reason.NOT_SUPPORTED
    assert isinstance(facts["free_bytes"], int)


def test_a_program_is_the_same_only_where_devices_are_told() -> None:
    unit, host = probe("tool-version"), Reticent()
    own = Subject("me", int(host.link("/proc/self")))
    facts = unit.read(unit.ask(host, own, {"tool": "sh", "path": "/bin"}))
    version = facts["version"]
    assert isinstance(version, Unknown)
    assert version.reason is Reason.NOT_SUPPORTED
