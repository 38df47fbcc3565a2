"""The files through which a step talks to its runner: GITHUB_ENV, GITHUB_PATH, GITHUB_OUTPUT and their like.

Read as forgejo-runner 12 reads them (act/container/parse_env_file.go), but blank lines are passed over, as GitHub does.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path

NAMES = ("ENV", "PATH", "OUTPUT", "STATE", "STEP_SUMMARY")
_MOST_BYTES = 16 << 20


class CommandFileError(ValueError):
    """A file a step wrote does not follow the form; the message quotes the line."""


class CommandFiles:
    """The five files of one step, fresh and empty, in a folder of the run."""

    def __init__(self, folder: Path) -> None:
        self.paths = {name: folder / f"{name.lower()}.txt" for name in NAMES}
        for path in self.paths.values():
            path.unlink(missing_ok=True)
            path.touch(mode=0o600)

    def variables(self) -> Mapping[str, str]:
        """GITHUB_ENV FORGEJO_ENV GITHUB_... : where the step finds its files."""
        return {f"{forge}_{name}": str(path) for forge in ("GITHUB", "FORGEJO") for name, path in self.paths.items()}

    def pairs(self, name: str) -> dict[str, str]:
        """The names and values the step wrote into ENV, OUTPUT or STATE. Raises CommandFileError."""
        try:
            return read_pairs(self._bytes(name))
        except CommandFileError as e:
            raise CommandFileError(f"GITHUB_{name}: {e}") from e

    def folders(self) -> list[str]:
        """The lines of GITHUB_PATH, in the order they were written."""
        return [line for line in _lines(self._bytes("PATH")) if line.strip()]

    def remove(self) -> None:
        """Take them away: they may hold secrets that no masker saw."""
        for path in self.paths.values():
            path.unlink(missing_ok=True)

    def _bytes(self, name: str) -> bytes:
        try:
            with self.paths[name].open("rb") as file:
                data = file.read(_MOST_BYTES + 1)
        except OSError:  # the step removed or replaced its file: it told us nothing
            return b""
        if len(data) > _MOST_BYTES:
            raise CommandFileError(f"GITHUB_{name}: more than {_MOST_BYTES} bytes")
        return data


def read_pairs(data: bytes) -> dict[str, str]:
    """`NAME=value` lines and `NAME<<END` ... `END` blocks; whichever mark comes first in a line counts.

    Bytes that are not UTF-8 are kept (surrogateescape). Raises CommandFileError: a line of neither form, a block
    without its end, no name.
    """
    pairs: dict[str, str] = {}
    lines = iter(_lines(data))
    for line in lines:
        if not line.strip():
            continue
        equals, block = line.find("="), line.find("<<")
        if equals < 0 and block < 0:
            raise CommandFileError(f"invalid format {line[:200]!r}, expected a line with '=' or '<<'")
        is_block = block >= 0 and (equals < 0 or block < equals)
        name = line[: block if is_block else equals]
        if not name:
            raise CommandFileError(f"invalid format {line[:200]!r}, there is no name in front of the value")
        pairs[name] = _block(lines, line[block + 2 :]) if is_block else line[equals + 1 :]
    return pairs


def _block(lines: Iterator[str], end: str) -> str:
    content: list[str] = []
    for line in lines:
        if line == end:
            return "\n".join(content)
        content.append(line)
    raise CommandFileError(f"the end {end[:200]!r} of a block was not found before the end of the file")


def _lines(data: bytes) -> list[str]:
    text = data.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "surrogateescape")
    lines = [line.removesuffix("\r") for line in text.split("\n")]
    return lines[:-1] if lines[-1] == "" else lines
