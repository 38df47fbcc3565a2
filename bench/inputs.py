"""The inputs of the measurements: made here, the same bytes every time, none of them taken from anybody's logs.

`python bench/inputs.py FOLDER` writes all of them. A file that is there already is kept: its name carries the version
of this recipe, which rises with every change that changes bytes.
"""

import random
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench import novelty_logs

VERSION = 2
MIB = 1 << 20
LATE_LINES, LATE_ERROR, LATE_NOISE = 121_000, 72_600, 1_200
"""Of `late_noise`: lines in all, the line that states the error (at 60 %), the noisy lines after the job's end."""

_CRATES = ("serde", "thiserror", "tokio", "anyhow-errors", "regex-automata", "http-body", "failure-derive", "libc")
_WORDS = ("parses", "handles_error", "rejects_bad_input", "retries_after_failure", "is_fatal_only_once", "round_trips")
_FILES = ("core/lexer", "net/error", "store/index", "ui/fatal_dialog", "proto/frame", "util/panic_hook")


def _ordinary(dice: random.Random) -> str:
    """One line of a build that goes well, with words in it that look like trouble."""
    kind = dice.randrange(8)
    crate, word, file, n = dice.choice(_CRATES), dice.choice(_WORDS), dice.choice(_FILES), dice.randrange(100_000)
    if kind == 0:
        return f"   Compiling {crate} v{n % 9}.{n % 31}.{n % 7}"
    if kind == 1:
        return f"test {file.replace('/', '::')}::tests::{word}_{n} ... ok"
    if kind == 2:
        return f"cc -O2 -g -Wall -Werror=implicit -Iinclude -c src/{file}.c -o build/{file}_{n}.o"
    if kind == 3:
        return f"[{n % 4096}/4096] Building CXX object lib/CMakeFiles/{crate}.dir/{file}.cpp.o"
    if kind == 4:
        return f"  Downloading {crate}-{n % 97}.{n % 13}.tar.gz ({n % 900} kB)"
    if kind == 5:
        return f"DEBUG {file}: request {n} done in {n % 350} ms, errors=0, failed=0"
    if kind == 6:
        return f"PASS src/{file}.test.ts ({n % 60}.{n % 10} s)"
    return f"INFO  {crate}: cache entry {n:08x}{n * 7919:010x} is fresh, nothing to do"


def _post(dice: random.Random) -> str:
    """One line of what runs after the job: it complains loudly and means nothing."""
    n = dice.randrange(100_000)
    return dice.choice(
        (
            f"Post job cleanup: removing {n} entries",
            f"rm: cannot remove 'target/debug/deps/lib{n}.rmeta': No such file or directory",
            f"warning: failed to save cache entry {n}: another job may be creating this cache",
            f"error: could not delete lock file {n}, ignoring",
            f"fatal: not a git repository (or any of the parent directories): .git ({n})",
            f"Error: Failed to upload report part {n}, will not retry",
        )
    )


def _stamped(rows: Iterator[str]) -> Iterator[str]:
    """The rows with the time stamps that a forge writes, 3 ms apart."""
    for n, row in enumerate(rows):
        total, micros = divmod(n * 3000, 1_000_000)
        minutes, seconds = divmod(total, 60)
        yield f"2026-05-04T{10 + minutes // 60 % 14:02}:{minutes % 60:02}:{seconds:02}.{micros:06}0Z {row}\n"


def one_mib() -> Iterator[str]:
    """A log of one MiB and a little: three steps, of which the last fails with a compile error."""

    def rows() -> Iterator[str]:
        dice, size = random.Random(1), 0
        yield "runner-1(version:v12.0.0) received task 77 of job build, be triggered by event: push"
        for step in ("Check out", "Fetch", "Build"):
            yield f"##[group]Run {step.lower()}"
            yield "##[endgroup]"
            last = size + MIB // 3
            while size < last:
                row = _ordinary(dice)
                size += len(row) + 29
                yield row
        yield "error[E0308]: mismatched types"
        yield "  --> src/core/lexer.rs:118:24"
        yield "   |"
        yield "118 |     let width: u32 = line.len();"
        yield "error: could not compile `lexer` (lib) due to 1 previous error"
        yield "##[error]Process completed with exit code 101."

    return _stamped(rows())


def late_noise() -> Iterator[str]:
    """121,000 lines: the error at 60 %, other output after it, and 1,200 loud lines after the job's end."""

    def rows() -> Iterator[str]:
        dice = random.Random(2)
        yield "##[group]Run cargo test --workspace"
        yield "##[endgroup]"
        for _ in range(LATE_ERROR - 3):
            yield _ordinary(dice)
        yield "error[E0425]: cannot find value `spool_root` in this scope"
        yield "  --> crates/spool/src/open.rs:41:17"
        for _ in range(LATE_LINES - LATE_NOISE - LATE_ERROR - 4):
            yield _ordinary(dice)
        yield "error: could not compile `spool` (lib test) due to 1 previous error"
        yield "##[error]Process completed with exit code 101."
        yield "##[group]Post Run actions/cache"
        for _ in range(LATE_NOISE):
            yield _post(dice)

    return _stamped(rows())


def scan_part() -> Iterator[str]:
    """32 MiB of ordinary lines of which 4 in 10,000 state an error; the scan reads it over and over as one file."""

    def rows() -> Iterator[str]:
        dice, size = random.Random(3), 0
        while size < 32 * MIB:
            row = _ordinary(dice)
            if dice.randrange(10_000) < 4:
                row = f"error[E0{dice.randrange(100, 800)}]: something about `{row.split()[-1]}`"
            size += len(row) + 29
            yield row

    return _stamped(rows())


def flood_part() -> Iterator[str]:
    """16 MiB of ordinary lines, to be piped in as often as it takes."""

    def rows() -> Iterator[str]:
        dice, size = random.Random(4), 0
        while size < 16 * MIB:
            row = _ordinary(dice)
            size += len(row) + 29
            yield row

    return _stamped(rows())


RECIPES: dict[str, tuple[Callable[[], Iterator[str]], int]] = {
    "one-mib": (one_mib, 1),
    "late-noise": (late_noise, 1),
    "scan": (scan_part, 32),
    "scan-small": (scan_part, 2),
    "flood": (flood_part, 1),
    "green-1": (lambda: novelty_logs.attempt(1), 1),
    "green-2": (lambda: novelty_logs.attempt(2), 1),
    "red": (lambda: novelty_logs.attempt(3, failing=True), 1),
}
"""Name -> the lines, and how often they stand in the file."""


def make(name: str, folder: Path) -> Path:
    """The file of this name, made now where it is missing. Raises OSError (no space, no permission)."""
    rows, times = RECIPES[name]
    file = folder / f"{name}-v{VERSION}.log"
    if not file.exists():
        folder.mkdir(parents=True, exist_ok=True)
        part = file.with_suffix(".part")
        with part.open("w", encoding="utf-8", newline="\n") as out:
            out.writelines(rows())
        _repeat(part, times)
        part.replace(file)
    return file


def _repeat(file: Path, times: int) -> None:
    size = file.stat().st_size
    with file.open("rb") as source, file.open("ab") as out:
        for _ in range(times - 1):
            source.seek(0)
            left = size
            while left:
                data = source.read(min(left, MIB))
                out.write(data)
                left -= len(data)


if __name__ == "__main__":
    for wanted in RECIPES:
        print(make(wanted, Path(sys.argv[1])))
