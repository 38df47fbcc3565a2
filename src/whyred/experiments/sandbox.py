"""A host of its own for experiments: a mount namespace with its own /tmp; in it, units with a private /tmp each.

Nothing of the real host is changed: all mounts live in the namespace and vanish with it. What whyred itself needs from
below /tmp (a checkout, a venv, a home) is reached by another path first, and never lies under the sandbox's /tmp, so
that no cleaning can touch it.
"""

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, NoReturn

import whyred

TMP = "/tmp"
MOVED = "WHYRED_SANDBOX_MOVED"
"""Environment variable: JSON of {path below the real /tmp: the path by which the sandbox reaches it}."""
_SPARE = ("/mnt", "/media", "/srv", "/opt")
"""Directories of which one is covered, inside the namespace only, to hang what was moved below it."""


def refusal() -> str | None:
    """Why this kernel or machine does not allow a sandbox; None where it does."""
    try:
        done = subprocess.run(
            [*_unshare(), "mount", "-t", "tmpfs", "whyred", TMP],
            capture_output=True,
            text=True,
            timeout=10,
            check=False,
        )
    except FileNotFoundError as e:
        return f"the program {e.filename} is missing (package util-linux)"
    except subprocess.TimeoutExpired:
        return "unshare did not answer within 10 s"
    return None if done.returncode == 0 else done.stderr.strip() or f"unshare ended with {done.returncode}"


def enter(arguments: Sequence[str]) -> NoReturn:
    """Replaces this process by `python -m whyred ARGUMENTS` in a new sandbox. Call `refusal` first."""
    spare = next((s for s in _SPARE if Path(s).is_dir()), "/mnt")
    moved = {source: f"{spare}/{n}" for n, source in enumerate(_below_tmp())}
    script = ["set -e"]
    if moved:
        script.append(f"mount -t tmpfs whyred-spare {spare}")
        for source, place in moved.items():
            script.append(f"mkdir {place}; mount --rbind {_quoted(source)} {place}")
    script += [
        f"mount -t tmpfs -o mode=1777 whyred-host {TMP}",
        f"cd {_quoted(there(str(Path.cwd()), moved))}",
        'exec "$@"',
    ]
    environ = {k: ":".join(there(p, moved) for p in v.split(":")) for k, v in os.environ.items() if k not in _TEMP}
    source = there(str(Path(whyred.__file__).parent.parent), moved)
    environ["PYTHONPATH"] = ":".join(filter(None, [source, environ.get("PYTHONPATH")]))
    environ[MOVED] = json.dumps(moved)
    python = there(sys.executable, moved)
    argv = [*_unshare(), "sh", "-c", "; ".join(script), "sh", python, "-m", "whyred", *arguments]
    os.execvpe(argv[0], argv, environ)  # noqa: S606 - no shell between: the arguments are ours


_TEMP = ("TMPDIR", "TMP", "TEMP")


def _unshare() -> list[str]:
    return ["unshare", "--user", "--map-root-user", "--mount", "--propagation", "private", "--"]


def _below_tmp() -> list[str]:
    """The directories directly below /tmp that this process needs."""
    needed = [sys.prefix, sys.base_prefix, str(Path(whyred.__file__).parent), str(Path.cwd())]
    needed += [os.environ.get(v, "") for v in ("HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME")]
    below = {Path(p).parts[2] for p in needed if p.startswith(TMP + "/")}
    return [f"{TMP}/{name}" for name in sorted(below)]


def there(path: str, moved: Mapping[str, str]) -> str:
    """A path as the sandbox reaches it."""
    for source, place in moved.items():
        if path == source or path.startswith(source + "/"):
            return place + path[len(source) :]
    return path


def back(path: str, environ: Mapping[str, str] = os.environ) -> str:
    """A path of the sandbox as the user knows it."""
    moved: dict[str, str] = json.loads(environ.get(MOVED, "{}"))
    return there(path, {place: source for source, place in moved.items()})


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"


@dataclass
class Unit:
    """A runner unit as systemd starts one with PrivateTmp=yes: its own mount namespace, /tmp bound to a directory below
    the host's /tmp. It takes jobs on its standard input and answers on its standard output, one JSON object a line.
    """

    name: str
    private: Path
    process: "subprocess.Popen[bytes]"

    @classmethod
    def start(cls, name: str, boot: str) -> "Unit":
        """Starts a unit; `boot` names the private directory as systemd does. Refuses anywhere but in a sandbox."""
        _require()
        private = Path(TMP) / f"systemd-private-{boot}-{name}.service-{os.urandom(3).hex()}" / "tmp"
        private.parent.mkdir(mode=0o700)
        private.mkdir()
        private.chmod(0o1777)
        script = 'mount --bind "$1" /tmp && exec "$2" -m whyred whyred-runner "$3"'
        process = subprocess.Popen(
            [
                "unshare",
                "--mount",
                "--propagation",
                "private",
                "--",
                "sh",
                "-c",
                script,
                "sh",
                str(private),
                sys.executable,
                name,
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        return cls(name, private, process)

    def run(self, job: Mapping[str, str]) -> dict[str, str]:
        """Hands the unit a job and waits for its answer. Raises ConnectionError when the unit is gone."""
        stdin, stdout = _pipe(self.process.stdin), _pipe(self.process.stdout)
        stdin.write(json.dumps(job).encode() + b"\n")
        stdin.flush()
        answer = stdout.readline()
        if not answer:
            raise ConnectionError(f"{self.name} ended with {self.process.wait()}")
        reply: dict[str, str] = json.loads(answer)
        return reply

    def stop(self) -> None:
        """Stops the unit; its namespace and its dead /tmp go with it."""
        _pipe(self.process.stdin).close()
        self.process.wait()
        _pipe(self.process.stdout).close()


def _pipe(pipe: IO[bytes] | None) -> IO[bytes]:
    assert pipe is not None  # both were asked for in `start`
    return pipe


def inside() -> bool:
    """Whether this process is in a sandbox: the variable of `enter` is set, and /tmp is the sandbox's own mount."""
    rows = [row.split() for row in Path("/proc/self/mountinfo").read_text().splitlines()]
    at_tmp = [row for row in rows if row[4] == TMP]
    return MOVED in os.environ and bool(at_tmp) and at_tmp[-1][-3:-1] == ["tmpfs", "whyred-host"]


def _require() -> None:
    if not inside():
        raise PermissionError("this only happens inside the sandbox of `whyred demo`")


def clean_aggressively() -> tuple[int, int]:
    """What the founding team's script did to /tmp: everything in it goes. (entries before, entries after).

    Refuses anywhere but in a sandbox.
    """
    _require()
    before = len(list(Path(TMP).iterdir()))
    subprocess.run(["find", TMP, "-mindepth", "1", "-maxdepth", "1", "-exec", "rm", "-rf", "{}", "+"], check=True)
    return before, len(list(Path(TMP).iterdir()))


def make_directory() -> str | None:
    """What `mktemp -d` says in the host's /tmp; None when it works."""
    done = subprocess.run(["mktemp", "-d"], capture_output=True, text=True, check=False)
    return None if done.returncode == 0 else done.stderr.strip()
