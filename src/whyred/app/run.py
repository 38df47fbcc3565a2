"""`run`: the steps of a workflow on this machine, kept as a local run; and the loop of a runner unit."""

import errno
import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from io import FileIO
from pathlib import Path
from typing import IO

from whyred.app.library import Library
from whyred.experiments.checkout import find_repository
from whyred.experiments.execute import ExecuteSettings, execute
from whyred.hosts.local import LocalHost
from whyred.logs.blocks import Block, plain
from whyred.logs.mask import Masker
from whyred.model.run import Attempt, Conclusion, Runner
from whyred.model.trouble import UserError
from whyred.settings import folders
from whyred.sources import local
from whyred.workflows.nouns import JobSpec, Workflow
from whyred.workflows.read import read_workflow


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to run: the workflow file, one job or all (None), with a PTY or with pipes, as which runner.

    `lasting`: the process that runs it goes on afterwards, as a runner's daemon does; a `whyred run` does not.
    """

    workflow: Path
    job: str | None = None
    pty: bool = True
    runner: str = "whyred"
    lasting: bool = False


def run(wanted: Wanted, library: Library, show: Callable[[bytes], None]) -> list[Attempt]:
    """Runs the job, or all jobs in the order of their needs; `show` gets the masked log as it grows.

    Raises UserError (no such file, no workflow, no such job, nowhere to keep the run).
    """
    text = _text(wanted.workflow)
    workflow = read_workflow(text, str(wanted.workflow))
    jobs = [workflow.job(wanted.job)] if wanted.job else list(_in_order(workflow))
    done: dict[str, Attempt] = {}
    for job in jobs:
        missing = [n for n in job.needs if n in done and done[n].conclusion is not Conclusion.SUCCESS]
        if missing:
            show(f"job {job.key} is not run: it needs {', '.join(missing)}, which did not succeed\n".encode())
            continue
        done[job.key] = _run_job(wanted, workflow, job, text, library, show)
    return list(done.values())


def _text(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as e:
        why = e.strerror or str(e)
        raise UserError(f"cannot read the workflow {file}", why, "Name a file such as .forgejo/workflows/ci.yml") from e


def _in_order(workflow: Workflow) -> Iterator[JobSpec]:
    left = {job.key: job for job in workflow.jobs}
    while left:
        free = [job for job in left.values() if not any(n in left for n in job.needs)]
        if not free:
            raise UserError(
                f"the jobs {', '.join(left)} need each other in a circle",
                "no runner could start any of them",
                "Mend their `needs:`, or name one with --job",
            )
        for job in free:
            del left[job.key]
            yield job


def _run_job(
    wanted: Wanted, workflow: Workflow, job: JobSpec, text: bytes, library: Library, show: Callable[[bytes], None]
) -> Attempt:
    folder = _new_folder()
    meta = {"file": str(wanted.workflow), "job": job.key}
    masker = library.masker()
    with _kept_in(folder), folder.log.open("wb", buffering=0) as log:
        folder.workflow.write_bytes(text)
        keep = _Keeper(masker, log, show)
        settings = ExecuteSettings(
            number=folder.number,
            folder=folder.path,
            environ=os.environ,
            runner=_runner(wanted.runner, folder.workspace),
            mask=masker.add,
            repository=find_repository(wanted.workflow.absolute().parent, os.environ),
            pty=wanted.pty,
        )
        attempt = execute(workflow, job.key, settings, keep.take, time.time, lambda a: local.save(folder, a, meta))
        keep.end()
        if not wanted.lasting and attempt.runner is not None:
            # The process that ran this ends now: what lasts is the namespace, by which the environment is known again;
            # its number with the time, for the kernel gives the number of a dead namespace to the next one.
            attempt = replace(attempt, runner=replace(attempt.runner, pid=None))
        local.save(folder, attempt, meta)
    if attempt.conclusion is Conclusion.SUCCESS:
        local.discard_work(folder)
    return attempt


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
