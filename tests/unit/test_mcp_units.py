"""Every tool is well formed, and its schemas are those that clients know."""

import ast
import json
from pathlib import Path

import jsonschema  # type: ignore[import-untyped]
import pytest
from conftest import FOLDER, Golden

from whyred.faces.mcp import units
from whyred.faces.mcp.server import _tool

TOOLS = units.names()
WRITE = {"ci_rerun", "ci_cancel", "ci_dispatch"}


@pytest.mark.parametrize("name", TOOLS)
def test_schema(name: str, golden: Golden) -> None:
    shown = _tool(name).model_dump(by_alias=True, mode="json", exclude_none=True)
    golden(f"mcp/{name}.json", json.dumps(shown, indent=1) + "\n")


def test_no_golden_schema_without_its_tool() -> None:
    assert {file.stem for file in (FOLDER / "mcp").glob("*.json")} == set(TOOLS)


@pytest.mark.parametrize("name", TOOLS)
def test_contract(name: str) -> None:
    one = units.tool(name)
    for schema in (units.input_schema(one), units.output_schema(one)):
        jsonschema.Draft202012Validator.check_schema(schema)
    assert set(one.REQUIRED) <= set(one.INPUT)
    assert set(one.LISTS) <= set(one.OUTPUT)
    assert all(one.OUTPUT[name]["type"] == "array" for name in one.LISTS)
    assert all(len(schema.get("description", "x")) < 200 for schema in one.INPUT.values())
    assert (name in WRITE) == one.WRITES
    assert 0 < one.LIMIT <= 10_000
    assert "confirm" in one.INPUT or not one.WRITES


@pytest.mark.parametrize("name", TOOLS)
def test_nothing_heavy_is_imported_to_list_the_tools(name: str) -> None:
    source = Path(units.tool(name).__file__ or "").read_text("utf-8")  # type: ignore[attr-defined]
    top = [node for node in ast.parse(source).body if isinstance(node, ast.ImportFrom)]
    assert [node.module for node in top if (node.module or "").startswith(("whyred.app", "whyred.reports"))] == []


def test_writing_tools_are_offered_only_where_that_is_allowed() -> None:
    assert WRITE.isdisjoint(units.offered(write=False, remote=False))
    assert set(units.offered(write=True, remote=False)) == set(TOOLS)
    assert "check_workflow" not in units.offered(write=True, remote=True), "it reads files of the server"
