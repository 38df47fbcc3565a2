"""`run`: the steps of a workflow on this machine, kept as a local run; and the loop of a runner unit."""

import errno
import json
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from io import FileIO
from pathlib import Path
from typing import IO

from whyred.app.given import read_given
from whyred.app.jobs import Jobs, Task
from whyred.app.library import Library
from whyred.experiments.checkout import Repository, RepositoryError, find_repository, read_repository
from whyred.experiments.contexts import LOCAL
from whyred.experiments.execute import ExecuteSettings, execute
from whyred.hosts.local import LocalHost
from whyred.logs.blocks import Block, plain
from whyred.logs.mask import Masker
from whyred.logs.values import MaskedValues
from whyred.model.run import Attempt, Conclusion, Runner
from whyred.model.trouble import UserError
from whyred.settings import folders
from whyred.sources import local
from whyred.workflows.checked import check_job
from whyred.workflows.nouns import Workflow
from whyred.workflows.read import read_workflow
from whyred.workflows.values import Value


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to run: the workflow file, one job or all (None), with a PTY or with pipes, as which runner.

    `job`: its key, or what one combination of its matrix is called. `event`: the one that the run stands for.
    `secrets`, `variables`: files of NAME=value. `lasting`: the process that runs it goes on afterwards, as a runner's
    daemon does; a `whyred run` does not.
    """

    workflow: Path
    job: str | None = None
    pty: bool = True
    runner: str = "whyred"
    lasting: bool = False
    event: str = LOCAL
    secrets: Path | None = None
    variables: Path | None = None


def run(wanted: Wanted, library: Library, show: Callable[[bytes], None]) -> list[Attempt]:
    """Runs the job, or all jobs in the order of their needs; `show` gets the masked log as it grows.

    Raises UserError (no such file, no workflow, an expression that is none, no such job, nowhere to keep the run).
    """
    text = _text(wanted.workflow)
    workflow = read_workflow(text, str(wanted.workflow))
    given = read_given(wanted.secrets, wanted.variables)
    folder = find_repository(wanted.workflow.absolute().parent, os.environ)
    jobs = Jobs(workflow, given, wanted.event, _repository(folder), wanted.job)
    to_run = jobs.to_run()
    for job in to_run:
        check_job(workflow, job)
    for name in given.unmasked():
        show(f"note: the secret {name} is too short to be masked\n".encode())
    runs = _Runs(wanted, workflow, text, folder, library, show, list(given.masks()))
    for job in to_run:
        if runs.cancelled:
            break
        if (why := jobs.held_back(job)) is not None:
            show(f"job {job.key} is not run: {why}\n".encode())
            jobs.note(job, Conclusion.SKIPPED)
            continue
        _run_all(jobs.tasks(job), jobs, runs)
    return runs.attempts


def _run_all(tasks: list[Task], jobs: Jobs, runs: "_Runs") -> None:
    """The combinations of one job, one after the other."""
    failed: Task | None = None
    for task in tasks:
        if runs.cancelled:
            return
        if failed is not None and failed.fail_fast:
            runs.tell(f"job {task.name} is not run: {failed.name} failed, and `fail-fast` is set")
            jobs.note(task.job, Conclusion.CANCELLED)
            continue
        attempt, outputs = runs.run(task)
        jobs.note(task.job, attempt.conclusion, outputs)
        if attempt.conclusion in (Conclusion.FAILURE, Conclusion.TIMED_OUT):
            failed = task


def _repository(folder: Path | None) -> Repository | str:
    if folder is None:
        return "it does not lie in a git repository"
    try:
        return read_repository(folder, os.environ)
    except RepositoryError as e:
        return str(e)


def _text(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as e:
        why = e.strerror or str(e)
        raise UserError(f"cannot read the workflow {file}", why, "Name a file such as .forgejo/workflows/ci.yml") from e


@dataclass(slots=True)
class _Runs:
    """The runs of one command, as they are made and kept. `masks`: every text that no log may show, of all jobs."""

    wanted: Wanted
    workflow: Workflow
    text: bytes
    repository: Path | None
    library: Library
    show: Callable[[bytes], None]
    masks: list[str] = field(repr=False)
    values: MaskedValues = field(default_factory=MaskedValues, repr=False)
    attempts: list[Attempt] = field(default_factory=list)

    def __post_init__(self) -> None:
        for value in self.masks:
            self.values.add(value.encode("utf-8", "surrogateescape"))

    @property
    def cancelled(self) -> bool:
        """Whether the user stopped the last run."""
        return bool(self.attempts) and self.attempts[-1].conclusion is Conclusion.CANCELLED

    def tell(self, text: str) -> None:
        """A line of the command's own."""
        self.show(self._clean(text).encode() + b"\n")

    def run(self, task: Task) -> tuple[Attempt, Mapping[str, Value]]:
        """One job to its end, and its outputs. Raises UserError (nowhere to keep it)."""
        folder = _new_folder()
        meta = {"file": str(self.wanted.workflow), "job": task.job.key}
        masker = self.library.masker()
        for value in self.masks:
            masker.add(value)
        outputs: dict[str, Value] = {}

        def mask(value: str) -> None:
            """Also for later jobs: an output may bring the value there."""
            self.masks.append(value)
            self.values.add(value.encode("utf-8", "surrogateescape"))
            masker.add(value)

        with _kept_in(folder), folder.log.open("wb", buffering=0) as log:
            folder.workflow.write_bytes(self.text)
            keep = _Keeper(masker, log, self.show)
            settings = ExecuteSettings(
                number=folder.number,
                folder=folder.path,
                environ=os.environ,
                runner=_runner(self.wanted.runner, folder.workspace),
                mask=mask,
                repository=self.repository,
                pty=self.wanted.pty,
                event=self.wanted.event,
                around=task.around,
                hand_over=outputs.update,
                clean=self._clean,
            )
            attempt = execute(
                self.workflow, task.job.key, settings, keep.take, time.time, lambda a: local.save(folder, a, meta)
            )
            keep.end()
            if not self.wanted.lasting and attempt.runner is not None:
                # The process that ran this ends now: what lasts is the namespace, by which the environment is known
                # again; its number with the time, for the kernel gives the number of a dead one to the next.
                attempt = replace(attempt, runner=replace(attempt.runner, pid=None))
            local.save(folder, attempt, meta)
        if attempt.conclusion is Conclusion.SUCCESS:
            local.discard_work(folder)
        self.attempts.append(attempt)
        return attempt, outputs

    def _clean(self, text: str) -> str:
        """A name or reason that is kept with the run, without secrets."""
        data = self.values.mask(text.encode("utf-8", "surrogateescape"))
        return self.library.masker().text(data).decode("utf-8", "replace")


