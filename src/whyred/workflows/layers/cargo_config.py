"""Cargo's configuration: `[env]`, which reaches rustc, build scripts and what `cargo run` starts.

Source: Cargo book, "Configuration": the nearest file upwards wins key by key, then CARGO_HOME's; an entry replaces
what the environment has only with `force = true`.
"""

import posixpath
import re
import tomllib
from collections.abc import Sequence

from whyred.model.variable import Effect, Setting
from whyred.workflows.layer import Ground, Layer, More, Read
from whyred.workflows.variables import read_cargo_config


def files(ground: Ground) -> Sequence[str]:
    """From the farthest to the nearest, so that the later wins. Beside a `config` its `config.toml` is not read."""
    homes = [ground.cargo_home or (f"{ground.home}/.cargo" if ground.home else "")]
    places = [h for h in homes if h] + [posixpath.join(p, ".cargo") for p in reversed(upwards(ground.folder))]
    return [f"{place}/{file}" for place in places for file in ("config.toml", "config")]


def upwards(folder: str) -> list[str]:
    """The folder and those above it."""
    if not folder.startswith("/"):
        return []
    places = [posixpath.normpath(folder)]
    while places[-1] not in ("/", "//"):
        places.append(posixpath.dirname(places[-1]))
    return places


def read(text: str, path: str, name: str, _ground: Ground, _how: str) -> Read:
    """The entry, and the wrapper that stands before rustc."""
    entry = read_cargo_config(text, name)
    settings: tuple[Setting, ...] = ()
    if entry is not None:
        value = entry.value
        if entry.relative:  # from the folder above .cargo
            value = posixpath.normpath(posixpath.join(posixpath.dirname(posixpath.dirname(path)), value))
        effect = Effect.SETS if entry.forced else Effect.FILLS
        settings = (Setting("cargo-config", f"{path}:{_line(text, name)}", effect, value, _REACHES),)
    build = tomllib.loads(text).get("build")
    table = build if isinstance(build, dict) else {}
    wrappers = [table.get(k) for k in ("rustc-wrapper", "rustc-workspace-wrapper", "rustc")]
    paths = [w for w in wrappers if isinstance(w, str) and w.startswith("/")]
    return Read(settings, tuple(More("wrapper", path) for path in paths))


_REACHES = "for rustc and build scripts only"


def _line(text: str, name: str) -> int:
    """Where the entry stands, behind `[env]` or in a dotted key."""
    form = re.compile(rf"""\s*(?:env\.)?["']?{re.escape(name)}["']?\s*=|\s*\[env\.["']?{re.escape(name)}["']?\]""")
    return next((n for n, line in enumerate(text.splitlines(), 1) if form.match(line)), 1)


LAYER = Layer("cargo-config", "cargo's configuration", files, read)
