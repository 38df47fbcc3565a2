"""Other tools that look at workflows: run where they are installed, their findings shown as theirs."""

import importlib
import os
import pkgutil
import shutil
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import whyred.workflows.linters
from whyred.hosts.local import LocalHost
from whyred.model.host import HostRefusedError
from whyred.model.remark import NotAsked, Remark, Spot

SECONDS = 30.0
"""The longest time of one of them."""
_MOST_FILES = 500


def linters() -> dict[str, ModuleType]:
    """Those that whyred knows, by the names of their programs."""
    folder = whyred.workflows.linters
    names = sorted(m.name for m in pkgutil.iter_modules(folder.__path__) if not m.name.startswith("_"))
    return {name: importlib.import_module(f"{folder.__name__}.{name}") for name in names}


def run_linters(
    root: Path, files: Sequence[str], progress: Callable[[str], None]
) -> tuple[tuple[str, ...], list[Remark], list[NotAsked]]:
    """Which of them are installed, what they found, and which could not tell. Nothing is started without a file."""
    there: list[str] = []
    remarks: list[Remark] = []
    failed: list[NotAsked] = []
    for name, module in linters().items():
        program = shutil.which(name, path=_path()) if files else None
        if program is None:
            continue
        there.append(name)
        progress(f"running {name}")
        try:
            remarks += _run(program, module, root, files)
        except HostRefusedError as e:
            failed.append(NotAsked(name, f"{e.unknown.reason}: {e.unknown.detail}", f"Run it by hand: {name}"))
        except ValueError as e:
            failed.append(NotAsked(name, str(e), f"Run it by hand: {name}"))
    return tuple(there), remarks, failed


def _path() -> str:
    """The user's PATH without folders that depend on where one stands: a checkout could bring its own program."""
    folders = os.environ.get("PATH", "").split(os.pathsep)
    return os.pathsep.join(folder for folder in folders if folder.startswith("/"))


def _run(program: str, module: ModuleType, root: Path, files: Sequence[str]) -> list[Remark]:
    """Raises HostRefusedError (not started, too slow) and ValueError (it failed, or said what nobody understands)."""
    paths = [str(root / file) for file in files[:_MOST_FILES]]
    said = LocalHost().run([program, *module.ARGUMENTS, *paths], SECONDS)
    if said.code not in module.ENDS:
        last = (said.err or said.out).decode("utf-8", "replace").strip().splitlines()
        raise ValueError(f"it ended with {said.code}: {last[-1][:200] if last else 'it said nothing'}")
    return [replace(remark, spot=_below(root, remark.spot)) for remark in module.read(said.out)]


def _below(root: Path, spot: Spot) -> Spot:
    """The place as whyred names it: from the checkout's root. What is no whole path begins where they are run, at /."""
    path = Path("/") / spot.file
    return replace(spot, file=path.relative_to(root).as_posix()) if path.is_relative_to(root) else spot
