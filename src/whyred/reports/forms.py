"""Finds the reports of a verdict: every module of this folder with a `render(verdict)`, named after its file."""

import pkgutil
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

import whyred.reports
from whyred.model.finding import Verdict

Render = Callable[[Verdict], str]
_MARK = b"\ndef render(verdict: Verdict)"


def reports() -> dict[str, Render]:
    """The reports by their names, in the order of the names, `text` first: it is what people get unasked."""
    folder = Path(whyred.reports.__path__[0])
    names = sorted((m.name for m in pkgutil.iter_modules([str(folder)])), key=lambda n: (n != "text", n))
    # A look into the file costs a tenth of importing what it wants, and most reports are not of a verdict.
    own = [name for name in names if _MARK in (folder / f"{name}.py").read_bytes()]
    return {name.replace("_", "-"): import_module(f"whyred.reports.{name}").render for name in own}
