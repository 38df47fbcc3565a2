"""Run a workflow's steps on this machine as a runner does, and keep the run."""

from pathlib import Path

import click


@click.command("run", help=__doc__)
@click.argument("workflow", type=click.Path(path_type=Path))
@click.option("--job", metavar="KEY", help="Run this job only; else all, in the order of their needs.")
@click.option("--no-pty", is_flag=True, help="Give the steps pipes instead of a terminal, as Gitea's runner does.")
@click.option("--json", "as_json", is_flag=True, help="Show the attempts as JSON instead of the log.")
def command(workflow: Path, job: str | None, no_pty: bool, as_json: bool) -> int:
    """Run, show the log, say how it ended."""
    import sys

    from whyred.app.library import Library
    from whyred.app.run import Wanted, run
    from whyred.model.run import Conclusion
    from whyred.settings import folders

    def show(data: bytes) -> None:
        if not as_json:
            sys.stdout.buffer.write(data)
            sys.stdout.buffer.flush()

    attempts = run(Wanted(workflow, job, not no_pty), Library(folders.cache()), show)
    if as_json:
        from whyred.reports.attempts import render_json

        click.echo(render_json(attempts), nl=False)
    ends = {a.conclusion for a in attempts}
    for attempt in attempts:
        click.echo(f"whyred: {attempt.run.label}: {attempt.conclusion}. Next: whyred why {attempt.run.label}", err=True)
    if ends == {Conclusion.SUCCESS}:
        return 0
    if Conclusion.CANCELLED in ends:
        return 130
    return 1 if ends & {Conclusion.FAILURE, Conclusion.TIMED_OUT} else 4
