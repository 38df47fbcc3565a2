"""Whether a checkout makes a program itself: a file of its name, built or written, its source, or a defining line.

Such a name is nowhere on a machine, and that is no fault of the machine: a function that was not read in, a program
that was not built or is called without its folder. Texts are only searched; of them nothing is told but the place.
"""

import posixpath
import re
from collections.abc import Iterator, Mapping, Sequence

from whyred.model.host import Host, HostRefusedError
from whyred.probes.answer import told
from whyred.workflows.folders import FOLDERS

_BUILT = ("build", "build/bin", "dist", "out", "target", "target/debug", "target/release")
"""Where builds put programs."""
_NAMES = frozenset(
    ("Makefile", "makefile", "GNUmakefile", "CMakeLists.txt", "Cargo.toml", "meson.build", "justfile", "Justfile")
)
_SOURCES = frozenset(
    ("go", "rs", "c", "cc", "cpp", "cxx", "py", "sh", "bash", "js", "mjs", "cjs", "ts", "rb", "pl", "java", "kt", "in")
)
"""Endings of what becomes a program; a file of settings (`buf.yaml`) is named by the program that reads it."""
_ENDS = (".sh", ".bash", ".mk", ".cmake", ".yml", ".yaml")
_MOST_FILES, _MOST_BYTES = 40, 1 << 16
"""Files that are searched, and bytes of each."""


def makes(host: Host, folder: str, walked: Mapping[str, Sequence[str]], tool: str) -> str | None:
    """Where the checkout makes the program, as a path in it, perhaps with a line; None where nothing says so. `walked`:
    its folders with their names."""
    names = dict(walked)
    for place in [*_BUILT, *FOLDERS]:
        here = told(lambda place=place: host.names(posixpath.join(folder, place)))  # type: ignore[misc]
        names[place] = here if isinstance(here, list) else []
    found = next((posixpath.join(place, one) for place in names for one in names[place] if _is(one, tool)), None)
    return found or next(_defined(host, folder, names, tool), None)


def _is(name: str, tool: str) -> bool:
    """Whether a file or folder of this name is the program or its source: `queuectl`, `queue_ctl.py`."""
    stem, dot, end = name.partition(".")
    return name == tool or (dot != "" and end in _SOURCES and _plain(stem) == _plain(tool))


def _plain(name: str) -> str:
    return name.casefold().replace("-", "_")


def _defined(host: Host, folder: str, names: Mapping[str, Sequence[str]], tool: str) -> Iterator[str]:
    defines = definition(tool)
    paths = [posixpath.join(p, n) for p in names for n in names[p] if n in _NAMES or n.endswith(_ENDS)]
    beside = f"{posixpath.dirname(folder.rstrip('/'))}/workflow.yml"  # of a run that whyred started
    for path in [beside, *paths][:_MOST_FILES]:
        try:
            text = host.read(posixpath.join(folder, path), _MOST_BYTES).decode("utf-8", "replace")
        except HostRefusedError:
            continue  # what may not be read says nothing; the others may
        match = defines.search(text)
        if match is not None:
            yield f"{posixpath.basename(path) if path == beside else path}:{text.count(chr(10), 0, match.end()) + 1}"


def definition(tool: str) -> re.Pattern[str]:
    """A line of a script or of a build file that makes a program or a function of this name."""
    name = re.escape(tool)
    return re.compile(
        rf"^[ \t]*(?:- +)?(?:run: +)?(?:function[ \t]+{name}\b|{name}[ \t]*\(\)|alias[ \t]+{name}=)"
        rf"|\b(?:add_executable|executable)\([ \t]*['\"]?{name}\b|^[ \t]*name[ \t]*=[ \t]*\"{name}\""
        rf"|[ \t](?:-o|--output)[ \t=]+(?:[^\s'\"]*/)?{name}(?=[\s'\"]|$)",
        re.MULTILINE,
    )
