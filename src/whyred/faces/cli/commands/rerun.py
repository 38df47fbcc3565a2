"""Run a run of a forge again, its failed jobs, or one job."""

import click

from whyred.faces.cli.changes import CODES, Wanted, carry_out, change_options
from whyred.faces.cli.complete import FORGE_TARGET_HELP, forge_target
from whyred.faces.cli.forge import address, forge_options, reach

_EPILOG = f"""{FORGE_TARGET_HELP}
\b
Examples:
  whyred rerun . --failed
  whyred rerun team/app#12 --failed --apply --watch
  whyred rerun team/app#12 --job build --apply

{CODES}"""
REFUSED = "refused"


@click.command("rerun", help=__doc__, epilog=_EPILOG)
@click.argument("target", shell_complete=forge_target)
@click.option("--failed", is_flag=True, help="Only the jobs that failed or were cancelled, and those that need them.")
@click.option("--job", metavar="NAME", help="Only this job, and those that need it.")
@change_options
@forge_options
def command(target: str, failed: bool, job: str | None, wanted: Wanted, options: object) -> int:
    """Plan, show, and do it where that is wanted."""
    from dataclasses import replace

    from whyred.app.change import rerun
    from whyred.app.options import Options

    assert isinstance(options, Options)
    named = address(target)
    if job is not None:
        named = replace(named, job_name=job)
    if failed and named.job_name is not None:
        raise click.UsageError("--failed and a job's name both choose jobs: say one of them.")
    forges = reach(options)
    return carry_out(rerun(named, forges, failed=failed), wanted, forges)
