"""List the runs of a repository."""

import sys

import click

from whyred.faces.cli.complete import forge_target
from whyred.faces.cli.forge import address, forge_options, reach

_EPILOG = """\b
Columns: number, status or conclusion, workflow, event, branch, commit, how
long it took, when it began (UTC), title.
Exit codes: 0 asked, 4 nothing could be asked.
"""
REFUSED = "no list of runs"


@click.command("runs", help=__doc__, epilog=_EPILOG)
@click.argument("repo", default=".", shell_complete=forge_target)
@click.option("--branch", metavar="NAME", help="Only those of this branch.")
@click.option("--workflow", metavar="FILE", help="Only those of this workflow file.")
@click.option("--status", metavar="WORD", help="Only those with this status or conclusion (failure, running, ...).")
@click.option("--event", metavar="NAME", help="Only those that this event started (push, pull_request, ...).")
@click.option("--sha", metavar="COMMIT", help="Only those of this commit.")
@click.option("--limit", type=click.IntRange(1, 1000), default=20, show_default=True, help="How many at most.")
@click.option("--json", "as_json", is_flag=True, help="Show them as JSON.")
@forge_options
def command(
    repo: str,
    branch: str | None,
    workflow: str | None,
    status: str | None,
    event: str | None,
    sha: str | None,
    limit: int,
    as_json: bool,
    options: object,
) -> int:
    """Ask for the runs and show the table."""
    from whyred.app.options import Options
    from whyred.app.overview import runs
    from whyred.faces.cli.show import out
    from whyred.model.forge import RunQuery
    from whyred.model.target import workflow_name
    from whyred.reports.runs import render_runs, render_runs_json

    assert isinstance(options, Options)
    file = workflow_name(workflow) if workflow is not None else None
    wanted = _status(status) if status is not None else None
    query = RunQuery(limit, branch=branch, workflow=file, event=event, commit=sha, status=wanted)
    found = runs(address(repo), query, reach(options))
    if as_json:
        out(render_runs_json(found))
    else:
        out(_table(render_runs(found)))
    return 0


def _status(text: str) -> str:
    """What whyred calls it. Raises UsageError."""
    from whyred.model.target import STATUSES, status_word

    word = status_word(text)
    if word is None:
        raise click.UsageError(f"--status wants one of {', '.join(STATUSES)}, not {text!r}.")
    return word


def _table(report: str) -> str:
    """The table; on a terminal each row is cut where it ends, for a table of broken rows cannot be read."""
    if sys.stdout is None or not sys.stdout.isatty():
        return report
    from shutil import get_terminal_size

    from whyred.faces.cli.layout import NARROW, cut

    width = get_terminal_size().columns
    return "\n".join(cut(row, width) for row in report.split("\n")) if width >= NARROW else report
