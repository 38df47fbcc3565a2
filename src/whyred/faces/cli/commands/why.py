"""Tell why a run is red: the cause, the evidence for it, and the remedy."""

from pathlib import Path

import click


@click.command("why", help=__doc__)
@click.argument("target")
@click.option("--host", metavar="local|BUNDLE", help="The host to ask; a target of this machine knows its own.")
@click.option("--this-host-ran-it", is_flag=True, help="Vouch that the host given by --host ran this attempt.")
@click.option("--no-probe", is_flag=True, help="Ask no host; judge the log alone.")
@click.option("--budget", default="10s", metavar="TIME", show_default=True, help="How long to ask the host.")
@click.option("--format", "form", type=click.Choice(["text", "markdown", "json"]), default="text", help="The report.")
@click.option("--json", "form", flag_value="json", help="The same as --format json.")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="Write the report to this file.")
@click.option("--save", type=click.Path(path_type=Path, dir_okay=False), help="Save a bundle that replays offline.")
@click.option("--explain", is_flag=True, help="Show every question that was asked and what it changed.")
def command(
    target: str,
    host: str | None,
    this_host_ran_it: bool,
    no_probe: bool,
    budget: str,
    form: str,
    out: Path | None,
    save: Path | None,
    explain: bool,
) -> int:
    """Investigate one attempt and report."""
    from whyred.app.library import Library
    from whyred.app.why import Wish, why
    from whyred.faces.cli.show import progress, seconds, show
    from whyred.settings import folders

    if this_host_ran_it and host is None:
        raise click.UsageError("--this-host-ran-it vouches for a host: say which, with --host local.")
    wish = Wish(target, host, this_host_ran_it, not no_probe, seconds(budget), save)
    verdict = why(wish, Library(folders.cache()), progress)
    show(verdict, form, out, explain=explain)
    return 1 if verdict.failed else 0
