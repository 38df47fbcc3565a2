"""`PrintedHost`: a machine by what a script printed there, which its administrator read, ran and handed back.

For a host that whyred cannot reach: no Python, no ssh, a full disk. The script is `print.sh`, which puts the questions
that probes put; its output is asked as the machine would be. What was not asked there stays unknown (`not-recorded`).

Where it differs from asking the machine on the spot: a host whose `stat` takes no -c tells of no path's state; a mount
is found by the path as it is written, so `readonly` of a path with links in it is that of the path's own words.
"""

import os
import re
import stat
from collections.abc import Callable, Iterator, Sequence
from importlib import resources
from pathlib import Path
from typing import TypeVar

from whyred.hosts import _answers
from whyred.hosts._channel import quoted
from whyred.hosts._printout import Part, read_printout
from whyred.hosts._questions import OTHER_ROOT, path_word, understood
from whyred.hosts._refusals import said_no
from whyred.model.evidence import Reason
from whyred.model.host import HostRefusedError, Output, Process, Space, Stat
from whyred.model.trouble import UserError

T = TypeVar("T")

_HEAD = re.compile(rb"# whyred host 3 ([0-9a-f]{32})\n")
_NAME = re.compile(r"[A-Za-z0-9._+][A-Za-z0-9._+-]{0,63}(?:/[A-Za-z0-9._+][A-Za-z0-9._+-]{0,63}){0,3}")
"""Of a program; a header has folders before it."""
_MOST_WANTED = 64
_LIMIT = 256 << 20
"""Bytes of an output: what a machine of 100,000 processes prints is less."""
_HOSTS = "Say local for this machine, ssh://USER@HOST for another, or name a bundle or the output of a script"
_CUT = "the output was cut before its end: run the script there again, and hand over all that it prints"
_ANEW = "Print one (whyred doctor --script > probe.sh), run there: sh probe.sh > OUTPUT, and say: --host OUTPUT"
_ROOT = re.compile(rb"/proc/\d+/root(?=/|$)")
_MOST_LINKS = 40
_TIMED_OUT = 124
"""Of timeout(1)."""


def script(wanted: Sequence[str] = (), mark: str = "") -> str:
    """A script for POSIX sh that prints what probes want to know of a machine, and there of what is wanted: absolute
    paths, and names of programs, headers and libraries, which it looks for. `mark`: 32 hexadecimal digits, by which
    the output's parts are told apart; random without it."""
    mark = mark or os.urandom(16).hex()
    paths = _word("\n".join([p for p in wanted if p.startswith("/") and not any(c < " " for c in p)][:_MOST_WANTED]))
    names = _word(" ".join([n for n in wanted if is_name(n)][:_MOST_WANTED]))
    given = f"\nmark={mark}\nwanted={paths} names={names}\n"
    text = _part("print.sh").replace("\nmark=\nwanted='' names=''\n", given, 1)
    return text.replace("# (names)\n", "" if names == "''" else _part("print_names.sh") + "\n", 1)


def _part(name: str) -> str:
    return resources.files("whyred.hosts").joinpath(name).read_text(encoding="utf-8")


def _word(text: str) -> str:
    return quoted(os.fsencode(text)).decode("utf-8", "replace")


def is_name(text: str) -> bool:
    """Whether the script looks for a program, a header or a library of this name."""
    return _NAME.fullmatch(text) is not None and ".." not in text


def is_output(path: str) -> bool:
    """Whether this file is what such a script printed."""
    try:
        with Path(path).open("rb") as file:
            return _HEAD.match(file.read(64)) is not None
    except OSError:
        return False


def check_output(path: str) -> None:
    """Raises UserError where this file is not what such a script printed, or cannot be read."""
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):  # noqa: PTH116 - a pipe is not opened
            raise UserError(f"cannot ask {path[:200]}", "it is no regular file", _HOSTS)
        with Path(path).open("rb") as file:
            head = file.read(64)
    except (OSError, ValueError) as e:
        why = "there is no such file" if isinstance(e, FileNotFoundError) else getattr(e, "strerror", None) or str(e)
        raise UserError(f"cannot ask {path[:200]}", why, _HOSTS) from e
    if _HEAD.match(head) is None:
        why = "it is neither a bundle nor the output of the script that `whyred doctor --script` prints"
        if head.startswith(b"# whyred host "):
            why = "another version of whyred printed the script that it comes from"
        elif head.startswith(b"#!/bin/sh"):
            why = "it is a script, not what a script printed"
        raise UserError(f"cannot ask {path[:200]}", why, _ANEW)


