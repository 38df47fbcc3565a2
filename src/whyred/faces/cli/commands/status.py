"""Show what is red, since when, and what waits for a runner."""

import click

from whyred.faces.cli.complete import forge_target
from whyred.faces.cli.forge import address, forge_options, reach


@click.command("status", help=__doc__)
@click.argument("repos", nargs=-1, shell_complete=forge_target)
@click.option("--json", "as_json", is_flag=True, help="Show it as JSON.")
@forge_options
def command(repos: tuple[str, ...], as_json: bool, options: object) -> int:
    """Ask for the newest runs of each repository."""
    from whyred.app.options import Options
    from whyred.app.overview import status
    from whyred.faces.cli.show import out, text
    from whyred.reports.runs import render_status, render_status_json

    assert isinstance(options, Options)
    forges = reach(options)
    found = [status(address(repo), forges) for repo in repos or (".",)]
    if as_json:
        out(render_status_json(found))
    else:
        text(render_status(found))
    return 1 if any(one.red for one in found) else 0
