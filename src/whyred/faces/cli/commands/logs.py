"""Show the real step logs of a run, also while it runs."""

from pathlib import Path

import click

from whyred.faces.cli.complete import TARGET_HELP, forge_target
from whyred.faces.cli.forge import address, forge_options, reach

_EPILOG = f"""{TARGET_HELP}
\b
Examples:
  whyred logs . --failed
  whyred logs team/app#12:build --step 2
  whyred logs https://forge.example/team/app/actions/runs/12 --follow
  whyred logs team/app#12 --out-dir logs
Exit codes: 0 shown, 4 not to be had (of one job, or in part);
with --follow 0 success, 1 otherwise.
"""


@click.command("logs", help=__doc__, epilog=_EPILOG)
@click.argument("target", shell_complete=forge_target)
@click.option("--job", metavar="NAME", help="The job, where the run has several.")
@click.option("--attempt", type=click.IntRange(1), metavar="N", help="An older attempt of the job.")
@click.option("--step", metavar="N|NAME", help="One step: its number in the workflow file, or its name.")
@click.option("--failed", is_flag=True, help="The failing steps only.")
@click.option("--tail", type=click.IntRange(0), metavar="N", help="The last N lines only.")
@click.option("--follow", "-f", is_flag=True, help="Go on while the job runs.")
@click.option("--timestamps", is_flag=True, help="Keep the time before every line.")
@click.option("--raw", is_flag=True, help="The text as it is stored (masked), without step marks.")
@click.option("--max-bytes", type=click.IntRange(1), metavar="N", help="Refuse a job's log of more than N bytes.")
@click.option("--out", "file", type=click.Path(path_type=Path), metavar="FILE", help="Write it to this file.")
@click.option(
    "--out-dir",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="FOLDER",
    help="Write each job's log to a file of its own in this folder; what is there already is not fetched again.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line: heads, steps, lines.")
@forge_options
def command(
    target: str,
    job: str | None,
    attempt: int | None,
    step: str | None,
    failed: bool,
    tail: int | None,
    follow: bool,
    timestamps: bool,
    raw: bool,
    max_bytes: int | None,
    file: Path | None,
    folder: Path | None,
    as_json: bool,
    options: object,
) -> int:
    """Fetch, mask and show."""
    from whyred.app.library import Library
    from whyred.app.logs import LogWish, logs
    from whyred.app.options import Options
    from whyred.faces.cli.log_writer import LogWriter
    from whyred.faces.cli.show import progress, refuse_loss
    from whyred.settings import folders

    assert isinstance(options, Options)
    if failed and step is not None:
        raise click.UsageError("--failed and --step both choose steps: say one of them.")
    if follow and (tail is not None or failed):
        raise click.UsageError("--follow shows a log from its beginning: leave --tail and --failed away.")
    if folder is not None and (file or follow or raw or timestamps or step is not None or tail is not None):
        raise click.UsageError("--out-dir writes whole logs as they are stored (masked): leave the other options away.")
    refuse_loss(target, "--out", file)
    wish = LogWish(address(target), job, attempt, step, failed, tail, follow, raw, timestamps, max_bytes)
    forges = reach(options)
    if folder is not None:
        from whyred.app.collect import collect
        from whyred.app.logs import attempts_of
        from whyred.faces.cli.collected import show

        ladder, found = attempts_of(wish, forges)
        library = Library(folders.cache())
        return show(collect(ladder, found, folder, library, progress, max_bytes), folder, as_json=as_json)
    with LogWriter(file, as_json=as_json, raw=raw) as writer:
        for piece in logs(wish, forges, Library(folders.cache())):
            writer.take(piece)
        progress.clear()
        if not writer.complete:
            return 4
        return writer.end() if follow else 0
