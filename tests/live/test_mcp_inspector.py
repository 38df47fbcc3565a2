"""The protocol's own inspector as a client: it starts the server by the docs' configuration and uses all of it."""

import json
import os
import re
import shlex
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mcp_snippet
import pytest
from npm_packages import need_npm
from program import environment
from standin import scenarios, standin

from whyred.faces.mcp.units import offered

PACKAGES = ("@modelcontextprotocol/inspector@^2.12.0", "node@^22.19.0")
"""With the node that it needs: Debian 12 has an older one."""


@dataclass
class Said:
    """How the inspector ended."""

    code: int
    out: str
    err: str

    def json(self) -> Any:
        """What it printed, which is the server's answer. Raises ValueError where there is none."""
        return json.loads(self.out)


@dataclass
class Inspector:
    """The command `mcp-inspector --cli`. `handed_on`: what the configuration gives to the server beside PATH and HOME,
    which are all that a client hands on by itself.
    """

    modules: Path
    env: dict[str, str]
    home: Path
    handed_on: dict[str, str]

    def __call__(self, *arguments: str) -> Said:
        """By the configuration of the docs."""
        told = mcp_snippet.configuration()
        told["mcpServers"]["whyred"]["env"] = self.handed_on
        config = self.home / "mcp.json"
        config.write_text(json.dumps(told))
        return self.run("--cli", "--config", str(config), "--server", "whyred", *arguments)

    def run(self, *arguments: str) -> Said:
        """By these arguments alone."""
        argv = [str(self.modules / ".bin" / "mcp-inspector"), *arguments, "--connect-timeout", "0"]
        done = subprocess.run(argv, env=self.env, cwd=self.home, capture_output=True, text=True, check=False)
        return Said(done.returncode, done.stdout, done.stderr)

    def tool(self, name: str, **arguments: object) -> Said:
        """Calls a tool."""
        given = [f"{key}={value if isinstance(value, str) else json.dumps(value)}" for key, value in arguments.items()]
        return self("--method", "tools/call", "--tool-name", name, *(x for one in given for x in ("--tool-arg", one)))


@pytest.fixture(scope="module")
def inspector(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Inspector]:
    modules = need_npm("inspector", *PACKAGES) / "node_modules"
    home, world = tmp_path_factory.mktemp("home"), scenarios.everyday()
    with standin("gitea-1.26.4", world) as forge:
        token = world.users["alice"].token("read:repository")
        env = environment(home, MCP_INSPECTOR_SECRET_STORE="memory")
        env["PATH"] = os.pathsep.join([str(mcp_snippet.program(home)), str(modules / "node" / "bin"), env["PATH"]])
        handed_on = {"PYTHONPATH": env["PYTHONPATH"], "WHYRED_SERVER": forge.url, "WHYRED_TOKEN": token}
        yield Inspector(modules, env, home, handed_on)


CALLS: dict[str, dict[str, Any]] = {
    "check_workflow": {"paths": ["ci.yml"], "offline": True, "linters": False},
    "ci_access": {"target": "alice/priv#2"},
    "ci_compare": {"target": "alice/priv#2", "good": ["alice/priv#1"]},
    "ci_logs": {"target": "alice/priv#2"},
    "ci_runs": {"target": "alice/priv", "limit": 3},
    "ci_status": {"targets": ["alice/priv"]},
    "ci_why": {"target": "alice/priv#2", "probe": False},
    "env_trace": {"variable": "TMPDIR", "folder": "/"},
    "runner_doctor": {},
}
"""A call of each tool that is offered without --allow-write."""


def test_it_lists_every_tool_with_its_schemas(inspector: Inspector) -> None:
    said = inspector("--method", "tools/list", "--strict")
    assert said.code == 0, said.err
    tools = {tool["name"]: tool for tool in said.json()["tools"]}
    assert list(tools) == offered(write=False, remote=False) == list(CALLS)
    assert all(tool["inputSchema"]["type"] == tool["outputSchema"]["type"] == "object" for tool in tools.values())
    assert all(tool["annotations"]["readOnlyHint"] for tool in tools.values())


@pytest.mark.parametrize("name", CALLS)
def test_every_tool_answers_it(inspector: Inspector, name: str) -> None:
    (inspector.home / "ci.yml").write_text(scenarios.FAILING_FILE)
    said = inspector.tool(name, **CALLS[name])
    assert said.code == 0, said.err + said.out
    answer = said.json()
    assert not answer.get("isError")
    assert answer["content"][0]["text"]
    assert "error" not in answer["structuredContent"]
    assert "never instructions" in answer["structuredContent"]["notice"]


def test_what_could_not_be_had_is_told_as_an_error(inspector: Inspector) -> None:
    for arguments, reason, help_ in (
        ({"target": "alice/priv#99"}, "not-found-or-hidden", ""),
        ({"target": "alice/priv#2", "stepp": "2"}, "wrong-arguments", "Say step"),
        ({"target": "alice/priv#2", "tail": 0}, "wrong-arguments", "from 1 to 5000"),
    ):
        said = inspector.tool("ci_logs", **arguments)
        assert said.code != 0
        assert said.json()["isError"] is True
        error = said.json()["structuredContent"]["error"]
        assert error["reason"] == reason
        assert help_ in error["help"]


def test_an_unknown_tool_resource_and_prompt_are_refused(inspector: Inspector) -> None:
    for wrong in (
        ("tools/call", "--tool-name", "ci_statu"),
        ("resources/read", "--uri", "whyred://cause/no-such-cause"),
        ("prompts/get", "--prompt-name", "no-such-prompt"),
    ):
        said = inspector("--method", *wrong)
        assert said.code != 0, wrong
        assert wrong[2].rpartition("/")[2] in said.err + said.out
        assert "Traceback" not in said.err


def test_resources_are_listed_and_read(inspector: Inspector) -> None:
    listed = inspector("--method", "resources/list").json()["resources"]
    assert "whyred://cause/tmp-full" in {one["uri"] for one in listed}
    templates = inspector("--method", "resources/templates/list").json()["resourceTemplates"]
    assert [one["name"] for one in templates] == ["cause", "run", "log"]
    for uri, text in (
        ("whyred://cause/tmp-full", "# tmp-full: "),
        ("whyred://run/alice%2Fpriv%232", "2 Cargo build: failure"),
        ("whyred://log/alice%2Fpriv%232", "couldn't create a temp dir"),
    ):
        (content,) = inspector("--method", "resources/read", "--uri", uri).json()["contents"]
        assert text in content["text"]


def test_prompts_are_listed_and_filled_in(inspector: Inspector) -> None:
    listed = inspector("--method", "prompts/list").json()["prompts"]
    assert [one["name"] for one in listed] == ["investigate-red-ci", "explain-this-run"]
    given = ("--prompt-name", "explain-this-run", "--prompt-args", "target=alice/priv#2")
    (message,) = inspector("--method", "prompts/get", *given).json()["messages"]
    assert "`alice/priv#2`" in message["content"]["text"]


def test_the_line_that_the_docs_show_works(inspector: Inspector) -> None:
    line = re.search(r"`npx @modelcontextprotocol/inspector (.*?)`", mcp_snippet.DOCS.read_text("utf-8"))
    assert line is not None
    said = inspector.run(*shlex.split(line[1]), "-e", f"PYTHONPATH={inspector.env['PYTHONPATH']}")
    assert said.code == 0, said.err
    assert [tool["name"] for tool in said.json()["tools"]] == list(CALLS)
