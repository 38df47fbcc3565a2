"""What servers are (kind, version, paths), kept for an hour so that it need not be asked each time."""

import json
import os
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from whyred.model.forge import Kind, Server

_FRESH = 3600.0
"""Seconds for which what a server is need not be asked again."""
_FILE = "servers.json"


def known_server(cache: Path | None, root: str) -> Server | None:
    """What was found out within the hour; None where that is not known, or was damaged."""
    told = _entries(cache).get(root)
    told = told if isinstance(told, dict) else {}
    at, kind, version, paths = (told.get(name) for name in ("at", "kind", "version", "paths"))
    if not isinstance(at, int | float) or not 0 <= time.time() - at < _FRESH or kind not in list(Kind):
        return None
    listed = frozenset(map(str, paths)) if isinstance(paths, list) else None
    return Server(root, Kind(kind), version if isinstance(version, str) else None, listed)


def keep_server(cache: Path | None, root: str, server: Server) -> None:
    """Keeps it, beside what is known of others. `root`: the address that it was asked at."""
    paths = None if server.paths is None else sorted(server.paths)
    entry = {"kind": server.kind.value, "version": server.version, "paths": paths, "at": time.time()}
    if cache is not None:
        _write(cache, {**_entries(cache), root: entry})


def _entries(cache: Path | None) -> Mapping[str, Any]:
    if cache is None:
        return {}
    try:
        known = json.loads((cache / _FILE).read_bytes())
    except (OSError, ValueError):
        return {}  # it can be found out again
    return known if isinstance(known, dict) else {}


def _write(cache: Path, known: Mapping[str, Any]) -> None:
    part = cache / f"{_FILE}.{os.getpid()}"
    try:
        cache.mkdir(parents=True, exist_ok=True)
        part.write_text(json.dumps(known), encoding="utf-8")
        part.replace(cache / _FILE)
    except OSError:
        with suppress(OSError):  # a full disk, or no folder at all, costs only that it is asked again
            part.unlink()
