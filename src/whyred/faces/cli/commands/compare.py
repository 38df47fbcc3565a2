"""Show what a failing attempt says and does that no green one did."""

import click

from whyred.faces.cli.complete import TARGET_HELP, forge_target
from whyred.faces.cli.forge import forge_options

_EPILOG = f"""{TARGET_HELP}
\b
Without GOOD, up to three of the newest green attempts of the same job are
taken, of the same branch or else of the default branch.
What green logs say is kept as digests, so that each is read once.
\b
Examples:
  whyred compare red.log green.log
  whyred compare team/app#12:build
  whyred compare team/app#12:build team/app#11 team/app#9
  whyred compare . team/app@main --json
Exit codes: 0 BAD did not fail, 1 it did, 4 no log or no green attempt.
"""


@click.command("compare", help=__doc__, epilog=_EPILOG)
@click.argument("bad", shell_complete=forge_target)
@click.argument("good", nargs=-1, shell_complete=forge_target)
@click.option("--gone", is_flag=True, help="Also lines that every green attempt has and BAD lacks.")
@click.option(
    "--lines",
    type=click.IntRange(0),
    default=60,
    show_default=True,
    metavar="N",
    help="New lines shown in their places at most; 0 for all.",
)
@click.option("--no-store", is_flag=True, help="Keep nothing of green logs, and use nothing that is kept.")
@click.option("--max-bytes", type=click.IntRange(1), metavar="N", help="Refuse a log of more than N bytes.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="How to show it.",
)
@click.option("--json", "form", flag_value="json", help="The same as --format json.")
@forge_options
def command(
    bad: str,
    good: tuple[str, ...],
    gone: bool,
    lines: int,
    no_store: bool,
    max_bytes: int | None,
    form: str,
    options: object,
) -> int:
    """Compare and show."""
    from whyred.app.compare import CompareWish, compare
    from whyred.app.library import Library
    from whyred.faces.cli.forge import forges_of_any
    from whyred.faces.cli.show import out, progress, text
    from whyred.reports import compare as report
    from whyred.settings import folders

    wish = CompareWish(bad, good, gone, not no_store, forges_of_any((bad, *good), options), max_bytes)
    novelty = compare(wish, Library(folders.cache()), progress)
    if form == "json":
        out(report.render_json(novelty))
    else:
        text(report.render(novelty, lines))
    return 1 if novelty.failed else 0
