"""Check workflows before they run: collisions, needs, if, labels, names."""

from dataclasses import replace
from pathlib import Path

import click

from whyred.faces.cli.forge import connection_options, reach

_EPILOG = """\b
A PATH is a checkout (or a folder in one) or a workflow file; the folder you
are in without. All workflows of a folder are held against each other.
Secrets, variables and labels are held against those that exist where you are
logged in to the checkout's forge (of secrets only names are asked for).
zizmor and actionlint are run as well where they are installed; what they say
does not change the exit code.

\b
Examples:
  whyred check
  whyred check .forgejo/workflows/ci.yml --labels docker,native --offline
Exit codes: 0 all fine, 1 something is wrong or doubtful, 4 there are no
workflows.
"""


@click.command("check", help=__doc__, epilog=_EPILOG)
@click.argument("paths", metavar="[PATH]...", nargs=-1, type=click.Path(path_type=Path))
@click.option(
    "--forge",
    "kind",
    type=click.Choice(["forgejo", "gitea", "github"]),
    help="The program that reads them; without, the forge is asked, or the folder's name tells.",
)
@click.option("--labels", metavar="A,B", help="The labels that runners offer, where the forge does not tell.")
@click.option("--actions-url", metavar="URL", help="Where short names of actions lead (DEFAULT_ACTIONS_URL).")
@click.option("--offline", is_flag=True, help="Ask no forge.")
@click.option("--no-linters", is_flag=True, help="Do not run zizmor and actionlint.")
@click.option("--json", "as_json", is_flag=True, help="Show it as JSON.")
@click.option("--server", metavar="URL", help="The forge, where you are not logged in to the checkout's.")
@connection_options
def command(
    paths: tuple[Path, ...],
    kind: str | None,
    labels: str | None,
    actions_url: str | None,
    offline: bool,
    no_linters: bool,
    as_json: bool,
    server: str | None,
    options: object,
) -> int:
    """Read the workflows, apply the rules and show what they say."""
    from whyred.app.check import Wanted, check
    from whyred.app.library import masker_of_messages
    from whyred.app.options import Options
    from whyred.faces.cli.show import out, progress, text
    from whyred.model.forge import Kind
    from whyred.reports.check import render, render_json

    assert isinstance(options, Options)
    if paths and str(paths[0]) == "workflow" and not paths[0].exists():
        paths = paths[1:]  # `whyred check workflow`: people say what it is that they want checked
    wanted = Wanted(
        paths or (Path(),),
        Kind(kind) if kind else None,
        tuple(label.strip() for label in (labels or "").split(",") if label.strip()),
        actions_url,
        ask=not offline,
        linters=not no_linters,
    )
    looks = check(
        wanted, None if offline else reach(replace(options, server=server)), masker_of_messages().text, progress
    )
    if as_json:
        out(render_json(looks))
    else:
        text(render(looks))
    return 0 if all(one.fine for one in looks) else 1
