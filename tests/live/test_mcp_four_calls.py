"""An agent that sees only what the tools answer gets from "CI is red" to the proven cause in four calls.

The founding workflow on a real server, run by a runner that has really lost its /tmp, and a bundle of that machine.
"""

import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anyio
import mcp_snippet
import pytest
from mcp.client import Client
from mcp.client.stdio import StdioServerParameters, stdio_client
from npm_packages import need_npm
from program import need_namespaces
from scripts.o200k import PACKAGE, exact

from live.broken_host import broken_host
from live.gitea import Gitea
from live.repo import Repo
from live.scenarios import FOUNDING, workflow
from live.user import Person

BUILD = f"""
- name: Build
  run: |
    echo '   Compiling demo v0.1.0'
    mktemp -d && exit 0  # where this works, the compiler does as well
    cat >&2 <<'end'
    {FOUNDING}
    
    error: could not compile `demo` (bin "demo") due to 1 previous error
    end
    exit 101
"""  # noqa: W293 - an empty line of the compiler's
MOST = 5000
"""Tokens of o200k that all answers together may have."""


@dataclass
class Agent:
    """A client that says nothing but what stands in the user's words or in the answers before."""

    client: Client
    known: str
    heard: list[str] = field(default_factory=list)

    async def call(self, tool: str, **arguments: Any) -> dict[str, Any]:
        """One call; both parts of its answer are heard."""
        for word in (word for value in arguments.values() for word in (value if isinstance(value, list) else [value])):
            assert not isinstance(word, str) or word in self.known, f"nobody told the agent of {word!r}"
        found = await self.client.call_tool(tool, arguments)
        data, text = found.structured_content, getattr(found.content[0], "text", "")
        assert isinstance(data, dict)
        assert not found.is_error, text
        self.heard.append(text + json.dumps(data, ensure_ascii=False, separators=(",", ":")))
        self.known += self.heard[-1]
        return data


@pytest.fixture
def away() -> Iterator[Path]:
    """A folder that is there also for whoever has lost /tmp."""
    folder = Path(tempfile.mkdtemp(prefix="whyred-four-", dir="/var/tmp"))
    yield folder
    shutil.rmtree(folder)


def with_agent(person: Person, words: str, work: Callable[[Agent], Any]) -> list[str]:
    """What an agent hears that works with the server of this person, started as the docs say."""
    told = mcp_snippet.snippet()
    path = f"{mcp_snippet.program(person.home)}{os.pathsep}{person.environ['PATH']}"
    env = {**person.environ, "PATH": path, "WHYRED_SERVER": person.server.url}
    started = StdioServerParameters(command=told["command"], args=told["args"], env=env, cwd=person.home)

    async def connected() -> list[str]:
        async with Client(stdio_client(started)) as client:
            agent = Agent(client, words)
            await work(agent)
            return agent.heard

    return anyio.run(connected)


def test_from_red_to_the_proven_cause(server: Gitea, tmp_path: Path, away: Path) -> None:
    need_npm("tokenizer", PACKAGE)
    need_namespaces()
    person = Person(tmp_path / "home", server)
    person.login(web=not server.ids_in_web)
    repo, bundle = Repo(server), tmp_path / "host.whyred"
    with broken_host(repo, away) as host:
        repo.push_workflow(workflow("- name: Prepare\n  run: echo preparing", BUILD))
        repo.wait_for_run("failure")
        host.save(person, f"{repo.full_name}#1", bundle)
    words = f"CI of {repo.full_name} is red. The runner's host, which ran the job, is saved in {bundle}."

    async def work(agent: Agent) -> None:
        status = await agent.call("ci_status", targets=[repo.full_name])
        (red,) = status["red"]
        logs = await agent.call("ci_logs", target=red["run"])
        assert any(FOUNDING in line for line in logs["lines"])
        (after,) = logs["next"]
        assert after["tool"] == "ci_why"
        why = await agent.call("ci_why", **after["arguments"], host=str(bundle), this_host_ran_it=True)
        assert (why["cause"], why["confidence"], why["step"]) == ("private-tmp-deleted", "confirmed", "Build")
        assert "Restart the runner's unit" in why["remedy"]
        doctor = await agent.call("runner_doctor", host=str(bundle))
        assert {row["because"] for row in doctor["wrong"]} == {why["cause"]}

    heard = with_agent(person, words, work)
    assert len(heard) == 4
    cost = exact(heard)
    told = [cost[one] for one in heard]
    assert sum(told) <= MOST, told
