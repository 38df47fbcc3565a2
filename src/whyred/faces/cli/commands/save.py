"""Save everything an investigation reads as a bundle that replays offline."""

from pathlib import Path

import click


@click.command("save", help=__doc__)
@click.argument("target")
@click.argument("bundle", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--host", metavar="local|BUNDLE", help="The host to ask; a target of this machine knows its own.")
@click.option("--this-host-ran-it", is_flag=True, help="Vouch that the host given by --host ran this attempt.")
@click.option("--json", "as_json", is_flag=True, help="Say it as JSON.")
def command(target: str, bundle: Path, host: str | None, this_host_ran_it: bool, as_json: bool) -> int:
    """Investigate, and keep what was read."""
    import json

    from whyred.app.library import Library
    from whyred.app.why import Wish, why
    from whyred.faces.cli.show import progress
    from whyred.settings import folders

    verdict = why(Wish(target, host, this_host_ran_it, save=bundle), Library(folders.cache()), progress)
    if as_json:
        click.echo(json.dumps({"schema": "whyred.save/1", "bundle": str(bundle), "failed": verdict.failed}))
    else:
        click.echo(f"saved {bundle}: whyred why {bundle}")
    return 0
