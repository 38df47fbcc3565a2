"""Run a workflow's steps as a runner does, and keep the run."""

from pathlib import Path

import click

_EPILOG = """\b
Only `run:` steps and a checkout of this repository are run; whatever else
the workflow wants is named, with the reason why it was not run. So is what
reads a value that only a forge has.
The run is kept: whyred why local

\b
Exit codes: 0 all steps succeeded, 1 one failed, 4 one could not be run.
"""


@click.command("run", help=__doc__, epilog=_EPILOG)
@click.argument("workflow", type=click.Path(path_type=Path), metavar="WORKFLOW.yml")
@click.option(
    "--job", metavar="JOB", help="Run this job only, or `job (a, b)` of its matrix; else all, by their needs."
)
@click.option("--event", metavar="NAME", default="local", help="The event that this run stands for, such as push.")
@click.option("--secrets", type=click.Path(path_type=Path), metavar="FILE", help="NAME=value lines; masked everywhere.")
@click.option("--vars", "variables", type=click.Path(path_type=Path), metavar="FILE", help="NAME=value lines.")
@click.option("--no-pty", is_flag=True, help="Give the steps pipes instead of a terminal, as Gitea's runner does.")
@click.option("--json", "as_json", is_flag=True, help="Show the attempts as JSON instead of the log.")
def command(
    workflow: Path,
    job: str | None,
    event: str,
    secrets: Path | None,
    variables: Path | None,
    no_pty: bool,
    as_json: bool,
) -> int:
    """Run, show the log, say how it ended."""
    from whyred.app.library import Library
    from whyred.app.run import Wanted, run
    from whyred.faces.cli.streams import out, say, write
    from whyred.model.run import Conclusion
    from whyred.settings import folders

    def show(data: bytes) -> None:
        if not as_json:
            write(data)

    wanted = Wanted(workflow, job, not no_pty, event=event, secrets=secrets, variables=variables)
    attempts = run(wanted, Library(folders.cache()), show)
    if as_json:
        from whyred.reports.attempts import render_json

        out(render_json(attempts))
    ends = {a.conclusion for a in attempts}
    for attempt in attempts:
        name = f" {attempt.job.name}" if attempt.job and len(attempts) > 1 else ""
        say(f"{attempt.run.label}:{name} {attempt.conclusion}. Next: whyred why {attempt.run.label}")
    if Conclusion.SUCCESS in ends and ends <= {Conclusion.SUCCESS, Conclusion.SKIPPED}:
        return 0
    if Conclusion.CANCELLED in ends:
        return 130
    return 1 if ends & {Conclusion.FAILURE, Conclusion.TIMED_OUT} else 4
