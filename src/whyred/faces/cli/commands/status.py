"""Show what is red, since when, and what waits for a runner."""

import click

from whyred.faces.cli.complete import forge_target
from whyred.faces.cli.forge import address, forge_options, reach

_EPILOG = """\b
Each REPO is owner/repo or its URL, and its default branch is shown; without
one, this checkout's and the branch you are on. Every job that waits is named.
Exit codes: 0 all fine, 1 something is red, waits for a label that no runner
offers, or could not be asked, 4 nothing could be asked.
"""
REFUSED = "no status"


@click.command("status", help=__doc__, epilog=_EPILOG)
@click.argument("repos", nargs=-1, shell_complete=forge_target)
@click.option("--json", "as_json", is_flag=True, help="Show it as JSON.")
@forge_options
def command(repos: tuple[str, ...], as_json: bool, options: object) -> int:
    """Ask for the newest runs of each repository."""
    from whyred.app.options import Options
    from whyred.app.overview import statuses
    from whyred.faces.cli.show import out, text
    from whyred.reports.runs import render_status, render_status_json

    assert isinstance(options, Options)
    found = statuses([address(repo) for repo in repos or (".",)], reach(options))
    if as_json:
        out(render_status_json(found))
    else:
        text(render_status(found))
    return 1 if any(one.red for one in found) else 0
