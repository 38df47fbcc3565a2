"""What a run of one job needs to know beyond its workflow."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from whyred.experiments.cancel import Cancel
from whyred.experiments.contexts import LOCAL, Around
from whyred.experiments.environment import Folders
from whyred.model.run import Runner
from whyred.workflows.values import Value


@dataclass(frozen=True, slots=True)
class ExecuteSettings:
    """What a run needs to know beyond the workflow.

    `folder`: the run's own folder. `number`: the N of `local:N`. `environ`: the daemon's environment (as os.environ
    has it), which fills what the workflow leaves unset. `runner_env`: `runner.envs` of a runner's settings, which beat
    workflow and job. `runner`: who runs this. `mask`: told every value of `::add-mask::` before anything later reaches
    the sink. `repository`: the working tree that holds the workflow, if it lies in one. `drain`: seconds to wait for
    processes that keep a terminal open after their step's shell ended. `around`: what the job gets from outside it;
    `hand_over` gets its outputs at its end, and `clean` masks what becomes part of the attempt.
    """

    number: int
    folder: Path
    environ: Mapping[str, str]
    runner: Runner
    mask: Callable[[str], None]
    repository: Path | None = None
    runner_env: Mapping[str, str] = field(default_factory=dict)
    pty: bool = True
    event: str = LOCAL
    drain: float = 3.0
    cancel: Cancel | None = None
    """To stop the run from another thread; signals ask for it by themselves in the main thread."""
    around: Around = field(default_factory=Around)
    hand_over: Callable[[Mapping[str, Value]], None] = lambda _: None
    clean: Callable[[str], str] = str

    @property
    def label(self) -> str:
        """How a person names the run."""
        return f"local:{self.number}"

    @property
    def folders(self) -> Folders:
        """Where the steps work."""
        at = self.folder.absolute()
        return Folders(at / "workspace", at / "temp", at / "tool_cache", at / "commands")
