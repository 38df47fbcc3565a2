"""A log file, standard input, or a compressed log (.gz, .zst) as they lie on the disk."""

import os
import re
import stat
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from whyred.logs.text import clean
from whyred.model.run import Attempt, Run
from whyred.model.source import Fetched, Given, Missing, MissingLogError
from whyred.model.trouble import UserError
from whyred.sources._content import checked

NAME = "files"
SERVES = "a log file, `-` for standard input, .gz and .zst files"
ORDER = 90
_CHUNK = 1 << 20
_PAGE = re.compile(r"(?:localhost|[\w-]+(?:\.[\w-]+)+)(?::\d{1,5})?/.*/actions/", re.ASCII)
"""How a page of a forge begins whose scheme was left away."""
_GZIP, _ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"


def accepts(target: str) -> bool:
    """Whether the target can be a path: everything that no other source claims."""
    return bool(target)


def fetch(target: str, given: Given) -> Fetched:
    """The log as a stream. Raises UserError (no such file, a directory), MissingLogError (no-permission, corrupt)."""
    # A file's name is untrusted, too: what drives a terminal or is no UTF-8 must not get into a report.
    label = "standard input" if target == "-" else clean(os.fsencode(target)).replace("\n", " ")
    file = given.stdin if target == "-" else _open(target, label)
    return Fetched(Attempt(Run(label)), checked(_decoded(file, label), label), f"{NAME}: {label}")


def _open(target: str, label: str) -> BinaryIO:
    path = Path(target)
    try:
        if stat.S_ISDIR(path.stat().st_mode):
            raise UserError(
                f"{target} is a directory", "it holds no logs (.log, .txt)", "Name a log, or a folder of logs"
            )
        return path.open("rb")
    except FileNotFoundError as e:
        raise _no_file(target) from e
    except PermissionError as e:
        help_ = (
            f"user id {os.geteuid()} may not read it: read it as its owner and pipe it in: sudo cat LOG | whyred why -"
        )
        raise MissingLogError(Missing.NO_PERMISSION, f"read {label}", help_) from e
    except OSError as e:
        raise UserError(f"cannot open {target}", e.strerror or str(e), "Check the path") from e


def _no_file(target: str) -> UserError:
    """What a target may be, for it may have been meant for a run on a forge."""
    why = (
        "a target is a log file, `-`, a bundle, `local`, `local:N`, or on a forge owner/repo, owner/repo#RUN,"
        " owner/repo@SHA, `.` for this checkout, or a page's URL"
    )
    how = "Check it, or pipe the log in: whyred why - < LOG"
    if _PAGE.match(target):
        how = f"A page's URL begins with its scheme: write https:// (or http://) before {target}"
    return UserError(f"no such file: {target}", why, how)


def _decoded(file: BinaryIO, label: str) -> Iterator[bytes]:
    with file:
        first = _read(file, label)
        if first.startswith(_ZSTD):
            yield from _zstd(first, file, label)
        elif first.startswith(_GZIP):
            yield from _gzip(first, file, label)
        else:
            yield from _chunks(first, file, label)


def _read(file: BinaryIO, label: str) -> bytes:
    try:
        return file.read(_CHUNK)
    except OSError as e:
        raise MissingLogError(Missing.CORRUPT, f"read {label}", f"{e.strerror}: copy the file and try again") from e


def _zstd(first: bytes, file: BinaryIO, label: str) -> Iterator[bytes]:
    from whyred.sources._zstd import decoded

    try:
        yield from decoded(_chunks(first, file, label))
    except ValueError as e:
        raise MissingLogError(Missing.CORRUPT, f"read {label}", f"{e}: fetch the file again") from e


def _chunks(first: bytes, file: BinaryIO, label: str) -> Iterator[bytes]:
    while first:
        yield first
        first = _read(file, label)


def _gzip(first: bytes, file: BinaryIO, label: str) -> Iterator[bytes]:
    data = first
    inflate = zlib.decompressobj(wbits=31)
    try:
        while data:
            out = inflate.decompress(data, _CHUNK)
            if out:
                yield out
            data = inflate.unconsumed_tail or inflate.unused_data
            if inflate.eof and data:
                inflate = zlib.decompressobj(wbits=31)
            data = data or _read(file, label)
    except zlib.error as e:
        raise MissingLogError(
            Missing.CORRUPT, f"read {label}", f"the gzip data is damaged ({e}): fetch it again"
        ) from e
    if not inflate.eof:
        raise MissingLogError(Missing.CORRUPT, f"read {label}", "the gzip data ends early: fetch the file again")
