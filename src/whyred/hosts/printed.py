"""`PrintedHost`: a machine by what a script printed there, which its administrator read, ran and handed back.

For a host that whyred cannot reach: no Python, no ssh, a full disk. The script (`script`) is `remote.sh` without what
writes, and `print.sh`, which puts the questions that probes put; its output is asked as the machine would be. What was
not asked there stays unknown (`not-recorded`).
"""

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from importlib import resources
from pathlib import Path

from whyred.hosts import _answers
from whyred.hosts._channel import Told, quoted
from whyred.hosts._frame import Frame, NoiseError
from whyred.hosts._questions import LIST_LIMIT, Questions
from whyred.hosts._refusals import said_no
from whyred.model.evidence import Reason
from whyred.model.host import HostRefusedError, Output
from whyred.model.trouble import UserError

_HEAD = re.compile(rb"# whyred host 1 ([0-9a-f]{32})\n")
_CUT = "\n# w_run PROGRAM"
"""Where the questions of `remote.sh` begin that start programs and write."""
_LIMIT = 256 << 20
"""Bytes of an output: what a machine of 100,000 processes prints is less."""
_Key = tuple[bytes, ...]


def script(paths: Sequence[str] = (), mark: str = "") -> str:
    """A script for POSIX sh that prints what probes want to know of a machine, and of these paths there. `mark`: 32
    hexadecimal digits, by which the output's parts are told apart; random without it."""
    mark = mark or os.urandom(16).hex()
    plain = [p for p in paths if p.startswith("/") and not any(c < " " for c in p)]
    named = b" ".join(quoted(os.fsencode(p)) for p in plain).decode("utf-8", "replace")
    folder = resources.files("whyred.hosts")
    questions = folder.joinpath("remote.sh").read_text(encoding="utf-8").partition(_CUT)[0].partition("\n\n")[2]
    asked = folder.joinpath("print.sh").read_text(encoding="utf-8")
    head = f"#!/bin/sh\n# whyred asks a machine by this script.\n\nw_mark={mark}\necho '# whyred host 1 {mark}'"
    return f'{head}\nset -- "$@" {named}\n{questions}\n{asked}'


def is_output(path: str) -> bool:
    """Whether this file is what such a script printed."""
    try:
        with Path(path).open("rb") as file:
            return _HEAD.match(file.read(64)) is not None
    except OSError:
        return False


class PrintedHost(Questions):
    """The machine on which a script was run, as it was then."""

    def __init__(self, path: str) -> None:
        """Reads the output. Raises UserError: it cannot be read, or is none, or was cut before its beginning."""
        try:
            with Path(path).open("rb") as file:
                data = file.read(_LIMIT)
        except OSError as e:
            raise UserError(f"cannot read {path}", e.strerror or str(e), "Name the file that the script printed") from e
        head = _HEAD.match(data)
        if head is None:
            raise UserError(f"{path} is no output of the script", "its first line is not", "Run: sh probe.sh > OUTPUT")
        self._path, self._mark = path, head[1]
        self._told = _read(data, head[1].decode())
        hello = self._told.get((b"hello",))
        if hello is None:
            how = "Run the script again, and hand over all that it prints"
            raise UserError(f"{path} was cut before its first answer", "the script was ended, or the disk is full", how)
        self._greeting = _answers.read_greeting(hello.body)
        self.identity = self._greeting.identity
        self.whole = data.rstrip().endswith(head[1] + b" end")
        """Whether the script ran to its end."""

    def _now(self) -> float:
        date = self._told.get((b"run", b"date", b"+%s.%N"))
        found = re.match(rb"\d+", date.body) if date else None
        return float(found[0]) if found else super()._now()

    def _ask(self, what: str, question: str, *arguments: bytes, limit: int = LIST_LIMIT, cut: bool = False) -> Told:
        told = self._told.get((question.encode(), *map(self._own, arguments)))
        if told is None:
            how = "" if self.whole else "; the output was cut before its end"
            raise HostRefusedError(Reason.NOT_RECORDED, f"{what}: the script did not ask that{how}")
        if told.code != 0:
            raise said_no(what, told.error)
        return told

    def _own(self, argument: bytes) -> bytes:
        """The script's own process is asked as /proc/self there."""
        own = b"/proc/%d/" % (self._greeting.pid or 0)
        return b"/proc/self/" + argument.removeprefix(own) if argument.startswith(own) else argument

    def link(self, path: str) -> str:
        """Where a symbolic link points; `/proc/self` is the script's shell."""
        if path == "/proc/self" and self._greeting.pid is not None:
            return str(self._greeting.pid)
        return super().link(path)

    def stream(self, path: str, start: int = 0) -> Iterator[bytes]:
        """A file that was printed, from an offset on."""
        return iter([self.read(path, LIST_LIMIT)[start:]])

    def environ(self, pid: int, keys: Sequence[str]) -> dict[str, str]:
        """The values of the given keys; one that the script does not print is unknown."""
        path = self._own(b"/proc/%d/environ" % pid)
        key = next((k for k in self._told if k[:2] == (b"environ", path)), None)
        if key is None or any(os.fsencode(k).hex().encode() not in key[2:] for k in keys):
            what = f"/proc/{pid}/environ: the script does not print {', '.join(keys)} of this process"
            raise HostRefusedError(Reason.NOT_RECORDED, what)
        told = self._told[key]
        if told.code != 0:
            raise said_no(f"/proc/{pid}/environ", told.error)
        return {k: v for k, v in _answers.read_variables(told.body).items() if k in keys}

    def run(self, argv: Sequence[str], seconds: float = 2.0) -> Output:
        """What a program printed there."""
        told = self._ask(argv[0], "run", *map(os.fsencode, argv))
        return Output(told.status, told.body, told.error)

    def create(self, folder: str) -> str | None:
        """Nothing can be tried on a machine by what it printed."""
        raise HostRefusedError(Reason.NOT_SUPPORTED, f"{folder}: a printed host cannot be tried")


def _read(data: bytes, mark: str) -> Mapping[_Key, Told]:
    """The answers by question and arguments. An answer that was cut is none."""
    answers: dict[_Key, Told] = {}
    head = re.compile(b"\n%s [?] (\\d+) ([a-z_]+)\n((?: [^\n]*\n)*)" % mark.encode())
    found = head.search(data)
    while found is not None:
        after = head.search(data, found.end())
        part = data[found.end() : after.start() if after else len(data)]
        frame = Frame(mark, int(found[1]), LIST_LIMIT)
        try:
            frame.feed(part + b"\n")
        except NoiseError:
            frame.done = False
        if frame.done:
            key = (found[2], *(row[1:] for row in found[3].split(b"\n")[:-1]))
            body = bytes(frame.body)
            answers.setdefault(key, Told(frame.code, body, frame.error, frame.status, b"", False, mark.encode()))
        found = after
    return answers
