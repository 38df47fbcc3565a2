"""What a user gives a run: secrets and variables from files, and what of them must never be shown."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from whyred.logs.values import SHORTEST
from whyred.model.trouble import UserError
from whyred.workflows.dotenv import MOST_BYTES, read_values


@dataclass(frozen=True, slots=True)
class GivenValues:
    """The secrets and variables of a run; None where nobody gave any. Its repr shows no value."""

    secrets: Mapping[str, str] | None = None
    variables: Mapping[str, str] | None = None

    def __repr__(self) -> str:
        names = sorted(self.secrets or ()), sorted(self.variables or ())
        return f"GivenValues(secrets={names[0]}, variables={names[1]})"

    def masks(self) -> Iterator[str]:
        """Every text that shows a secret: itself, its lines (a log is read by the line), and as JSON and in a URL."""
        for value in (self.secrets or {}).values():
            lines = [line for line in value.splitlines() if line.strip()]
            for text in (value, *lines, value.strip()):
                yield text
                yield json.dumps(text, ensure_ascii=False)[1:-1]
                yield json.dumps(text)[1:-1]
                yield quote(text, safe="")

    def unmasked(self) -> list[str]:
        """The names of secrets that are too short to be masked: a log without any `1` says nothing."""
        return sorted(name for name, value in (self.secrets or {}).items() if 0 < len(value.encode()) < SHORTEST)


def read_given(secrets: Path | None, variables: Path | None) -> GivenValues:
    """What stands in the files. Raises UserError, which quotes none of it."""
    return GivenValues(_read(secrets, "--secrets"), _read(variables, "--vars"))


def _read(file: Path | None, option: str) -> dict[str, str] | None:
    if file is None:
        return None
    try:
        with file.open("rb") as data:
            return read_values(data.read(MOST_BYTES + 1), str(file))
    except OSError as e:
        why = e.strerror or str(e)
        raise UserError(f"cannot read {file}, named by {option}", why, "Name a file of NAME=value lines") from e
