"""A machine whose runner has lost its private /tmp, while everything else on it is well.

It has processes of its own and the network of this one. The runner's daemon is a shell by the name of `act_runner`,
below which a runner of ours takes jobs; whyred knows a daemon by its name and arguments.
"""

import os
import shlex
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from subprocess import PIPE

from program import PROGRAM, SOURCE, alone

from live.repo import Repo
from live.user import Person

TESTS = Path(__file__).parents[1]
_DEAD_TMP = "mount -t tmpfs none /mnt; mkdir /mnt/tmp; mount --bind /mnt/tmp /tmp; rmdir /mnt/tmp"
_DAEMON = "import os, sys; os.execv('/bin/sh', ['/opt/act_runner', '-c', sys.argv[1] + ' & wait', 'daemon'])"


@dataclass
class BrokenHost:
    """The machine while it is up."""

    _process: "subprocess.Popen[str]"

    def save(self, person: Person, target: str, bundle: Path) -> None:
        """What `whyred save` keeps, called there by somebody who knows that this machine ran the job; ends it."""
        argv = [*PROGRAM, "save", target, str(bundle), "--host", "local", "--this-host-ran-it"]
        _, said = self._process.communicate(shlex.join(["env", *_set(person.environ), *argv]) + "\n")
        assert bundle.is_file(), said


def _set(environ: dict[str, str]) -> list[str]:
    return [f"{name}={value}" for name, value in environ.items()]


@contextmanager
def broken_host(repo: Repo, folder: Path) -> Iterator[BrokenHost]:
    """The machine with a runner of this repository. `folder` must not lie below /tmp."""
    env = {
        "PATH": os.environ.get("PATH", os.defpath),
        "PYTHONPATH": os.pathsep.join([str(SOURCE), str(TESTS)]),
        "REGISTRATION_TOKEN": repo.registration_token(),
    }
    serve = shlex.join([sys.executable, "-m", "live.daemon", repo.server.url, str(folder / "work")])
    daemon = shlex.join([sys.executable, "-c", _DAEMON, serve])
    unit = shlex.join(["unshare", "--mount", "--propagation", "private", "sh", "-ec", f"{_DEAD_TMP}; exec {daemon}"])
    argv = [*alone(), "sh", "-c", f'{unit} </dev/null & unset REGISTRATION_TOKEN; read -r line; eval "$line"']
    process = subprocess.Popen(argv, env=env, cwd="/", stdin=PIPE, stdout=PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        yield BrokenHost(process)
    finally:
        process.kill()
        process.communicate()
