"""The child of the bench `mcp-status`: asks a stand-in forge how a repository is, by the use-case and by the tool over
an open connection, in turns, and prints the seconds of both as JSON: `python bench/status_both.py ROUNDS`.
"""

import json
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

import anyio  # noqa: E402
from mcp.client import Client  # noqa: E402
from standin import scenarios, standin  # noqa: E402

from whyred.app.forges import Forges  # noqa: E402
from whyred.app.options import Options  # noqa: E402
from whyred.app.overview import statuses  # noqa: E402
from whyred.faces.mcp.server import server  # noqa: E402
from whyred.faces.mcp.serving import Serving  # noqa: E402
from whyred.model.forge import Address  # noqa: E402
from whyred.reports.runs import render_status, render_status_json  # noqa: E402
from whyred.settings import folders  # noqa: E402
from whyred.settings.credentials import credentials_of_user  # noqa: E402


async def both(url: str, rounds: int) -> list[tuple[float, float]]:
    """(tool, use-case) of each round; one before does not count."""
    serving, found = Serving(options=Options(server=url)), []

    def core() -> None:
        forges = Forges(Options(server=url), credentials_of_user(), folders.cache())
        told = statuses([Address("alice/pub")], forges)
        render_status(told), render_status_json(told)

    async with Client(server(serving)) as client:
        for turn in range(rounds + 1):
            begin = time.perf_counter()
            answer = await client.call_tool("ci_status", {"targets": ["alice/pub"]})
            middle = time.perf_counter()
            await anyio.to_thread.run_sync(core)
            if answer.is_error:
                sys.exit(f"the tool said: {answer.structured_content}")
            if turn:
                found.append((middle - begin, time.perf_counter() - middle))
    return found


def main(rounds: int) -> None:
    with standin("gitea-1.26.4", scenarios.everyday()) as forge:
        print(json.dumps(anyio.run(both, forge.url, rounds)))


if __name__ == "__main__":
    main(int(sys.argv[1]))
