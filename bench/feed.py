"""Writes a file to standard output some number of times, then another one: `python bench/feed.py FILE TIMES LAST`."""

import os
import sys


def main(file: str, times: int, last: str) -> None:
    for name in (*[file] * times, last):
        with open(name, "rb", buffering=0) as source:  # noqa: PTH123 - a program that only copies imports nothing
            while data := source.read(1 << 20):
                view = memoryview(data)
                while view:
                    view = view[os.write(1, view) :]


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3])
