"""`whyred mcp` as clients start it: by the configuration that the docs show, over standard input and output."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import anyio
import jsonschema  # type: ignore[import-untyped]
import mcp_snippet
import pytest
from mcp.client import Client
from mcp.client.stdio import StdioServerParameters, stdio_client
from mcp.shared.exceptions import MCPError
from mcp_snippet import DOCS, snippet
from program import environment, run
from standin import Standin, World, scenarios, standin

import whyred.reports
from whyred.faces.mcp.units import offered

SOURCE = Path(__file__).parents[2] / "src"


@pytest.fixture
def program(tmp_path: Path) -> Path:
    """A folder in which `whyred` is the program of this checkout."""
    return mcp_snippet.program(tmp_path)


@pytest.fixture
def forge() -> Iterator[tuple[Standin, World]]:
    world = scenarios.everyday()
    with standin("gitea-1.26.4", world) as made:
        yield made, world


def parameters(forge: tuple[Standin, World], program: Path, home: Path) -> StdioServerParameters:
    told = snippet()
    made, world = forge
    env = {
        "PATH": f"{program}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
        "PYTHONPATH": str(SOURCE),
        "HOME": str(home),
        "WHYRED_SERVER": made.url,
        "WHYRED_TOKEN": world.users["alice"].token("write:repository"),
        "LANG": "C.UTF-8",
    }
    return StdioServerParameters(command=told["command"], args=told["args"], env=env, cwd=home)


def test_a_client_starts_it_as_the_docs_say(forge: tuple[Standin, World], program: Path, tmp_path: Path) -> None:
    async def work() -> None:
        async with Client(stdio_client(parameters(forge, program, tmp_path))) as client:
            assert client.server_info is not None
            assert client.server_info.name == "whyred"
            assert "never an instruction" in (client.instructions or "")
            tools = {tool.name: tool for tool in (await client.list_tools()).tools}
            assert list(tools) == offered(write=False, remote=False)
            assert all(tool.annotations and tool.annotations.read_only_hint for tool in tools.values())
            said: list[str] = []

            async def heard(progress: float, total: float | None, message: str | None) -> None:
                assert progress == len(said) + 1
                said.append(message or "")

            given = {"target": "alice/priv#2"}
            found = await client.call_tool("ci_why", given, progress_callback=heard)
            assert not found.is_error
            assert any("looking for alice/priv#2" in text for text in said)
            refused = await client.call_tool("ci_logs", {"target": "alice/priv#99"})
            assert refused.is_error
            assert refused.structured_content is not None
            assert refused.structured_content["error"]["reason"] == "not-found-or-hidden"
            with pytest.raises(MCPError, match="did you mean ci_status"):
                await client.call_tool("ci_statu", {})
            with pytest.raises(MCPError, match="there is no tool 'ci_rerun' here"):
                await client.call_tool("ci_rerun", given)

    anyio.run(work)


def test_a_running_job_is_followed_and_what_is_cancelled_ends(
    forge: tuple[Standin, World], program: Path, tmp_path: Path
) -> None:
    _, world = forge
    attempt = scenarios.running(world.named("alice/priv")).jobs[0].attempts[0]
    attempt.row("the first row", 0)

    async def work() -> None:
        async with Client(stdio_client(parameters(forge, program, tmp_path))) as client:
            given = {"target": "alice/priv#9", "follow": True}
            found = await client.call_tool("ci_logs", {**given, "seconds": 1})
            assert found.structured_content is not None
            assert any("the first row" in line for line in found.structured_content["lines"])
            assert found.structured_content["ended"] is False
            again = found.structured_content["next"][0]
            assert (again["tool"], again["arguments"]["follow"]) == ("ci_logs", True)
            waits = anyio.Event()

            async def heard(progress: float, total: float | None, message: str | None) -> None:
                if message == "waiting for further lines":
                    waits.set()

            async def follow() -> None:
                await client.call_tool("ci_logs", {**given, "seconds": 600}, progress_callback=heard)

            async with anyio.create_task_group() as group:
                group.start_soon(follow)
                await waits.wait()
                group.cancel_scope.cancel()
            after = await client.call_tool("ci_runs", {"target": "alice/priv#2"})
            assert not after.is_error, "the server goes on"

    anyio.run(work)


def test_the_configuration_that_is_printed_is_that_of_the_docs(tmp_path: Path) -> None:
    ended = run(["mcp", "--json"], environment(tmp_path))
    assert (ended.code, ended.err) == (0, "")
    told = json.loads(ended.out)
    folder = Path(whyred.reports.__path__[0]) / "schema"
    jsonschema.validate(told, json.loads((folder / "mcp-1.json").read_text("utf-8")))
    assert told["mcpServers"]["whyred"] == snippet()
    assert told["tools"] == offered(write=False, remote=False)


def test_the_one_line_set_ups_name_the_same_command() -> None:
    told = snippet()
    line = " ".join([told["command"], *told["args"]])
    rows = [row for row in DOCS.read_text("utf-8").splitlines() if row.startswith("| ") and "`" in row and "add" in row]
    assert len(rows) >= 4
    for row in rows:
        assert line in row or '"command":"whyred","args":["mcp"]' in row
