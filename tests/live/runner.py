"""A runner for tests: the real protocol outside, whyred's own executor inside."""

import os
import shutil
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from live.patience import wait_for
from live.protocol import FAILURE, LostError, RefusedError, Wire
from live.report import RESULT_OF, VERSION
from live.sender import Sender
from live.task import Task, read_task
from whyred.experiments.cancel import Cancel
from whyred.experiments.execute import ExecuteSettings, execute
from whyred.model import run as nouns
from whyred.model.trouble import UserError

_FETCH = 0.2


@dataclass
class Runner:
    """A registered runner. `serve` takes jobs until its event is set; used with `with` it serves in a thread.

    `interval`: seconds between two reports of a running job. `mute`: while set, nothing is told to the server, so a
    job runs and no row of it is there. `environ`: the daemon's environment, which fills what a step has unset.
    """

    wire: Wire
    folder: Path
    name: str = "runner-1"
    labels: Sequence[str] = ("host",)
    capacity: int = 1
    interval: float = 1.0
    environ: Mapping[str, str] = field(default_factory=dict, repr=False)
    mute: threading.Event = field(default_factory=threading.Event)
    tasks: list[Task] = field(default_factory=list)
    errors: list[Exception] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._until = threading.Event()
        self._thread: threading.Thread | None = None
        self._cancels: dict[int, Cancel] = {}

    @classmethod
    def register(cls, url: str, token: str, folder: Path, **fields: Any) -> "Runner":
        """A new runner of the server (or of a proxy before it) at `url`; `token` is a registration token."""
        runner = cls(Wire(url), folder, **fields)
        about = {"name": runner.name, "version": VERSION, "labels": list(runner.labels)}
        made = runner.wire.call("Register", {**about, "token": token})["runner"]
        runner.wire = Wire(url, made["uuid"], made["token"])
        runner.wire.call("Declare", {"version": VERSION, "labels": list(runner.labels)})
        return runner

    def __enter__(self) -> "Runner":
        self._thread = threading.Thread(target=self.serve, args=(self._until,), name=self.name, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        """Stops as a runner without a shutdown time does: running jobs are cancelled. Raises what went wrong inside."""
        self._until.set()
        assert self._thread is not None
        self._thread.join()
        if self.errors and kind is None:
            raise self.errors[0]

    def serve(self, until: threading.Event) -> None:
        """Takes jobs, at most `capacity` at once, until the event is set; then cancels those that run."""
        running: list[threading.Thread] = []
        while not until.wait(_FETCH):
            running = [thread for thread in running if thread.is_alive()]
            task = self._fetch() if len(running) < self.capacity and not self.errors else None
            if task is not None:
                thread = threading.Thread(target=self._guarded, args=(task, until), name=f"task-{task.id}", daemon=True)
                running.append(thread)
                thread.start()
        for cancel in list(self._cancels.values()):
            cancel.request("the runner stops")
        for thread in running:
            thread.join()

    def wait(self, tasks: int = 1) -> list[Task]:
        """Waits until that many tasks have ended, and gives those. Raises LateError, and what went wrong inside."""
        return self._wait(tasks, lambda task: task.ended.is_set(), f"{tasks} task(s) that ended")

    def wait_rows(self, rows: int = 1) -> Task:
        """Waits until a task has that many rows; the server has them at its next report."""
        return self._wait(1, lambda task: len(task.report.rows) >= rows, f"task with {rows} row(s)")[0]

    def _wait(self, tasks: int, ready: Callable[[Task], bool], what: str) -> list[Task]:
        def ask() -> list[Task] | None:
            if self.errors:
                raise self.errors[0]
            found = [task for task in self.tasks if ready(task)]
            return found if len(found) >= tasks else None

        return wait_for(ask, what)

    def _fetch(self) -> Task | None:
        """A waiting job, if there is one. The version sent is always 0, so that the server always looks."""
        try:
            reply = self.wire.call("FetchTask", {"tasksVersion": 0})
        except LostError:
            return None
        except RefusedError as e:
            self.errors.append(e)
            return None
        if not reply.get("task"):
            return None
        task = read_task(reply["task"])
        self.tasks.append(task)
        return task

    def _guarded(self, task: Task, until: threading.Event) -> None:
        try:
            self._run(task, until)
        except Exception as e:  # noqa: BLE001 - raised again where the test waits
            self.errors.append(e)
        finally:
            task.ended.set()

    def _run(self, task: Task, until: threading.Event) -> None:
        cancel = self._cancels[task.id] = Cancel()
        sender, ended = Sender(self.wire, task, self.mute), threading.Event()
        sending = threading.Thread(target=sender.send_until, args=(ended, self.interval, cancel), daemon=True)
        sending.start()
        try:
            result = self._execute(task, cancel)
        finally:
            ended.set()
            sending.join()
            del self._cancels[task.id]
            cancel.close()
        task.report.end(result)
        sender.finish(until)
        assert not task.report.troubles, task.report.troubles

    def _execute(self, task: Task, cancel: Cancel) -> int:
        """Runs the job and gives its result; a workflow that cannot be run fails the job and says why in its log."""
        folder = self.folder / f"task-{task.id}"
        folder.mkdir(parents=True)
        settings = ExecuteSettings(
            number=task.id,
            folder=folder,
            environ={"PATH": os.environ.get("PATH", os.defpath), "HOME": str(self.folder), **self.environ},
            runner=nouns.Runner(name=self.name, folder=str(folder)),
            mask=task.mask,
            event=str(task.context.get("event_name", "push")),
            cancel=cancel,
            around=task.around,
            hand_over=task.hand_over,
            clean=task.hide,
        )
        report = task.report
        try:
            attempt = execute(task.workflow(), task.job.key, settings, report.take, time.time, report.progress)
        except UserError as e:
            report.say(f"the workflow file is not usable: {e}")
            report.say("🏁  Job failed")
            return FAILURE
        finally:
            shutil.rmtree(folder)
        return RESULT_OF.get(attempt.conclusion, FAILURE)
