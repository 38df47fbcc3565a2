"""Show what a log says alone: error lines, failing step, class."""

import click

from whyred.faces.cli.complete import TARGET_HELP, target

_EPILOG = f"""{TARGET_HELP}
\b
Examples:
  whyred read build.log
  whyred read run-12.zip:test --json
Exit codes: 0 nothing failed, 1 something did, 4 there is no log.
"""


@click.command("read", help=__doc__, epilog=_EPILOG)
@click.argument("target", shell_complete=target)
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="How to show it.",
)
@click.option("--json", "form", flag_value="json", help="The same as --format json.")
def command(target: str, form: str) -> int:
    """Read one log and show what it says."""
    from whyred.app.library import Library
    from whyred.app.read_job import one_or_several
    from whyred.faces.cli.show import out, progress, text
    from whyred.reports import reading
    from whyred.settings import folders

    read, run = one_or_several(target, Library(folders.cache()), progress)
    log = read.log
    said = (log.reading, log.matched, run)
    if form == "json":
        out(reading.render_json(*said))
    else:
        text(reading.render(*said))
    return 1 if log.matched.failed else 0
