"""50 callers of `whyred mcp --http` who read logs of 100 MB at once, beside one who asks for a status all the time.

How long that one waits at most, against the median of the same call alone, and the peak of the server's memory.
"""

import contextlib
import json
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path

from bench.inputs import make
from bench.measure import Given, Result, Skipped, environment, whyred
from bench.processes import line, peak, started

CALLERS, ALONE = 50, 20
MOST_MIB = 300e6 / (1 << 20)
MOST_WAIT = 40.0
"""How many times as long as alone the small call may take at most: its own work beside as much as this machine can do,
and never what is left of a large call before it.
"""
_FOLDER = Path(__file__).resolve().parent.parent
_FORGE, _CALLERS = _FOLDER / "mcp_forge.py", _FOLDER / "mcp_callers.py"
_FLOODS = 6
_PATIENCE = 60.0
"""Seconds in which the server must listen."""
_TOKEN = "bench-token-0123456789"
Taken = list[tuple[float, str]]


def bench(given: Given) -> Result | Skipped:
    """The program as it is served, in a process of its own."""
    if find_spec("mcp") is None:
        return Skipped("mcp-many", "the SDK is not installed: pip install 'whyred[mcp]'")
    environ = environment(given.folder) | {"WHYRED_MCP_TOKEN": _TOKEN}
    callers = given.pairs or CALLERS
    with tempfile.TemporaryDirectory(prefix="many-", dir=given.folder) as folder, contextlib.ExitStack() as stack:
        log = _log(Path(folder), given.folder)
        forge = stack.enter_context(started([sys.executable, str(_FORGE), str(log), str(callers)], environ))
        root, port = f"http://127.0.0.1:{int(line(forge))}", _free_port()
        argv = [*whyred("mcp").argv, "--http", f"127.0.0.1:{port}", "--forge", root]
        server = stack.enter_context(started(argv, environ))
        _until_it_listens(server, port)
        ask = [sys.executable, str(_CALLERS), f"http://127.0.0.1:{port}/mcp"]
        small = stack.enter_context(started([*ask, "small", str(ALONE)], environ))
        line(small)
        idle = peak(server.pid)
        begin = time.perf_counter()
        many = stack.enter_context(started([*ask, "many", str(callers)], environ))
        read = _told(many)
        seconds = time.perf_counter() - begin
        asked = _told(small)
        return _result(asked[:ALONE], asked[ALONE:], read, (seconds, peak(server.pid), idle), callers)


def _result(alone: Taken, beside: Taken, read: Taken, whole: tuple[float, float, float], callers: int) -> Result:
    seconds, peak, idle = whole
    wrong = next((text for _, text in (*alone, *beside, *read) if text), "")
    wrong = wrong or (f"{len(read)} of {callers} callers got an answer" if len(read) != callers else "")
    usual = statistics.median(took for took, _ in alone)
    waits, reads = [took for took, _ in beside], [took for took, _ in read]
    note = (
        f"{callers} callers were answered within {seconds:.1f} s, one after {max(reads):.1f} s at most; beside them "
        f"{len(waits)} small calls, median {statistics.median(waits) * 1000:.0f} ms"
    )
    return Result(
        bench="mcp-many",
        ours=f"the slowest of {len(waits)} ci_status beside {callers} readers of 100 MB",
        peer="ci_status alone (median)",
        pairs=len(waits),
        ours_ms=max(waits) * 1000,
        peer_ms=usual * 1000,
        ratio=max(waits) / usual,
        most_ratio=MOST_WAIT,
        ours_mib=peak,
        peer_mib=idle,
        most_mib=MOST_MIB,
        wrong=wrong,
        note=note,
    )


def _log(folder: Path, inputs: Path) -> Path:
    """100 MB of ordinary lines, and at the end a step that fails."""
    flood, end, log = make("flood", inputs), make("one-mib", inputs), folder / "job.log"
    with log.open("wb") as out:
        for part in (*[flood] * _FLOODS, end):
            out.write(part.read_bytes())
    return log


def _told(process: "subprocess.Popen[str]") -> Taken:
    """What it prints at its end; its standard input is closed."""
    out, _ = process.communicate()
    if process.returncode:
        raise RuntimeError(f"{process.args!r} ended with {process.returncode}")
    return [(float(seconds), str(text)) for seconds, text in json.loads(out)]


def _free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        return port


def _until_it_listens(server: "subprocess.Popen[str]", port: int) -> None:
    end = time.monotonic() + _PATIENCE
    while server.poll() is None and time.monotonic() < end:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1.0):
            return
        time.sleep(0.05)
    raise RuntimeError("the server does not listen")
