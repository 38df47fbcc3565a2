"""What is said of runners that a real systemd started: their units, drop-ins, private /tmp, limits and environment."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from live.systemd import Host, booted

CANARY = "canary-of-the-units-environment-52"


def workflow(script: str) -> str:
    lines = "".join(f"          {line}\n" for line in script.splitlines())
    return f"on: [push]\njobs:\n  build:\n    runs-on: native\n    steps:\n      - name: Build\n        run: |\n{lines}"


PACK = workflow('folder=$(mktemp -d)\ntar -cf "$folder/all.tar" .')


CONNECT = "python3 -c \"import socket; socket.create_connection(('127.0.0.1', 5432))\""
"""Nothing listens there."""
RESOLVE = "python3 -c \"import socket; socket.getaddrinfo('deb.debian.org', 443)\""
JAVA = "echo 'Failed to mark memory page as executable - check if grsecurity/PaX is enabled'; exit 1"
"""What java says where it may not; it is not installed there."""
LOCK = """\
python3 -c '
import ctypes, os
c = ctypes.CDLL(None, use_errno=True)
if c.mlock(ctypes.create_string_buffer(1 << 20), 1 << 20):
    raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), "mlock")'"""
ZONE = "python3 -c 'import os, zoneinfo; zoneinfo.ZoneInfo(os.environ[\"TZ\"])'"
THINGS = r"""
useradd -m -d /home/user plain; useradd -m later; groupadd builders
mkdir -p /srv/data/of-builders; chgrp builders /srv/data/of-builders; chmod 2770 /srv/data/of-builders
echo x > /srv/data/settings; echo TMPDIR=/mnt/fast/tmp > /srv/data/env; echo x > /tmp/of-the-host
echo x > /srv/data/of-later; chown later:later /srv/data/of-later; chmod 640 /srv/data/of-later
git init -q /srv/data/tree
mkdir -p /opt/cc/bin /home/user/bin; cp /bin/true /opt/cc/bin/cc-of-ci; cp /bin/true /home/user/bin/of-plain
mknod -m 666 /dev/of-ci c 1 5
"""


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    with booted(tmp_path_factory.mktemp("systemd")) as up:
        yield up


@pytest.fixture(scope="module")
def founding(host: Host) -> Host:
    """Two runners with a private /tmp each; then somebody cleans the host's /tmp."""
    host.runner("1", "PrivateTmp=yes", f"Environment=TMPDIR=/tmp REGISTRY_TOKEN={CANARY}")
    host.runner("2", "PrivateTmp=yes")
    assert host.job("1", PACK)["conclusion"] == "success"
    host.sure("sh", "-c", "rm -rf /tmp/*")
    return host


@pytest.fixture(scope="module")
def things(host: Host) -> Host:
    """Users, folders and a device that units hide or shut."""
    host.sure("sh", "-ec", THINGS)
    return host


def first(said: dict[str, Any]) -> tuple[str, str]:
    return said["findings"][0]["cause"], said["findings"][0]["confidence"]


def test_the_founding_incident(founding: Host) -> None:
    said = founding.why("1", PACK)
    assert first(said) == ("private-tmp-deleted", "confirmed")
    half = [f["cause"] for f in said["findings"] if f["confidence"] == "likely"]
    assert half == ["env-overridden-by-runner-config"]
    assert CANARY not in json.dumps(said)
    # The remedy in the verdict, done as it stands there.
    founding.sure("systemctl", "restart", "runner@1")
    assert founding.job("1", PACK)["conclusion"] == "success"
    founding.sure("sh", "-c", "rm -rf /tmp/*")


def test_by_the_scripts_output_the_same(founding: Host) -> None:
    ended = founding.job("1", PACK)
    assert ended["conclusion"] == "failure"
    script = founding.whyred("doctor", "--script", "--for", ended["run"], runs_of="1").out
    printed = founding.sure("sh", "-s", stdin=script)
    assert CANARY not in printed
    founding.write("/srv/printed.txt", printed)
    said = founding.whyred("why", ended["run"], "--host", "/srv/printed.txt", "--json", runs_of="1")
    assert first(json.loads(said.out)) == ("private-tmp-deleted", "confirmed"), said.err


def test_the_doctor_reads_the_units(founding: Host) -> None:
    said = founding.whyred("doctor", "--json")
    assert CANARY not in said.out
    told = json.loads(said.out)
    units = {r["subject"]: r["facts"] for r in told["rows"] if r["question"] == "unit-settings"}
    assert (units["runner-1"]["private_tmp"], units["runner-1"]["tmpdir"]) == ("yes", "/tmp"), units
    assert units["runner-1"]["drop_in_files"] == "/etc/systemd/system/runner@1.service.d/more.conf"
    assert units["runner-1"]["environment"].split(",")[:2] == ["HOME", "PYTHONPATH"]
    assert "TMPDIR" in json.dumps(told["differences"])