_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EIO})


@contextmanager
def _kept_in(folder: local.RunFolder) -> Iterator[None]:
    """Says it plainly when the run cannot be kept any more. Raises UserError."""
    try:
        yield
    except OSError as e:
        if e.errno not in _NO_ROOM:
            raise
        what = f"the run was stopped, because it cannot be kept in {folder.path}"
        how = "Free space, or set XDG_DATA_HOME to a folder that has some"
        raise UserError(what, e.strerror or str(e), how, code=4) from e


class _Keeper:
    """Masks what a job prints, keeps it and shows it, as it comes."""

    def __init__(self, masker: Masker, log: FileIO, show: Callable[[bytes], None]) -> None:
        self._masker, self._log, self._show = masker, log, show
        self._line, self._starts = 1, True

    def take(self, data: bytes) -> None:
        """The next bytes: whole lines, or a piece of an endless one."""
        ends = data.endswith(b"\n")
        self._put(self._masker.feed(Block(self._line, data, plain(data), self._starts, ends)))
        self._line += data.count(b"\n")
        self._starts = ends

    def end(self) -> None:
        """The job has ended."""
        for block in self._masker.rest():
            self._put(block)

    def _put(self, block: Block) -> None:
        left = memoryview(block.raw)
        while left:
            left = left[self._log.write(left) :]
        if block.raw:
            self._show(block.raw)


def _new_folder() -> local.RunFolder:
    data = folders.data()
    if data is None:
        raise UserError("nowhere to keep the run", "this user has no home", "Set XDG_DATA_HOME to a folder with space")
    try:
        return local.new_run(data / "runs")
    except OSError as e:
        how = "Set XDG_DATA_HOME to a folder with space that you may write to"
        raise UserError(f"cannot keep the run in {data / 'runs'}", e.strerror or str(e), how) from e


def _runner(name: str, workspace: Path) -> Runner:
    host = LocalHost()
    here = host.identity
    me = next((p for p in host.processes() if p.pid == os.getpid()), None)
    return Runner(
        name=name,
        machine=here.machine,
        boot=here.boot,
        pid=os.getpid(),
        started=me.started if me else None,
        mounts=here.mounts,
        folder=str(workspace),
    )


def serve(name: str, jobs: IO[bytes], answers: IO[bytes]) -> None:
    """Runs jobs as the runner unit `name` until `jobs` ends: one JSON object a line in, one out."""
    library = Library(folders.cache())
    for line in jobs:
        job = json.loads(line)
        wanted = Wanted(Path(job["workflow"]), runner=name, lasting=True)
        attempt = run(wanted, library, lambda _: None)[0]
        answers.write(json.dumps({"run": attempt.run.label, "conclusion": attempt.conclusion.value}).encode() + b"\n")
        answers.flush()
