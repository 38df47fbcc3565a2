"""Runs the real program as its users do: in an environment of its own, in a namespace, as another user."""

import os
import shlex
import stat
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

import whyred

NAMESPACE = ("unshare", "-Urm", "--propagation", "private", "--")
NOBODY = 65534
PROGRAM = (sys.executable, "-m", "whyred")
SOURCE = Path(whyred.__file__).parent.parent
FOUNDING = """\
2026-01-01T10:00:00.0000000Z ⭐ Run Main Build it
2026-01-01T10:00:01.0000000Z error: couldn't create a temp dir: No such file or directory (os error 2) at path \
"/tmp/rustcw8Eey1"
2026-01-01T10:00:01.0000000Z error: aborting due to previous error
2026-01-01T10:00:02.0000000Z   ❌  Failure - Main Build it
"""
"""What the founding team saw in its logs (the folder's name is the test's own)."""


@dataclass(frozen=True)
class Ended:
    """How the program ended and what it said."""

    code: int
    out: str
    err: str

    def one_line(self) -> str:
        """What it said on standard error: one clear line of its own, and no traceback."""
        lines = self.err.splitlines()
        assert len(lines) == 1, self.err
        assert lines[0].startswith("whyred: "), self.err
        assert "Traceback" not in self.err
        return lines[0]


def environment(home: Path, **more: str) -> dict[str, str]:
    """An environment with nothing of the machine's but the path; what the program keeps lies below `home`."""
    kept = {"PATH": os.environ.get("PATH", os.defpath), "PYTHONPATH": str(SOURCE), "LANG": "C.UTF-8"}
    folders = {"HOME": str(home), "XDG_CACHE_HOME": str(home / "cache"), "XDG_DATA_HOME": str(home / "data")}
    return kept | folders | more


def run(
    arguments: Sequence[str | bytes],
    env: dict[str, str],
    *,
    cwd: Path = Path("/"),
    stdin: bytes = b"",
    prefix: Sequence[str] = (),
) -> Ended:
    """`whyred ARGUMENTS` to its end."""
    argv = [*prefix, *PROGRAM, *arguments]
    done = subprocess.run(argv, env=env, cwd=cwd, input=stdin, capture_output=True, check=False)
    return Ended(done.returncode, done.stdout.decode(), done.stderr.decode())


def need(*prefix: str) -> None:
    """Skips the test where the kernel or the machine does not allow what it is about."""
    try:
        done = subprocess.run([*prefix, "true"], capture_output=True, text=True, check=False)
    except FileNotFoundError as e:
        pytest.skip(f"needs {e.filename}")
    if done.returncode != 0:
        pytest.skip(f"not allowed here: {' '.join(prefix)}: {done.stderr.strip()}")


def need_namespaces() -> None:
    """Skips where an unprivileged user may not have mounts of their own."""
    need(*in_namespace("mount -t tmpfs none /mnt"))


def in_namespace(setup: str) -> list[str]:
    """A prefix that runs the rest in mounts of its own, after `setup` (a piece of shell)."""
    if "/tmp" in setup and Path(__file__).is_relative_to("/tmp"):
        pytest.skip("the checkout lies below /tmp, which this test replaces")
    return [*NAMESPACE, "sh", "-ec", f'{setup}\nexec "$@"', "sh"]


def alone() -> list[str]:
    """A prefix that runs the rest where no other process is to be seen: runners of the machine, or of another test,
    would be asked as well. Empty where that is not allowed (in most containers): then the test sees what there is."""
    user = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
    prefix = ["unshare", *user, "--mount", "--pid", "--fork", "--mount-proc", "--kill-child", "--"]
    try:
        done = subprocess.run([*prefix, "true"], capture_output=True, check=False)
    except FileNotFoundError:
        return []
    return prefix if done.returncode == 0 else []


def _closed(path: Path) -> Path | None:
    """The topmost of the folders around it that only its owner may enter."""
    return next((p for p in reversed(path.parents) if not p.stat().st_mode & stat.S_IXOTH), None)


def as_nobody() -> list[str]:
    """A prefix that runs the rest as an unprivileged user. A normal user is one already; root becomes nobody.

    What lies below a folder that only root may enter (a checkout or an interpreter in /root) is shown to it in a mount
    namespace.
    """
    if os.geteuid() != 0:
        return []
    drop = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
    wanted = dict.fromkeys([Path(sys.base_prefix), Path(sys.prefix), SOURCE])  # without those that are the same
    closed = {top for path in wanted if (top := _closed(path)) is not None}
    if not closed:
        need(*drop)
        return drop
    shown = [path for path in wanted if _closed(path) is not None]
    script = ["mount -t tmpfs none /mnt"]
    script += [f'mkdir /mnt/{n}; mount --bind "${n + 1}" /mnt/{n}' for n, _ in enumerate(shown)]
    script += [f"mount -t tmpfs -o mode=755 none {shlex.quote(str(top))}" for top in sorted(closed)]
    script += [f'mkdir -p "${n + 1}"; mount --bind /mnt/{n} "${n + 1}"' for n, _ in enumerate(shown)]
    script += [*(f"umount /mnt/{n}" for n, _ in enumerate(shown)), "umount /mnt", f'shift {len(shown)}; exec "$@"']
    prefix = ["unshare", "--mount", "--propagation", "private", "--", "sh", "-ec", "; ".join(script), "sh"]
    prefix += [str(path) for path in shown]
    need(*prefix, *drop)
    return [*prefix, *drop]
