"""Reads a workflow file into `Workflow`: pure, and strict about what it cannot understand."""

import re
from typing import NoReturn

from whyred.workflows.nouns import Data, JobSpec, RunDefaults, StepSpec, Tree, Workflow, WorkflowError
from whyred.workflows.yaml_tree import Items, Node, Table, Text, read_tree

EXPRESSION = "${{"
_BARE_CONDITION = re.compile(r"\s*\$\{\{\s*((?:success|always|failure)\(\))\s*\}\}\s*")


def read_workflow(text: bytes, name: str) -> Workflow:
    """The workflow that the file called `name` holds. Raises `WorkflowError` and nothing else."""
    return workflow_of(read_tree(text, name), name)


def workflow_of(root: Node | None, name: str) -> Workflow:
    """The same of a file whose nodes are there already. Raises `WorkflowError`."""
    return _Reader(name).workflow(root)


class _Reader:
    """Walks the nodes of one file; knows its name for the messages."""

    def __init__(self, name: str) -> None:
        self.name = name

    def refuse(self, line: int | None, what: str, why: str, how: str) -> NoReturn:
        raise WorkflowError(self.name, line, what, why, how)

    def workflow(self, root: Node | None) -> Workflow:
        if not isinstance(root, Table):
            why = "it is empty" if root is None else "its top level is no mapping"
            self.refuse(None, "not a workflow", why, "a workflow has the keys `on` and `jobs`")
        jobs = root.entries.get("jobs")
        if not isinstance(jobs, Table) or not jobs.entries:
            line = None if jobs is None else jobs.line
            self.refuse(line, "no jobs", "`jobs` must be a mapping with at least one job", "add a job")
        return Workflow(
            name=self.text(root, "name") or self.name.rpartition("/")[2],
            file=self.name,
            on=self.names(root.entries.get("on"), "on"),
            env=self.values(root, "env"),
            defaults=self.defaults(root),
            jobs=tuple(self.job(key, node, jobs.lines[key]) for key, node in jobs.entries.items()),
            lines=_lines(root),
        )

    def job(self, key: str, node: Node, line: int) -> JobSpec:
        if not isinstance(node, Table):
            self.refuse(line, f"job `{key[:80]}`", "a job is a mapping", "give it `runs-on` and `steps`")
        env = self.values(node, "env")
        expressed: dict[str, str] = {}
        minutes = self.minutes(node, expressed)
        strategy = node.entries.get("strategy")
        return JobSpec(
            key=key,
            name=self.text(node, "name") or key,
            line=line,
            runs_on=self.runs_on(node.entries.get("runs-on")),
            env=env,
            defaults=self.defaults(node),
            timeout_minutes=minutes,
            steps=self.steps(node, key, line),
            needs=self.names(node.entries.get("needs"), "needs"),
            strategy=None if strategy is None else _tree(strategy),
            if_=self.condition(node),
            uses=self.text(node, "uses"),
            container=self.container(node.entries.get("container")),
            services=self.names(node.entries.get("services"), "services"),
            expressions=(*(f"env.{k}" for k, v in env.items() if EXPRESSION in v), *expressed),
            expressed=expressed,
            strategy_data=None if strategy is None else _data(strategy),
            outputs=self.values(node, "outputs"),
            lines=_lines(node),
        )

    def steps(self, job: Table, key: str, line: int) -> tuple[StepSpec, ...]:
        node = job.entries.get("steps")
        if node is None and "uses" in job.entries:
            return ()
        if not isinstance(node, Items) or not node.items:
            why = "`steps` must be a list with at least one step"
            self.refuse(line if node is None else node.line, f"job `{key[:80]}`", why, "add a step")
        return tuple(self.step(item, number) for number, item in enumerate(node.items, 1))

    def step(self, node: Node, number: int) -> StepSpec:
        what = f"step {number}"
        if not isinstance(node, Table):
            self.refuse(node.line, what, "a step is a mapping", "start it with `- run:` or `- uses:`")
        run, uses = self.text(node, "run"), self.text(node, "uses")
        if (run is None) == (uses is None):
            why = "it has neither `run` nor `uses`" if run is None else "it has both `run` and `uses`"
            self.refuse(node.line, what, why, "a step has exactly one of them")
        env, with_ = self.values(node, "env"), self.values(node, "with")
        expressions = [k for k in ("run", "uses", "shell", "working-directory") if self.holds_expression(node, k)]
        expressions += [f"env.{k}" for k, v in env.items() if EXPRESSION in v]
        expressions += [f"with.{k}" for k, v in with_.items() if EXPRESSION in v]
        condition = self.condition(node)
        expressions += ["if"] if EXPRESSION in (condition or "") else []
        expressed: dict[str, str] = {}
        minutes = self.minutes(node, expressed)
        continues = self.flag(node, "continue-on-error", expressed)
        return StepSpec(
            name=self.text(node, "name") or _first_line(run or uses or "") or what,
            line=node.line,
            id=self.text(node, "id"),
            run=run,
            uses=uses,
            with_=with_,
            env=env,
            shell=self.text(node, "shell"),
            working_directory=self.text(node, "working-directory"),
            timeout_minutes=minutes,
            continue_on_error=continues,
            if_=condition,
            expressions=(*expressions, *expressed),
            expressed=expressed,
            lines=_lines(node),
        )

    def text(self, table: Table, key: str) -> str | None:
        """The text of a scalar entry; None when it is absent or null."""
        node = table.entries.get(key)
        if node is None:
            return None
        if not isinstance(node, Text):
            self.refuse(table.lines[key], f"`{key}`", "it must be one value, not a list or mapping", "write one value")
        return None if node.null else node.text

    def holds_expression(self, table: Table, key: str) -> bool:
        return EXPRESSION in (self.text(table, key) or "")

    def values(self, table: Table, key: str) -> dict[str, str]:
        """A mapping of names to scalars (`env`, `with`); null values are empty text, as for the runners."""
        node = table.entries.get(key)
        if node is None or (isinstance(node, Text) and node.null):
            return {}
        if not isinstance(node, Table):
            self.refuse(table.lines[key], f"`{key}`", "it must be a mapping of names to values", "write `NAME: value`")
        for name, value in node.entries.items():
            if not isinstance(value, Text):
                why = "its value is a list or mapping, and a step only gets text"
                self.refuse(node.lines[name], f"`{key}.{name[:80]}`", why, "write one value, in quotes if need be")
        return {name: "" if v.null else v.text for name, v in node.entries.items() if isinstance(v, Text)}

    def names(self, node: Node | None, key: str) -> tuple[str, ...]:
        """`on`, `needs`, ...: one name, a list of names, or the keys of a mapping."""
        if node is None or (isinstance(node, Text) and node.null):
            return ()
        if isinstance(node, Text):
            return (node.text,)
        if isinstance(node, Table):
            return tuple(node.entries)
        names = tuple(i.text for i in node.items if isinstance(i, Text)) if isinstance(node, Items) else ()
        if not isinstance(node, Items) or len(names) < len(node.items):
            self.refuse(node.line, f"`{key}`", "its list holds something other than names", "list names only")
        return names

    def runs_on(self, node: Node | None) -> tuple[str, ...]:
        if isinstance(node, Table):
            return self.names(node.entries.get("labels"), "runs-on.labels")
        return self.names(node, "runs-on")

    def container(self, node: Node | None) -> str | None:
        if isinstance(node, Table):
            return self.text(node, "image") or "(no image named)"
        return next(iter(self.names(node, "container")), None)

    def defaults(self, table: Table) -> RunDefaults:
        defaults = table.entries.get("defaults")
        run = defaults.entries.get("run") if isinstance(defaults, Table) else None
        if not isinstance(run, Table):
            return RunDefaults()
        return RunDefaults(self.text(run, "shell"), self.text(run, "working-directory"))

    def minutes(self, table: Table, expressed: dict[str, str]) -> float | None:
        """`timeout-minutes`; an expression goes into `expressed` and counts as not set."""
        key = "timeout-minutes"
        text = self.text(table, key)
        if text is None:
            return None
        if EXPRESSION in text:
            expressed[key] = text
            return None
        if not re.fullmatch(r"\+?(\d{1,9}(\.\d{0,9})?|\.\d{1,9})", text) or float(text) == 0:
            self.refuse(table.lines[key], f"`{key}: {text[:40]}`", "it is no number above 0", "write minutes")
        return float(text)

    def flag(self, table: Table, key: str, expressed: dict[str, str]) -> bool:
        text = self.text(table, key)
        if text is not None and EXPRESSION in text:
            expressed[key] = text
            return False
        if text is not None and text.lower() not in ("true", "false"):
            self.refuse(table.lines[key], f"`{key}: {text[:40]}`", "it is neither true nor false", "write one of them")
        return text is not None and text.lower() == "true"

    def condition(self, table: Table) -> str | None:
        """`if`, without the `${{ }}` that may stand around one of the three status words."""
        text = self.text(table, "if")
        bare = _BARE_CONDITION.fullmatch(text or "")
        return bare[1] if bare else text


