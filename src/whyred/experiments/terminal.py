"""Runs one command in its own session, on a terminal or on a pipe, and passes on what it prints.

With a terminal as forgejo-runner does it: a raw pseudo-terminal of size 0x0 that is the session's controlling terminal
and carries input, output and errors (forgejo-runner, act/container/host_environment.go). Without as Gitea's runner
does it since 1.0.4: one pipe for output and errors, no input.
"""

import contextlib
import errno
import fcntl
import os
import select
import signal
import subprocess
import termios
import time
import tty
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from whyred.experiments.cancel import Cancel

_BATCH = 256 << 10
"""Bytes taken in one go before they are passed on."""
_TICK = 0.05
"""Seconds between two looks at the process where the kernel has no pidfd."""
_KILL_WAIT = 10.0
"""Seconds a killed process may take to go; only one that hangs in the kernel takes longer."""


class StartError(Exception):
    """The command could not be started; the message says why."""


class NoTerminalError(StartError):
    """There is no pseudo-terminal to be had (no /dev/ptmx, none left); without one the command may still start."""


class Stop(StrEnum):
    """Why a command was killed before its end."""

    CANCELLED = "cancelled"
    TIMED_OUT = "timed out"


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended. `code`: exit status, minus the signal's number, or None when it would not die.

    `held`: processes it left behind still have its terminal or pipe open.
    """

    code: int | None
    stop: Stop | None = None
    held: bool = False


@dataclass(frozen=True, slots=True)
class Limits:
    """When to stop: on `cancel`, and at `deadline` (time.monotonic; None: never).

    `drain`: seconds to wait for those who still hold the terminal after the command itself ended.
    """

    cancel: Cancel
    deadline: float | None
    drain: float


class Leftovers:
    """Terminals and pipes that processes of ended steps still hold.

    What comes is thrown away until the job ends: a server started in one step must not block, or die of a closed
    terminal, while a later step uses it.
    """

    def __init__(self) -> None:
        self.descriptors: list[int] = []

    def add(self, descriptor: int) -> None:
        """Take over an open descriptor."""
        self.descriptors.append(descriptor)

    def empty(self, descriptor: int) -> None:
        """Throw away what is there; forget it when nobody holds it any more."""
        if _read(descriptor)[1]:
            self.descriptors.remove(descriptor)
            os.close(descriptor)

    def close(self) -> None:
        """Let go of all."""
        for descriptor in self.descriptors:
            os.close(descriptor)
        self.descriptors.clear()


def run_command(
    argv: Sequence[str | bytes],
    env: Mapping[bytes, bytes],
    folder: Path,
    *,
    pty: bool,
    limits: Limits,
    leftovers: Leftovers,
    output: Callable[[bytes], None],
) -> Ended:
    """Run a command to its end.

    While `output` blocks, so does the command: nothing is piled up. Raises StartError, and whatever `output` raises
    (the command is killed first).
    """
    reader, writer = _terminal() if pty else os.pipe2(os.O_CLOEXEC)
    os.set_blocking(reader, False)
    try:
        process = subprocess.Popen(
            argv,
            env=env,
            cwd=folder,
            stdin=writer if pty else subprocess.DEVNULL,
            stdout=writer,
            stderr=writer,
            start_new_session=True,
            preexec_fn=_take_terminal if pty else None,
        )
    except (OSError, ValueError, subprocess.SubprocessError) as e:
        os.close(reader)
        raise StartError(str(e)) from e
    finally:
        os.close(writer)
    pump = _Pump(process, reader, limits, leftovers, output)
    try:
        return pump.run()
    finally:
        pump.close()


def _terminal() -> tuple[int, int]:
    """A raw pseudo-terminal: (our end, the command's end)."""
    try:
        ours, theirs = os.openpty()
    except OSError as e:
        raise NoTerminalError(e.strerror) from e
    try:
        tty.setraw(theirs)
    except termios.error as e:
        os.close(ours)
        os.close(theirs)
        raise NoTerminalError(str(e)) from e
    return ours, theirs


def _take_terminal() -> None:
    """In the child, after setsid: make its input the controlling terminal of the new session."""
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


class _Pump:
    """Waits for output, the end of the process, a request to stop and the deadline, in one poll."""

    def __init__(
        self,
        process: "subprocess.Popen[bytes]",
        reader: int,
        limits: Limits,
        leftovers: Leftovers,
        output: Callable[[bytes], None],
    ) -> None:
        self.process, self.limits, self.leftovers, self.output = process, limits, leftovers, output
        self.reader: int | None = reader
        self.stop: Stop | None = None
        self.give_up: float | None = None
        """When to stop waiting: for the killed process to go, or for others to let go of the terminal."""
        self.exited = False
        try:
            self.watch: int | None = os.pidfd_open(process.pid)
        except OSError:
            self.watch = None

    def run(self) -> Ended:
        while not (self.exited and self.reader is None):
            for descriptor in self._wait():
                self._handle(descriptor)
            now = time.monotonic()
            if self.watch is None and not self.exited and self.process.poll() is not None:
                self._note_exit()
            if self.give_up is not None and now >= self.give_up:
                break
            deadline = None if self.stop or self.exited else self.limits.deadline
            if deadline is not None and now >= deadline:
                self._kill(Stop.TIMED_OUT)
        if not self.exited:
            return Ended(None, self.stop)
        return Ended(self.process.wait(), self.stop, held=self._keep())

    def _wait(self) -> list[int]:
        """Descriptors with something to do, after at most as long as until the next deadline."""
        poll = select.poll()
        wanted = [self.reader, None if self.exited else self.watch, *self.leftovers.descriptors]
        if self.stop is None and not self.exited:
            wanted.append(self.limits.cancel.fileno())
        for descriptor in wanted:
            if descriptor is not None:
                poll.register(descriptor, select.POLLIN)
        ends = [self.give_up, None if self.stop or self.exited else self.limits.deadline]
        left = [max(0.0, e - time.monotonic()) for e in ends if e is not None]
        left += [_TICK] if self.watch is None and not self.exited else []
        return [descriptor for descriptor, _ in poll.poll(1000 * min(left) + 1 if left else None)]

    def _handle(self, descriptor: int) -> None:
        if descriptor == self.reader:
            data, ended = _read(descriptor)
            if ended:
                os.close(descriptor)
                self.reader = None
            if data:
                self.output(data)
        elif descriptor == self.watch:
            self._note_exit()
        elif descriptor == self.limits.cancel.fileno():
            self._kill(Stop.CANCELLED)
        else:
            self.leftovers.empty(descriptor)

    def _note_exit(self) -> None:
        self.exited = True
        self.give_up = time.monotonic() + self.limits.drain

    def _kill(self, stop: Stop) -> None:
        self.stop = stop
        self.give_up = time.monotonic() + _KILL_WAIT
        _kill_group(self.process.pid)

    def _keep(self) -> bool:
        """Hand a terminal that somebody still holds to the leftovers."""
        if self.reader is None:
            return False
        self.leftovers.add(self.reader)
        self.reader = None
        return True

    def close(self) -> None:
        if not self.exited and self.stop is None:
            _kill_group(self.process.pid)
            with contextlib.suppress(subprocess.TimeoutExpired):  # hangs in the kernel: nothing more can be done
                self.process.wait(_KILL_WAIT)
        if self.reader is not None:
            os.close(self.reader)
        if self.watch is not None:
            os.close(self.watch)


def _kill_group(leader: int) -> None:
    """SIGKILL to the process group of the session's leader, who was not waited for yet, so the number is still its."""
    try:
        os.killpg(leader, signal.SIGKILL)
    except ProcessLookupError:
        return


def _read(descriptor: int) -> tuple[bytes, bool]:
    """What is there, at most a batch, and whether that was the end. A terminal ends with EIO."""
    parts: list[bytes] = []
    size = 0
    while size < _BATCH:
        try:
            part = os.read(descriptor, _BATCH - size)
        except BlockingIOError:
            return b"".join(parts), False
        except OSError as e:
            if e.errno != errno.EIO:
                raise
            return b"".join(parts), True
        if not part:
            return b"".join(parts), True
        parts.append(part)
        size += len(part)
    return b"".join(parts), False
