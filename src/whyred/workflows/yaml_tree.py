"""Turns the bytes of a YAML file into nodes that know their line, without ever expanding an alias.

Written on ruamel.yaml's event stream: nothing is resolved (so `on`, `yes` and `1.10` stay text), and a file that would
grow beyond all bounds is refused while it is read.
"""

import io
import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NoReturn

from ruamel.yaml import YAML
from ruamel.yaml import events as ev
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from whyred.workflows.nouns import WorkflowError

MOST_BYTES = 1 << 20
MOST_DEPTH = 64
MOST_ALIASES = 1000
MOST_VALUES = 100_000
"""Values of the file with every alias written out."""

_NULL = frozenset({"", "~", "null", "Null", "NULL"})
_CORE_TAG = re.compile(r"tag:yaml\.org,2002:(str|int|float|bool|null|seq|map)")


@dataclass(slots=True)
class Node:
    """A YAML value and its line (1-based). `size` counts the values in it with its aliases written out."""

    line: int
    size: int = 1
    depth: int = 1


@dataclass(slots=True)
class Text(Node):
    """A scalar: its text; `plain` where no quotes, block or tag make it one; `null` where it is plain and says null."""

    text: str = ""
    null: bool = False
    plain: bool = False


@dataclass(slots=True)
class Items(Node):
    """A list."""

    items: list[Node] = field(default_factory=list)


@dataclass(slots=True)
class Table(Node):
    """A mapping in the file's order, merge keys applied: the mapping's own keys win, then the first merged one."""

    entries: dict[str, Node] = field(default_factory=dict)
    lines: dict[str, int] = field(default_factory=dict)


def read_tree(data: bytes, name: str) -> Node | None:
    """The root of the one document of a YAML file; None for an empty file.

    Raises `WorkflowError`: too large, not UTF-8, not YAML, two documents, a duplicate key, a key that is no text, an
    unknown tag, too deep, too many aliases, or too many values once aliases are written out.
    """
    if len(data) > MOST_BYTES:
        why = f"it has {len(data)} bytes and a workflow has at most {MOST_BYTES}"
        raise WorkflowError(name, None, "file too large", why, "check that this is the workflow file")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as e:
        line = data.count(b"\n", 0, e.start) + 1
        why = f"byte {data[e.start]:#04x} at offset {e.start}"
        raise WorkflowError(name, line, "not UTF-8", why, "save the file as UTF-8") from e
    return _Builder(name, text).document()


