"""Forget a forge's token and web login."""

import click

from whyred.faces.cli.forge import connection_options, reach

REFUSED = "not logged out"


@click.command("logout", help=__doc__)
@click.argument("url")
@click.option("--json", "as_json", is_flag=True, help="Say it as JSON.")
@connection_options
def command(url: str, as_json: bool, options: object) -> int:
    """Forget everything about the server, and end the web login there."""
    import json

    from whyred.app.login import logout
    from whyred.app.options import Options
    from whyred.faces.cli.show import out

    assert isinstance(options, Options)
    root, forgotten = logout(url, reach(options))
    if as_json:
        out(json.dumps({"schema": "whyred.logout/1", "server": root, "forgotten": forgotten}) + "\n")
    else:
        out(f"{'forgot' if forgotten else 'nothing was kept of'} {root}\n")
    return 0
