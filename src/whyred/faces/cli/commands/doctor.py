"""Examine this host: temporary directories, runners, daemons, tools."""

import click


@click.command("doctor", help=__doc__)
@click.option("--host", default="local", metavar="local|BUNDLE", show_default=True, help="The host to examine.")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", help="How to show it.")
@click.option("--json", "form", flag_value="json", help="The same as --format json.")
@click.option("--all", "everything", is_flag=True, help="Show every field of what is fine, too.")
def command(host: str, form: str, everything: bool) -> int:
    """Ask the probe pack and show the table."""
    from whyred.app.library import Library
    from whyred.app.why import doctor
    from whyred.faces.cli.show import progress
    from whyred.reports.doctor import render, render_json
    from whyred.settings import folders

    rows = doctor(host, Library(folders.cache()), progress)
    click.echo(render_json(rows) if form == "json" else render(rows, everything=everything), nl=False)
    states = {row.state.value for row in rows}
    return 1 if "wrong" in states else 0 if "fine" in states else 4
