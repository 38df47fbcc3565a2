"""`Layer`: one kind of file that can set a variable, and how it is read. Found by the folder `layers/`. Pure.

A layer names the files it lives in (`files`) and reads what such a file says of one variable (`read`); the files are
opened by whoever asks. What a file leads to (an import, an env file, a wrapper script) it names in `Read.more`.
"""

import pkgutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module

import whyred.workflows.layers
from whyred.model.variable import Setting

SHOWN = "systemctl show-environment"
"""The place of what systemd's manager hands to every service: a command, not a file."""


@dataclass(frozen=True, slots=True)
class Ground:
    """What is known before any file is read. Paths are absolute; empty where there is none.

    `names`: what lies in the checkout; `home` and `cargo_home`: the runner user's; `unit_files`: the unit, then its
    drop-ins in their order; `shell_env`: the value of BASH_ENV in a step; `wrappers`: programs that stand before a
    compiler, by the variable that names them.
    """

    folder: str = ""
    names: tuple[str, ...] = ()
    home: str = ""
    cargo_home: str = ""
    runner_kind: str = ""
    runner_config: str = ""
    runner_folder: str = ""
    unit_files: tuple[str, ...] = ()
    environment_files: tuple[str, ...] = ()
    workflow: str = ""
    job: str = ""
    step: str = ""
    shell_env: str = ""
    wrappers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class More:
    """A file that another one leads to: which layer reads it, and in which way."""

    layer: str
    path: str
    how: str = ""


@dataclass(frozen=True, slots=True)
class Read:
    """What one file says of one variable, and where it leads."""

    settings: tuple[Setting, ...] = ()
    more: tuple[More, ...] = ()


@dataclass(frozen=True, slots=True)
class Layer:
    """`read` is handed text, path, variable, ground and `how`; it raises ValueError for text of another form."""

    name: str
    title: str
    files: Callable[[Ground], Sequence[str]]
    read: Callable[[str, str, str, Ground, str], Read]


def all_layers() -> dict[str, Layer]:
    """Every layer by its name, in the order of the names."""
    files = sorted(m.name for m in pkgutil.iter_modules(whyred.workflows.layers.__path__))
    layers = [import_module(f"whyred.workflows.layers.{file}").LAYER for file in files]
    return {layer.name: layer for layer in layers}
