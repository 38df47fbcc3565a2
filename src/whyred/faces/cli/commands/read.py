"""Show what a log says alone: the error lines, the failing step, the class."""

import click


@click.command("read", help=__doc__)
@click.argument("target", metavar="FILE|-")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", help="How to show it.")
@click.option("--json", "form", flag_value="json", help="The same as --format json.")
def command(target: str, form: str) -> int:
    """Read one log and show what it says."""
    from whyred.app.library import Library
    from whyred.app.read import read_log
    from whyred.app.targets import fetch
    from whyred.reports import reading
    from whyred.settings import folders

    fetched = fetch(target)
    log = read_log(fetched.chunks, Library(folders.cache()))
    render = reading.render_json if form == "json" else reading.render
    click.echo(render(log.reading, log.matched.failures, log.matched.step, log.matched.class_), nl=False)
    return 1 if log.matched.failed else 0
