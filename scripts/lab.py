"""`make lab`: each fault is really made, a real job runs into it, and the real program is asked; prints the table.

A recipe is `tests/causes/ID/inject.sh`, which makes the fault and then starts what it is given, beside `job.yml`, a
workflow that runs into it. The machine is not touched: every recipe has its own processes and mounts, with an empty
/tmp, /var and /run; that is the host. A runner is started in it by the recipe, a healthy one beside it, and `whyred
why` is asked on the host. `tests/lab/quiet/*.yml` are ordinary failures of the code on a healthy runner: nothing of
infrastructure may be confirmed or be likely first there.

`python scripts/lab.py [ID...]`: exit 0 when every figure is reached.
"""

import argparse
import json
import os
import select
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO

ROOT = Path(__file__).resolve().parent.parent
CAUSES, QUIET = ROOT / "tests" / "causes", ROOT / "tests" / "lab" / "quiet"
TOP1, TOP3, SECONDS = 0.92, 0.98, 3.0
"""The least shares in which the right cause is first, and among the first three; the most median seconds of `why`."""
_PATIENCE = 120.0
"""Seconds that a job may take."""
_GROUPS = Path("/sys/fs/cgroup")
"""Where a recipe may make a control group, named `$LAB_GROUP`; the one thing that does not end with its host."""
_HOST = (
    'mount --bind "$0" /mnt && mount -t tmpfs -o mode=1777 lab-host /tmp && mount -t tmpfs lab-host /run && '
    "mount -t tmpfs lab-host /var && mkdir -m 1777 /var/tmp && mount -t tmpfs lab-host /srv && "
    "for folder in /opt /usr /etc /proc/sys; do "
    'mount --rbind "$folder" "$folder" && mount -o remount,bind,ro "$folder" || exit; done && cd /mnt && exec "$@"'
)
"""What a host of its own does not share: a recipe may write into the folders of a job, and nowhere else."""


@dataclass(frozen=True, slots=True)
class Case:
    """One job to be run. `recipe` is the shell text that makes the fault; empty for a quiet run. `needs`: programs."""

    name: str
    job: Path
    recipe: str
    root: bool
    needs: tuple[str, ...]

    def refusal(self) -> str:
        """Why it cannot be run here; empty where it can."""
        missing = [program for program in self.needs if shutil.which(program) is None]
        if missing:
            return f"needs {', '.join(missing)}"
        return "needs root" if self.root and os.geteuid() != 0 else ""


@dataclass(frozen=True, slots=True)
class Row:
    """What whyred said. `said` is the first cause with its confidence; `place` that of the right one, from 1."""

    name: str
    said: str = ""
    confidence: str = ""
    place: int = 0
    seconds: float = 0.0
    wrong: str = ""
    """A wrong verdict that is marked confirmed, or what went wrong with the recipe."""
    skipped: str = ""


def cases(names: Sequence[str] = ()) -> Iterator[Case]:
    """The recipes, then the quiet runs; all, or those that are named."""
    for script in sorted(CAUSES.glob("*/inject.sh")):
        job = script.with_name("job.yml")
        if job.exists() and (not names or script.parent.name in names):
            text = script.read_text(encoding="utf-8")
            yield Case(script.parent.name, job, text, "\n# needs root" in text, _needs(job))
    for job in sorted(QUIET.glob("*.yml")):
        if not names or f"quiet/{job.stem}" in names or "quiet" in names:
            yield Case(f"quiet/{job.stem}", job, "", False, _needs(job))


def _needs(job: Path) -> tuple[str, ...]:
    """The programs of the line `# needs: ...` at the head of a job."""
    head = job.read_text(encoding="utf-8").partition("\n")[0]
    return tuple(head.partition("# needs:")[2].split())


def play(case: Case, way: str = "local") -> Row:
    """One case on a host of its own, which is asked in one of the ways of `HOSTS`."""
    if skipped := case.refusal():
        return Row(case.name, skipped=skipped)
    ended = alone([sys.executable, __file__, "--inside", case.name, "--host", way])
    try:
        return Row(**json.loads(ended.stdout))
    except (ValueError, TypeError):
        last = (ended.stderr.strip() or ended.stdout.strip() or "it said nothing").splitlines()[-1]
        return Row(case.name, wrong=f"the lab itself failed: {last}")


