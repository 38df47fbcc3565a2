"""One host asked on the spot, over ssh, and by what the script prints: the same table, also of runners with files."""

import json
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from program import environment, need, run

from live.sshd import Sshd, need_sshd, sshd

ALONE = ["unshare", "--mount", "--pid", "--fork", "--mount-proc", "--kill-child", "--propagation", "private", "--"]
DEAD_TMP = "mount -t tmpfs none /mnt; mkdir /mnt/tmp; mount --bind /mnt/tmp /tmp; rmdir /mnt/tmp"
CANARY = "canary-7f3a91"
CONFIG = f"""\
log: {{level: info}}
runner:
  file: .runner
  capacity: 2
  envs:
    TMPDIR: /tmp
    DEPLOY_KEY: {CANARY}
  env_file: .env
  timeout: 3h
cache:
  dir: work/cache
  secret: {CANARY}
host:
  workdir_parent: work
"""
DAEMON = """\
import os, sys
os.chdir(sys.argv[1])
os.execvp("sh", ["/opt/forgejo-runner", "wait", "daemon", "--config", sys.argv[1] + "/config.yml"])
"""
ASK = """\
import sys
from whyred.app import hosts, library
from whyred.app.doctor import examine
from whyred.reports.doctor import render_json
from pathlib import Path
with hosts.reach(sys.argv[1]) as (host, _):
    causes = library.Library(Path(sys.argv[2])).causes
    rows = examine(hosts.remembered(host), causes, lambda data: data, lambda _: None, patience=60)
print(render_json(rows))
"""
"""The doctor with more patience than a user has: here it is about what is said, not about how soon."""
CLOCK = "clock"
"""Only over ssh there is another clock to hold this one against."""


@pytest.fixture
def folder() -> Iterator[Path]:
    made = Path(tempfile.mkdtemp(prefix="wh-", dir="/var/tmp"))
    yield made
    shutil.rmtree(made)


def prepare(folder: Path, name: str) -> Path:
    """The files of a runner."""
    home = folder / name
    (home / "work" / "cache").mkdir(parents=True)
    (home / "config.yml").write_text(CONFIG)
    (home / ".env").write_text(f"TZ=UTC\nAPI_TOKEN={CANARY}\n")
    told = {"id": 1, "uuid": f"uuid-of-{name}", "name": name, "token": CANARY, "address": "https://forge.example"}
    (home / ".runner").write_text(json.dumps(told | {"labels": ["docker:docker://node"]}, indent=2))
    (home / ".npmrc").write_text(f"//proxy.example/:_authToken={CANARY}\nproxy=http://me:{CANARY}@proxy.example:3128\n")
    (home / "wait").write_text(f"read x <{folder}/never\n")
    return home


def start(folder: Path, home: Path, setup: str) -> str:
    """A piece of shell that starts a daemon in mounts of its own and goes on when it is there."""
    (folder / "daemon.py").write_text(DAEMON)
    env = f"env -i HOME={home} PATH=/usr/bin:/bin https_proxy=http://me:{CANARY}@proxy.example:3128 PASS={CANARY}"
    run_it = f"exec {env} {sys.executable} {folder}/daemon.py {home}"
    return (
        f"unshare --mount --propagation private sh -ec '{setup}; {run_it}' & "
        "until grep -aq ^/opt/forgejo-runner /proc/$!/cmdline; do kill -0 $!; sleep 0.05; done"
    )


@pytest.fixture
def there(folder: Path) -> Iterator[Sshd]:
    """A host with two runners, of which one has lost its /tmp."""
    need_sshd()
    need(*ALONE)
    subprocess.run(["mkfifo", str(folder / "never")], check=True)
    setup = "; ".join(start(folder, prepare(folder, n), s) for n, s in (("first", DEAD_TMP), ("second", "true")))
    with sshd(folder / "sshd", prefix=[*ALONE, "sh", "-ec", f'{setup}\nexec "$@"', "sh"]) as server:
        yield server


def on_it(server: Sshd, folder: Path, *argv: str) -> bytes:
    """What a command prints on the host itself."""
    words = " ".join(map(shlex.quote, ["env", "-i", *(f"{k}={v}" for k, v in environment(folder).items()), *argv]))
    ssh = shutil.which("ssh", path=server.env["PATH"])
    argv_ = [str(ssh), "-p", str(server.port), f"{server.user}@127.0.0.1", words]
    return subprocess.run(argv_, env=server.env, capture_output=True, check=False).stdout


Table = dict[tuple[str, str], dict[str, Any]]


def table(text: bytes) -> Table:
    return {(r["subject"], r["question"]): r for r in json.loads(text)["rows"]}


def asked(folder: Path, host: str, **more: str) -> Table:
    argv = [sys.executable, "-c", ASK, host, str(folder / "cache")]
    return table(subprocess.run(argv, env=environment(folder, **more), capture_output=True, check=True).stdout)


def test_the_table_is_the_same_three_ways(folder: Path, there: Sshd) -> None:
    local = table(on_it(there, folder, sys.executable, "-c", ASK, "local", str(folder / "cache")))
    script = run(["doctor", "--script"], environment(folder)).out
    (folder / "probe.sh").write_text(script)
    printed = on_it(there, folder, "sh", str(folder / "probe.sh"))
    (folder / "host.txt").write_bytes(printed)
    assert CANARY.encode() not in printed
    assert CANARY.encode().hex(" ").encode() not in printed.replace(b"\n", b" ")
    by_script = asked(folder, str(folder / "host.txt"))
    over_ssh = asked(folder, there.address, PATH=there.env["PATH"])
    assert local["first", "mount-state /tmp"]["because"] == "private-tmp-deleted"
    assert local["second", "runner-registration"]["facts"]["name"] == "second"
    assert local.keys() == by_script.keys() == over_ssh.keys()
    for other in (by_script, over_ssh):
        states = {key: (row["state"], row["because"]) for key, row in other.items()}
        assert states == {key: (row["state"], row["because"]) for key, row in local.items()}
        for key, row in other.items():
            if key[1] != CLOCK:
                assert row["facts"].keys() == local[key]["facts"].keys(), key
