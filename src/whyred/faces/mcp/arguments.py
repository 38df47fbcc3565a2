"""The arguments of a call, held against the tool's schema; what is wrong is answered with what would be right."""

import difflib
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from whyred.model.trouble import UserError

_LONGEST = 2000
"""Characters of a text that is taken at all."""
_TYPES: Mapping[str, Callable[[Any], bool]] = {
    "string": lambda value: isinstance(value, str),
    "integer": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "boolean": lambda value: isinstance(value, bool),
    "array": lambda value: isinstance(value, list),
    "object": lambda value: isinstance(value, dict),
}


def checked(given: Mapping[str, Any], properties: Mapping[str, Any], required: Sequence[str]) -> dict[str, Any]:
    """The arguments, with the defaults of those that are not given. Raises UserError."""
    for name in given:
        if name not in properties:
            near = difflib.get_close_matches(name, properties, 1, 0.5)
            meant = f"Say {near[0]}" if near else f"There are: {', '.join(properties)}"
            raise UserError(f"there is no argument {name[:60]!r}", "the tool does not have it", meant)
    for name in required:
        if given.get(name) in (None, "", []):
            raise UserError(f"{name} is missing", "the tool cannot do without", _right(name, properties[name]))
    found = {name: schema["default"] for name, schema in properties.items() if "default" in schema}
    for name, value in given.items():
        if value is not None:  # what many clients send for an argument that is left away
            found[name] = _checked(name, value, properties[name])
    return found


def _checked(name: str, value: Any, schema: Mapping[str, Any]) -> Any:
    type_ = schema["type"]
    if type_ == "string" and isinstance(value, int) and not isinstance(value, bool):
        value = str(value)  # `step: 2`: what is meant is plain
    if type_ == "integer" and isinstance(value, str) and re.fullmatch(r"[0-9]{1,9}", value):
        value = int(value)
    if not _TYPES[type_](value):
        raise UserError(f"{name} is wrong", f"it is {_kind(value)}", _right(name, schema))
    if isinstance(value, str):
        _text(name, value, schema)
    if isinstance(value, int) and not schema.get("minimum", value) <= value <= schema.get("maximum", value):
        raise UserError(f"{name} is wrong", f"{value} is out of its range", _right(name, schema))
    if isinstance(value, list):
        if len(value) > schema.get("maxItems", 50):
            raise UserError(f"{name} is wrong", f"it has {len(value)} parts", _right(name, schema))
        return [_checked(f"{name}[{place}]", one, schema["items"]) for place, one in enumerate(value)]
    if isinstance(value, dict):
        return {_name(name, key): _checked(f"{name}.{key[:40]}", one, {"type": "string"}) for key, one in value.items()}
    return value


def _name(name: str, key: str) -> str:
    _text(f"a key of {name}", key, {})
    return key


def _text(name: str, value: str, schema: Mapping[str, Any]) -> None:
    if len(value) > _LONGEST:
        raise UserError(f"{name} is wrong", f"it has {len(value)} characters", f"At most {_LONGEST} are taken")
    if re.search(r"[\x00-\x08\x0a-\x1f\x7f\ud800-\udfff]", value):
        raise UserError(f"{name} is wrong", "it holds a control character", "Send plain text")
    if "enum" in schema and value not in schema["enum"]:
        near = difflib.get_close_matches(value, schema["enum"], 1, 0.5)
        how = f"Say {near[0]}" if near else _right(name, schema)
        raise UserError(f"{name} is wrong", f"{value[:60]!r} is none of its words", how)


def _kind(value: object) -> str:
    names = {
        bool: "true or false",
        int: "a number",
        float: "a number",
        str: "a text",
        list: "a list",
        dict: "an object",
    }
    return names.get(type(value), "nothing")


def _right(name: str, schema: Mapping[str, Any]) -> str:
    """What would be right."""
    if "enum" in schema:
        return f"{name} is one of {', '.join(schema['enum'])}"
    span = f" from {schema['minimum']} to {schema['maximum']}" if "minimum" in schema and "maximum" in schema else ""
    words = {"string": "a text", "integer": "a whole number", "boolean": "true or false", "array": "a list"}
    told = schema.get("description", "").partition(". ")[0]
    return f"{name} is {words.get(schema['type'], 'an object')}{span}{f': {told}' if told else ''}"
