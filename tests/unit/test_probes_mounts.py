"""mountinfo lines, paths behind another root, and what modes allow."""

import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from whyred.hosts.local import LocalHost
from whyred.model.evidence import Reason, Unknown
from whyred.model.host import HostRefusedError, Stat, Subject
from whyred.probes.find import probe
from whyred.probes.mounts import holding, lines_holding, read_mounts
from whyred.probes.person import SEARCH, WRITE, Person
from whyred.probes.place import follow

TEXT = r"""22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw,errors=remount-ro
30 22 0:5 /p/tmp//deleted /tmp rw,relatime shared:5 master:1 propagate_from:2 - tmpfs b rw
31 22 0:6 / /mnt/a\040b\011c\134d ro,noexec - tmpfs so\040urce rw
32 22 0:7 / /data rw - ext4 /dev/sdb1 ro
33 22 0:8 / /tmp2 rw - tmpfs x rw
34 33 0:9 / /tmp2 rw - tmpfs upper rw
"""


def test_fields_of_a_line() -> None:
    mounts = read_mounts(TEXT)
    assert len(mounts) == 6
    assert (mounts[1].root, mounts[1].deleted, mounts[0].deleted) == ("/p/tmp//deleted", True, False)
    assert (mounts[2].point, mounts[2].source) == ("/mnt/a b\tc\\d", "so urce")
    assert [m.readonly for m in mounts] == [False, False, True, True, False, False]


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("/", "/dev/sda1"),
        ("/tmp", "b"),
        ("/tmp/x", "b"),
        ("/tmpx", "/dev/sda1"),
        ("/tmp2/deep/er", "upper"),
        ("/mnt/a b\tc\\d/x", "so urce"),
        ("/data", "/dev/sdb1"),
    ],
)
def test_the_mount_that_holds_a_path(path: str, source: str) -> None:
    found = holding(read_mounts(TEXT), path)
    assert found is not None
    assert found.source == source
    assert holding(read_mounts(lines_holding(TEXT, path)), path) == found


@pytest.mark.parametrize(
    ("before", "after", "ended", "altered"),
    [
        ("chmod", "", 1000.0, True),
        ("chmod", "mkdir", 1000.0, False),
        ("chmod", "", 9e9, False),
        ("mkdir", "", 1000.0, False),
    ],
    ids=["mode", "an entry after that", "before the job's end", "an entry"],
)
def test_whether_a_folder_was_opened_since(
    tmp_path: Path, before: str, after: str, ended: float, *, altered: bool
) -> None:
    os.utime(tmp_path, (500.0, 500.0))
    for n, act in enumerate((before, after)):
        if act == "mkdir":
            (tmp_path / f"entry-{n}").mkdir()
        elif act == "chmod":
            tmp_path.chmod(0o700)
    unit, host = probe("directory-state"), LocalHost()
    given = {"path": str(tmp_path)}
    asked = unit.ask(host, Subject("host"), given | {"ended": f"{ended}"})
    assert unit.read(asked)["altered_since"] is altered
    untold = unit.read(unit.ask(host, Subject("host"), given))["altered_since"]
    assert isinstance(untold, Unknown)
    assert untold.reason is Reason.NOT_APPLICABLE


def test_a_tree_that_is_cut_gives_the_longest_and_then_latest_mount_point() -> None:
    text = "5 4 0:1 / /a rw - t one rw\n6 4 0:2 / /a rw - t two rw\n7 4 0:3 / /a/b rw - t three rw\n"
    found = [holding(read_mounts(text), p) for p in ("/a/x", "/a/b/x", "/c")]
    assert [m and m.source for m in found] == ["two", "three", None]


@pytest.mark.parametrize(
    "line", ["", "x", "1 2 3 4 5 6 7", "a 2 0:1 / / rw - t s rw", "1 2 0:1 / / rw - t s", "1 2 - - - - - - -"]
)
def test_a_line_that_is_none_is_left_out(line: str) -> None:
    assert len(read_mounts(f"{line}\n{TEXT}")) == 6


@settings(deadline=None)
@given(text=st.text(alphabet="0123 /-:abr\\4\n", max_size=200))
def test_no_text_makes_the_reader_raise(text: str) -> None:
    holding(read_mounts(text), "/a/b")


def test_a_link_never_leaves_the_root_it_is_found_in(tmp_path: Path) -> None:
    root = tmp_path / "root"
    (root / "var/tmp").mkdir(parents=True)
    (root / "tmp").symlink_to("/var/tmp")
    (root / "up").symlink_to("../../../../../var/tmp")
    (root / "gone").symlink_to("/var/gone/x")
    (root / "loop").symlink_to("loop")
    (root / "file").write_text("")
    host = LocalHost()
    for path in ("/tmp", "/up", "/tmp/../../var/./tmp", "//tmp//"):
        place = follow(host, str(root), path)
        assert (place.path, place.reach) == ("/var/tmp", f"{root}/var/tmp")
        assert place.stat == host.stat(f"{root}/var/tmp")
    for path, dangling in (("/gone", True), ("/loop", True), ("/tmp/x", False), ("/file/x", False), ("/gone/x", False)):
        place = follow(host, str(root), path)
        assert (place.stat, place.dangling) == (None, dangling), path
    assert follow(host, str(root), "/").path == "/"
    assert len(follow(host, str(root), "/var/tmp").crossed) == 2


def test_a_directory_that_is_closed_says_so(tmp_path: Path) -> None:
    if os.geteuid() == 0:
        pytest.skip("nothing is closed to root")
    (tmp_path / "closed").mkdir(mode=0)
    with pytest.raises(HostRefusedError) as caught:
        follow(LocalHost(), str(tmp_path), "/closed/x")
    assert caught.value.unknown.reason is Reason.NO_PERMISSION


ALL = ((0, 1 << 32),)


@pytest.mark.parametrize(
    ("mode", "uid", "gid", "capabilities", "write"),
    [
        (0o1777, 0, 0, 0, True),
        (0o755, 0, 0, 0, False),
        (0o755, 1000, 0, 0, True),
        (0o077, 1000, 0, 0, False),
        (0o775, 0, 100, 0, True),
        (0o707, 0, 100, 0, False),
        (0o755, 0, 0, 1 << 1, True),
        (0o755, 0, 0, 1 << 2, False),
        (0o000, 0, 0, 1 << 1, True),
    ],
)
def test_what_a_mode_allows(mode: int, uid: int, gid: int, capabilities: int, write: bool) -> None:
    stat = Stat("directory", mode, 2, uid, gid, 0, 0.0, 1, 1)
    person = Person(1000, frozenset({1000, 100}), capabilities, ALL, ALL)
    assert person.may(stat, WRITE) is write
    assert person.may(Stat("directory", 0, 2, uid, gid, 0, 0.0, 1, 1), SEARCH) is bool(capabilities)


def test_a_capability_ends_at_the_ids_of_its_namespace() -> None:
    person = Person(0, frozenset({0}), 1 << 1, ((0, 1),), ((0, 1),))
    assert person.may(Stat("directory", 0o555, 2, 0, 0, 0, 0.0, 1, 1), WRITE)
    assert not person.may(Stat("directory", 0o555, 2, 1234, 0, 0, 0.0, 1, 1), WRITE)
    assert not person.may(Stat("directory", 0o555, 2, 0, 1234, 0, 0.0, 1, 1), WRITE)
