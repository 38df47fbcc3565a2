"""Which source a target belongs to: the sources are asked in their order, the most particular form first."""

import importlib
import pkgutil
import sys
from typing import cast

import whyred.sources
from whyred.model.source import Fetched, Given, Source
from whyred.settings import folders


def sources() -> list[Source]:
    """Every source module, in the order in which they are asked."""
    names = (m.name for m in pkgutil.iter_modules(whyred.sources.__path__) if not m.name.startswith("_"))
    modules = (importlib.import_module(f"whyred.sources.{name}") for name in names)
    return sorted((cast(Source, m) for m in modules if hasattr(m, "ORDER")), key=lambda s: s.ORDER)


def given() -> Given:
    """What sources are handed: the folder of local runs and standard input."""
    data = folders.data()
    return Given(data / "runs" if data else None, sys.stdin.buffer)


def fetch(target: str) -> Fetched:
    """The attempt and the log of a target, by the source whose form it has."""
    source = next(s for s in sources() if s.accepts(target))
    return source.fetch(target, given())
