"""One call from its arguments to its answer: the top of this face, where every end becomes something that is told."""

import sys
import traceback
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from whyred.faces.mcp import units
from whyred.faces.mcp.answer import Answer, Told, told
from whyred.faces.mcp.arguments import checked
from whyred.faces.mcp.call import Call
from whyred.faces.mcp.refused import near, refused
from whyred.faces.mcp.serving import Serving
from whyred.model.host import HostRefusedError
from whyred.model.source import MissingLogError
from whyred.model.trouble import UserError

MOST = 9_800
"""Tokens of the largest answer."""


def answered(name: str, given: Mapping[str, Any], call: Call) -> Told:
    """The answer of a tool, or what is told in its place."""
    answer, start = _run(name, given, call)
    return told(answer, call.limit or units.tool(name).LIMIT, start, mask(call.serving, call.tokens.values()))


def _run(name: str, given: Mapping[str, Any], call: Call) -> tuple[Answer, tuple[str, int] | None]:
    """The answer, and the list and the place in it from which it is shown."""
    try:
        one = units.tool(name)
        schema = units.input_schema(one)
        arguments = checked(given, schema["properties"], schema["required"])
        call.limit = min(arguments.pop("max_tokens", one.LIMIT), MOST)
        start = _start(arguments.pop("cursor", None), one.LISTS) if one.LISTS else None
        call.arguments = arguments
        return one.run(call), start
    except (UserError, MissingLogError, HostRefusedError) as e:
        return refused(e, name, given, near(call, e, given)), None
    except Exception as e:  # noqa: BLE001 - the top of this face: the one place that may catch everything
        _report(e, call)
        return refused(e, name, given), None


def mask(serving: Serving, also: Iterable[str] = ()) -> Callable[[bytes], bytes]:
    """Masks everything that is a secret, by its form or because it was used, and `also`: the tokens of one caller,
    which must not be starred in the answers of all others.
    """
    from whyred.settings.known_secrets import known_secrets

    masker = serving.library.masker()
    for secret in known_secrets(also):
        masker.add(secret)
    return masker.text


def _report(error: Exception, call: Call) -> None:
    text = "".join(traceback.format_exception(error)).encode("utf-8", "backslashreplace")
    sys.stderr.write(mask(call.serving, call.tokens.values())(text).decode("utf-8", "replace"))


def _start(cursor: str | None, lists: Sequence[str]) -> tuple[str, int] | None:
    """Where a cursor goes on. Raises UserError."""
    if cursor is None:
        return None
    name, colon, number = cursor.partition(":")
    if not colon or name not in lists or not number.isdecimal() or len(number) > 9:
        raise UserError(f"cursor {cursor[:60]!r} is wrong", "no answer of this tool gave it", "Take one from `cut`")
    return name, int(number)
