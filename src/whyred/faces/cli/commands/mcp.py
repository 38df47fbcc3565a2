"""Serve coding agents: tools over the Model Context Protocol."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from whyred.faces.cli.forge import connection_options

if TYPE_CHECKING:
    from whyred.faces.mcp.serving import Serving

SCHEMA = "whyred.mcp/1"

_EPILOG = """\b
Without --http it speaks over standard input and output, as this user.
With --http every request needs `Authorization: Bearer` with the token in
WHYRED_MCP_TOKEN or --token-file, callers bring their own forge token in
`X-Forge-Token`, and name only repositories of the forges given by --forge
(without: those that you are logged in to).
\b
Examples:
  whyred mcp
  whyred mcp --http 127.0.0.1:8765 --token-file token --forge http://forge
Exit codes: 0 the client went away, 2 wrong usage.
"""


@click.command("mcp", help=__doc__, epilog=_EPILOG)
@click.option("--http", metavar="HOST:PORT", help="Serve over HTTP here, for several callers.")
@click.option("--token-file", type=click.Path(path_type=Path), metavar="FILE", help="With --http: the server's token.")
@click.option("--forge", "forges", multiple=True, metavar="URL", help="With --http: a forge that callers may name.")
@click.option(
    "--allow-host", "hosts", multiple=True, metavar="local|ssh://USER@HOST", help="With --http: a host they may ask."
)
@click.option("--origin", "origins", multiple=True, metavar="URL", help="With --http: a web page's origin to let in.")
@click.option("--allow-write", is_flag=True, help="Offer ci_rerun, ci_cancel and ci_dispatch: a plan first, then done.")
@click.option(
    "--json", "as_json", is_flag=True, help="Print the configuration for clients and the tools; serve nobody."
)
@connection_options
def command(
    http: str | None,
    token_file: Path | None,
    forges: tuple[str, ...],
    hosts: tuple[str, ...],
    origins: tuple[str, ...],
    allow_write: bool,
    as_json: bool,
    options: object,
) -> int:
    """Serve until the client goes away or a signal comes."""
    from whyred.app.options import Options
    from whyred.faces.mcp.serving import Serving

    assert isinstance(options, Options)
    if http is None and (token_file or forges or hosts or origins):
        raise click.UsageError("--token-file, --forge, --allow-host and --origin go with --http.")
    serving = Serving(http is not None, allow_write, forges, frozenset(hosts), options)
    if as_json:
        return _print(serving)
    _need_sdk()
    if http is None:
        import anyio

        from whyred.faces.mcp.server import over_stdio

        anyio.run(over_stdio, serving)
        return 0
    from whyred.faces.mcp.http import listen, serve

    return serve(serving, listen(http), token_file, origins)


def _print(serving: "Serving") -> int:
    """What a client is to be configured with."""
    from whyred.faces.cli.show import out
    from whyred.faces.mcp.units import offered
    from whyred.reports.reading import dump

    args = ["mcp", "--allow-write"] if serving.write else ["mcp"]
    tools = offered(write=serving.write, remote=serving.remote)
    out(dump({"schema": SCHEMA, "mcpServers": {"whyred": {"command": "whyred", "args": args}}, "tools": tools}))
    return 0


def _need_sdk() -> None:
    from importlib.util import find_spec

    from whyred.model.trouble import UserError

    if find_spec("mcp") is None:
        raise UserError("the MCP server is not installed", "its SDK is an extra", "pip install 'whyred[mcp]'")
