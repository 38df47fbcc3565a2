"""Carries a job's rows and states to the server while it runs, through restarts of the server."""

import threading
import time

from live.patience import SECONDS
from live.protocol import CANCELLED, RESULTS, LostError, Wire
from live.report import Row
from live.task import Task
from whyred.experiments.cancel import Cancel

_MOST = 1 << 20
"""Characters of rows in one call, about: real runners send what one second brings."""


class Sender:
    """Of one task. While `mute` is set nothing is told to the server, as if the runner had vanished."""

    def __init__(self, wire: Wire, task: Task, mute: threading.Event) -> None:
        self.wire, self.task, self.mute = wire, task, mute
        self.acknowledged = 0

    def send_until(self, ended: threading.Event, interval: float, cancel: Cancel) -> None:
        """Every `interval` seconds rows, then states, until the job has ended; a cancel of the forge is passed on."""
        while not ended.wait(interval):
            if self.mute.is_set():
                continue
            try:
                self._rows(last=False)
                if self._state() == CANCELLED:
                    cancel.request("the forge")
            except LostError:
                continue  # the same rows again in the next round

    def finish(self, given_up: threading.Event) -> None:
        """The last rows and the end; again and again while the server is away or this is mute, until `given_up`.

        Rows whose answer was lost are sent twice: the server passes over what it has. Raises LostError when the server
        stays away, and RefusedError.
        """
        until = time.monotonic() + SECONDS
        while True:
            try:
                if not self.mute.is_set():
                    self._rows(last=True)
                    self._state()
                    return
            except LostError:
                if time.monotonic() > until:
                    raise
            if given_up.is_set():
                return
            time.sleep(0.2)

    def _rows(self, *, last: bool) -> None:
        rows = self.task.report.since(self.acknowledged, last=last)
        while rows:
            now = _some(rows)
            final = last and len(now) == len(rows)
            message = {
                "taskId": self.task.id,
                "index": self.acknowledged,
                "rows": [{"time": row.time, "content": row.content} for row in now],
                "noMore": final,
            }
            known = int(self.wire.call("UpdateLog", message).get("ackIndex", 0))
            if known <= self.acknowledged:
                raise LostError("UpdateLog: the server took no row")
            rows = rows[known - self.acknowledged :]
            self.acknowledged = known

    def _state(self) -> int:
        """Tells how far the job is, and gives the result that the server has for it (0 while it runs)."""
        message = {"state": self.task.report.state(self.task.id), "outputs": dict(self.task.outputs)}
        reply = self.wire.call("UpdateTask", message)
        result = reply.get("state", {}).get("result", 0)
        return RESULTS[result] if isinstance(result, str) else int(result)


def _some(rows: list[Row]) -> list[Row]:
    size = 0
    for number, row in enumerate(rows):
        size += len(row.content) + 40
        if size > _MOST and number:
            return rows[:number]
    return rows
