"""The names that a workflow takes from a context: `secrets.NAME`, `vars.NAME`."""

import re
from collections.abc import Iterator

from whyred.workflows.checkup import File
from whyred.workflows.yaml_tree import Items, Node, Table, Text

_IN_EXPRESSION = re.compile(r"\$\{\{((?:[^'}]|'[^']*'|\}(?!\}))*)\}\}")
_TEXTS = re.compile(r"'[^']*'")


def used(file: File, context: str) -> Iterator[tuple[str, int]]:
    """Each name in capitals with the line of its first use, where the field begins."""
    form = re.compile(rf"(?<![\w.-]){context}(?:\s*\.\s*([A-Za-z_][\w-]*)|\s*\[\s*'([^']+)'\s*\])", re.I)
    seen = set()
    for text, line, bare in _texts(file.root, None):
        for part in [m[1] for m in _IN_EXPRESSION.finditer(text)] or ([text] if bare else []):
            for match in form.finditer(part):
                if _in_text(part, match.start()):
                    continue
                name = (match[1] or match[2]).upper()
                if name not in seen:
                    seen.add(name)
                    yield name, line


def _in_text(part: str, at: int) -> bool:
    return any(m.start() < at < m.end() for m in _TEXTS.finditer(part))


def _texts(node: Node, key: str | None) -> Iterator[tuple[str, int, bool]]:
    """Every text with its line; a condition is an expression also without `${{ }}`."""
    if isinstance(node, Text):
        yield node.text, node.line, key == "if"
    elif isinstance(node, Items):
        for item in node.items:
            yield from _texts(item, None)
    elif isinstance(node, Table):
        for name, value in node.entries.items():
            yield from _texts(value, name)
