"""Show every route to a server's logs, and what would open it."""

import click

from whyred.faces.cli.complete import forge_target
from whyred.faces.cli.forge import forge_options, reach

_EPILOG = """\b
A TARGET is a server's address, owner/repo, owner/repo#RUN, a run's URL,
or `.` for this checkout. A route is tried for this user and this run.
Exit codes: 0 a route gives logs, 4 none does.
"""
REFUSED = "cannot try the routes"


@click.command("access", help=__doc__, epilog=_EPILOG)
@click.argument("target", default=".", shell_complete=forge_target)
@click.option("--full", is_flag=True, help="Also what each route is, what was asked and what would open it.")
@click.option("--json", "as_json", is_flag=True, help="Show it as JSON; everything is in it.")
@forge_options
def command(target: str, full: bool, as_json: bool, options: object) -> int:
    """Try every route and show the table."""
    from whyred.app.access import access
    from whyred.app.options import Options
    from whyred.app.targets import address_of
    from whyred.app.typed_server import find_root, is_server
    from whyred.faces.cli.forge import address
    from whyred.faces.cli.show import out, text
    from whyred.model.forge import Address
    from whyred.model.target import read_address
    from whyred.reports.access import render, render_json

    assert isinstance(options, Options)
    forges = reach(options)
    if is_server(target) and read_address(target) is None:
        known: Address | None = Address("", root=find_root(target, forges))
    else:
        known = address_of(target)
    table = access(known if known is not None else address(target), forges)
    if as_json:
        out(render_json(table))
    else:
        text(render(table, full=full))
    return 0 if table.works else 4
