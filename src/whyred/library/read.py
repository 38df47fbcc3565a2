"""Reads patterns, secrets and classes from their TOML files; a file that says something unknown is refused by name.

Causes are read in `read_causes`: reading a log alone wants none, and their nouns cost its start-up 4 ms.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from whyred.model.pattern import Extent, Pattern, Role, Secret, Strength

FOLDER = Path(__file__).parent


class LibraryError(Exception):
    """A library file does not say what it must; the message names the file, the key and what is expected."""


def files(kind: str) -> list[Path]:
    """The unit files of one kind (`patterns`, `causes`, `secrets`), in the order of their ids."""
    return sorted((FOLDER / kind).glob("*.toml"))


def tables(kind: str) -> dict[str, dict[str, Any]]:
    """The parsed files of one kind: id -> table, in the order of the ids."""
    return {f.stem: _toml(f) for f in files(kind)}


def patterns() -> tuple[Pattern, ...]:
    """All patterns, in the order of their ids."""
    return tuple(read_pattern(*item) for item in tables("patterns").items())


def secrets() -> tuple[Secret, ...]:
    """All kinds of secrets, in the order of their ids."""
    return tuple(read_secret(*item) for item in tables("secrets").items())


def classes() -> dict[str, str]:
    """Every class with its meaning: `infra/tmpdir` -> text."""
    import tomllib

    table = tomllib.loads((FOLDER / "classes.toml").read_text(encoding="utf-8"))
    return {f"{side}/{name}": text for side, names in table.items() for name, text in names.items()}


def read_pattern(id_: str, data: Mapping[str, Any]) -> Pattern:
    """One pattern from its file's content."""
    with Table(f"pattern {id_}", data) as t:
        t.same_id(id_)
        block = t.take("block", {})
        with Table(f"pattern {id_} [block]", block) as b:
            extent = Extent(b.take("before", 0), b.take("most", 0), b.take("while", None), b.take("until", None))
        return Pattern(
            id=id_,
            tool=t.take("tool"),
            title=t.take("title"),
            contains=tuple(t.take("contains")),
            regex=t.take("regex"),
            role=Role(t.take("role")),
            strength=Strength(t.take("strength", "weak")),
            class_=t.take("class", None),
            classes=tuple(_narrower(f"pattern {id_}", t.take("class_if", []))),
            extent=extent,
            fires=tuple(t.take("fires")),
            quiet=tuple(t.take("quiet")),
        )


def _narrower(where: str, rows: list[dict[str, str]]) -> Iterator[tuple[Mapping[str, str], str]]:
    for row in rows:
        if "class" not in row or len(row) < 2:
            raise LibraryError(f"{where}: [[class_if]] wants `class` and at least one capture, not {row}")
        yield {k: v for k, v in row.items() if k != "class"}, row["class"]


def read_secret(id_: str, data: Mapping[str, Any]) -> Secret:
    """One kind of secret from its file's content."""
    with Table(f"secret {id_}", data) as t:
        t.same_id(id_)
        return Secret(
            id=id_,
            title=t.take("title"),
            regex=t.take("regex"),
            until=t.take("until", None),
            fires=tuple(t.take("fires")),
            quiet=tuple(t.take("quiet")),
        )


def _toml(file: Path) -> dict[str, Any]:
    import tomllib  # not at the top: with a warm cache no TOML is read, and this costs 2 ms

    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as e:
        raise LibraryError(f"{file.name}: not TOML: {e}") from e


class Table:
    """A TOML table that must be used up: keys nobody took are a typing error of the author."""

    _REQUIRED = object()

    def __init__(self, where: str, data: Mapping[str, Any]) -> None:
        self.where, self.left = where, dict(data)

    def __enter__(self) -> "Table":
        return self

    def take(self, key: str, default: Any = _REQUIRED) -> Any:
        """The value of a key, which counts as used now. Raises LibraryError for a required key that is missing."""
        if key not in self.left and default is self._REQUIRED:
            raise LibraryError(f"{self.where}: `{key}` is missing")
        return self.left.pop(key, default)

    def same_id(self, id_: str) -> None:
        """Checks that the file says the id that its name says."""
        if self.take("id") != id_:
            raise LibraryError(f"{self.where}: `id` must be the file's name")

    def __exit__(self, kind: object, value: object, trace: object) -> None:
        if kind is None and self.left:
            raise LibraryError(f"{self.where}: unknown keys {sorted(self.left)}")
        if isinstance(value, ValueError):
            raise LibraryError(f"{self.where}: {value}") from value
