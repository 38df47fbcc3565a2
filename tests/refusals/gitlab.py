"""A stand-in GitLab: fixed answers in the documented shapes (`tests/sources/gitlab`, our own text), or a test's."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from standin.server import Served
from standin.wire import Reply, Request

_ANSWERS = Path(__file__).parents[1] / "sources" / "gitlab"
_BASE = "/api/v4/projects/tools%2Fci%2Ffrob"
RUN, FAILED = 4702, "test"


class GitLab(Served):
    """`jobs` may be changed by a test, `traces` too: the id of a job -> its text; one that is missing is a 404."""

    def __init__(self) -> None:
        self.jobs: list[dict[str, Any]] = json.loads((_ANSWERS / "jobs.json").read_text(encoding="utf-8"))
        trace = (_ANSWERS / "trace.log").read_bytes()
        self.traces = {int(job["id"]): trace for job in self.jobs}
        super().__init__(self._answer)

    def failed(self) -> dict[str, Any]:
        """The newest try of the job that failed."""
        return max((j for j in self.jobs if j["name"].startswith(FAILED)), key=lambda j: int(j["id"]))

    def _answer(self, request: Request) -> Reply:
        path = request.raw.partition("?")[0]
        if path == "/api/v4/version":
            return _json({"version": "18.0.0"})
        if path == f"{_BASE}/pipelines/{RUN}":
            return _json(json.loads((_ANSWERS / "pipeline.json").read_text(encoding="utf-8")))
        if path == f"{_BASE}/pipelines/{RUN}/jobs":
            return _json(self.jobs)
        for job in self.jobs:
            if path == f"{_BASE}/jobs/{job['id']}":
                return _json(job)
            if path == f"{_BASE}/jobs/{job['id']}/trace" and int(job["id"]) in self.traces:
                return Reply(200, self.traces[int(job["id"])], (("Content-Type", "text/plain"),))
        return _json({"message": "404 Not found"}, 404)


def _json(value: object, status: int = 200) -> Reply:
    return Reply(status, json.dumps(value).encode(), (("Content-Type", "application/json"),))


@contextmanager
def gitlab() -> Iterator[GitLab]:
    """Serves it on 127.0.0.1."""
    served = GitLab()
    try:
        yield served
    finally:
        served.stop()