def alone(call: Sequence[str]) -> subprocess.CompletedProcess[str]:
    """A program, run on a host of its own."""
    user = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
    host = ["unshare", *user, "--mount", "--propagation", "private", "--pid", "--fork", "--mount-proc", "--kill-child"]
    folder = Path(tempfile.mkdtemp(prefix="whyred-lab-", dir="/var/tmp"))
    try:
        (folder / "work").mkdir(mode=0o777)
        argv = [*host, "--", "sh", "-c", _HOST, str(folder), *call]
        env = _environ() | {"LAB_GROUP": folder.name}
        return subprocess.run(argv, capture_output=True, text=True, env=env, check=False)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        for group in _GROUPS.glob(f"*/**/{folder.name}"):
            group.rmdir()  # all its processes have ended with the host


def _environ() -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if k in ("PATH", "LANG", "LC_ALL", "RUSTUP_HOME", "CARGO_HOME")}
    rustup = Path.home() / ".rustup"
    if rustup.is_dir():  # a host of the lab has a home of its own, and the compilers of this one's are wanted
        kept.setdefault("RUSTUP_HOME", str(rustup))
    home = {"HOME": "/mnt/home", "XDG_DATA_HOME": "/mnt/data", "XDG_CACHE_HOME": "/mnt/cache"}
    return {**kept, **home, "PYTHONPATH": f"{ROOT / 'src'}:{ROOT}"}


def inside(case: Case, way: str = "local") -> Row:
    """The case, called on its own host."""
    if not any(line.split()[-3:-1] == ["tmpfs", "lab-host"] for line in _mounts()):
        raise PermissionError("this is no host of the lab: its faults would be the machine's")
    Path("/mnt/home").mkdir()
    beside = _runner("runner-2", "")
    runner = _runner("runner-1", case.recipe)
    try:
        run = _run(runner, case.job)
        asked = HOSTS[way](run)
        began = time.monotonic()
        said = subprocess.run([*_WHYRED, "why", run, *asked], capture_output=True, text=True, check=False)
        seconds = time.monotonic() - began
    finally:
        for daemon in (runner, beside):
            daemon.kill()
    if said.returncode != 1:
        return Row(case.name, wrong=f"whyred ended with {said.returncode}: {(said.stderr or said.stdout)[-300:]}")
    return judged(case, json.loads(said.stdout), seconds)


def local(_run: str) -> Sequence[str]:
    """Ask the host itself."""
    return ["--json"]


def printed(run: str) -> Sequence[str]:
    """Ask what the script printed there."""
    made = subprocess.run([*_WHYRED, "doctor", "--script", "--for", run], capture_output=True, check=True)
    told = subprocess.run(["sh", "-s"], input=made.stdout, capture_output=True, check=True)
    Path("/mnt/host.txt").write_bytes(told.stdout)
    return ["--json", "--host", "/mnt/host.txt"]


HOSTS = {"local": local, "script": printed}
"""The ways in which the host is asked."""
_WHYRED = [sys.executable, "-m", "whyred"]


def _runner(name: str, recipe: str) -> "subprocess.Popen[bytes]":
    """A runner daemon in mounts of its own, started by the recipe."""
    text = recipe or '#!/bin/sh\nexec "$@"'
    unit = ["unshare", "--mount", "--propagation", "private", "--", "sh", "-c", text, "inject"]
    daemon = [*unit, *_WHYRED, "whyred-runner", name]
    return subprocess.Popen(daemon, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd="/mnt/work")


def _run(runner: "subprocess.Popen[bytes]", job: Path) -> str:
    """The job, run by a runner; the name of the kept run. Raises RuntimeError where it does not fail."""
    stdin, stdout = _pipe(runner.stdin), _pipe(runner.stdout)
    stdin.write(json.dumps({"workflow": str(job)}).encode() + b"\n")
    stdin.flush()
    if not select.select([stdout], [], [], _PATIENCE)[0]:
        raise RuntimeError(f"the job did not end within {_PATIENCE:g} s")
    line = stdout.readline()
    if not line:
        raise RuntimeError(f"the runner ended with {runner.wait()}: the recipe lets nothing be started")
    reply = json.loads(line)
    if reply["conclusion"] != "failure":
        raise RuntimeError(f"the job ended with {reply['conclusion']}: the fault does not bite")
    return str(reply["run"])


