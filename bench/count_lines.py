"""The child of the scan benches: counts the lines of a file on which a pattern or mark of the library matches.

Without a file it prints the expressions, one a line, as their authors wrote them but for what ripgrep wants otherwise
(`-f`, `--no-unicode`).
"""

import re
import sys
from collections.abc import Iterator
from pathlib import Path

from whyred.app.library import Library
from whyred.logs.blocks import SIZE, blocks
from whyred.logs.expression import anchored
from whyred.logs.scanner import Scanner
from whyred.model.pattern import Pattern, Role
from whyred.settings import folders

_MEANING = r"\.+*?()|[]{}^$#&-~"


def main(argv: list[str]) -> None:
    scanner = Library(folders.cache()).scanner
    if not argv:
        # Benign patterns are asked only on lines where something else matched: no engine scans for them.
        scanned = (u for u in scanner.units if not (isinstance(u, Pattern) and u.role is Role.BENIGN))
        print("\n".join(for_ripgrep(anchored(unit.regex).encode()) for unit in scanned))
        return
    print(sum(1 for _ in matching(scanner, Path(argv[0]))))


def matching(scanner: Scanner, file: Path) -> Iterator[bytes]:
    """The lines that really match."""
    prefix: re.Pattern[bytes] | None = None
    for block in blocks(_chunks(file)):
        prefix = prefix or re.compile(scanner.format_of(block.plain[: 1 << 16]).prefix)
        for place in scanner.places(block.plain):
            row = block.plain[place.start : place.end]
            text = row[match.end() :] if (match := prefix.match(row)) else row
            if any(scanner.confirm(index, text) for index in place.indexes):
                yield row


def for_ripgrep(regex: bytes) -> str:
    r"""The same expression in ripgrep's spelling: group names may not repeat over all expressions, bytes above 127 are
    written `\xNN`, and only characters with a meaning may be escaped.
    """
    text = "".join(chr(b) if b < 128 else f"\\x{b:02x}" for b in regex)
    text = re.sub(r"\\(.)", lambda m: m[0] if m[1].isalnum() or m[1] in _MEANING else m[1], text)
    return re.sub(r"\(\?P<\w+>", "(?:", text)


def _chunks(file: Path) -> Iterator[bytes]:
    with file.open("rb", buffering=0) as source:
        while chunk := source.read(SIZE):
            yield chunk


if __name__ == "__main__":
    main(sys.argv[1:])
