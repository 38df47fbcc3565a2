"""Callers of `whyred mcp --http`, each with a connection of its own by the SDK's client, in two processes.

`python bench/mcp_callers.py URL many COUNT` reads large logs in so many connections at once and prints how long each
call took; `... URL small COUNT` asks so many times for the status alone, says so, and goes on asking until its standard
input is closed. Both print JSON: `[[seconds, what is wrong or ""], ...]`. The token is in WHYRED_MCP_TOKEN.
"""

import json
import os
import sys
import threading
import time
from collections.abc import Mapping
from contextlib import AsyncExitStack
from typing import Any

import anyio
import httpx2
from mcp.client import Client
from mcp.client.streamable_http import streamable_http_client

Taken = list[tuple[float, str]]
END = "error: could not compile `lexer` (lib) due to 1 previous error"
"""What the log says at its end."""
_PATIENCE = 1800.0


def calls(number: int) -> tuple[str, dict[str, object], str]:
    """What the caller of this number calls, and what the answer must hold."""
    target = f"bench/logs#1:job {number}"
    kinds: list[tuple[str, dict[str, object], str]] = [
        ("ci_why", {"target": target, "probe": False}, "mismatched types"),
        ("ci_logs", {"target": target, "lines": "1000:1010"}, "1010:"),
        ("ci_logs", {"target": target, "grep": "^error: could not compile"}, END),
        ("ci_logs", {"target": target}, END),
        ("ci_logs", {"target": target, "tail": 20}, END),
    ]
    return kinds[number % len(kinds)]


async def connected(url: str, stack: AsyncExitStack) -> Client:
    """A caller's own connection."""
    headers = {"authorization": f"Bearer {os.environ['WHYRED_MCP_TOKEN']}"}
    http = await stack.enter_async_context(httpx2.AsyncClient(headers=headers, timeout=_PATIENCE))
    client = Client(streamable_http_client(url, http_client=http), read_timeout_seconds=_PATIENCE)
    return await stack.enter_async_context(client)


async def timed(client: Client, name: str, given: Mapping[str, Any], wanted: str) -> tuple[float, str]:
    """One call: its seconds, and what is wrong with its answer."""
    begin = time.perf_counter()
    answer = await client.call_tool(name, dict(given))
    seconds = time.perf_counter() - begin
    told = json.dumps(answer.structured_content, ensure_ascii=False)
    return seconds, "" if wanted in told and not answer.is_error else f"{name} {given} said: {told[:600]}"


async def many(url: str, count: int) -> Taken:
    """All at once, after all have connected."""
    found: Taken = []

    async def one(number: int, client: Client) -> None:
        found.append(await timed(client, *calls(number)))

    async with AsyncExitStack() as stack:
        clients = [await connected(url, stack) for _ in range(count)]
        async with anyio.create_task_group() as group:
            for number, client in enumerate(clients, 1):
                group.start_soon(one, number, client)
    return found


async def small(url: str, count: int) -> Taken:
    """One after the other, until nobody wants more."""
    over = threading.Event()

    def listen() -> None:
        sys.stdin.read()
        over.set()

    threading.Thread(target=listen, daemon=True).start()
    found: Taken = []
    async with AsyncExitStack() as stack:
        client = await connected(url, stack)
        while len(found) < count or not over.is_set():
            found.append(await timed(client, "ci_status", {"targets": ["bench/logs"]}, "bench/logs#1"))
            if len(found) == count:
                sys.stdout.write("\n")
                sys.stdout.flush()
    return found


if __name__ == "__main__":
    print(json.dumps(anyio.run({"many": many, "small": small}[sys.argv[2]], sys.argv[1], int(sys.argv[3]))))
