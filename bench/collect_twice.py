"""The child of the bench `download-again`: downloads the logs of a run twice, and prints the seconds of both as JSON.

Both times as a program of its own would, with a new client; `python bench/collect_twice.py URL FOLDER CACHE`.
"""

import json
import sys
import time
from pathlib import Path

from whyred.app.collect import collect
from whyred.app.forges import Forges, Options
from whyred.app.library import Library
from whyred.app.log_pieces import LogWish
from whyred.app.logs import attempts_of
from whyred.model.target import read_address


def main(url: str, folder: str, cache: str) -> None:
    address = read_address("bench/logs#1")
    assert address is not None
    library = Library(Path(cache))
    library.masker()
    seconds = []
    for _ in range(2):
        begin = time.perf_counter()
        forges = Forges(Options(server=url), cache=Path(cache))
        ladder, attempts = attempts_of(LogWish(address), forges)
        found = list(collect(ladder, attempts, Path(folder), library))
        seconds.append(time.perf_counter() - begin)
        if any(one.file is None for one in found):
            sys.exit("a log is missing")
    print(json.dumps(seconds))


if __name__ == "__main__":
    main(*sys.argv[1:])
