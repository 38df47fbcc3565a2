"""Patterns and secrets as rows of plain values, for a cache: read in a third of the time that their files' tables take.

Their examples are left out, which only tests and pages read: half of their bytes.
"""

from typing import Any

from whyred.model.pattern import Extent, Pattern, Role, Secret, Strength

_ALONE = Extent()


def pattern_row(pattern: Pattern) -> list[Any]:
    """What `pattern_of` reads."""
    extent = pattern.extent
    lines = None if extent == _ALONE else [extent.before, extent.most, extent.while_, extent.until]
    narrower = [[dict(captures), class_] for captures, class_ in pattern.classes]
    head = [pattern.id, pattern.tool, pattern.title, list(pattern.contains), pattern.regex]
    return [*head, pattern.role, pattern.strength, pattern.class_, narrower, lines]


def pattern_of(row: list[Any]) -> Pattern:
    """The pattern of a row. Raises ValueError for what is none."""
    id_, tool, title, contains, regex, role, strength, class_, narrower, lines = row
    classes = tuple(map(tuple, narrower)) if narrower else ()
    extent = Extent(*lines) if lines else _ALONE
    return Pattern(id_, tool, title, tuple(contains), regex, Role(role), Strength(strength), class_, classes, extent)


def secret_row(secret: Secret) -> list[Any]:
    """What `secret_of` reads."""
    return [secret.id, secret.title, secret.regex, secret.until]


def secret_of(row: list[Any]) -> Secret:
    """The secret of a row. Raises ValueError for what is none."""
    id_, title, regex, until = row
    return Secret(id_, title, regex, until)