class _Builder:
    """Builds nodes from events; every limit is checked before the value it guards is stored."""

    def __init__(self, name: str, text: str) -> None:
        self.name, self.text = name, text
        self.anchors: dict[str, Node | None] = {}
        self.aliases = 0
        self.values = 0

    def document(self) -> Node | None:
        events = self._events()
        root: Node | None = None
        documents = 0
        for event in events:
            if isinstance(event, ev.DocumentStartEvent):
                documents += 1
                if documents > 1:
                    line = event.start_mark.line + 1
                    self._refuse(line, "more than one document", "`---` starts a second one", "keep one per file")
            elif not isinstance(event, ev.StreamStartEvent | ev.StreamEndEvent | ev.DocumentEndEvent):
                root = self._node(event, events, 1)
        return None if isinstance(root, Text) and root.null else root

    def _events(self) -> Iterator[Any]:
        yaml = YAML(typ="safe", pure=True)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                yield from yaml.parse(io.StringIO(self.text))
        except MarkedYAMLError as e:
            mark = e.problem_mark or e.context_mark
            self._refuse_syntax(None if mark is None else mark.line + 1, e.problem or e.context or "", e)
        except (YAMLError, ValueError, OverflowError, LookupError) as e:
            # ruamel.yaml lets the last three escape for impossible characters in escapes and tags.
            self._refuse_syntax(None, getattr(e, "reason", None) or str(e) or type(e).__name__, e)

    def _refuse_syntax(self, line: int | None, why: str, cause: Exception) -> NoReturn:
        how = "mend that line"
        if "'\\t'" in why:
            why, how = "a tab stands where YAML wants spaces", "indent with spaces"
        raise WorkflowError(self.name, line, "not YAML", why, how) from cause

    def _refuse(self, line: int, what: str, why: str, how: str) -> NoReturn:
        raise WorkflowError(self.name, line, what, why, how)

    def _node(self, event: Any, events: Iterator[Any], level: int) -> Node:
        line = event.start_mark.line + 1
        if level > MOST_DEPTH:
            self._refuse(line, "nested too deep", f"more than {MOST_DEPTH} levels", "write it flatter")
        if isinstance(event, ev.AliasEvent):
            return self._alias(event.anchor, line, level)
        anchor = event.anchor
        if anchor is not None:
            self.anchors[anchor] = None
        if event.tag is not None and event.tag != "!" and not _CORE_TAG.fullmatch(str(event.tag)):
            self._refuse(line, f"tag `{event.tag}`", "workflows have plain values only", "remove the tag")
        node = self._value(event, events, line, level)
        self._count(node)
        if anchor is not None:
            self.anchors[anchor] = node
        return node

    def _value(self, event: Any, events: Iterator[Any], line: int, level: int) -> Node:
        if isinstance(event, ev.SequenceStartEvent):
            return self._items(events, line, level)
        if isinstance(event, ev.MappingStartEvent):
            return self._table(events, line, level)
        text = str(event.value)
        if any("\ud800" <= c <= "\udfff" for c in text):
            self._refuse(line, "not text", "an escape names half a surrogate pair", "write the character itself")
        plain = bool(event.implicit[0]) and event.tag is None
        return Text(line, text=text, null=plain and text in _NULL, plain=plain)

    def _alias(self, anchor: str, line: int, level: int) -> Node:
        self.aliases += 1
        if self.aliases > MOST_ALIASES:
            self._refuse(line, "too many aliases", f"more than {MOST_ALIASES}", "write the values out")
        if anchor not in self.anchors:
            self._refuse(line, f"alias `*{anchor}`", f"nothing is marked `&{anchor}` above it", "mark it or drop it")
        node = self.anchors[anchor]
        if node is None:
            self._refuse(line, f"alias `*{anchor}`", "it stands inside what it names", "write the value out")
        if level + node.depth - 1 > MOST_DEPTH:
            self._refuse(line, "nested too deep", f"more than {MOST_DEPTH} levels with aliases", "write it flatter")
        self._count(node, node.size)
        return node

    def _count(self, node: Node, size: int = 1) -> None:
        self.values += size
        if self.values > MOST_VALUES:
            why = f"more than {MOST_VALUES} values once its aliases are written out"
            self._refuse(node.line, "too large", why, "a workflow never needs that; check where the file comes from")

    def _items(self, events: Iterator[Any], line: int, level: int) -> Items:
        node = Items(line)
        for event in events:
            if isinstance(event, ev.SequenceEndEvent):
                break
            item = self._node(event, events, level + 1)
            node.items.append(item)
            _grow(node, item)
        return node

    def _table(self, events: Iterator[Any], line: int, level: int) -> Table:
        node = Table(line)
        merges: list[tuple[Node, int]] = []
        for event in events:
            if isinstance(event, ev.MappingEndEvent):
                break
            at = event.start_mark.line + 1
            is_merge = isinstance(event, ev.ScalarEvent) and event.value == "<<" and bool(event.implicit[0])
            key = self._node(event, events, level + 1)
            value = self._node(next(events), events, level + 1)
            _grow(node, value)
            if is_merge:
                merges.append((value, at))
                continue
            if not isinstance(key, Text):
                self._refuse(at, "a key that is no text", "keys of a workflow are names", "write a name")
            if key.text in node.entries:
                why = f"it was set in line {node.lines[key.text]} already"
                self._refuse(at, f"duplicate key `{key.text[:80]}`", why, "keep one of them")
            node.entries[key.text] = value
            node.lines[key.text] = at
        for merged, at in merges:
            self._merge(node, merged, at)
        return node

    def _merge(self, node: Table, merged: Node, at: int) -> None:
        for part in merged.items if isinstance(merged, Items) else [merged]:
            if not isinstance(part, Table):
                self._refuse(at, "`<<` merges no mapping", "it wants a mapping or a list of them", "name a mapping")
            for key, value in part.entries.items():
                if key not in node.entries:
                    node.entries[key] = value
                    node.lines[key] = part.lines[key]


def _grow(node: Node, child: Node) -> None:
    node.size += child.size
    node.depth = max(node.depth, child.depth + 1)
