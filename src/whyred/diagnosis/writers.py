"""Who wrote a temporary path: the random name's prefix names the program, and the program its choice of directory.

Facts: rustc <= 1.93 makes `rustcXXXXXX` below TMPDIR (later versions put it beside the output, rust-lang/rust#150311);
gcc and Python skip an unusable TMPDIR silently; the other rows were produced by running the programs.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Writer:
    """A program that makes temporary names. `only_tmpdir`: it takes the directory from TMPDIR alone, else /tmp, so a
    path in /tmp shows that TMPDIR did not reach it.
    """

    program: str
    base: str
    only_tmpdir: bool = True


_WRITERS = (
    Writer("rustc 1.93 or older (link step)", r"rustc[A-Za-z0-9]{6}"),
    Writer("the sccache daemon or client", r"sccache[A-Za-z0-9]{6}"),
    Writer("rustdoc (doc tests)", r"rustdoctest[A-Za-z0-9]{6}"),
    Writer("just (shebang recipe)", r"just-[A-Za-z0-9]{6}", only_tmpdir=False),
    Writer("mktemp", r"tmp\.(?:[A-Za-z0-9]{10}|X{6,})"),
    Writer("gcc or its linker driver", r"cc[A-Za-z0-9]{6}\.(?:o|s|res|c|ld|le)", only_tmpdir=False),
    Writer("Python's tempfile", r"tmp[a-z0-9_]{8}", only_tmpdir=False),
    Writer("the Rust tempfile crate", r"\.tmp[A-Za-z0-9]{6}"),
    Writer("sort", r"sort[A-Za-z0-9]{6}"),
)


_CHOICES = {
    "gcc": "the compiler driver takes TMPDIR, TMP, TEMP, else /tmp, and skips an unusable one without a word",
    "python": "Python takes the first usable of TMPDIR, TEMP, TMP, /tmp, /var/tmp and the current directory",
    "node": "node takes TMPDIR, TMP, TEMP, else /tmp",
    "bash": "bash writes a here-document below TMPDIR, else /tmp",
}
"""How a tool chooses the directory, where its message names no random name."""


def writer(captures: Mapping[str, str]) -> Writer | None:
    """The program whose naming the failure's path has; None where none fits."""
    base = captures.get("base", "")
    return next((w for w in _WRITERS if re.fullmatch(w.base, base)), None)


def sentence(captures: Mapping[str, str], tool: str) -> str | None:
    """What the path in the message of a tool proves, in one sentence; None where it proves nothing."""
    found = writer(captures)
    if found is None:
        return _CHOICES.get(tool) if "dir" in captures else None
    where = captures.get("dir", "")
    text = f"the name {captures['base']} was made by {found.program}"
    if where == "/tmp" and found.only_tmpdir:
        return f"{text}; it takes TMPDIR, else /tmp: TMPDIR did not reach that process, or names /tmp"
    return text
