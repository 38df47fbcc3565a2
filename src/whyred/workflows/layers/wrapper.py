"""A script that stands before a compiler (RUSTC_WRAPPER, RUSTC, CC): what it exports, the compiler gets."""

from collections.abc import Sequence

from whyred.model.variable import Setting
from whyred.workflows.assignments import acts
from whyred.workflows.layer import Ground, Layer, Read

_C = frozenset({"CC", "CXX"})


def files(ground: Ground) -> Sequence[str]:
    """Those named by a path."""
    return list(dict.fromkeys(path for path in ground.wrappers.values() if path.startswith("/")))


def read(text: str, path: str, name: str, ground: Ground, _how: str) -> Read:
    """What a script does; a program has no text to read."""
    if not text.startswith("#!"):
        return Read()
    by = next((key for key, value in ground.wrappers.items() if value == path), "RUSTC_WRAPPER")
    layer = "c-wrapper" if by in _C else "wrapper"
    return Read(
        tuple(Setting(layer, f"{path}:{a.line}", a.effect, a.value, f"named by {by}") for a in acts(text, name))
    )


LAYER = Layer("wrapper", "a script before the compiler", files, read)
