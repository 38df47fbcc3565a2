"""`whyred mcp` until it has told its tools, against the SDK's own smallest server."""

import sys
from importlib.util import find_spec

from bench.measure import Command, Given, Result, Skipped, codes, summed, turns

MOST = 1.3
SMALLEST = '''\
from mcp.server import MCPServer

server = MCPServer("smallest")


@server.tool()
def hello() -> str:
    """Says hello."""
    return "hello"


server.run()
'''
CLIENT = '''\
"""Starts a server, shakes hands, asks for its tools and ends it; exit 0 where it told some."""

import json
import subprocess
import sys

with subprocess.Popen(sys.argv[1:], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as server:
    client = {"name": "bench", "version": "1"}
    hands = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": client}
    steps = (1, "initialize", hands), (None, "notifications/initialized", {}), (2, "tools/list", {})
    for id_, method, params in steps:
        message = {"jsonrpc": "2.0", "method": method, "params": params, **({} if id_ is None else {"id": id_})}
        server.stdin.write(json.dumps(message).encode() + b"\\n")
        server.stdin.flush()
        if id_ is not None:
            told = json.loads(server.stdout.readline())
    server.stdin.close()
    server.kill()
sys.exit(0 if told["result"]["tools"] else 1)
'''


def bench(given: Given) -> Result | Skipped:
    """What an agent's session waits for before its first call."""
    if find_spec("mcp") is None:
        return Skipped("mcp-ready", "the SDK is not installed: pip install 'whyred[mcp]'")
    client, smallest = given.folder / "mcp_client.py", given.folder / "mcp_smallest.py"
    client.write_text(CLIENT, encoding="utf-8")
    smallest.write_text(SMALLEST, encoding="utf-8")
    ask = [sys.executable, str(client), sys.executable]
    ours = Command("whyred mcp", [*ask, "-m", "whyred", "mcp"])
    peer = Command("the SDK's smallest server", [*ask, str(smallest)])
    pairs = list(turns(ours, peer, given.count(9), given.folder))
    return summed("mcp-ready", ours, peer, pairs, most_ratio=MOST, wrong=codes(pairs, 0))
