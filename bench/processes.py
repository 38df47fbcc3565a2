"""Programs that a bench starts and talks to while they run: servers, a tap, callers."""

import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def started(argv: Sequence[str], environ: Mapping[str, str]) -> "Iterator[subprocess.Popen[str]]":
    """The program with its standard streams as pipes of text; ended at the end of the block."""
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environ) as process:
        try:
            yield process
        finally:
            process.kill()


def line(process: "subprocess.Popen[str]") -> str:
    """The next line that it prints. Raises RuntimeError where it has ended."""
    assert process.stdout is not None
    text = process.stdout.readline()
    if not text:
        raise RuntimeError(f"{process.args!r} ended at its start")
    return text


def peak(pid: int) -> float:
    """The peak of memory of a process and of those it has started, in MiB."""
    told = Path(f"/proc/{pid}/status").read_text(encoding="ascii").partition("VmHWM:")[2]
    tasks = Path(f"/proc/{pid}/task").iterdir()
    children = {int(child) for task in tasks for child in (task / "children").read_text().split()}
    return int(told.split()[0]) / 1024 + sum(map(peak, children))
