"""Where a process's programs and compilers look for libraries: folders, and which file stands for a name.

ld.so(8): LD_LIBRARY_PATH, the cache of /etc/ld.so.conf, then the system's own folders; gcc and pkg-config add theirs.
"""

import posixpath
import re
from collections.abc import Mapping
from functools import partial

from whyred.model.evidence import Unknown
from whyred.model.host import Host
from whyred.probes.answer import told
from whyred.probes.place import follow
from whyred.probes.searching import spread

SYSTEM = (
    *(
        "/lib/*-linux-gnu*",
        "/usr/lib/*-linux-gnu*",
        "/usr/lib/*-linux-musl*",
        "/lib64",
        "/usr/lib64",
        "/lib",
        "/usr/lib",
    ),
    *("/usr/local/lib", "/usr/local/lib64", "/usr/local/lib/*-linux-gnu*", "/lib32", "/usr/lib32"),
)
_INCLUDED = re.compile(r"^\s*include\s+(\S+)", re.MULTILINE)
_FOLDER = re.compile(r"^\s*(/[^\s#]*)", re.MULTILINE)
_BLOCK = 1 << 20


def library_folders(host: Host, entry: str, env: Mapping[str, str]) -> list[str]:
    """The folders in which the loader looks, in its order."""
    own = [f for f in env.get("LD_LIBRARY_PATH", "").split(":") if f.startswith("/")]
    return list(dict.fromkeys([*own, *_configured(host, entry), *spread(host, entry, SYSTEM)]))


def _configured(host: Host, entry: str) -> list[str]:
    """The folders of /etc/ld.so.conf and of what it includes; musl has a file of its own."""
    text = told(lambda: host.read(f"{entry}/etc/ld.so.conf").decode("utf-8", "replace"))
    main = "" if isinstance(text, Unknown) else text
    texts = [main]
    for path in spread(host, entry, [i for i in _INCLUDED.findall(main) if i.startswith("/")]):
        part = told(partial(host.read, entry + path))
        texts += [] if isinstance(part, Unknown) else [part.decode("utf-8", "replace")]
    return [posixpath.normpath(f) for text in texts for f in _FOLDER.findall(text)]


class Blocks:
    """The bytes of a file, had block by block from a host. Raises `HostRefusedError`."""

    def __init__(self, host: Host, path: str) -> None:
        self._host, self._path = host, path
        self._blocks: dict[int, bytes] = {}

    def __call__(self, at: int, size: int) -> bytes:
        """The bytes from `at` on, fewer at the end of the file."""
        parts = b"".join(self._block(n) for n in range(at // _BLOCK, (at + size - 1) // _BLOCK + 1))
        return parts[at % _BLOCK : at % _BLOCK + size]

    def _block(self, number: int) -> bytes:
        if number not in self._blocks:
            parts, size = [], 0
            for piece in self._host.stream(self._path, number * _BLOCK):
                parts.append(piece)
                size += len(piece)
                if size >= _BLOCK:
                    break
            self._blocks[number] = b"".join(parts)[:_BLOCK]
        return self._blocks[number]


def file_behind(host: Host, entry: str, path: str) -> str | None:
    """Where whyred reaches a regular file that the subject knows by this path; None where there is none.

    Raises `HostRefusedError`.
    """
    place = follow(host, entry, path)
    return place.reach if place.stat is not None and place.stat.kind == "file" else None
