"""The MCP server as its users start it: by the configuration that `docs/mcp.md` shows."""

import json
import re
import sys
from pathlib import Path
from typing import Any

DOCS = Path(__file__).parents[1] / "docs" / "mcp.md"


def snippet() -> dict[str, Any]:
    """What the docs tell people to write into their client's configuration: the command and its arguments."""
    found: dict[str, Any] = configuration()["mcpServers"]["whyred"]
    return found


def configuration() -> dict[str, Any]:
    """The whole of it."""
    block = re.search(r"```json\n(.*?)```", DOCS.read_text("utf-8"), re.S)
    assert block is not None
    found: dict[str, Any] = json.loads(block[1])
    return found


def program(folder: Path) -> Path:
    """A folder in which `whyred` is the program of this checkout."""
    file = folder / "bin" / "whyred"
    file.parent.mkdir(parents=True)
    file.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m whyred "$@"\n')
    file.chmod(0o755)
    return file.parent
