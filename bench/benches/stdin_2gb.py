"""`whyred read -` of 2 GB on standard input against `wc -l`: at most 100 MiB resident and no temporary file."""

import stat
import sys
from pathlib import Path

from bench.benches.read_late_noise import named
from bench.inputs import LATE_ERROR, make
from bench.measure import Command, Given, Result, codes, environment, run, summed, whyred

FEED = Path(__file__).resolve().parent.parent / "feed.py"
MOST_MIB = 100.0
BYTES = 2_000_000_000


def bench(given: Given) -> Result:
    """A flood of ordinary lines, then a log with its error: the right line of some twenty million."""
    flood, last = make("flood", given.folder), make("late-noise", given.folder)
    times = -(-BYTES // flood.stat().st_size)
    feed = [sys.executable, str(FEED), str(flood), str(times), str(last)]
    ours = Command("whyred read -", whyred("read", "-", "--json").argv, feed)
    peer = Command("wc -l", ["wc", "-l"], feed)
    written: set[str] = set()
    environ = environment(given.folder)
    run(whyred("read", str(last)), environ)  # compiles the library where that was not done yet
    pairs = []
    for _ in range(given.count(1)):
        pairs.append((run(ours, environ, lambda pid: written.update(open_for_writing(pid))), run(peer, environ)))
    with flood.open("rb") as file:
        before = times * sum(1 for _ in file)
    wrong = codes(pairs, 1) or named(pairs[0][0].out, before + LATE_ERROR)
    wrong = wrong or (f"it wrote to {', '.join(sorted(written))}" if written else "")
    return summed("stdin-2gb", ours, peer, pairs, most_mib=MOST_MIB, wrong=wrong)


def open_for_writing(pid: int) -> set[str]:
    """The regular files that a process has open for writing, deleted ones too, beside the three standard streams."""
    found = set()
    folder = Path(f"/proc/{pid}/fd")
    try:
        for entry in list(folder.iterdir()):
            writable = entry.lstat().st_mode & stat.S_IWUSR  # of the link: how the descriptor was opened (man 5 proc)
            if int(entry.name) > 2 and writable and stat.S_ISREG(entry.stat().st_mode):
                found.add(str(entry.readlink()))
    except (FileNotFoundError, ProcessLookupError, NotADirectoryError):
        return found  # the process, or the file, went away while we looked
    return found
