"""Which source a target belongs to: the sources are asked in their order, the most particular form first."""

import importlib
import io
import pkgutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import cast

import whyred.sources
from whyred.model.run import Step
from whyred.model.source import Fetched, Given, Source
from whyred.model.trouble import UserError
from whyred.settings import folders

_STRIDE = 16 << 20
"""Bytes after which it is said again how far a log is read."""


def sources() -> list[Source]:
    """Every source module, in the order in which they are asked."""
    names = (m.name for m in pkgutil.iter_modules(whyred.sources.__path__) if not m.name.startswith("_"))
    modules = (importlib.import_module(f"whyred.sources.{name}") for name in names)
    return sorted((cast(Source, m) for m in modules if hasattr(m, "ORDER")), key=lambda s: s.ORDER)


def given() -> Given:
    """What sources are handed: the folder of local runs and standard input."""
    data = folders.data()
    # A daemon may start us with standard input closed; then there is no sys.stdin, and only `-` must miss it.
    stdin = sys.stdin.buffer if sys.stdin is not None else io.BytesIO()
    return Given(data / "runs" if data else None, stdin)


def fetch(target: str, progress: Callable[[str], None] = lambda _: None) -> Fetched:
    """The attempt and the log of a target, by the source whose form it has; `progress` hears how far it is read.

    Raises UserError and MissingLogError.
    """
    if target == "-" and sys.stdin is None:
        raise UserError("standard input is closed", "there is no log to read", "Pipe one in: whyred why - < LOG")
    source = next((s for s in sources() if s.accepts(target)), None)
    if source is None:
        forms = "; ".join(s.SERVES for s in sources())
        raise UserError(f"no source knows the target {target!r}", f"a target is {forms}", "Name one of these")
    fetched = source.fetch(target, given())
    return replace(fetched, chunks=_told(fetched, progress))


def _told(fetched: Fetched, progress: Callable[[str], None]) -> Iterator[bytes | Step]:
    size, told = 0, 0
    typed = fetched.attempt.run.label == "standard input" and sys.stdin is not None and sys.stdin.isatty()
    progress(f"reading {fetched.route}{' (paste the log, then press Ctrl-D)' if typed else ''}")
    for chunk in fetched.chunks:
        yield chunk
        size += len(chunk) if isinstance(chunk, bytes) else 0
        if size >= told + _STRIDE:
            told = size
            progress(f"reading {fetched.route}: {size >> 20} MiB")
