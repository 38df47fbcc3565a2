"""The keeper of a tap: reads each call in memory, masks its rows, writes them down, and drops the call.

Tokens, headers, secrets, workflows, contexts and outputs are never written.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path

from whyred.app.given import GivenValues
from whyred.logs.blocks import Block, plain
from whyred.logs.mask import Masker
from whyred.model.root import server_root
from whyred.model.trouble import UserError
from whyred.sources._runner_calls import (
    Rows,
    Taken,
    read_ack,
    read_rows,
    read_runner,
    read_state,
    read_taken,
)
from whyred.sources._runner_parts import Part, read_part, unpacked
from whyred.sources._tap_files import What
from whyred.sources._tap_keep import TaskFiles
from whyred.workflows.nouns import WorkflowError
from whyred.workflows.read import read_workflow

WANTED = frozenset({"Declare", "FetchTask", "FetchSingleTask", "UpdateTask", "UpdateLog"})
"""The calls of `runner.v1.RunnerService` that are looked into."""
MOST = 32 << 20
"""Bytes of a body that are looked into: runners send what some seconds bring."""
_WAITING = 128 << 20
"""Bytes of calls that may wait to be read, where the disk is slow; what comes beyond is not kept."""
_TASKS = 1000
"""Tasks whose secrets are held in memory to mask them; the one that was silent for the longest is forgotten."""
_NAME = 300
"""Characters of a job's or step's name that are kept."""
_OK = 200


@dataclass(frozen=True, slots=True)
class Call:
    """A call that passed, with its answer; `status` None: there was none. The bodies hold secrets, and are in no repr.

    `kind` and `reply_kind` are content types, `encoding` and `reply_encoding` their compression. `caller` stands for
    the runner's credentials, and tells nothing of them.
    """

    method: str
    kind: str
    encoding: str
    body: bytes = field(repr=False)
    caller: bytes = field(repr=False)
    status: int | None = None
    reply_kind: str = ""
    reply_encoding: str = ""
    reply: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class Event:
    """What the tap has to say: `kind` is `job` (one begins), `ended` (the forge has all its rows), `trouble` or
    `better` (it is over).
    """

    kind: str
    text: str
    task: int | None = None


@dataclass
class _Task:
    """A task of which rows may come. `owner` stands for the runner that was given it; None where that was not seen."""

    files: TaskFiles
    masker: Masker
    owner: bytes | None = None
    what: What | None = None
    ended: bool = False


@dataclass
class Keeper:
    """Reads calls in a thread of its own, one after the other. `take` never waits for it."""

    folder: Path
    masker: Callable[[], Masker]
    say: Callable[[Event], None]
    rows: int = 0
    """Rows that were written."""

    def __post_init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, "tap-keeper")
        self._tasks: OrderedDict[int, _Task] = OrderedDict()
        self._names: OrderedDict[bytes, str] = OrderedDict()
        self._troubles: set[str] = set()
        self._waiting = 0
        self._lock = threading.Lock()
        self.bug: BaseException | None = None
        """What went wrong inside and was not foreseen; the proxy goes on."""

    def take(self, call: Call) -> None:
        """Hands over a call."""
        size = len(call.body) + len(call.reply)
        if max(len(call.body), len(call.reply)) > MOST:
            self._trouble("large", f"a {call.method} call is larger than {MOST >> 20} MiB, so it is not kept")
            return
        with self._lock:
            full = self._waiting + size > _WAITING
            self._waiting += 0 if full else size
        if full:
            self._trouble("slow", "the disk is too slow: some rows are not kept, and the log will say which")
            return
        self._thread.submit(self._handle, call).add_done_callback(lambda done: self._done(done, size))

    def close(self) -> None:
        """Waits until everything that was taken is written."""
        self._thread.shutdown()

    def _done(self, done: "Future[None]", size: int) -> None:
        with self._lock:
            self._waiting -= size
        error = done.exception()
        if error is not None:
            self.bug = self.bug or error
            self._trouble("bug", f"a bug in whyred ({type(error).__name__}): a call could not be kept")

    def _handle(self, call: Call) -> None:
        try:
            _READERS[call.method](self, call)
        except ValueError as e:
            self._trouble(call.method, f"a {call.method} call could not be read, so it is not kept: {e}")
        except OSError as e:
            self._trouble(
                "disk", f"rows cannot be kept: {e.strerror or e}. Calls go on passing; make room in {self.folder}"
            )

    def _trouble(self, key: str, text: str) -> None:
        """Says what is wrong, once until it is over."""
        with self._lock:
            first = key not in self._troubles
            self._troubles.add(key)
        if first:
            self.say(Event("trouble", text))

    def _well(self) -> None:
        """Something was written."""
        with self._lock:
            over = "disk" in self._troubles
            self._troubles.discard("disk")
        if over:
            self.say(Event("better", "rows are kept again; the log says which are missing"))

    def _declared(self, call: Call) -> None:
        if call.status == _OK:
            self._names[call.caller] = read_runner(_reply(call))[:_NAME]
            while len(self._names) > _TASKS:
                self._names.popitem(last=False)

    def _fetched(self, call: Call) -> None:
        if call.status != _OK:
            return
        for taken in read_taken(_reply(call)):
            task = self._task(taken.id)
            if task.owner != call.caller or task.what is None:
                masker = self.masker()
                for value in _masks(taken):
                    masker.add(value)
                task.masker, task.owner = masker, call.caller
                task.what = replace(_what(taken, masker), runner=self._names.get(call.caller))
                self.say(Event("job", f"{task.what.repo}: job {task.what.job or '?'}", taken.id))
            task.files.what(task.what)
            self._well()

    def _logged(self, call: Call) -> None:
        rows = read_rows(read_part(unpacked(call.body, call.encoding), call.kind))
        task = self._known(rows.task, call)
        if task is None:
            return
        if task.owner != call.caller:
            rows = _first(rows, read_ack(_reply(call)) - rows.index)
        if rows.texts:
            self.rows += task.files.rows(rows.index, _masked(rows, task.masker))
            self._well()
        if rows.last and call.status == _OK:
            task.files.end()
            self._say_end(task)

    def _told(self, call: Call) -> None:
        told = read_state(read_part(unpacked(call.body, call.encoding), call.kind))
        task = self._known(told.task, call)
        if task is not None:
            task.files.state(told)
            self._well()

    def _known(self, number: int, call: Call) -> _Task | None:
        """The task that a call is about, if the call is to be believed: it comes from the runner that was given the
        task, or the forge took it.
        """
        known = self._tasks.get(number)
        own = known is not None and known.owner == call.caller
        return self._task(number) if number > 0 and (own or call.status == _OK) else None

    def _task(self, number: int) -> _Task:
        task = self._tasks.get(number)
        if task is None:
            task = self._tasks[number] = _Task(TaskFiles(self.folder, number), self.masker())
        self._tasks.move_to_end(number)
        while len(self._tasks) > _TASKS:
            self._tasks.popitem(last=False)
        return task

    def _say_end(self, task: _Task) -> None:
        if not task.ended:
            task.ended = True
            what = task.what or What(task.files.task)
            self.say(Event("ended", f"{what.repo or 'a repository'}: job {what.job or '?'} has ended", task.files.task))


_READERS: dict[str, Callable[[Keeper, Call], None]] = {
    "Declare": Keeper._declared,
    "FetchTask": Keeper._fetched,
    "FetchSingleTask": Keeper._fetched,
    "UpdateLog": Keeper._logged,
    "UpdateTask": Keeper._told,
}


def _reply(call: Call) -> Part:
    return read_part(unpacked(call.reply, call.reply_encoding), call.reply_kind)


def _first(rows: Rows, count: int) -> Rows:
    return replace(rows, stamps=rows.stamps[: max(0, count)], texts=rows.texts[: max(0, count)])


def _masked(rows: Rows, masker: Masker) -> list[bytes]:
    """The rows as the forge stores them, masked; a time is no part of what a secret could stand in."""
    text = b"".join(text + b"\n" for text in rows.texts)
    masked = masker.feed(Block(1, text, plain(text))).raw.split(b"\n")[:-1]
    return [b"%s %s\n" % (stamp.encode(), line) for stamp, line in zip(rows.stamps, masked, strict=True)]


def _masks(taken: Taken) -> Iterator[str]:
    """What must never be written of a task: its secrets, and every token of its context."""
    tokens = {key: value for key, value in taken.context.items() if key.lower().endswith("token")}
    return GivenValues({**{f"secret {k}": v for k, v in taken.secrets.items()}, **tokens}).masks()


def _what(taken: Taken, masker: Masker) -> What:
    """What a task is: of its context and its workflow no more than names and numbers, masked."""

    def name(text: str | None) -> str | None:
        return masker.text(text.encode("utf-8", "replace")).decode("utf-8", "replace")[:_NAME] if text else None

    job, steps = _names(taken.payload)
    return What(
        taken.id,
        repo=name(taken.context.get("repository")),
        run_id=_number(taken.context.get("run_id")),
        run_number=_number(taken.context.get("run_number")),
        attempt=_number(taken.context.get("run_attempt")),
        job=name(job) or name(taken.context.get("job")),
        steps=tuple(name(step) or "" for step in steps),
        server=_root(taken.context.get("server_url")),
    )


def _names(payload: bytes) -> tuple[str | None, list[str]]:
    """The names of the job and of its steps. A step without one is called by its action; scripts are not kept."""
    try:
        job = read_workflow(payload, "workflow").jobs[0]
    except WorkflowError:
        return None, []  # the forge let it pass, so the runner will say in the log what is wrong with it
    return job.name, [step.name if "name" in step.lines else step.uses or "" for step in job.steps]


def _number(text: str | None) -> int | None:
    plain_number = text is not None and text.isascii() and text.isdecimal() and len(text) <= 18
    return int(text or "0") or None if plain_number else None


def _root(url: str | None) -> str | None:
    try:
        return server_root(url) if url else None
    except UserError:
        return None
