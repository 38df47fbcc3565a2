"""Which program the demo lets fail: an old rustc if there is one, else cc, else mktemp in a shell."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_LAST = 93
"""rustc 1.93 is the last one that makes its temporary directory below TMPDIR (rust-lang/rust#150311)."""


@dataclass(frozen=True, slots=True)
class Builder:
    """A program that needs a temporary directory, and the steps of a workflow that use it."""

    name: str
    write: str
    build: str


def find() -> Builder:
    """The best builder of this machine."""
    rustc = next(_old_rustc(), None) if shutil.which("cc") else None  # rustc links with cc
    if rustc is not None:
        write = "printf 'fn main() { println!(\"it runs\"); }\\n' > hello.rs"
        return Builder("rustc", write, f"{rustc} hello.rs\n./hello")
    if shutil.which("cc"):
        write = "printf '#include <stdio.h>\\nint main(void) { puts(\"it runs\"); return 0; }\\n' > hello.c"
        return Builder("cc", write, "cc -o hello hello.c\n./hello")
    return Builder(
        "mktemp", "echo 'echo it runs' > hello.sh", 'work=$(mktemp -d)\ncp hello.sh "$work"\nsh "$work/hello.sh"'
    )


def _old_rustc() -> Iterator[str]:
    home = Path(os.environ.get("RUSTUP_HOME", Path.home() / ".rustup"))
    candidates = ["/usr/bin/rustc", *map(str, sorted(home.glob("toolchains/*/bin/rustc")))]
    for program in candidates:
        if os.access(program, os.X_OK):
            try:
                done = subprocess.run([program, "--version"], capture_output=True, text=True, check=False)
            except OSError:
                continue  # built for another machine
            version = re.match(r"rustc 1\.(\d+)\.", done.stdout)
            if version and int(version[1]) <= _LAST:
                yield program
