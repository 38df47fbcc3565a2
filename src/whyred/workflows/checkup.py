"""What the rules are handed: the workflows of one folder, and what was told of the forge that reads them; and how the
rules, each a file of `rules/`, are found and run.

A rule is a module with a docstring (its first line is what it looks for), `SOURCE` (where its facts come from) and
`look(checkout) -> Iterator[Remark]`.
"""

import importlib
import pkgutil
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import whyred.workflows.rules
from whyred.model.forge import Kind
from whyred.model.remark import Firing, Level, Remark, Spot
from whyred.workflows.nouns import JobSpec, Workflow, WorkflowError
from whyred.workflows.read import workflow_of
from whyred.workflows.triggers import Group, Trigger, read_groups, read_triggers
from whyred.workflows.yaml_tree import Table, read_tree


@dataclass(frozen=True, slots=True)
class File:
    """One workflow file; `path` from the checkout's root, `root` its nodes with their lines."""

    path: str
    workflow: Workflow
    root: Table
    triggers: tuple[Trigger, ...]
    groups: tuple[Group, ...]

    def spot(self, line: int | None) -> Spot:
        """A line of it."""
        return Spot(self.path, line)

    def job_node(self, job: JobSpec) -> Table:
        """The mapping of a job."""
        jobs = self.root.entries["jobs"]
        assert isinstance(jobs, Table)
        node = jobs.entries[job.key]
        assert isinstance(node, Table)
        return node


@dataclass(frozen=True, slots=True)
class Names:
    """Names of secrets or variables that exist, in capitals. `whole`: no other scope can hold more of them."""

    names: frozenset[str]
    whole: bool = False


@dataclass(frozen=True, slots=True)
class Told:
    """What was told of the forge; None: not told. `version` as its numbers; `labels`: of each runner those it offers,
    and how the forge calls it; `actions_url`: where short names of actions lead; `local`: the folders and files of the
    checkout that workflows name and that are there.
    """

    kind: Kind | None = None
    version: tuple[int, ...] | None = None
    labels: tuple[tuple[str, frozenset[str]], ...] | None = None
    secrets: Names | None = None
    variables: Names | None = None
    actions_url: str | None = None
    local: frozenset[str] | None = None

    def before(self, *version: int) -> bool | None:
        """Whether the forge is older than a version; None where its version is not known."""
        return None if self.version is None else self.version < version


@dataclass(frozen=True, slots=True)
class Checkout:
    """The workflows that one forge reads of a checkout. `files` are those that can be read."""

    files: tuple[File, ...]
    told: Told = field(default_factory=Told)

    def jobs(self) -> Iterator[tuple[File, JobSpec]]:
        """Every job with its file."""
        for file in self.files:
            for job in file.workflow.jobs:
                yield file, job


def read_file(text: bytes, path: str) -> File:
    """A workflow file. Raises WorkflowError."""
    root = read_tree(text, path)
    workflow = workflow_of(root, path)
    assert isinstance(root, Table)
    return File(path, workflow, root, read_triggers(root), read_groups(root))


def unreadable(error: WorkflowError) -> Remark:
    """The remark on a file that is no workflow, or on an expression that is none."""
    what = error.what.removeprefix(f"{error.file}:{error.line}: ").removeprefix(f"{error.file}: ")
    return Remark(Level.WRONG, Spot(error.file, error.line), what, error.why, error.how, rule="unreadable")


def rules() -> dict[str, Any]:
    """The rules by their names, sorted."""
    folder = whyred.workflows.rules
    names = sorted(m.name for m in pkgutil.iter_modules(folder.__path__) if not m.name.startswith("_"))
    return {name.replace("_", "-"): importlib.import_module(f"{folder.__name__}.{name}") for name in names}


def look(rule: str, module: Any, checkout: Checkout) -> list[Remark]:
    """What one rule says."""
    return [replace(remark, rule=rule, source=module.SOURCE) for remark in module.look(checkout)]


def firing(checkout: Checkout) -> tuple[Firing, ...]:
    """Which workflows fire on which event, by event."""
    spots: dict[str, list[Spot]] = {}
    for file in checkout.files:
        for trigger in file.triggers:
            spots.setdefault(trigger.event, []).append(file.spot(trigger.line))
    return tuple(Firing(event, tuple(spots[event])) for event in sorted(spots))
