"""What a workflow file says of being started by hand: its trigger `workflow_dispatch` and the inputs that it wants."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from whyred.workflows.nouns import WorkflowError
from whyred.workflows.yaml_tree import Items, Node, Table, Text, read_tree

TRIGGER = "workflow_dispatch"
_NUMBER = re.compile(r"[-+]?\d{1,18}(\.\d{1,18})?")


@dataclass(frozen=True, slots=True)
class Input:
    """One input. `kind` is its `type`: string, boolean, number, choice or environment; `options` are those of a choice.

    `default` is None where the file gives none.
    """

    name: str
    kind: str = "string"
    required: bool = False
    default: str | None = None
    options: tuple[str, ...] = ()


def read_dispatch(text: bytes, name: str) -> Mapping[str, Input] | None:
    """The inputs of the workflow in the file called `name`, by their names; None where it has no such trigger.

    Raises `WorkflowError`: no YAML, or no mapping at its top.
    """
    root = read_tree(text, name)
    if not isinstance(root, Table):
        raise WorkflowError(name, None, "not a workflow", "its top level is no mapping", "give it `on` and `jobs`")
    on = root.entries.get("on")
    if isinstance(on, Text):
        return {} if on.text == TRIGGER else None
    if isinstance(on, Items):
        return {} if any(isinstance(item, Text) and item.text == TRIGGER for item in on.items) else None
    if not isinstance(on, Table) or TRIGGER not in on.entries:
        return None
    inputs = _entry(on.entries[TRIGGER], "inputs")
    return {key: _input(key, node) for key, node in inputs.entries.items()} if isinstance(inputs, Table) else {}


def wrong(inputs: Mapping[str, Input], given: Mapping[str, str]) -> Iterator[str]:
    """What is wrong with the inputs that are given, one sentence each; nothing where they fit.

    A server says little of it: Gitea passes over inputs that a workflow does not know, and over missing ones too.
    """
    for name in given:
        if name not in inputs:
            known = f"its inputs are {', '.join(inputs)}" if inputs else "it has none"
            yield f"it has no input `{name}`; {known}"
    for one in inputs.values():
        value = given.get(one.name, one.default) or ""
        if not value and one.required:
            yield f"its input `{one.name}` is required and has no default"
        elif one.name in given and (why := _unfit(one, value)):
            yield f"its input `{one.name}` {why}, not `{value}`"


def _unfit(one: Input, value: str) -> str | None:
    if one.kind == "boolean" and value not in ("true", "false"):
        return "is true or false"
    if one.kind == "number" and not _NUMBER.fullmatch(value):
        return "is a number"
    if one.kind == "choice" and one.options and value not in one.options:
        return f"is one of {', '.join(one.options)}"
    return None


def _input(name: str, node: Node) -> Input:
    options = _entry(node, "options")
    listed = options.items if isinstance(options, Items) else []
    return Input(
        name,
        _word(node, "type") or "string",
        (_word(node, "required") or "").lower() == "true",
        _word(node, "default"),
        tuple(option.text for option in listed if isinstance(option, Text)),
    )


def _entry(node: Node | None, key: str) -> Node | None:
    return node.entries.get(key) if isinstance(node, Table) else None


def _word(node: Node, key: str) -> str | None:
    value = _entry(node, key)
    return value.text if isinstance(value, Text) and not value.null else None
