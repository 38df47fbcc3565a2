"""Runs a small workflow for real, for the tests of `experiments/execute`."""

import itertools
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from whyred.experiments.cancel import Cancel
from whyred.experiments.contexts import Around
from whyred.experiments.execute import ExecuteSettings, execute
from whyred.model.run import Attempt, Runner
from whyred.workflows.read import read_workflow
from whyred.workflows.values import Value

_STAMP = re.compile(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{7}Z ")


@dataclass
class Ran:
    """What came of it: the attempt, the log's lines without time stamps, the masks, every state that was told, and the
    job's outputs.
    """

    attempt: Attempt
    raw: bytes
    folder: Path
    masks: list[str]
    told: list[Attempt]
    outputs: dict[str, Value]
    lines: list[str] = field(init=False)

    def __post_init__(self) -> None:
        assert self.raw.endswith(b"\n")
        self.lines = []
        for line in self.raw[:-1].split(b"\n"):
            stamp = _STAMP.match(line)
            assert stamp is not None, line[:100]
            self.lines.append(line[stamp.end() :].decode("utf-8", "replace"))

    def step(self, name: str) -> list[str]:
        """The lines a step printed: between its start and its end."""
        start = self.lines.index(f"⭐ Run Main {name}")
        ends = (i for i, line in enumerate(self.lines) if i > start and line.endswith(f" - Main {name}"))
        return self.lines[start + 1 : next(ends)]


def steps(*scripts: str) -> str:
    """A workflow with one job `test` and a step per script, called s1, s2, ..."""
    rows = ["jobs:", "  test:", "    steps:"]
    for number, script in enumerate(scripts, 1):
        rows += [f"      - name: s{number}", "        run: |", *(f"          {line}" for line in script.splitlines())]
    return "\n".join(rows) + "\n"


def run_job(
    folder: Path,
    workflow: str,
    *,
    environ: Mapping[str, str] | None = None,
    pty: bool = True,
    repository: Path | None = None,
    runner_env: Mapping[str, str] | None = None,
    drain: float = 3.0,
    cancel: Cancel | None = None,
    around: Around | None = None,
    event: str = "local",
    watch: Callable[[bytes], None] = lambda _: None,
) -> Ran:
    """Run the job `test`; `watch` sees each piece of the log as it is written."""
    pieces: list[bytes] = []
    masks: list[str] = []
    told: list[Attempt] = []
    outputs: dict[str, Value] = {}

    def sink(data: bytes) -> None:
        pieces.append(data)
        watch(data)

    settings = ExecuteSettings(
        number=7,
        folder=folder / "run",
        environ={"PATH": os.environ["PATH"]} if environ is None else environ,
        runner=Runner(name="unit"),
        mask=masks.append,
        repository=repository,
        runner_env=runner_env or {},
        pty=pty,
        drain=drain,
        cancel=cancel,
        event=event,
        around=around or Around(),
        hand_over=outputs.update,
    )
    clock = itertools.count(1_800_000_000)
    attempt = execute(
        read_workflow(workflow.encode(), "ci.yml"), "test", settings, sink, lambda: float(next(clock)), told.append
    )
    return Ran(attempt, b"".join(pieces), folder / "run", masks, told, outputs)
