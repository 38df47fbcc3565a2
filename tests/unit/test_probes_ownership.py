"""What modes, owners and accounts refuse: made-up answers of a host, as `ask` packs them."""

from collections.abc import Mapping

import pytest

from whyred.model.evidence import Reason, Unknown
from whyred.model.host import Stat
from whyred.model.probe import Facts
from whyred.probes.answer import pack
from whyred.probes.find import probe

CI, ROOT = 998, 0
MIGHT = "000001ffffffffff"


def stat(uid: int, mode: int, kind: str = "directory", gid: int = 0) -> Stat:
    return Stat(kind, mode, 2, uid, gid, 4096, 1.0, 41, 4242)


def person(uid: int = CI, groups: str = "", capabilities: str = "0") -> Mapping[str, object]:
    ids = "\t".join([str(uid)] * 4)
    status = f"Uid:\t{ids}\nGid:\t{ids}\nGroups:\t{groups} \nCapEff:\t{capabilities}"
    everybody = "         0          0 4294967295\n"
    return {"status": status, "uid_map": everybody, "gid_map": everybody, "same_users": True}


def owned(path: str, there: Stat | None, *crossed: Stat, who: Mapping[str, object] | None = None) -> Facts:
    return probe("ownership").read(
        pack({"person": who or person(), "path": path, "stat": there, "crossed": list(crossed)})
    )


SLASH, OWN = stat(ROOT, 0o755), stat(CI, 0o755)


@pytest.mark.parametrize(
    ("there", "crossed", "leftover", "foreign", "readonly", "blocked"),
    [
        (stat(ROOT, 0o644, "file"), [SLASH, SLASH, OWN], True, True, False, True),
        (stat(ROOT, 0o644, "file"), [SLASH, SLASH, OWN, SLASH], True, True, False, True),
        (stat(CI, 0o644, "file"), [SLASH, SLASH, OWN, SLASH], True, True, False, True),
        (None, [SLASH, SLASH, OWN, SLASH], True, True, False, True),
        (stat(ROOT, 0o600, "file"), [SLASH, stat(ROOT, 0o1777)], True, True, False, True),
        (stat(ROOT, 0o666, "file"), [SLASH, stat(ROOT, 0o1777)], True, True, False, True),
        (None, [SLASH, SLASH, SLASH], False, True, False, True),
        (stat(CI, 0o644, "file"), [SLASH, SLASH, OWN, stat(CI, 0o555)], False, False, True, True),
        (stat(ROOT, 0o644, "file"), [SLASH, stat(ROOT, 0o700)], False, False, False, True),
        (stat(CI, 0o644, "file"), [SLASH, SLASH, OWN], False, None, None, False),
        (None, [SLASH, SLASH, OWN], False, None, None, False),
    ],
)
def test_what_refuses(
    there: Stat | None,
    crossed: list[Stat],
    leftover: bool,
    foreign: bool | None,
    readonly: bool | None,
    blocked: bool,
) -> None:
    found = owned("/srv/ci/x/y", there, *crossed)
    told = (found["foreign_leftover"], found["foreign_folder"], found["own_readonly"], found["blocked"])
    assert told == (leftover, foreign, readonly, blocked)


def test_the_system_is_nobodys_leftover() -> None:
    assert owned("/usr/local/bin/x", None, SLASH, SLASH, SLASH, SLASH)["foreign_folder"] is False


def test_root_is_refused_nothing() -> None:
    found = owned("/srv/x", stat(CI, 0o400, "file"), SLASH, who=person(ROOT, capabilities=MIGHT))
    assert found["owned"] is False
    refused = found["blocked"]
    assert isinstance(refused, Unknown)
    assert refused.reason is Reason.NOT_APPLICABLE


PASSWD = "ci:x:998:998::/srv/ci:/bin/sh"
GROUP = "root:x:0:\nci:x:998:\ndocker:x:970:ci,dev\nbroken:x:many:ci\n"
MOUNT = "36 25 0:41 / {point} rw,relatime - tmpfs tmpfs rw"


def account(home: str | None = "/srv/ci", place: Stat | None = OWN, **more: object) -> Facts:
    nothing = Unknown(Reason.NOT_APPLICABLE, "no path was named")
    parts: dict[str, object] = {"home": home, "person": person(), "passwd": PASSWD, "group": GROUP}
    parts |= {"place": {"stat": place, "crossed": [SLASH, SLASH]} if place else None}
    parts |= {"mounts": "", "host_mounts": "", "path": nothing, "there": nothing, "variable": "HOME", "errno": ""}
    return probe("account").read(pack(parts | more))


@pytest.mark.parametrize(
    ("home", "place", "usable"),
    [
        ("/srv/ci", OWN, True),
        ("/srv/ci", SLASH, False),
        ("/srv/ci", None, False),
        ("", None, False),
        (None, None, False),
    ],
)
def test_a_home_that_can_be_used(home: str | None, place: Stat | None, usable: bool) -> None:
    assert account(home, place)["home_usable"] is usable


@pytest.mark.parametrize(
    ("home", "path", "errno", "in_way"),
    [
        ("/srv/ci", "/srv/ci/.cache/x", "EACCES", True),
        ("/srv/ci", "/srv", "EACCES", True),
        ("/srv/ci", "/srv/cicero", "EACCES", False),
        ("/srv/ci", "/srv/ci/.cache/x", "ENOENT", False),
        ("/", "/.cache", "EACCES", True),
        ("/", "/opt/x", "EACCES", False),
    ],
)
def test_a_closed_home_in_the_way(home: str, path: str, errno: str, in_way: bool) -> None:
    assert account(home, SLASH, path=path, errno=errno)["home_in_way"] is in_way


def test_a_missing_home_explains_what_is_missing_in_it() -> None:
    assert account("/srv/ci", None, path="/srv/ci/.npmrc", errno="ENOENT")["home_in_way"] is True


def test_a_readonly_home_is_of_no_use() -> None:
    mounts = f"25 1 8:1 / / rw - ext4 /dev/sda1 rw\n{MOUNT.format(point='/srv/ci')}".replace("rw,relatime", "ro")
    found = account(mounts=mounts, host_mounts="25 1 8:1 / / rw - ext4 /dev/sda1 rw")
    assert (found["home_usable"], found["home_covered"]) == (False, True)


def test_groups_that_came_after_the_start() -> None:
    there = {"stat": stat(ROOT, 0o660, "other", 970), "crossed": [SLASH]}
    found = account(path="/run/docker.sock", there=there)
    assert (found["socket_refused"], found["group_stale"], found["path_group"]) == (True, True, "docker")
    assert (found["group_missing"], found["groups_missing"], found["groups"]) == (True, "docker", "ci")
    given = account(path="/run/docker.sock", there=there, person=person(groups="970"))
    assert (given["socket_refused"], given["group_stale"], given["groups_missing"]) == (False, False, None)


def test_an_account_that_is_in_no_file() -> None:
    found = account(passwd="")
    assert found["user"] is None
    assert isinstance(found["group_missing"], Unknown)


def test_another_variable_is_no_matter_of_the_home() -> None:
    assert isinstance(account(None, None, variable="API_URL")["home_usable"], Unknown)
    assert account(None, None, variable="$HOME")["home_usable"] is False


def test_an_account_that_has_nothing_to_do_with_the_path() -> None:
    plain = {"stat": stat(ROOT, 0o644, "file"), "crossed": [SLASH]}
    assert account(path="/opt/x", there=plain, errno="EACCES")["uninvolved"] is True
    assert account("/srv/ci", SLASH, path="/srv/ci/x", there=plain, errno="EACCES")["uninvolved"] is False
