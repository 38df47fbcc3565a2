"""A host with a real systemd: in namespaces of its own, over a root of its own, so that nothing of the machine changes.

    with booted(folder) as host:
        host.run("systemctl", "start", "runner@1")

The root is a small Debian that `debootstrap` makes once (a minute or two) into the user's cache folder; what a test
writes goes into a layer over it that ends with the host. `WHYRED_SYSTEMD=1` asks for these tests: they load packages.
"""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import sleep
from typing import Any

import pytest
from program import SOURCE, Ended

ASKED = "WHYRED_SYSTEMD"
_SUITE, _PACKAGES = "bookworm", "systemd,systemd-sysv,dbus,python3,procps"
_GROUPS = Path("/sys/fs/cgroup/unified"), Path("/sys/fs/cgroup")
_OFF = (
    "systemd-udevd",
    "systemd-sysctl",
    "systemd-modules-load",
    "systemd-timesyncd",
    "systemd-firstboot",
    "getty@tty1",
)
"""Units that would speak to the kernel of the machine, or that nobody needs here."""
_TRIES = 600
_BOOT = r"""
set -e
root=$1 layer=$2 source=$3 packages=$4
mount -t tmpfs tmpfs "$layer"
mkdir "$layer/up" "$layer/work" "$layer/root"
mount -t overlay -o "lowerdir=$root,upperdir=$layer/up,workdir=$layer/work" host "$layer/root"
cd "$layer/root"
mount -t proc proc proc
mount --bind proc/sys proc/sys
mount -o remount,bind,ro proc/sys
mount -t sysfs -o ro sysfs sys
mount -t cgroup2 cgroup2 sys/fs/cgroup
mount -t tmpfs -o mode=755 tmpfs run
mount -t tmpfs -o mode=1777 tmpfs tmp
mount -t tmpfs -o mode=755 tmpfs dev
(umask 0; cd dev; mkdir pts; ln -s /proc/self/fd fd
 mknod null c 1 3; mknod zero c 1 5; mknod full c 1 7; mknod random c 1 8; mknod urandom c 1 9
 ln -s pts/ptmx ptmx)
mount -t devpts -o newinstance,ptmxmode=0666 devpts dev/pts
mkdir -p opt/source opt/packages
mount --bind "$source" opt/source
mount --bind "$packages" opt/packages
hostname runner-host
mkdir -p mnt/old
pivot_root . mnt/old
umount -l /mnt/old
exec env -i container=test PATH=/usr/sbin:/usr/bin:/sbin:/bin /lib/systemd/systemd --show-status=0 </dev/null
"""
"""Device nodes are made, never bound: systemd sets the modes of those it finds."""
RUNNER = """\
[Unit]
Description=CI runner %i
[Service]
Environment=PYTHONPATH=/opt/source:/opt/packages
Environment=HOME=/var/lib/runner-%i
Environment=XDG_DATA_HOME=/srv/runner-%i XDG_CACHE_HOME=/srv/cache
ReadWritePaths=/srv
ExecStart=/usr/bin/python3 -m whyred whyred-runner runner-%i
StandardInput=file:/run/runner-%i.in
StandardOutput=append:/run/runner-%i.out
WorkingDirectory=/var/lib/runner-%i
"""