def _first_line(text: str) -> str:
    return next((line.strip() for line in text.splitlines() if line.strip()), "")


def _tree(node: Node) -> Tree:
    """The plain value of a node. Only called on what passed the limits of `read_tree`."""
    if isinstance(node, Text):
        return None if node.null else node.text
    if isinstance(node, Items):
        return tuple(_tree(item) for item in node.items)
    assert isinstance(node, Table)
    return {key: _tree(value) for key, value in node.entries.items()}


_NUMBER = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_WHOLE = re.compile(r"0x[0-9a-fA-F]{1,64}|0o[0-7]{1,64}")
_WORDS = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}


def _data(node: Node) -> Data:
    """The value of a node with its plain scalars read by the core schema of YAML 1.2. Numbers are doubles, as in
    expressions: a version `1.10` without quotes is 1.1 here as on the forges.
    """
    if isinstance(node, Items):
        return tuple(_data(item) for item in node.items)
    if isinstance(node, Table):
        return {key: _data(value) for key, value in node.entries.items()}
    assert isinstance(node, Text)
    if node.null or not node.plain:
        return None if node.null else node.text
    if _NUMBER.fullmatch(node.text):
        return float(node.text)
    if _WHOLE.fullmatch(node.text):
        return float(int(node.text, 0))
    return _WORDS.get(node.text, node.text)


def _lines(table: Table) -> dict[str, int]:
    """Where the fields of a table begin, and the entries of those that are mappings (`env.A`)."""
    lines = dict(table.lines)
    for key, node in table.entries.items():
        if isinstance(node, Table) and key in ("env", "with", "outputs"):
            lines |= {f"{key}.{name}": line for name, line in node.lines.items()}
    return lines
