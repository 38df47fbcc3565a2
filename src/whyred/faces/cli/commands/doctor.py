"""Examine a host: temporary directories, runners, daemons, tools."""

import click


@click.command("doctor", help=__doc__)
@click.option(
    "--host",
    default="local",
    metavar="local|ssh://USER@HOST|FILE",
    show_default=True,
    help="The host to examine; FILE: a bundle, or what --script printed there.",
)
@click.option(
    "--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True, help="How to show it."
)
@click.option("--json", "form", flag_value="json", help="The same as --format json.")
@click.option("--all", "everything", is_flag=True, help="Show every field of every answer.")
@click.option(
    "--create-test", is_flag=True, help="Also make and remove a directory in each temporary folder (this writes)."
)
@click.option("--script", is_flag=True, help="Print a shell script that asks instead, for a host out of reach.")
@click.option(
    "--for",
    "for_",
    metavar="TARGET",
    help="With --script: ask about the paths and programs that this failing log names.",
)
def command(host: str, form: str, everything: bool, create_test: bool, script: bool, for_: str | None) -> int:
    """Ask the probe pack and show the table."""
    if script:
        return _print_script(for_)
    if for_ is not None:
        raise click.UsageError("--for goes with --script: it says what the script asks about.")
    from whyred.app.hosts import is_live
    from whyred.app.library import Library
    from whyred.app.why import doctor
    from whyred.faces.cli.show import out, progress, text
    from whyred.reports.doctor import render, render_json
    from whyred.settings import folders

    if create_test and not is_live(host):
        raise click.UsageError("--create-test tries it out here and now; a record of a host cannot be tried.")
    rows = doctor(host, Library(folders.cache()), progress, create=create_test)
    if form == "json":
        out(render_json(rows))
    else:
        text(render(rows, everything=everything))
    states = {row.state.value for row in rows}
    return 1 if "wrong" in states else 0 if "fine" in states else 4


def _print_script(target: str | None) -> int:
    """What an administrator can read, run there (it only prints) and hand back: `--host OUTPUT`."""
    from whyred.app.why import named
    from whyred.faces.cli.show import out, progress
    from whyred.hosts.printed import script

    out(script(named(target, progress) if target is not None else ()))
    return 0
