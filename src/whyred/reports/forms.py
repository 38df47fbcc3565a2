"""Finds the reports of a verdict: every module of this folder with a `render(verdict)`, named after its file."""

import inspect
import pkgutil
from collections.abc import Callable
from importlib import import_module

import whyred.reports
from whyred.model.finding import Verdict

Render = Callable[[Verdict], str]


def reports() -> dict[str, Render]:
    """The reports by their names, in the order of the names, `text` first: it is what people get unasked."""
    names = sorted((m.name for m in pkgutil.iter_modules(whyred.reports.__path__)), key=lambda n: (n != "text", n))
    found = {n.replace("_", "-"): getattr(import_module(f"whyred.reports.{n}"), "render", None) for n in names}
    return {name: r for name, r in found.items() if r and list(inspect.signature(r).parameters) == ["verdict"]}