def test_a_drop_in_that_is_not_read_yet_is_not_in_force(founding: Host) -> None:
    founding.write("/etc/systemd/system/runner@2.service.d/later.conf", "[Service]\nEnvironment=TMPDIR=/var/tmp\n")
    told = json.loads(founding.whyred("doctor", "--json").out)
    assert "runner-2" in json.dumps(told["not_in_force"])


@pytest.mark.parametrize(
    ("name", "lines", "layer", "value"),
    [
        ("env-drop-in", ["Environment=TMPDIR=/srv"], "drop-in", "/srv"),
        ("env-file", ["EnvironmentFile=/etc/runner.env", "Environment=TMPDIR=/tmp"], "environment-file", "/var/tmp"),
        ("env-manager", [], "manager", "/run"),
    ],
)
def test_who_sets_a_variable(host: Host, name: str, lines: list[str], layer: str, value: str) -> None:
    host.write("/etc/runner.env", "TMPDIR=/var/tmp\n")
    if layer == "manager":
        host.sure("systemctl", "set-environment", f"TMPDIR={value}")
    try:
        host.runner(name, *lines)
        told = json.loads(host.whyred("env", "TMPDIR", "--runner", f"runner-{name}", "--json").out)
    finally:
        host.sure("systemctl", "unset-environment", "TMPDIR")
    winners = [(o["winner"]["layer"], o["winner"]["value"]) for o in told["outcomes"] if o["winner"]]
    assert set(winners) == {(layer, value)}, told


@pytest.mark.parametrize(
    ("name", "lines", "script", "cause"),
    [
        ("missing", ["Environment=TMPDIR=/var/ci-tmp"], "mktemp -d", "tmpdir-points-to-missing-dir"),
        ("strict", ["ProtectSystem=strict"], "cp /etc/passwd /var/cache/", "tmp-readonly"),
        ("small", ["TemporaryFileSystem=/tmp:size=1M"], "dd if=/dev/zero of=/tmp/x bs=1M count=3", "tmp-full"),
        ("files", ["LimitNOFILE=16"], "python3 -c 'l = [open(\"/etc/passwd\") for n in range(40)]'", "fd-limit"),
        ("size", ["LimitFSIZE=1M"], "head -c 3000000 /dev/zero > big", "rlimit-misleading"),
        ("hidden", ["InaccessiblePaths=/srv/data"], "cat /srv/data/settings", "unit-sandbox"),
        ("hidden-from-user", ["User=plain", "InaccessiblePaths=/srv/data"], "ls /srv/data", "unit-sandbox"),
        ("covered", ["TemporaryFileSystem=/srv/data:ro"], "cat /srv/data/settings", "unit-sandbox"),
        ("device", ["PrivateDevices=yes"], "head -c 4 /dev/of-ci", "unit-sandbox"),
        (
            "tool",
            ["TemporaryFileSystem=/opt/cc", "Environment=PATH=/opt/cc/bin:/usr/bin:/bin"],
            "cc-of-ci",
            "unit-sandbox",
        ),
        ("tool-at-home", ["Environment=PATH=/home/user/bin:/bin", "ProtectHome=yes"], "of-plain", "unit-sandbox"),
        ("tool-nowhere", ["TemporaryFileSystem=/opt/cc", "ProtectHome=yes"], "cc-of-nobody", "toolchain-missing"),
        ("family", ["RestrictAddressFamilies=AF_UNIX"], CONNECT, "unit-sandbox"),
        ("filter", ["SystemCallFilter=~@mount"], "mount -t tmpfs none /mnt", "unit-sandbox"),
        ("home", ["User=plain", "Environment=HOME=/home/user", "ProtectHome=yes"], "ls ~/x", "service-home-or-groups"),
        ("blank", ['Environment="TMPDIR=/tmp "'], "mktemp -d", "tmpdir-points-to-missing-dir"),
        ("env-file-wins", ["EnvironmentFile=/srv/data/env"], "mktemp -d", "tmpdir-points-to-missing-dir"),
        ("namespaces", ["RestrictNamespaces=yes", "User=plain"], "unshare -r true", "unit-sandbox"),
        ("own-network", ["PrivateNetwork=yes"], RESOLVE, "unit-sandbox"),
        ("no-addresses", ["IPAddressDeny=any"], RESOLVE, "unit-sandbox"),
        ("no-jit", ["MemoryDenyWriteExecute=yes"], JAVA, "unit-sandbox"),
        ("locked", ["LimitMEMLOCK=4K", "User=plain"], LOCK, "rlimit-misleading"),
        ("arguments", ["LimitSTACK=512K"], "/bin/true $(seq 100000)", "rlimit-misleading"),
        ("zone", ["Environment=TZ=Europe/Berln"], ZONE, "time-zone-unknown"),
        ("one-program", ["NoExecPaths=/usr/bin/perl"], "perl -e 1", "tmp-noexec"),
        ("below-work", ["NoExecPaths=/srv"], "printf '#!/bin/sh\n' > make; chmod +x make; ./make", "tmp-noexec"),
        ("mapped", ["PrivateUsers=yes", "User=plain"], "cd /srv/data/tree && git status", "dubious-ownership"),
    ],
)
def test_what_a_unit_forbids(things: Host, name: str, lines: list[str], script: str, cause: str) -> None:
    things.runner(name, *lines)
    assert first(things.why(name, workflow(script))) == (cause, "confirmed")
    things.sure("systemctl", "stop", f"runner@{name}")


