"""The names of concurrency groups, worked out."""

from whyred.workflows.checkup import File
from whyred.workflows.expressions import Contexts, ExpressionError, Place, interpolate_text
from whyred.workflows.triggers import Group


def name_of(file: File, group: Group, world: Contexts) -> str | None:
    """What a group is called in one world; None where that is not known."""
    try:
        return interpolate_text(group.text, world, Place(file.path, group.line, "concurrency"))
    except ExpressionError:
        return None


def share_a_group(file: File, one: Contexts, other: Contexts) -> bool:
    """Whether the workflow as a whole is in the same group both times."""
    for group in file.groups:
        if group.job is None:
            first, second = name_of(file, group, one), name_of(file, group, other)
            return first is not None and first == second
    return False
