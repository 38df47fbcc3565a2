"""Runs a command of the system on this machine: no shell, no input, no terminal, own session, with a time limit."""

import os
import selectors
import signal
import subprocess
from collections.abc import Sequence
from time import monotonic
from typing import IO

from whyred.model.evidence import Reason
from whyred.model.host import HostRefusedError, Output

OUTPUT_LIMIT = 1 << 20
"""Bytes that are kept of each output stream of a command; the rest is read and dropped."""
SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def started(argv: Sequence[str]) -> "subprocess.Popen[bytes]":
    """The command under way. Raises OSError and ValueError."""
    # An empty pipe instead of /dev/null: a broken root file system may have no /dev.
    empty, end = os.pipe()
    os.close(end)
    try:
        return subprocess.Popen(
            list(argv),
            stdin=empty,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd="/",
            env=environment(),
            start_new_session=True,
        )
    finally:
        os.close(empty)


def environment() -> dict[str, str]:
    """That of every command: the user's own, in plain English."""
    env = {k: v for k, v in os.environ.items() if k not in {"LANG", "LANGUAGE"} and not k.startswith("LC_")}
    env.setdefault("PATH", SYSTEM_PATH)
    # A question must not start a download: a rustup proxy would fetch a missing toolchain.
    return env | {"LC_ALL": "C", "SYSTEMD_COLORS": "0", "SYSTEMD_PAGER": "", "RUSTUP_AUTO_INSTALL": "0"}


def collected(child: "subprocess.Popen[bytes]", name: str, seconds: float) -> Output:
    """What it printed, once it has ended. Raises HostRefusedError (timed out); then it is ended with its children."""
    assert child.stdout is not None
    assert child.stderr is not None
    end = monotonic() + seconds
    kept = {child.stdout: bytearray(), child.stderr: bytearray()}
    try:
        _drain(child, kept, end)
        code = child.wait(max(0.0, end - monotonic()))
    except (TimeoutError, subprocess.TimeoutExpired) as e:
        raise HostRefusedError(Reason.TIMED_OUT, f"{name}: no end within {seconds:g} s, ended by whyred") from e
    finally:
        _end(child)
    return Output(code, bytes(kept[child.stdout]), bytes(kept[child.stderr]))


def _end(child: "subprocess.Popen[bytes]") -> None:
    """End the command's group while it still runs; also when whyred itself is interrupted meanwhile."""
    if child.poll() is None:
        os.killpg(child.pid, signal.SIGKILL)
        child.wait()


def _drain(child: "subprocess.Popen[bytes]", kept: dict[IO[bytes], bytearray], end: float) -> None:
    """Read both streams until they close, or until the command has ended and nothing more is waiting.

    A service that the command left behind may hold the streams open for ever.
    """
    with selectors.DefaultSelector() as ready:
        for stream in kept:
            ready.register(stream, selectors.EVENT_READ, kept[stream])
        while ready.get_map():
            ended = child.poll() is not None
            events = ready.select(0 if ended else min(0.05, max(0.0, end - monotonic())))
            if not events and ended:
                return
            if monotonic() > end:
                raise TimeoutError
            for key, _ in events:
                chunk = os.read(key.fd, 1 << 16)
                key.data.extend(chunk[: OUTPUT_LIMIT - len(key.data)])
                if not chunk:
                    ready.unregister(key.fileobj)
