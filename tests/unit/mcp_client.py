"""What the tests of the MCP face have in common: a client in the same process, and a user of a stand-in forge."""

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import anyio
import jsonschema  # type: ignore[import-untyped]
from forge_user import InMemory
from mcp.client import Client
from standin import Standin, World, standin

from whyred.app.options import Options
from whyred.faces.mcp import units
from whyred.faces.mcp.budget import tokens, weight
from whyred.faces.mcp.server import server
from whyred.faces.mcp.serving import Serving
from whyred.model.credential import Credential

T = TypeVar("T")


@contextmanager
def served(name: str, world: World, *, write: bool = False) -> Iterator[tuple[Standin, Serving]]:
    """A stand-in forge, and what serves alice, who may do all."""
    with standin(name, world) as forge:
        serving = Serving(write=write, options=Options(server=forge.url))
        serving.__dict__["credentials"] = InMemory(Credential(world.users["alice"].token("write:repository")))
        yield forge, serving


def with_client(serving: Serving, work: Callable[[Client], Awaitable[T]]) -> T:
    """What a client does in one connection."""

    async def connected() -> T:
        async with Client(server(serving)) as client:
            return await work(client)

    return anyio.run(connected)


def call(serving: Serving, name: str, **arguments: Any) -> tuple[dict[str, Any], str]:
    """One call: the facts and the text. Every answer keeps to its schema and to its budget."""

    async def work(client: Client) -> tuple[dict[str, Any], str]:
        found = await client.call_tool(name, arguments)
        data, text = found.structured_content, getattr(found.content[0], "text", "")
        assert isinstance(data, dict)
        assert found.is_error == ("error" in data)
        jsonschema.validate(data, units.output_schema(units.tool(name)))
        assert weight(data) + tokens(text) <= arguments.get("max_tokens", max(units.tool(name).LIMIT, 400))
        return data, text

    return with_client(serving, work)
