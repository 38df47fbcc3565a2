"""The mode that git keeps for a file, read from the index of its repository: git is not run."""

import posixpath

from whyred.model.host import Host, HostRefusedError

_BEFORE_NAME, _MOST_INDEX = 62, 1 << 23
"""Bytes of an entry before its name in versions 2 and 3 without extended flags, and of an index that is read."""
_MODE = 24
"""Where in an entry the mode stands: four bytes."""
_MODES = (0o100644, 0o100755)


def kept_mode(host: Host, folder: str, path: str) -> int | None:
    """The mode that the innermost repository above a file of `folder` keeps for it; None where it keeps no such file,
    or no index can be read."""
    above = posixpath.dirname(path)
    while True:
        try:
            index = host.read(posixpath.join(folder, above, ".git/index"), _MOST_INDEX)
        except HostRefusedError:
            if not above:
                return None
            above = posixpath.dirname(above)
            continue
        return index_mode(index, posixpath.relpath(path, above or "."))


def index_mode(index: bytes, path: str) -> int | None:
    """The mode of a file in an index of version 2 or 3 (gitformat-index(5)); None where it has none."""
    if index[:4] != b"DIRC" or index[4:8] not in (b"\0\0\0\2", b"\0\0\0\3"):
        return None
    name = path.encode("utf-8", "surrogateescape")
    at = index.find(name + b"\0", 12 + _BEFORE_NAME)
    while at >= 0:
        entry = at - _BEFORE_NAME
        flags = int.from_bytes(index[at - 2 : at], "big")
        mode = int.from_bytes(index[entry + _MODE : entry + _MODE + 4], "big")
        if flags & 0xFFF == min(len(name), 0xFFF) and mode in _MODES:
            return mode
        at = index.find(name + b"\0", at + 1)
    return None
