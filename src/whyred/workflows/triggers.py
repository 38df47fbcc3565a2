"""What starts a workflow (`on`) and what holds runs back (`concurrency`), as the file says it, with lines.

Source: GitHub's "Workflow syntax" (`on.push.branches`, `concurrency`, ...), which Forgejo and Gitea follow.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from whyred.workflows.yaml_tree import Items, Node, Table, Text

OPENED = frozenset({"opened", "synchronize", "synchronized", "reopened"})
"""The types of a pull request on which it fires where none are named; Forgejo and Gitea spell the second one so."""


@dataclass(frozen=True, slots=True)
class Filter:
    """Which branches, tags or paths: `only` (None: all) without `never`. In `only` a pattern with `!` takes away."""

    only: tuple[str, ...] | None = None
    never: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Trigger:
    """One event of `on`. `crons`: the times of a schedule with their lines; `inputs`: what a start by hand or a call
    may hand in.
    """

    event: str
    line: int
    branches: Filter = Filter()
    tags: Filter = Filter()
    paths: Filter = Filter()
    types: frozenset[str] | None = None
    crons: tuple[tuple[str, int], ...] = ()
    inputs: frozenset[str] = frozenset()
    secrets: frozenset[str] = frozenset()

    @property
    def of_branches(self) -> bool:
        """Whether a push to a branch can start it: not where tags alone are named."""
        told = self.branches.only is not None or bool(self.branches.never)
        return told or (self.tags.only is None and not self.tags.never)

    @property
    def of_tags(self) -> bool:
        """Whether a push of a tag can start it."""
        told = self.tags.only is not None or bool(self.tags.never)
        return told or (self.branches.only is None and not self.branches.never)

    @property
    def on_new_commits(self) -> bool:
        """Whether new commits of a pull request start it."""
        return self.types is None or not self.types.isdisjoint(OPENED)


@dataclass(frozen=True, slots=True)
class Group:
    """A `concurrency`: the text of its group, whether a new run cancels the one under way (as text: it may be an
    expression), its line, and the key of its job (None: the whole workflow).
    """

    text: str
    cancels: str
    line: int
    job: str | None = None


def read_triggers(root: Table) -> tuple[Trigger, ...]:
    """The events of `on`, in the order of the file."""
    on = root.entries.get("on")
    if isinstance(on, Text) and not on.null:
        return (Trigger(on.text, root.lines["on"]),)
    if isinstance(on, Items):
        return tuple(Trigger(item.text, item.line) for item in on.items if isinstance(item, Text))
    if isinstance(on, Table):
        return tuple(_trigger(event, node, on.lines[event]) for event, node in on.entries.items())
    return ()


def _trigger(event: str, node: Node, line: int) -> Trigger:
    if isinstance(node, Items):
        crons = [(c.text, c.line) for item in node.items if isinstance(c := _entry(item, "cron"), Text)]
        return Trigger(event, line, crons=tuple(crons))
    types = _texts(_entry(node, "types"))
    return Trigger(
        event,
        line,
        branches=_filter(node, "branches"),
        tags=_filter(node, "tags"),
        paths=_filter(node, "paths"),
        types=None if types is None else frozenset(types),
        inputs=_names(_entry(node, "inputs")),
        secrets=_names(_entry(node, "secrets")),
    )


def _filter(node: Node, key: str) -> Filter:
    return Filter(_texts(_entry(node, key)), _texts(_entry(node, f"{key}-ignore")) or ())


def read_groups(root: Table) -> tuple[Group, ...]:
    """The groups of a workflow: its own, then those of its jobs."""
    return tuple(_groups(root))


def _groups(root: Table) -> Iterator[Group]:
    if (own := _group(root, None)) is not None:
        yield own
    jobs = root.entries.get("jobs")
    for key, job in jobs.entries.items() if isinstance(jobs, Table) else ():
        if isinstance(job, Table) and (held := _group(job, key)) is not None:
            yield held


def _group(table: Table, job: str | None) -> Group | None:
    node = table.entries.get("concurrency")
    line = table.lines.get("concurrency", 0)
    if isinstance(node, Text) and not node.null:
        return Group(node.text, "false", line, job)
    group, cancel = _entry(node, "group"), _entry(node, "cancel-in-progress")
    if not isinstance(group, Text):
        return None
    return Group(group.text, cancel.text if isinstance(cancel, Text) else "false", group.line, job)


def _entry(node: Node | None, key: str) -> Node | None:
    return node.entries.get(key) if isinstance(node, Table) else None


def _names(node: Node | None) -> frozenset[str]:
    return frozenset(node.entries) if isinstance(node, Table) else frozenset()


def _texts(node: Node | None) -> tuple[str, ...] | None:
    """One text or a list of them; None where there is none."""
    if isinstance(node, Text) and not node.null:
        return (node.text,)
    if isinstance(node, Items):
        return tuple(item.text for item in node.items if isinstance(item, Text))
    return None
