"""The plain way to find what is new in a log, as anybody would write it: `python bench/plain_novelty.py RED GREEN...`.

Seven regexes over every line, one set of what comes out. Prints each new line once, after its number.
"""

import re
import sys
from collections.abc import Iterator

EXPRESSIONS = (
    (rb"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d+)?(?:Z|[+-]\d\d:?\d\d)?", b"<time>"),
    (rb"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b", b"<uuid>"),
    (rb"\b0x[0-9a-fA-F]+\b", b"<address>"),
    (rb"\b(?=[a-f]*\d)[0-9a-f]{7,64}\b", b"<hash>"),
    (rb"/tmp/[^\s/]+", b"<temporary>"),
    (rb"\b\d+(?:\.\d+)?\s?(?:ms|s|m|kB|MB|GB|KiB|MiB|%)(?!\w)", b"<amount>"),
    (rb"\s*\d+", b"<n>"),
)


def keys(path: str) -> Iterator[tuple[int, bytes, bytes]]:
    compiled = [(re.compile(regex), instead) for regex, instead in EXPRESSIONS]
    with open(path, "rb") as log:  # noqa: PTH123 - a peer imports nothing that it does not need
        for number, line in enumerate(log, 1):
            key = line
            for regex, instead in compiled:
                key = regex.sub(instead, key)
            yield number, line, key


def main(red: str, greens: list[str]) -> None:
    known = {key for green in greens for _, _, key in keys(green)}
    for number, line, key in keys(red):
        if key not in known:
            known.add(key)
            sys.stdout.buffer.write(b"%d %s" % (number, line))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