def test_a_group_that_the_running_service_does_not_have(things: Host) -> None:
    things.runner("joined", "User=later", "Environment=HOME=/home/later")
    make = workflow("mkdir /srv/data/of-builders/out")
    assert first(things.why("joined", make)) == ("service-home-or-groups", "likely")
    things.sure("usermod", "-aG", "builders", "later")
    assert first(things.why("joined", make)) == ("service-home-or-groups", "confirmed")
    # The remedy in the verdict.
    things.sure("systemctl", "restart", "runner@joined")
    assert things.job("joined", make)["conclusion"] == "success"
    things.sure("systemctl", "stop", "runner@joined")


@pytest.mark.parametrize(
    ("name", "lines", "script"),
    [
        ("q-file", ["PrivateDevices=yes", "ProtectSystem=full"], "cat /srv/data/no-such-file"),
        ("q-user", ["User=plain", "NoNewPrivileges=yes", "PrivateDevices=yes"], "touch a; chown 0 a"),
        ("q-other", ["User=plain", "Environment=HOME=/home/user"], "cat /srv/data/of-later"),
        ("q-tmp", ["PrivateTmp=yes"], "cat /tmp/of-the-host"),
        ("q-net", ["RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6", "SystemCallFilter=~@mount"], CONNECT),
    ],
)
def test_a_hardened_unit_is_not_blamed_for_what_it_does_not_do(
    things: Host, name: str, lines: list[str], script: str
) -> None:
    things.runner(name, *lines)
    said = things.why(name, workflow(script))
    assert [f["cause"] for f in said["findings"] if f["confidence"] == "confirmed"] == []
    assert first(said)[0] not in ("unit-sandbox", "service-home-or-groups")
    things.sure("systemctl", "stop", f"runner@{name}")


def test_an_ordinary_failure_on_a_healthy_unit_blames_no_host(host: Host) -> None:
    host.runner("healthy", "PrivateTmp=yes")
    said = host.why("healthy", workflow("python3 -c 'import no_such_module_of_ours'"))
    assert [f for f in said["findings"] if f["confidence"] == "confirmed" and f["class"].startswith("infra/")] == []


def test_without_a_name_the_ways_of_all_runners_are_told(founding: Host) -> None:
    said = founding.whyred("env", "TMPDIR")
    assert said.code == 1, said.err
    assert "in a step of runner-1 it is '/tmp'  by drop-in" in said.out


def test_the_runners_user_is_told_most_of_what_root_is(host: Host) -> None:
    """At least 80 % of the facts without root; what is closed is said with its reason."""
    host.sure("useradd", "-m", "ci")
    host.runner("of-ci", "User=ci", "PrivateTmp=yes")
    as_ci = ["setpriv", "--reuid=ci", "--regid=ci", "--init-groups", "env", "HOME=/home/ci"]
    root, user = (
        [r for r in json.loads(host.run(*who, "python3", "-m", "whyred", "doctor", "--json").out)["rows"] if mine(r)]
        for who in ([], as_ci)
    )
    assert sum(len(r["facts"]) for r in user) >= 0.8 * sum(len(r["facts"]) for r in root)
    closed = [r for r in user if r["state"] == "unknown"]
    assert all(r["because"].startswith("no-permission: ") for r in closed), closed


def mine(row: dict[str, Any]) -> bool:
    return row["subject"] in ("runner-of-ci", "host")
