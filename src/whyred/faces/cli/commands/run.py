"""Run a workflow's steps as a runner does, and keep the run."""

from pathlib import Path

import click

_EPILOG = """\b
Only `run:` steps and a checkout of this repository are run; whatever else
the workflow wants is named, with the reason why it was not run.
The run is kept: whyred why local

\b
Exit codes: 0 all steps succeeded, 1 one failed, 4 one could not be run.
"""


@click.command("run", help=__doc__, epilog=_EPILOG)
@click.argument("workflow", type=click.Path(path_type=Path), metavar="WORKFLOW.yml")
@click.option("--job", metavar="KEY", help="Run this job only; else all, in the order of their needs.")
@click.option("--no-pty", is_flag=True, help="Give the steps pipes instead of a terminal, as Gitea's runner does.")
@click.option("--json", "as_json", is_flag=True, help="Show the attempts as JSON instead of the log.")
def command(workflow: Path, job: str | None, no_pty: bool, as_json: bool) -> int:
    """Run, show the log, say how it ended."""
    from whyred.app.library import Library
    from whyred.app.run import Wanted, run
    from whyred.faces.cli.streams import out, say, write
    from whyred.model.run import Conclusion
    from whyred.settings import folders

    def show(data: bytes) -> None:
        if not as_json:
            write(data)

    attempts = run(Wanted(workflow, job, not no_pty), Library(folders.cache()), show)
    if as_json:
        from whyred.reports.attempts import render_json

        out(render_json(attempts))
    ends = {a.conclusion for a in attempts}
    for attempt in attempts:
        say(f"{attempt.run.label}: {attempt.conclusion}. Next: whyred why {attempt.run.label}")
    if ends == {Conclusion.SUCCESS}:
        return 0
    if Conclusion.CANCELLED in ends:
        return 130
    return 1 if ends & {Conclusion.FAILURE, Conclusion.TIMED_OUT} else 4
