"""One shell on another machine, reached with the system's own `ssh`, that answers one question after the other.

The remote command is `exec /bin/sh -s`, which every login shell understands, also fish and csh; the questions
(`remote.sh`) come through its standard input, so no login shell ever has to understand a quoted word of ours.
"""

import os
import selectors
import signal
import subprocess
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib import resources
from time import monotonic
from typing import IO

from whyred.hosts._address import Address
from whyred.hosts._frame import Frame, NoiseError
from whyred.hosts._refusals import Lost, lost, not_started
from whyred.model.evidence import Reason
from whyred.model.host import HostRefusedError

REMOTE_SHELL = "exec /bin/sh -s"
MOST_ARGUMENTS = 1 << 15
"""Bytes of a question: a pipe takes more without waiting, so that asking cannot hang."""
_PIECE = 1 << 20
"""Bytes of a streamed answer that are handed on at once, at most."""
_KEPT_ERRORS = 1 << 16
_LAST_WORDS = 2.0
"""Seconds that ssh is given to say why it ends, and to end when nothing is asked any more."""


@dataclass(frozen=True, slots=True)
class Told:
    """An answer. `code` 0: the question could be answered; else `error` says why not, in the words of a program there.

    `status` is how a program ended that was started; `errors` is what it printed on standard error. `cut`: there was
    more than the limit. `mark`: the word that stands between the parts of some answers.
    """

    code: int
    body: bytes
    error: bytes
    status: int
    errors: bytes
    cut: bool
    mark: bytes