@dataclass
class Host:
    """A booted host. `pid`: of its systemd, as the machine counts."""

    pid: int

    def run(self, *argv: str, stdin: str = "") -> Ended:
        """A command on it, to its end."""
        into = ["nsenter", "--target", str(self.pid), "--mount", "--pid", "--uts", "--ipc", "--net", "--cgroup", "--"]
        env = ["env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "PYTHONPATH=/opt/source:/opt/packages", "HOME=/root"]
        ended = subprocess.run([*into, *env, *argv], input=stdin, capture_output=True, text=True, check=False)
        return Ended(ended.returncode, ended.stdout, ended.stderr)

    def sure(self, *argv: str, stdin: str = "") -> str:
        """What a command prints that must succeed."""
        ended = self.run(*argv, stdin=stdin)
        assert ended.code == 0, f"{argv}: {ended.err}"
        return ended.out

    def whyred(self, *argv: str, runs_of: str = "none", stdin: str = "") -> Ended:
        """The program on it, which knows the runs of that runner."""
        env = ["env", f"XDG_DATA_HOME=/srv/runner-{runs_of}", "XDG_CACHE_HOME=/srv/cache"]
        return self.run(*env, "python3", "-m", "whyred", *argv, stdin=stdin)

    def why(self, runner: str, workflow: str, *argv: str) -> dict[str, Any]:
        """What is said of a job of that runner that must fail."""
        ended = self.job(runner, workflow)
        assert ended["conclusion"] == "failure", ended
        said = self.whyred("why", ended["run"], *argv, "--json", runs_of=runner)
        assert said.code == 1, said.err
        answer: dict[str, Any] = json.loads(said.out)
        return answer

    def write(self, path: str, text: str) -> None:
        """A file on it, with its folders."""
        self.sure("sh", "-c", 'mkdir -p "$(dirname "$1")" && cat > "$1"', "write", path, stdin=text)

    def runner(self, name: str, *more: str) -> None:
        """Starts a runner as a unit `runner@NAME`; `more`: lines for its [Service], as a drop-in."""
        self.write("/etc/systemd/system/runner@.service", RUNNER)
        if more:
            self.write(f"/etc/systemd/system/runner@{name}.service.d/more.conf", "\n".join(["[Service]", *more, ""]))
        made = f"mkdir -p /var/lib/runner-{name}; mkdir -m 1777 -p /srv/runner-{name} /srv/cache"
        self.sure("sh", "-ec", f"{made}; mkfifo /run/runner-{name}.in; : > /run/runner-{name}.out")
        # One that holds the pipe open for writing, so that the runner does not see its end after the first job.
        self.sure("systemd-run", "--collect", "sh", "-c", f"exec 3<>/run/runner-{name}.in; exec sleep infinity")
        self.sure("systemctl", "daemon-reload")
        self.sure("systemctl", "start", f"runner@{name}")

    def job(self, name: str, workflow: str) -> dict[str, Any]:
        """Lets that runner run a job; what the runner says of it."""
        self.write("/srv/job.yml", workflow)
        out = f"/run/runner-{name}.out"
        before = len(self.sure("cat", out).splitlines())
        self.write(f"/run/runner-{name}.in", json.dumps({"workflow": "/srv/job.yml"}) + "\n")
        for _ in range(_TRIES):
            lines = self.sure("cat", out).splitlines()
            if len(lines) > before:
                assert lines[-1].startswith("{"), lines[before:]
                reply: dict[str, Any] = json.loads(lines[-1])
                return reply
            sleep(0.1)
        raise AssertionError(f"runner {name} ran no job: {self.run('journalctl', '-u', f'runner@{name}').out}")


def need() -> None:
    """Skips where nobody asked for these tests, or the machine does not allow them."""
    if os.environ.get(ASKED) != "1":
        pytest.skip(f"{ASKED}=1 asks for a host with a real systemd (debootstrap loads about 100 MB)")
    if os.geteuid() != 0:
        pytest.skip("needs root")
    if shutil.which("debootstrap") is None:
        pytest.fail("needs debootstrap (apt-get install debootstrap)", pytrace=False)


def root() -> Path:
    """The folder with the Debian, made now where it is not there yet."""
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "whyred-live"
    made = base / f"systemd-{_SUITE}"
    if not made.is_dir():
        base.mkdir(parents=True, exist_ok=True)
        fresh = base / f"systemd-{_SUITE}.{os.getpid()}"
        argv = ["debootstrap", "--variant=minbase", f"--include={_PACKAGES}", _SUITE, str(fresh)]
        done = subprocess.run(argv, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout[-2000:]
        for unit in _OFF:
            (fresh / f"etc/systemd/system/{unit}.service").symlink_to("/dev/null")
        (fresh / "etc/machine-id").write_text("uninitialized\n", encoding="ascii")
        fresh.rename(made)
    return made


@contextmanager
def booted(folder: Path) -> Iterator[Host]:
    """A host that has come up; it ends with the block. `folder`: an empty one, to mount things in."""
    need()
    unified = next((g for g in _GROUPS if (g / "cgroup.controllers").exists()), None)
    if unified is None:
        pytest.skip("needs a control group v2 hierarchy")
    group = unified / f"whyred-host-{os.getpid()}-{folder.name}"
    group.mkdir()
    kinds = ["--mount", "--pid", "--uts", "--ipc", "--net", "--cgroup", "--fork", "--kill-child"]
    enter = 'echo $$ > "$1/cgroup.procs"; shift; exec unshare "$@"'
    packages = Path(pytest.__file__).parents[1]
    boot = ["sh", "-c", _BOOT, "boot", str(root()), str(folder), str(SOURCE), str(packages)]
    log = folder.with_suffix(".log")
    with log.open("wb") as out:
        argv = ["sh", "-c", enter, "enter", str(group), *kinds, "--propagation", "private", "--", *boot]
        started = subprocess.Popen(argv, stdout=out, stderr=out, stdin=subprocess.DEVNULL)
    try:
        yield _up(started, log)
    finally:
        started.kill()
        started.wait()
        _gone(group)


def _up(started: "subprocess.Popen[bytes]", log: Path) -> Host:
    """The host, when its systemd answers."""
    for _ in range(_TRIES):
        assert started.poll() is None, log.read_text(errors="replace")
        child = Path(f"/proc/{started.pid}/task/{started.pid}/children").read_text(encoding="ascii").split()
        if child:
            host = Host(int(child[0]))
            if host.run("systemctl", "is-system-running").out.strip() in ("running", "degraded"):
                return host
        sleep(0.1)
    raise AssertionError(f"it did not come up: {log.read_text(errors='replace')}")


def _gone(group: Path) -> None:
    """Takes the control groups away, when all that was in them has ended."""
    for _ in range(_TRIES):
        if "populated 0" in (group / "cgroup.events").read_text(encoding="ascii"):
            break
        sleep(0.1)
    below: Sequence[Path] = sorted((p for p in group.rglob("*") if p.is_dir()), reverse=True)
    for each in (*below, group):
        each.rmdir()
