"""The tools, found by their folder, and the schemas that all of them share."""

import importlib
import os
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, Protocol, cast

from whyred.faces.mcp import tools as folder
from whyred.faces.mcp.answer import Answer
from whyred.faces.mcp.call import Call
from whyred.faces.mcp.refused import SCHEMA

CURSOR: Mapping[str, Any] = {
    "type": "string",
    "description": "From an earlier answer's `cut`: go on there; leave all other arguments as they were.",
}


class Tool(Protocol):
    """A file of `tools/`: its name is the tool's. `INPUT` and `OUTPUT` are properties of JSON schemas, `LISTS` the
    properties of `OUTPUT` that a cursor goes through, `LIMIT` the tokens that an answer may cost; `max_tokens`, where
    `INPUT` has it, says another limit. `WRITES`: it changes something; `LOCAL`: it is about this machine's own files,
    and not offered over HTTP; `LARGE`: it reads whole logs, so few of its kind run at the same time.
    """

    TITLE: str
    DESCRIPTION: str
    INPUT: Mapping[str, Any]
    REQUIRED: Sequence[str]
    OUTPUT: Mapping[str, Any]
    LISTS: Sequence[str]
    LIMIT: int
    WRITES: bool
    LOCAL: bool
    LARGE: bool

    def run(self, call: Call) -> Answer:
        """The answer. Raises UserError, MissingLogError and HostRefusedError."""
        ...


@cache
def names() -> tuple[str, ...]:
    """The names of all tools, sorted."""
    with os.scandir(folder.__path__[0]) as entries:
        return tuple(sorted(e.name[:-3] for e in entries if e.name.endswith(".py") and not e.name.startswith("_")))


def tool(name: str) -> Tool:
    """The tool of this name, imported now."""
    return cast(Tool, importlib.import_module(f"{folder.__name__}.{name}"))


def offered(*, write: bool, remote: bool) -> list[str]:
    """The tools that a server offers."""
    found = [(name, tool(name)) for name in names()]
    return [name for name, one in found if (write or not one.WRITES) and not (remote and one.LOCAL)]


def input_schema(one: Tool) -> dict[str, Any]:
    """What a call takes."""
    more = {"cursor": CURSOR} if one.LISTS and "cursor" not in one.INPUT else {}
    return {
        "type": "object",
        "properties": {**one.INPUT, **more},
        "required": list(one.REQUIRED),
        "additionalProperties": False,
    }


def output_schema(one: Tool) -> dict[str, Any]:
    """What it answers: its own facts, or the error."""
    shared = {
        "error": SCHEMA,
        "next": {"type": "array", "items": {"type": "object"}, "description": "Calls that would help."},
        "cut": {
            "type": "array",
            "description": "What was left out: go on with the cursor.",
            "items": {
                "type": "object",
                "properties": {
                    "what": {"type": "string"},
                    "shown": {"type": "integer"},
                    "of": {"type": ["integer", "null"]},
                    "cursor": {"type": "string"},
                },
            },
        },
        "notice": {"type": "string"},
    }
    return {
        "type": "object",
        "properties": {**one.OUTPUT, **shared},
        "anyOf": [{"required": ["error"]}, {"required": list(one.OUTPUT)}],
    }
