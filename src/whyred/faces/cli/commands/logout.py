"""Forget a forge's token and web login."""

import click

from whyred.faces.cli.forge import connection_options, reach


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
    from whyred.model.root import server_root

    assert isinstance(options, Options)
    forgotten = logout(url, reach(options))
    if as_json:
        out(json.dumps({"schema": "whyred.logout/1", "server": server_root(url), "forgotten": forgotten}) + "\n")
    else:
        out(f"{'forgot' if forgotten else 'nothing was kept of'} {server_root(url)}\n")
    return 0
