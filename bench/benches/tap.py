"""Calls of a runner through `whyred tap` against the same calls straight to the forge (a stand-in on this machine)."""

import json
import shutil
import signal
import socket
import statistics
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from bench.measure import Given, Result, environment, median_ratio, whyred
from bench.processes import line, peak, started
from bench.tap_forge import request

FORGE = Path(__file__).resolve().parent.parent / "tap_forge.py"
MOST_MS = 5.0
"""Milliseconds that a call may take longer."""
CALLS, ROWS, WIDTH = 200, 100, 100
"""Calls in a row of each side; rows in one, as many as Gitea's runner gathers; bytes of a row."""


def bench(given: Given) -> Result:
    """Back to back on one connection, so that the tap still reads the call before; real runners send one a second."""
    keep = given.folder / "tap"
    shutil.rmtree(keep, ignore_errors=True)
    with started([sys.executable, str(FORGE)], environment(given.folder)) as forge:
        port = int(line(forge))
        tap = [*whyred("tap").argv, "--upstream", f"http://127.0.0.1:{port}", "--listen", "127.0.0.1:0", "--json"]
        with started([*tap, "--keep", str(keep)], environment(given.folder)) as ours:
            through = int(json.loads(line(ours))["listen"].rpartition(":")[2])
            pairs = list(_turns(through, port, given.count(9)))
            peaks = peak(ours.pid), peak(forge.pid)
            ours.send_signal(signal.SIGTERM)
            kept = json.loads(ours.communicate()[0].splitlines()[-1])["rows"]
    medians = statistics.median(a for a, _ in pairs) * 1000, statistics.median(b for _, b in pairs) * 1000
    sent, added = (len(pairs) + 1) * CALLS * ROWS, medians[0] - medians[1]
    wrong = f"a call takes {added:.2f} ms longer, and may take {MOST_MS:g}" if added > MOST_MS else ""
    wrong = wrong or (f"{kept} rows were kept of {sent}" if kept != sent else "")
    return Result(
        bench="tap",
        ours="a call through whyred tap",
        peer="straight",
        pairs=len(pairs),
        ours_ms=medians[0],
        peer_ms=medians[1],
        ratio=median_ratio(pairs),
        most_ratio=None,
        ours_mib=peaks[0],
        peer_mib=peaks[1],
        most_mib=None,
        wrong=wrong,
    )


def _turns(through: int, straight: int, pairs: int) -> Iterator[tuple[float, float]]:
    """The median seconds of a call, through the tap and straight, in turns; the first round does not count."""
    row = b"x" * WIDTH
    index = 0
    for n in range(pairs + 1):
        pair = _calls(through, index, row), _calls(straight, index, row)
        index += CALLS * ROWS
        if n:
            yield pair


def _calls(port: int, index: int, row: bytes) -> float:
    taken = []
    with socket.create_connection(("127.0.0.1", port)) as wire:
        wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for call in range(CALLS):
            data = request(index + call * ROWS, [row] * ROWS)
            begin = time.perf_counter()
            wire.sendall(data)
            reply = b""
            while b"\r\n\r\n" not in reply:
                reply += wire.recv(1 << 16)
            taken.append(time.perf_counter() - begin)
            if not reply.startswith(b"HTTP/1.1 200 "):
                raise RuntimeError(f"the call was answered with {reply[:60]!r}")
    return statistics.median(taken)
