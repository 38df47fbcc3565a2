"""What the benches of downloading have in common: a forge made of static files behind nginx, near, or 20 ms away.

`python bench/download.py` runs them all. nginx runs on the loopback with a configuration of its own in a folder of its
own, and is ended by its process id.
"""

import contextlib
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.inputs import make
from bench.measure import Command, Given, whyred

COUNT = 500
AT_ONCE = 4
FAR = 0.020
"""Seconds after which a forge that is far begins to answer."""
LATE = Path(__file__).resolve().with_name("far.py")
SECRET = b"ghp_0123456789abcdefABCDEF0123456789abcd"
"""Stands in every log, and must stand in no file that whyred writes."""
_JOBS = "/api/v1/repos/bench/logs/actions"
_PATHS = ("runs", "runs/{run_id}", "runs/{run_id}/jobs", "jobs/{job_id}/logs")
_CONF = """\
daemon off;
worker_processes 1;
%(user)s
pid %(folder)s/nginx.pid;
error_log %(folder)s/errors.log;
events { worker_connections 64; }
http {
  access_log off;
  sendfile on;
  tcp_nopush on;
  keepalive_requests 100000;
  client_body_temp_path %(folder)s/t1;
  proxy_temp_path %(folder)s/t2;
  fastcgi_temp_path %(folder)s/t3;
  uwsgi_temp_path %(folder)s/t4;
  scgi_temp_path %(folder)s/t5;
  upstream far { server 127.0.0.1:%(far)d; keepalive 16; }
  server {
    listen 127.0.0.1:%(port)d;
    %(late)s
    location = /late {
      internal;
      proxy_pass http://far/;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
    }
    root %(folder)s/www;
    default_type application/json;
    location = %(jobs)s/runs { try_files /runs.json =404; }
    location = %(jobs)s/runs/1/jobs { try_files /jobs.json =404; }
    location ~ ^%(jobs)s/jobs/([0-9]+)/logs$ { default_type text/plain; alias %(folder)s/logs/$1.log; }
  }
}
"""


class MissingToolError(Exception):
    """What this bench needs is not here; the message says what."""


@dataclass(frozen=True, slots=True)
class Served:
    """A forge that is being served: `expected` is what whyred is to make of each log."""

    folder: Path
    url: str
    expected: bytes

    @property
    def ours(self) -> Path:
        """Where whyred writes."""
        return self.folder / "ours"

    @property
    def theirs(self) -> Path:
        """Where curl writes."""
        return self.folder / "theirs"

    def whyred(self) -> Command:
        """The program, as a user calls it."""
        argv = whyred("logs", "bench/logs#1", "--server", self.url, "--out-dir", str(self.ours)).argv
        return Command("whyred logs --out-dir", argv)

    def curl(self) -> Command:
        """The peer, with the same files."""
        config = self.folder / "curl.conf"
        rows = [f'url = "{self.url}{_JOBS}/jobs/{n}/logs"\noutput = "{self.theirs}/{n}.log"\n' for n in _numbers()]
        config.write_text("".join(rows), encoding="ascii")
        argv = ["curl", "-q", "-sS", "-Z", "--no-progress-meter", "--parallel-max", str(AT_ONCE), "-K", str(config)]
        return Command(f"curl -Z --parallel-max {AT_ONCE}", argv)

    def clear(self) -> None:
        """Both sides begin with an empty folder."""
        for folder in (self.ours, self.theirs):
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()

    def wrong(self) -> str:
        """What is wrong with what both sides wrote."""
        ours = sorted(self.ours.glob("*.log"))
        if len(ours) != COUNT or len(list(self.theirs.glob("*.log"))) != COUNT:
            return f"not each of {COUNT} logs is there"
        bad = [file.name for file in ours if file.read_bytes() != self.expected]
        return f"{bad[0]} is not the log, masked" if bad else ""


def _numbers() -> range:
    return range(1, COUNT + 1)


@contextlib.contextmanager
def serving(given: Given, *, far: bool = False) -> Iterator[Served]:
    """Serves the logs until the block ends. Raises MissingToolError."""
    nginx = shutil.which("nginx") or shutil.which("/usr/sbin/nginx")
    for tool, package in ((nginx, "nginx-light"), (shutil.which("curl"), "curl")):
        if tool is None:
            raise MissingToolError(f"{package} is not installed here (apt-get install {package})")
    with tempfile.TemporaryDirectory(prefix="download-", dir=given.folder) as name:
        folder, port = Path(name), _free_port()
        log = make("one-mib", given.folder).read_bytes()
        with contextlib.ExitStack() as stack:
            late = _late(stack) if far else None
            _write(folder, log + b"2026-05-04T10:59:59.0000000Z token: " + SECRET + b"\n", port, late)
            argv = [str(nginx), "-c", str(folder / "nginx.conf"), "-e", str(folder / "errors.log")]
            _started(stack, subprocess.Popen(argv, stdin=subprocess.DEVNULL), folder / "nginx.pid")
            expected = log + b"2026-05-04T10:59:59.0000000Z token: ***\n"
            yield Served(folder, f"http://127.0.0.1:{port}", expected)


def _late(stack: contextlib.ExitStack) -> int:
    """Starts what nginx asks before every answer, and tells its port."""
    argv = [sys.executable, str(LATE), str(FAR)]
    late = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
    stack.callback(_end, late)
    assert late.stdout is not None
    return int(late.stdout.readline())


def _started(stack: contextlib.ExitStack, server: subprocess.Popen[bytes], pid: Path) -> None:
    """Waits until it listens: then it writes its process id."""
    stack.callback(_end, server)
    while not (pid.exists() and pid.read_text().strip()):
        if server.poll() is not None:
            raise MissingToolError("nginx does not start here")
        time.sleep(0.02)


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    process.wait()
    if process.stdout is not None:
        process.stdout.close()


def _free_port() -> int:
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        return port


def _write(folder: Path, log: bytes, port: int, late: int | None) -> None:
    import os

    user = "user root;" if os.geteuid() == 0 else ""
    ask = "auth_request /late;" if late is not None else ""
    made = {"folder": folder, "port": port, "jobs": _JOBS, "user": user, "late": ask, "far": late or port}
    (folder / "nginx.conf").write_text(_CONF % made, encoding="ascii")
    (folder / "logs").mkdir()
    for number in _numbers():
        (folder / "logs" / f"{number}.log").write_bytes(log)
    www = folder / "www"
    version = {"version": "16.0.0+gitea-1.22.0"}
    run = {"id": 1, "index_in_repo": 1, "title": "bench", "status": "failure", "workflow_id": "ci.yml"}
    _save(www / "api/forgejo/v1/version", version)
    _save(www / "swagger.v1.json", {"paths": {f"/repos/{{owner}}/{{repo}}/actions/{path}": {} for path in _PATHS}})
    _save(www / "runs.json", {"workflow_runs": [run], "total_count": 1})
    _save(www / "jobs.json", [_job(number) for number in _numbers()])


def _job(number: int) -> dict[str, object]:
    told = {"name": f"job {number}", "status": "failure", "needs": None, "runs_on": ["docker"]}
    return {"id": number, "run_id": 1, "attempt": 1, "task_id": number, **told}


def _save(file: Path, data: object) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(data), encoding="utf-8")


if __name__ == "__main__":
    from bench.run import main

    sys.exit(main(["download", "download-far", "download-again", *sys.argv[1:]]))
