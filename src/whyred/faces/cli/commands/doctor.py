"""Examine a host: temporary directories, runners, daemons, tools."""

import click


@click.command("doctor", help=__doc__)
@click.option(
    "--host",
    default="local",
    metavar="local|ssh://USER@HOST|BUNDLE",
    show_default=True,
    help="The host to examine, or a record of it.",
)
@click.option(
    "--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True, help="How to show it."
)
@click.option("--json", "form", flag_value="json", help="The same as --format json.")
@click.option("--all", "everything", is_flag=True, help="Show every field of every answer.")
@click.option(
    "--create-test", is_flag=True, help="Also make and remove a directory in each temporary folder (this writes)."
)
def command(host: str, form: str, everything: bool, create_test: bool) -> int:
    """Ask the probe pack and show the table."""
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
