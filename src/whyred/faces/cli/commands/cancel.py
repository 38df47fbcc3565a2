"""Cancel a run of a forge that waits or runs."""

import click

from whyred.faces.cli.changes import CODES, Wanted, carry_out, change_options
from whyred.faces.cli.complete import forge_target
from whyred.faces.cli.forge import address, forge_options, reach

_EPILOG = f"""\b
A TARGET is owner/repo#RUN or a run's URL; `.`, owner/repo, owner/repo@SHA and
a pull request's URL mean the run that has not ended there, where it is only
one.

\b
Examples:
  whyred cancel team/app#12 --apply
  whyred cancel . --apply --watch

{CODES}"""
REFUSED = "refused"


@click.command("cancel", help=__doc__, epilog=_EPILOG)
@click.argument("target", shell_complete=forge_target)
@change_options
@forge_options
def command(target: str, wanted: Wanted, options: object) -> int:
    """Plan, show, and do it where that is wanted."""
    from whyred.app.change import cancel
    from whyred.app.options import Options

    assert isinstance(options, Options)
    named = address(target)
    if named.job_name is not None:
        raise click.UsageError(f"forges cancel whole runs: leave `:{named.job_name}` away.")
    forges = reach(options)
    return carry_out(cancel(named, forges), wanted, forges)
