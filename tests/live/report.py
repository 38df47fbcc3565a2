"""What a runner reports of a job under way: log rows, and which of them belong to which step.

The rules are forgejo-runner's (internal/pkg/report/reporter.go): a row belongs to a step only when the step printed it;
what the runner itself says is kept before the first step's output and after the last step's end, and dropped between.
"""

import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from live.protocol import CANCELLED, FAILURE, SKIPPED, SUCCESS
from whyred.model.run import Attempt, Conclusion, Step

_STAMP = 28  # 2026-01-02T03:04:05.1234567Z
_LONGEST = 65536
"""Bytes of a line that the servers keep (modules/actions/log.go: MaxLineSize)."""
VERSION = "v12.8.2"
"""What the runner calls itself; the first row says it."""
RESULT_OF = {
    Conclusion.SUCCESS: SUCCESS,
    Conclusion.FAILURE: FAILURE,
    Conclusion.TIMED_OUT: FAILURE,
    Conclusion.CANCELLED: CANCELLED,
    Conclusion.SKIPPED: SKIPPED,
}


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the log: its time as it stands there, and its text."""

    time: str
    content: str

    def stored(self) -> bytes:
        """How the servers keep it (modules/actions/log.go: FormatLog)."""
        return f"{self.time} ".encode() + self.content.encode()[:_LONGEST] + b"\n"


@dataclass(slots=True)
class StepState:
    """A step under way: `result` 0 while it has not ended; its rows are `log_length` from `log_index` on."""

    result: int = 0
    started: float | None = None
    stopped: float | None = None
    log_index: int = 0
    log_length: int = 0


class Report:
    """Gathers rows and states from whyred's executor while the job runs; read from another thread."""

    def __init__(self, steps: int, hide: Callable[[str], str]) -> None:
        self.rows: list[Row] = []
        self.steps = [StepState() for _ in range(steps)]
        self.result = 0
        self.started, self.stopped = time.time(), 0.0
        self.troubles: list[str] = []
        """Steps that whyred's executor could not run: then the test asks for too much."""
        self._hide = hide
        self._lock = threading.Lock()
        self._open: tuple[StepState, Step] | None = None
        self._part = b""

    def take(self, data: bytes) -> None:
        """The next bytes of the log, as `execute` gives them to its sink."""
        *lines, self._part = (self._part + data).split(b"\n")
        with self._lock:
            for line in lines:
                self._line(line[:_STAMP].decode(), text(line[_STAMP + 1 :]))

    def progress(self, attempt: Attempt) -> None:
        """A step started or ended."""
        with self._lock:
            for state, step in zip(self.steps, attempt.steps, strict=False):
                self._step(state, step)

    def say(self, line: str) -> None:
        """A line of the runner's own, outside the steps."""
        with self._lock:
            self.rows.append(Row(f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.%f}0Z", self._hide(line)))

    def end(self, result: int) -> None:
        """The job ended."""
        with self._lock:
            self.result, self.stopped = result, time.time()

    def since(self, index: int, *, last: bool) -> list[Row]:
        """Rows from `index` on; the job's closing line only with `last`.

        The final call must carry a row, or the servers do not move the log to its place (Forgejo, Gitea up to 1.25).
        """
        with self._lock:
            rows = self.rows[index:]
            while not last and rows and rows[-1].content.startswith("🏁"):
                rows.pop()
            return rows

    def state(self, task: int) -> dict[str, Any]:
        """The protocol's TaskState."""
        with self._lock:
            steps = [
                {
                    "id": number,
                    "result": step.result,
                    **_times(step.started, step.stopped),
                    "logIndex": step.log_index,
                    "logLength": step.log_length,
                }
                for number, step in enumerate(self.steps)
            ]
            return {"id": task, "result": self.result, **_times(self.started, self.stopped or None), "steps": steps}

    def _line(self, stamp: str, content: str) -> None:
        if not self.rows:
            content = content.replace("(version:whyred)", f"(version:{VERSION})", 1)
        if content.startswith(("::add-mask::", "::debug::")):
            return
        own = self._open is None or content in _marks(self._open[1].name)
        if own and self._during_steps():
            return
        if self._open is not None and not own:
            state = self._open[0]
            if state.log_length == 0:
                state.log_index = len(self.rows)
            state.log_length += 1
        self.rows.append(Row(stamp, self._hide(content)))

    def _during_steps(self) -> bool:
        if not self.steps or (self.steps[0].result == 0 and self.steps[0].log_length == 0):
            return False
        return self.steps[-1].result == 0

    def _step(self, state: StepState, step: Step) -> None:
        if state.result:
            return
        if state.started is None:
            state.started = step.started or time.time()
            self._open = (state, step)
        if step.ended is None and step.conclusion is Conclusion.UNKNOWN:
            return
        if step.conclusion not in RESULT_OF:
            self.troubles.append(f"step {step.name}: {step.conclusion}: {step.reason}")
        if state.log_length == 0:
            state.log_index = len(self.rows)
        state.result, state.stopped = RESULT_OF.get(step.conclusion, FAILURE), step.ended or time.time()
        self._open = None


def text(line: bytes) -> str:
    """As runners make text of bytes: each run of what is no UTF-8 becomes one question mark (Go: ToValidUTF8)."""
    return re.sub("[\udc80-\udcff]+", "?", line.decode("utf-8", "surrogateescape"))


def _marks(name: str) -> tuple[str, ...]:
    """What the runner says around a step."""
    return (
        f"⭐ Run Main {name}",
        f"  ✅  Success - Main {name}",
        f"  ❌  Failure - Main {name}",
        "Failed but continue next step",
    )


def _times(started: float | None, stopped: float | None) -> dict[str, str]:
    times = {"startedAt": started, "stoppedAt": stopped}
    return {k: f"{datetime.fromtimestamp(v, UTC):%Y-%m-%dT%H:%M:%S.%fZ}" for k, v in times.items() if v is not None}