def _pipe(pipe: IO[bytes] | None) -> IO[bytes]:
    assert pipe is not None
    return pipe


def _mounts() -> list[str]:
    return Path("/proc/self/mountinfo").read_text(encoding="utf-8").splitlines()


def judged(case: Case, said: Mapping[str, object], seconds: float) -> Row:
    """What a verdict is worth. A quiet run is right when nothing of infrastructure is confirmed, and none leads that is
    more than possible."""
    findings = said["findings"]
    assert isinstance(findings, list)
    first = findings[0] if findings else {"cause": "nothing", "confidence": ""}
    sure = first["confidence"] == "confirmed"
    row = Row(case.name, first["cause"], first["confidence"], seconds=seconds)
    if not case.recipe:
        infra = [f for f in findings if str(f["class"]).startswith("infra/")]
        bad = next((f for f in infra if f["confidence"] == "confirmed"), None)
        if bad is None and first in infra and first["confidence"] != "possible":
            bad = first
        wrong = f"{bad['confidence']} {bad['cause']}" if bad else ""
        return Row(**{**asdict(row), "place": 0 if bad else 1, "wrong": wrong})
    place = next((n for n, f in enumerate(findings, 1) if f["cause"] == case.name), 0)
    wrong = f"confirmed {row.said}" if sure and place != 1 else ""
    return Row(**{**asdict(row), "place": place, "wrong": wrong})


def table(rows: Sequence[Row]) -> Iterator[str]:
    """The table and the figures."""
    for row in rows:
        if row.skipped:
            yield f"{row.name:<34} skipped: {row.skipped}"
        else:
            place = f"top-{row.place}" if row.place else "missed"
            said = f"{row.name:<34} {place:<7} {row.confidence:<10} {row.seconds:5.2f} s  {row.said}"
            yield f"{said}  {row.wrong}".rstrip()
    faults = [r for r in rows if not r.skipped and not r.name.startswith("quiet/")]
    quiet = [r for r in rows if not r.skipped and r.name.startswith("quiet/")]
    if faults:
        first, third = share(faults, 1), share(faults, 3)
        confirmed = sum(r.place == 1 and r.confidence == "confirmed" for r in faults)
        yield f"\n{len(faults)} faults: top-1 {first:.3f} (goal {TOP1}), top-3 {third:.3f} (goal {TOP3})"
        yield f"confirmed {confirmed}, median {statistics.median(r.seconds for r in faults):.2f} s (goal {SECONDS:g})"
    yield f"{len(quiet)} quiet runs; wrong: {sum(bool(r.wrong) for r in rows)}"


def share(rows: Sequence[Row], place: int) -> float:
    """The share in which the right cause is among the first `place`."""
    return sum(0 < r.place <= place for r in rows) / len(rows)


def reached(rows: Sequence[Row]) -> bool:
    """Whether every figure is reached."""
    faults = [r for r in rows if not r.skipped and not r.name.startswith("quiet/")]
    good = not faults or (share(faults, 1) >= TOP1 and share(faults, 3) >= TOP3)
    fast = not faults or statistics.median(r.seconds for r in faults) <= SECONDS
    return good and fast and not any(r.wrong for r in rows)


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument(
        "names", nargs="*", metavar="ID", help="which causes; `quiet` for the quiet runs (default: all)"
    )
    parser.add_argument("--inside", metavar="ID", help=argparse.SUPPRESS)
    parser.add_argument("--host", choices=HOSTS, default="local", help="how the host is asked (default: local)")
    given = parser.parse_args(argv)
    if given.inside:
        print(json.dumps(asdict(inside(next(cases([given.inside])), given.host))))
        return 0
    found = list(cases(given.names))
    if not found:
        parser.error(f"no recipe is named {', '.join(given.names)}")
    rows = []
    for n, case in enumerate(found, 1):
        if sys.stderr.isatty():
            print(f"\r\x1b[K{n}/{len(found)} {case.name}", end="", file=sys.stderr, flush=True)
        rows.append(play(case, given.host))
    if sys.stderr.isatty():
        print("\r\x1b[K", end="", file=sys.stderr)
    print("\n".join(table(rows)))
    return 0 if reached(rows) else 1


if __name__ == "__main__":
    sys.exit(main())