class Channel:
    """An ssh process with a shell behind it. One question at a time; after any refusal it is closed for good."""

    def __init__(self, options: Sequence[str], address: Address, environ: Mapping[str, str]) -> None:
        """Starts ssh, in a session of its own, so that it can ask nobody. Raises HostRefusedError where there is none.

        `options`: the ssh command line up to the address.
        """
        self._address = address
        self._mark = os.urandom(16).hex()
        self._number = 0
        self._errors = bytearray()
        self.open = True
        self.pid: int | None = None
        """The number of the shell on its machine, once it has said it."""
        try:
            self._ssh = subprocess.Popen(
                [*options, *address.arguments(), REMOTE_SHELL],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                cwd="/",
                env=dict(environ) | {"LC_ALL": "C", "SSH_ASKPASS_REQUIRE": "never"},
                start_new_session=True,
            )
        except OSError as e:
            raise not_started(options[0], e) from e
        self._in, self._out, self._err = self._pipes()

    def _pipes(self) -> tuple[IO[bytes], IO[bytes], IO[bytes]]:
        assert self._ssh.stdin is not None
        assert self._ssh.stdout is not None
        assert self._ssh.stderr is not None
        return self._ssh.stdin, self._ssh.stdout, self._ssh.stderr

    def greet(self, seconds: float) -> Told:
        """Bring the questions and ask the first one. Raises HostRefusedError, with what to do."""
        questions = resources.files("whyred.hosts").joinpath("remote.sh").read_bytes()
        self._number += 1
        text = b"w_mark=%s\n%s\nw_ask 1 hello\n" % (self._mark.encode(), questions)
        return self._exchange(text, Frame(self._mark, 1, 1 << 16), None, seconds)

    def ask(self, question: str, arguments: Sequence[bytes], seconds: float, limit: int, *, drop: bool = False) -> Told:
        """The answer to a question of `remote.sh`.

        Of what is printed `limit` bytes are kept; then the channel is closed, or, with `drop`, the rest is dropped.
        Raises HostRefusedError (timed out, connection lost).
        """
        text, frame = self._question(question, arguments, limit)
        errors = Frame(self._mark, self._number, limit) if drop else None
        return self._exchange(text, frame, errors, seconds)

    def stream(self, question: str, arguments: Sequence[bytes], seconds: float) -> Generator[Told, None, None]:
        """The same, piece by piece, each within the time limit; the last piece has the code and the error.

        The channel is closed where the caller stops before that.
        """
        text, frame = self._question(question, arguments, _PIECE)
        try:
            self._send(text)
            while not frame.done:
                with self._bounded(seconds):
                    self._receive(lambda: frame.done or len(frame.body) > 0, frame, None, monotonic() + seconds)
                piece = self._told(frame, None)
                frame.body.clear()
                yield piece
        finally:
            if not frame.done:
                self.close()

    def _question(self, question: str, arguments: Sequence[bytes], limit: int) -> tuple[bytes, Frame]:
        self._number += 1
        words = b" ".join(map(quoted, arguments))
        return b"w_ask %d %s %s\n" % (self._number, question.encode(), words), Frame(self._mark, self._number, limit)

    def _exchange(self, text: bytes, frame: Frame, errors: Frame | None, seconds: float) -> Told:
        def enough() -> bool:
            if errors is None:
                return frame.done or frame.full
            return frame.done and (errors.done or frame.code != 0)

        try:
            self._send(text)
            with self._bounded(seconds):
                self._receive(enough, frame, errors, monotonic() + seconds)
        finally:
            if not enough() or not frame.done:
                self.close()
        return self._told(frame, errors)

    def _told(self, frame: Frame, errors: Frame | None) -> Told:
        printed = bytes(errors.body) if errors else b""
        mark = self._mark.encode()
        return Told(frame.code, bytes(frame.body), frame.error, frame.status, printed, not frame.done, mark)

    @contextmanager
    def _bounded(self, seconds: float) -> Iterator[None]:
        try:
            yield
        except TimeoutError as e:
            if self._number > 1:
                raise HostRefusedError(Reason.TIMED_OUT, f"{self._address}: no answer within {seconds:.3g} s") from e
            raise lost(self._end(None, bytes(self._errors), seconds)) from e
        except NoiseError as e:
            raise HostRefusedError(Reason.UNREADABLE, f"{self._address}: its answer cannot be read: {e}") from e

    def _send(self, text: bytes) -> None:
        try:
            self._in.write(text)
            self._in.flush()
        except OSError as e:  # it ended already, and says why on its standard error
            raise self._lost() from e

    def _receive(self, enough: Callable[[], bool], frame: Frame, errors: Frame | None, end: float) -> None:
        """Read until it is enough. Raises TimeoutError, NoiseError, and HostRefusedError where ssh ends."""
        with selectors.DefaultSelector() as ready:
            ready.register(self._out, selectors.EVENT_READ)
            ready.register(self._err, selectors.EVENT_READ)
            while not enough():
                events = ready.select(max(0.0, end - monotonic()))
                if not events:
                    raise TimeoutError
                for key, _ in events:
                    data = os.read(key.fd, 1 << 16)
                    if key.fileobj is self._err:
                        self._hear(data, errors)
                        if not data:
                            ready.unregister(self._err)
                    elif data:
                        frame.feed(data)
                    else:
                        raise self._lost()

    def _hear(self, data: bytes, errors: Frame | None) -> None:
        if errors is not None:
            errors.feed(data)
        self._errors += data
        del self._errors[:-_KEPT_ERRORS]

    def _lost(self) -> HostRefusedError:
        """Why ssh ended, by what it said on the way."""
        with suppress(OSError):  # what was not sent cannot be sent any more
            self._in.close()
        try:
            code: int | None = self._ssh.wait(_LAST_WORDS)
        except subprocess.TimeoutExpired:
            code = None
        os.set_blocking(self._err.fileno(), False)
        said = bytes(self._errors) + (self._err.read(_KEPT_ERRORS) or b"")
        return lost(self._end(code, said, None))

    def _end(self, code: int | None, said: bytes, seconds: float | None) -> Lost:
        return Lost(str(self._address), self._address.by_hand, code, said, seconds, begun=self._number > 1)

    def hang_up(self) -> None:
        """End ssh, also while another thread waits for an answer: it then hears that the connection is lost.

        The shell behind it ends with its standard input, and a guard there ends the program that it had started.
        """
        self.open = False
        if self._ssh.poll() is None:
            with suppress(ProcessLookupError):  # another thread was quicker
                os.killpg(self._ssh.pid, signal.SIGKILL)

    def close(self) -> None:
        """End ssh, and give back what it took here."""
        self.hang_up()
        self._ssh.wait()
        for pipe in (self._in, self._out, self._err):
            with suppress(OSError):  # what was not sent cannot be sent any more
                pipe.close()


def quoted(word: bytes) -> bytes:
    """The word for sh, whatever is in it (but a NUL byte)."""
    return b"'" + word.replace(b"'", b"'\\''") + b"'"
