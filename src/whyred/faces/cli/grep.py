"""The options of a search, in every command that searches."""

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from whyred.app.log_grep import Grep

F = TypeVar("F", bound=Callable[..., Any])
_NUMBER: dict[str, Any] = {"type": click.IntRange(0), "metavar": "N"}
_OPTIONS: tuple[tuple[tuple[str, ...], dict[str, Any]], ...] = (
    (
        ("--grep", "-e", "greps"),
        {
            "multiple": True,
            "metavar": "RE",
            "help": "Of all that is asked for, only lines that match this expression of RE2, or one of several.",
        },
    ),
    (("--ignore-case", "-i"), {"is_flag": True, "help": "With --grep: capitals or not."}),
    (("--invert-match", "-v"), {"is_flag": True, "help": "With --grep: lines that match none."}),
    (("--after-context", "-A"), {**_NUMBER, "help": "With --grep: N lines after each."}),
    (("--before-context", "-B"), {**_NUMBER, "help": "With --grep: N lines before each."}),
    (("--context", "-C"), {**_NUMBER, "help": "With --grep: N lines before and after."}),
)
_NAMES = ("greps", "ignore_case", "invert_match", "after_context", "before_context", "context")


def grep_options(command: F) -> F:
    """Adds the options; the command gets them as one `grep`, None where nothing is sought."""

    @functools.wraps(command)
    def wrapped(**given: Any) -> Any:
        grep = _grep(*(given.pop(name) for name in _NAMES))
        return command(grep=grep, **given)

    for names, settings in reversed(_OPTIONS):
        wrapped = click.option(*names, **settings)(wrapped)
    return wrapped  # type: ignore[return-value]


def _grep(
    expressions: tuple[str, ...],
    ignore_case: bool,
    invert: bool,
    after: int | None,
    before: int | None,
    both: int | None,
) -> "Grep | None":
    """What is sought. Raises UsageError."""
    if not expressions:
        if ignore_case or invert or (after, before, both) != (None, None, None):
            raise click.UsageError("-A, -B, -C, -i and -v say how --grep works: say what is sought with --grep RE.")
        return None
    from whyred.app.log_grep import Grep
    from whyred.logs.sought import BadExpressionError, Sought

    try:
        sought = Sought(expressions, ignore_case=ignore_case, invert=invert)
    except BadExpressionError as e:
        raise click.UsageError(f"--grep: {e}.") from e
    around = both or 0
    return Grep(sought, around if before is None else before, around if after is None else after)
