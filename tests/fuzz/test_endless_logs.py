"""Logs without end: the program itself on standard input, its peak of memory, and its processor time as they grow.

`make fuzz` reads all of them; `make test` a tenth of those that are many lines.
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest

MOST_MIB = 96
"""MiB resident at the most, whatever the log; a third of it is the interpreter and the compiled library."""
MB = 1_000_000
_CHUNK = 1 << 16


def of_one(text: bytes) -> Callable[[int], Iterator[bytes]]:
    """So many megabytes of one text, over and over."""
    block = text * (_CHUNK // len(text))

    def chunks(size: int) -> Iterator[bytes]:
        for _ in range(size * MB // len(block)):
            yield block

    return chunks


def of_lines(form: bytes) -> Callable[[int], Iterator[bytes]]:
    """So many thousand lines, each with its number."""

    def chunks(thousands: int) -> Iterator[bytes]:
        for n in range(thousands):
            yield b"".join(form % (n * 1000 + i) for i in range(1000))

    return chunks


MANY = 1000 if os.environ.get("HYPOTHESIS_PROFILE") == "fuzz" else 100
"""Thousands of lines: a million groups, or a tenth of that."""

ENDLESS = {
    "one character": (of_one(b"a"), 100),
    "line feeds": (of_one(b"\n"), 100),
    "carriage returns": (of_one(b"x\ry" * 5000 + b"\n"), 50),
    "escape sequences that never end": (of_one(b"\x1b]8;;"), 20),
    "one line of nothing but errors": (of_one(b"error: boom "), 20),
    "groups": (of_lines(b"##[group]Run step %d\n##[endgroup]\n"), MANY),
    "sections that are never closed": (of_lines(b"section_start:1700000000:step_%d\r\x1b[0K\n"), MANY),
    "folds that are never closed": (of_lines(b"travis_fold:start:part.%d\r\x1b[0K$ make\n"), MANY),
    "errors": (of_lines(b"src/queue.c:%d:1: error: 'x' undeclared\n"), MANY),
    "keys that never end": (of_lines(b"-----BEGIN PRIVATE KEY----- %d\n"), MANY),
}


@cache
def home(folder: Path) -> dict[str, str]:
    """An environment with a cache of its own, in which the library is compiled already."""
    environ = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    environ |= {"XDG_CACHE_HOME": str(folder), "LC_ALL": "C.UTF-8"}
    subprocess.run([sys.executable, "-m", "whyred", "read", "-"], input=b"x\n", env=environ, check=False)
    return environ


def read(chunks: Iterator[bytes], environ: dict[str, str]) -> tuple[int, dict[str, object], float, float]:
    """Exit code, what was said, MiB at the peak, seconds of processor time."""
    argv = [sys.executable, "-m", "whyred", "read", "-", "--json"]
    # The peak of a child begins with that of its parent: a small one stands between.
    small = [sys.executable, "-I", "-S", "-c", _SMALL, *argv]
    with subprocess.Popen(small, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environ) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        for chunk in chunks:
            child.stdin.write(chunk)
        child.stdin.close()
        out = child.stdout.read()
    said, _, told = out.rpartition(b"\n#")
    code, kib, seconds = told.split()
    return int(code), json.loads(said), int(kib) / 1024, float(seconds)


_SMALL = """
import os, resource, sys
pid = os.spawnv(os.P_NOWAIT, sys.argv[1], sys.argv[1:])
_, status, usage = os.wait4(pid, 0)
print(f"\\n#{os.waitstatus_to_exitcode(status)} {usage.ru_maxrss} {usage.ru_utime + usage.ru_stime}")
"""


@pytest.mark.parametrize("what", ENDLESS)
def test_memory_stays_flat(what: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    make, size = ENDLESS[what]
    code, said, mib, _ = read(make(size), home(tmp_path_factory.getbasetemp() / "endless"))
    assert code == (1 if "error" in what else 0)
    assert said["schema"] == "whyred.read/1"
    assert mib < MOST_MIB


@pytest.mark.parametrize(
    "what", ["groups", "errors", "one line of nothing but errors", "escape sequences that never end"]
)
def test_time_grows_with_the_log_and_not_faster(what: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Eight times the log costs about eight times the processor time, never the square of it (64 times)."""
    make, size = ENDLESS[what]
    environ = home(tmp_path_factory.getbasetemp() / "endless")
    little = read(make(max(1, size // 40)), environ)[3]
    much = read(make(max(8, size // 5)), environ)[3]
    assert much < 24 * little
