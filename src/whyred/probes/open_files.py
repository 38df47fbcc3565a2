"""Which descriptors of which processes lead to a file: asked of GNU find, once for a whole machine.

A descriptor in /proc/PID/fd is a link to the file as the process opened it; the kernel adds ` (deleted)` to the name
of one that has no name any more (proc_pid_fd(5)). Only links are read: no file is opened, and none is touched that lies
on a file system that hangs.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from whyred.model.evidence import Reason
from whyred.model.host import Host, HostRefusedError

DELETED = " (deleted)"
_DESCRIPTOR = "/proc/[0-9]*/fd/*"
_FOUND = re.compile(rb"(/proc/(\d+)/(?:fd/\d+|exe)) -> ([^\0]*)\0")
_SIZED = re.compile(rb"(\d+) (\d+) (\d+) (\d+) (/proc/\d+/fd/\d+)\0")
_AT_ONCE = 400
"""Paths in one question: their words fit in one command line."""


@dataclass(frozen=True, slots=True)
class Handle:
    """A link of /proc: `at` is the link itself, `to` the name of the file as its process sees it."""

    at: str
    pid: int
    to: str


@dataclass(frozen=True, slots=True)
class Held:
    """What a descriptor leads to: numbers of device and file, size, and the bytes that it takes on its device."""

    at: str
    device: int
    inode: int
    size: int
    taken: int


def handles(host: Host, wanted: str, *, programs: bool = False) -> tuple[list[Handle], bool]:
    """The descriptors whose file's name fits the pattern of find's -lname (with `programs` also what runs), and whether
    every process let itself be looked at. Raises `HostRefusedError`."""
    own = ["-path", _DESCRIPTOR, "-lname", wanted]
    if programs:
        own = ["(", *own, ")", "-o", "(", "-path", "/proc/[0-9]*/exe", "-lname", wanted, ")"]
    into = ["-path", "/proc/[0-9]*", "(", "!", "-path", "/proc/*/*", "-o", "-path", "/proc/[0-9]*/fd", ")"]
    argv = ["find", "/proc", "-mindepth", "1", "-maxdepth", "3"]
    argv += ["(", *own, ")", "-printf", r"%p -> %l\0", "-o", "(", *into, ")", "-o", "-prune"]
    done = host.run(argv, 1.5)
    if b"unrecognized" in done.err or b"unknown predicate" in done.err:
        raise HostRefusedError(Reason.TOOL_MISSING, "find: the host's find is not that of GNU")
    found = [Handle(m[1].decode(), int(m[2]), _text(m[3])) for m in _FOUND.finditer(done.out)]
    return found, b"Permission denied" not in done.err


def sizes(host: Host, found: Sequence[Handle]) -> list[Held]:
    """What these descriptors lead to; those that were closed meanwhile are left out."""
    held = []
    for first in range(0, len(found), _AT_ONCE):
        paths = [h.at for h in found[first : first + _AT_ONCE]]
        done = host.run(["find", "-L", *paths, "-maxdepth", "0", "-type", "f", "-printf", r"%D %i %s %b %p\0"], 1.5)
        for device, inode, size, blocks, at in _SIZED.findall(done.out):
            held.append(Held(at.decode(), int(device), int(inode), int(size), int(blocks) * 512))
    return held


def exactly(path: str) -> str:
    """The pattern of find that fits this path alone."""
    return re.sub(r"([*?\[\\])", r"\\\1", path)


def _text(name: bytes) -> str:
    return name.decode("utf-8", "surrogateescape")