class PrintedHost:
    """The machine on which a script was run, as it was then."""

    def __init__(self, path: str) -> None:
        """Reads the output. Raises UserError: it cannot be read, or is none, or was cut before its beginning."""
        check_output(path)
        try:
            with Path(path).open("rb") as file:
                data = file.read(_LIMIT)
        except OSError as e:
            raise UserError(f"cannot ask {path}", e.strerror or str(e), _HOSTS) from e
        head = _HEAD.match(data)
        assert head is not None
        self._path, self._mark = path, head[1]
        self._told = read_printout(data, head[1])
        hello = self._told.get(b"hello")
        if hello is None:
            how = "Run the script again, and hand over all that it prints"
            raise UserError(f"{path} was cut before its first answer", "the script was ended, or the disk is full", how)
        self._greeting = _answers.read_greeting(hello.body)
        self.identity = self._greeting.identity
        self.whole = data.rstrip().endswith(head[1] + b" end")
        """Whether the script ran to its end."""
        self._variables = frozenset(self._body(b"variables").decode("ascii", "replace").split())
        self._dead = [question[5:] for question in self._told if question.startswith(b"dead ")]

    def read(self, path: str, limit: int = 1 << 20) -> bytes:
        """The first `limit` bytes of a file."""
        body = self._ask("read", path)
        # a command line ends with a NUL byte, behind which `grep` ends the line
        return (body.removesuffix(b"\n") if path.endswith("/cmdline") else body)[: max(1, limit)]

    def stream(self, path: str, start: int = 0) -> Iterator[bytes]:
        """A file that was printed, from an offset on."""
        return iter([self.read(path, _LIMIT)[start:]])

    def names(self, path: str) -> list[str]:
        """The sorted names in a directory."""
        return self._understood("names", path, _answers.read_names)

    def link(self, path: str) -> str:
        """Where a symbolic link points; `/proc/self` is the script's shell."""
        if path == "/proc/self" and self._greeting.pid is not None:
            return str(self._greeting.pid)
        return os.fsdecode(self._ask("link", path))

    def stat(self, path: str, *, follow: bool = True) -> Stat:
        """The state of a path."""
        return self._understood("stat-L" if follow else "stat", path, _answers.read_stat)

    def space(self, path: str) -> Space:
        """The space of the file system that holds a path, as an unprivileged user may use it."""
        root = OTHER_ROOT.match(path)
        place, mounts = (path[root.end() :] or "/", f"{root[1]}/mountinfo") if root else (path, "/proc/self/mountinfo")
        table = self._body(b"read " + self._own(mounts.encode()))
        return self._understood("space", path, lambda body: _answers.read_space(body + b"\n" + table, place))

    def environ(self, pid: int, keys: Sequence[str]) -> dict[str, str]:
        """The values of the given keys; one that the script does not print is unknown."""
        path = f"/proc/{pid}/environ"
        told = self._told.get(b"environ " + self._own(path.encode()).split(b"/")[2])
        if told is None and not self.whole:
            raise HostRefusedError(Reason.NOT_RECORDED, _CUT)
        if told is None or not self._variables.issuperset(keys):
            what = f"{path}: the script does not print {', '.join(keys)} of this process"
            raise HostRefusedError(Reason.NOT_RECORDED, what)
        if told.error and not told.body:
            raise said_no(path, told.error)
        # a line end in a value stands there as the byte 1
        rows = (row.replace(b"\x01", b"\n").partition(b"=") for row in told.body.split(b"\n"))
        found: dict[str, str] = {}
        for key, _, value in rows:
            if key.decode("ascii", "replace") in keys:
                # of a key that is there twice getenv(3) gives the first
                found.setdefault(os.fsdecode(key), os.fsdecode(value))
        return found

    def processes(self) -> list[Process]:
        """Every process that could be seen, by pid."""
        if not self._greeting.has_grep:
            what = "/proc: the host's grep ends a command line at its first word"
            raise HostRefusedError(Reason.TOOL_MISSING, what)
        return _answers.read_processes(self._body(b"processes"), self._mark)

    def run(self, argv: Sequence[str], seconds: float = 2.0) -> Output:
        """What a program printed there."""
        told = self._told.get(b" ".join((b"run", *map(os.fsencode, argv)))) or self._links_followed(argv)
        if told is None:
            raise self._not_asked(argv[0])
        if told.error == b"no such program":
            raise HostRefusedError(Reason.TOOL_MISSING, f"{argv[0]}: this program is not on the host")
        if told.status == _TIMED_OUT:
            raise HostRefusedError(Reason.TIMED_OUT, f"{argv[0]}: no end within 2 s, ended by the script")
        return Output(told.status, told.body, told.error)

    def _links_followed(self, argv: Sequence[str]) -> Part | None:
        """Of the links in /proc that `find -L` is asked about: what the script's told of them a moment later."""
        asked = b"run find -L /proc/"
        told = next((part for question, part in self._told.items() if question.startswith(asked)), None)
        if told is None or argv[:2] != ["find", "-L"]:
            return None
        wanted = {os.fsencode(word) for word in argv}
        records = [r for r in told.body.split(b"\0") if r.rpartition(b" ")[2] in wanted]
        return Part(b"".join(r + b"\0" for r in records), told.error, told.status)

    def create(self, folder: str) -> str | None:
        """Nothing can be tried on a machine by what it printed."""
        raise HostRefusedError(Reason.NOT_SUPPORTED, f"{folder}: a printed host cannot be tried")

    def _ask(self, question: str, path: str) -> bytes:
        asked = self._own(path_word(path))
        told = self._told.get(question.encode() + b" " + asked)
        if told is None:
            asked = self._resolved(asked, last=question in ("names", "read", "stat-L"))
            told = self._told.get(question.encode() + b" " + asked) or self._missing(asked)
        if told is None:
            if any((asked + b"/").startswith(folder + b"/") for folder in self._dead):
                raise HostRefusedError(Reason.TIMED_OUT, f"{path}: the file system that holds it does not answer")
            raise self._not_asked(path)
        if told.status != 0:
            raise said_no(path, told.error)
        return told.body

    def _resolved(self, path: bytes, *, last: bool) -> bytes:
        """The path without the links that the script met on the way, as a process with its root goes it."""
        root = _ROOT.match(path)
        top = root[0] if root else b""
        at, left, hops = top, [n for n in reversed(path[len(top) :].split(b"/")) if n not in (b"", b".")], 0
        while left:
            name = left.pop()
            if name == b"..":
                at = at.rpartition(b"/")[0] if at != top else at
                continue
            link = self._told.get(b"link " + at + b"/" + name) if left or last else None
            if link is None or link.status != 0 or (hops := hops + 1) > _MOST_LINKS:
                at += b"/" + name
                continue
            at = top if link.body.startswith(b"/") else at
            left += [n for n in reversed(link.body.split(b"/")) if n not in (b"", b".")]
        return at

    def _missing(self, path: bytes) -> Part | None:
        """What the script was told of a folder on the way in which it came no further; None where it went on."""
        above = (path[: m.start()] for m in re.finditer(rb"/", path) if m.start())
        parts = (self._told.get(b"stat " + folder) for folder in (*above, path))
        return next((part for part in parts if part is not None and part.status != 0), None)

    def _understood(self, question: str, path: str, read: Callable[[bytes], T]) -> T:
        body = self._ask(question, path)
        return understood(path, lambda: read(body))

    def _not_asked(self, what: str) -> HostRefusedError:
        told = f"{what}: the script did not ask that" if self.whole else _CUT
        return HostRefusedError(Reason.NOT_RECORDED, told)

    def _body(self, question: bytes) -> bytes:
        return self._told.get(question, Part(b"")).body

    def _own(self, path: bytes) -> bytes:
        """/proc/self is the shell that ran the script."""
        return re.sub(rb"^/proc/self(?=/)", b"/proc/%d" % (self._greeting.pid or 0), path)
