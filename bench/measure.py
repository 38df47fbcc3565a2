"""Runs commands in turns and tells how long they took and how much memory they had, as ratios against a named peer."""

import contextlib
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Command:
    """One side of a contest: a name for people, the arguments, and the command whose output it reads, if any."""

    name: str
    argv: Sequence[str]
    feed: Sequence[str] | None = None


@dataclass(frozen=True, slots=True)
class Taken:
    """One run: wall seconds, the peak of resident memory in MiB, the exit code, and what it printed on both outputs."""

    seconds: float
    mib: float
    code: int
    out: bytes
    err: bytes = b""


@dataclass(frozen=True, slots=True)
class Result:
    """One contest: medians of both sides, the median of the per-pair ratios ours/peer, and the goals.

    `wrong` says what is wrong with what our side printed or did; a figure that was reached by doing it wrong is none.
    """

    bench: str
    ours: str
    peer: str
    pairs: int
    ours_ms: float
    peer_ms: float
    ratio: float
    most_ratio: float | None
    ours_mib: float
    peer_mib: float
    most_mib: float | None
    wrong: str = ""
    note: str = ""
    """What else is to be told of it, on a line of its own."""

    @property
    def ok(self) -> bool:
        """Whether every goal is met and nothing is wrong."""
        fast = self.most_ratio is None or self.ratio <= self.most_ratio
        small = self.most_mib is None or self.ours_mib <= self.most_mib
        return fast and small and not self.wrong


@dataclass(frozen=True, slots=True)
class Skipped:
    """A bench that cannot run here, and why."""

    bench: str
    reason: str


@dataclass(frozen=True, slots=True)
class Given:
    """What every bench is handed: the folder of inputs, and the number of pairs the user wants (None: its own)."""

    folder: Path
    pairs: int | None = None

    def count(self, own: int) -> int:
        """The number of pairs to run."""
        return self.pairs or own


def environment(folder: Path) -> dict[str, str]:
    """The environment of every command: byte code is used and written, caches lie in the folder of inputs."""
    kept = {k: v for k, v in os.environ.items() if k not in ("PYTHONDONTWRITEBYTECODE", "PYTHONPROFILEIMPORTTIME")}
    return kept | {"XDG_CACHE_HOME": str(folder / "cache"), "XDG_DATA_HOME": str(folder / "data"), "LC_ALL": "C"}


def whyred(*argv: str) -> Command:
    """Our program as it is installed beside this Python, or as a module of it."""
    script = Path(sys.executable).with_name("whyred")
    start = [str(script)] if script.exists() else [sys.executable, "-m", "whyred"]
    return Command(f"whyred {argv[0]}", [*start, *argv])


def run(command: Command, environ: Mapping[str, str], watch: Callable[[int], None] | None = None) -> Taken:
    """Runs a command once. `watch` is called with its process id again and again while it runs.

    Memory is `ru_maxrss` of wait4(2); Linux starts it at the peak of the parent, so `floor` MiB cannot be undercut.
    """
    with contextlib.ExitStack() as stack:
        source, feeder = _source(command, environ, stack)
        errors = stack.enter_context(open(os.memfd_create("stderr"), "r+b"))  # noqa: PTH123 - it has no path
        begin = time.perf_counter()
        child = subprocess.Popen(command.argv, stdin=source, stdout=subprocess.PIPE, stderr=errors, env=dict(environ))
        assert child.stdout is not None
        out = _read(child.stdout.fileno(), lambda: watch(child.pid) if watch else None)
        _, status, usage = os.wait4(child.pid, 0)
        seconds = time.perf_counter() - begin
        child.returncode = os.waitstatus_to_exitcode(status)
        child.stdout.close()
        if feeder is not None:
            feeder.wait()
        errors.seek(0)
        return Taken(seconds, usage.ru_maxrss / 1024, child.returncode, out, errors.read())


def _source(
    command: Command, environ: Mapping[str, str], stack: contextlib.ExitStack
) -> tuple[int, subprocess.Popen[bytes] | None]:
    if command.feed is None:
        return subprocess.DEVNULL, None
    feeder = stack.enter_context(subprocess.Popen(command.feed, stdout=subprocess.PIPE, env=dict(environ)))
    assert feeder.stdout is not None
    return feeder.stdout.fileno(), feeder


def _read(descriptor: int, tick: Callable[[], None]) -> bytes:
    """All that comes out, with a tick every 50 ms."""
    import select

    parts = []
    while True:
        if not select.select([descriptor], [], [], 0.05)[0]:
            tick()
        elif data := os.read(descriptor, 1 << 16):
            parts.append(data)
        else:
            return b"".join(parts)


def floor() -> float:
    """MiB below which a child's peak cannot be seen: this process's own peak."""
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def turns(
    ours: Command, peer: Command, pairs: int, folder: Path, before: Callable[[], None] = lambda: None
) -> Iterator[tuple[Taken, Taken]]:
    """Both sides in turns: ours, peer, ours, peer, ...; one round before that does not count (files get warm). `before`
    is called before each round, and does not count.
    """
    environ = environment(folder)
    for n in range(pairs + 1):
        before()
        pair = run(ours, environ), run(peer, environ)
        if n:
            yield pair


def summed(
    bench: str,
    ours: Command,
    peer: Command,
    pairs: Sequence[tuple[Taken, Taken]],
    *,
    most_ratio: float | None = None,
    most_mib: float | None = None,
    wrong: str = "",
    note: str = "",
) -> Result:
    """The figures of some pairs. Raises ValueError without a pair."""
    if not pairs:
        raise ValueError("no pair was run")
    return Result(
        bench=bench,
        ours=ours.name,
        peer=peer.name,
        pairs=len(pairs),
        ours_ms=statistics.median(a.seconds for a, _ in pairs) * 1000,
        peer_ms=statistics.median(b.seconds for _, b in pairs) * 1000,
        ratio=median_ratio([(a.seconds, b.seconds) for a, b in pairs]),
        most_ratio=most_ratio,
        ours_mib=max(a.mib for a, _ in pairs),
        peer_mib=max(b.mib for _, b in pairs),
        most_mib=most_mib,
        wrong=wrong,
        note=note,
    )


def median_ratio(pairs: Sequence[tuple[float, float]]) -> float:
    """The median of ours/peer, pair by pair: what slows the machine for a while slows both sides of a pair."""
    return statistics.median(a / b for a, b in pairs)


def codes(pairs: Sequence[tuple[Taken, Taken]], ours: int, peer: int = 0) -> str:
    """What is wrong with the exit codes: a program that fails is soon done."""
    for who, taken, wanted in [row for a, b in pairs for row in (("we", a, ours), ("the peer", b, peer))]:
        if taken.code != wanted:
            last = (taken.err.decode("utf-8", "replace").strip() or "silently").splitlines()[-1]
            return f"{who} ended with {taken.code}, not {wanted}: {last}"
    return ""
