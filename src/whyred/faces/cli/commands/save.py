"""Save what an investigation reads, as a bundle that replays anywhere."""

from pathlib import Path

import click

from whyred.faces.cli.complete import TARGET_HELP, forge_target
from whyred.faces.cli.forge import forge_options, forges_of


@click.command("save", help=__doc__, epilog=TARGET_HELP)
@click.argument("target", shell_complete=forge_target)
@click.argument("bundle", type=click.Path(path_type=Path))
@click.option(
    "--host",
    metavar="local|ssh://USER@HOST|BUNDLE",
    help="The host to ask. A local run and a bundle know their own; a log from elsewhere names none.",
)
@click.option("--this-host-ran-it", is_flag=True, help="Vouch that the host given by --host ran this attempt.")
@click.option("--json", "as_json", is_flag=True, help="Say it as JSON.")
@forge_options
def command(target: str, bundle: Path, host: str | None, this_host_ran_it: bool, as_json: bool, options: object) -> int:
    """Investigate, and keep what was read."""
    import json
    import shlex

    from whyred.app.library import Library
    from whyred.app.why import Wish, why
    from whyred.faces.cli.show import out, progress, refuse_loss
    from whyred.settings import folders

    if this_host_ran_it and host is None:
        raise click.UsageError("--this-host-ran-it vouches for a host: say which, with --host local.")
    refuse_loss(target, "BUNDLE", bundle)
    wish = Wish(target, host, this_host_ran_it, save=bundle, forges=forges_of(target, options))
    verdict = why(wish, Library(folders.cache()), progress)
    if as_json:
        out(json.dumps({"schema": "whyred.save/1", "bundle": str(bundle), "failed": verdict.failed}) + "\n")
    else:
        out(f"saved {bundle}. Next: whyred why {shlex.quote(str(bundle))}\n")
    return 0
