"""Finds the probes: every module of this folder that has a `PROBE` is one, and is named after it."""

import pkgutil
from importlib import import_module

import whyred.probes
from whyred.model.probe import Probe


def all_probes() -> dict[str, Probe]:
    """Every probe by its name, in the order of the names. Imports all of them: to ask one, take `probe`."""
    files = sorted(m.name for m in pkgutil.iter_modules(whyred.probes.__path__))
    found = (getattr(import_module(f"whyred.probes.{file}"), "PROBE", None) for file in files)
    return {p.name: p for p in found if isinstance(p, Probe)}


def probe(name: str) -> Probe:
    """The probe of this name; imports no other. Raises LookupError, which lists the names there are."""
    file = name.replace("-", "_")
    known = {m.name for m in pkgutil.iter_modules(whyred.probes.__path__)}
    found = getattr(import_module(f"whyred.probes.{file}"), "PROBE", None) if file in known else None
    if not isinstance(found, Probe) or found.name != name:
        raise LookupError(f"there is no probe `{name}`; there are: {', '.join(all_probes())}")
    return found
