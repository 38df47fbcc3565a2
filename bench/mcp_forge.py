"""A forge that serves one large log for every job: `python bench/mcp_forge.py LOG JOBS` prints its port and serves
until it is ended. Bodies go out by sendfile(2), with ranges, as a forge in front of files does it.
"""

import asyncio
import json
import re
import sys
from pathlib import Path

JOBS = "/api/v1/repos/bench/logs/actions"
_PATHS = ("runs", "runs/{run_id}", "runs/{run_id}/jobs", "jobs/{job_id}/logs")
_RANGE = re.compile(rb"\r\nrange: bytes=(\d*)-(\d*)\r\n", re.IGNORECASE)
_LOG = re.compile(rf"{JOBS}/jobs/\d+/logs")


def answers(jobs: int) -> dict[str, object]:
    """What it says besides logs: one run with so many jobs, all red."""
    run = {"id": 1, "index_in_repo": 1, "title": "bench", "status": "failure", "workflow_id": "ci.yml"}
    told = {"run_id": 1, "attempt": 1, "status": "failure", "needs": None, "runs_on": ["docker"]}
    return {
        "/api/forgejo/v1/version": {"version": "16.0.0+gitea-1.22.0"},
        "/swagger.v1.json": {"paths": {f"/repos/{{owner}}/{{repo}}/actions/{path}": {} for path in _PATHS}},
        "/api/v1/repos/bench/logs": {"default_branch": "main"},
        f"{JOBS}/runs": {"workflow_runs": [run], "total_count": 1},
        f"{JOBS}/runs/1/jobs": [{"id": n, "task_id": n, "name": f"job {n}", **told} for n in range(1, jobs + 1)],
    }


class Forge:
    """Answers requests."""

    def __init__(self, log: Path, jobs: int) -> None:
        self._log, self._size, self._answers = log, log.stat().st_size, answers(jobs)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                path = head.split(b" ", 2)[1].decode().partition("?")[0]
                if _LOG.fullmatch(path):
                    await self._send_log(writer, _RANGE.search(head))
                else:
                    status = "200 OK" if path in self._answers else "404 Not Found"
                    body = json.dumps(self._answers.get(path, {"message": "not found"})).encode()
                    writer.write(_head(status, "application/json", len(body)) + body)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    async def _send_log(self, writer: asyncio.StreamWriter, wanted: re.Match[bytes] | None) -> None:
        start, stop, more = 0, self._size, ""
        if wanted is not None:
            first, last = wanted.groups()
            start = int(first) if first else max(0, self._size - int(last))
            stop = min(self._size, int(last) + 1) if first and last else self._size
            more = f"Content-Range: bytes {start}-{stop - 1}/{self._size}\r\n"
        status = "200 OK" if wanted is None else "206 Partial Content"
        writer.write(_head(status, "text/plain", stop - start, more))
        await writer.drain()
        with self._log.open("rb") as log:
            await asyncio.get_running_loop().sendfile(writer.transport, log, start, stop - start)


def _head(status: str, kind: str, length: int, more: str = "") -> bytes:
    return f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n{more}\r\n".encode()


async def _main(log: Path, jobs: int) -> None:
    server = await asyncio.start_server(Forge(log, jobs).serve, "127.0.0.1", 0)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_main(Path(sys.argv[1]), int(sys.argv[2])))
