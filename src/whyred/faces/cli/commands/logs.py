"""Show the real step logs of a run, also while it runs."""

import re
from pathlib import Path
from typing import TYPE_CHECKING

import click

from whyred.faces.cli.complete import TARGET_HELP, forge_target
from whyred.faces.cli.forge import forge_options, reach
from whyred.faces.cli.grep import grep_options

if TYPE_CHECKING:
    from collections.abc import Iterator

    from whyred.app.forges import Forges
    from whyred.app.library import Library
    from whyred.app.log_grep import Grep
    from whyred.app.log_pieces import LogWish, Piece
    from whyred.logs.window import Window
    from whyred.model.source import MissingLogError

_EPILOG = f"""{TARGET_HELP}
\b
Examples:
  whyred logs . --failed
  whyred logs team/app#12:build --step 2
  whyred logs https://forge.example/team/app/actions/runs/12 --follow
  whyred logs team/app#12 --out-dir logs
  whyred logs run-12.zip --job build --failed
  whyred logs team/app#12 --grep 'error|panic' -i -C 3
  whyred logs build.log --lines 5000:5010
--grep shows lines as NUMBER:TEXT, those around them as NUMBER-TEXT.
Numbers are those of the whole log, as read and why have them. Lines
around a match are those of its step.
Exit codes: 0 shown (also where --grep matches no line), 4 not to be
had (of one job, or in part); with --follow 0 success, 1 otherwise.
"""


@click.command("logs", help=__doc__, epilog=_EPILOG)
@click.argument("target", shell_complete=forge_target)
@click.option("--job", metavar="NAME", help="The job, where the run has several.")
@click.option("--attempt", type=click.IntRange(1), metavar="N", help="An older attempt of the job.")
@click.option("--step", metavar="N|NAME", help="One step: its number in the workflow file, or its name.")
@click.option("--failed", is_flag=True, help="The failing steps only.")
@click.option("--tail", type=click.IntRange(0), metavar="N", help="The last N lines only.")
@click.option(
    "--lines",
    metavar="A:B",
    help="Lines A to B of the whole log only (also A:, :B, A, and -N: for the last N); nothing after B is read.",
)
@grep_options
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
@click.option(
    "--json", "as_json", is_flag=True, help="One JSON object a line: heads, steps, lines; with --follow the end."
)
@forge_options
def command(
    target: str,
    job: str | None,
    attempt: int | None,
    step: str | None,
    failed: bool,
    tail: int | None,
    lines: str | None,
    grep: "Grep | None",
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
    from whyred.app.log_pieces import LogWish
    from whyred.app.options import Options
    from whyred.app.targets import address_of
    from whyred.faces.cli.show import refuse_loss
    from whyred.settings import folders

    assert isinstance(options, Options)
    if failed and step is not None:
        raise click.UsageError("--failed and --step both choose steps: say one of them.")
    if follow and (tail is not None or failed):
        raise click.UsageError("--follow shows a log from its beginning: leave --tail and --failed away.")
    if lines is not None and (step is not None or failed or follow or tail is not None):
        raise click.UsageError("--lines chooses by numbers: leave --step, --failed, --tail and --follow away.")
    window, tail = _window(lines, tail)
    some = step is not None or tail is not None or window is not None or grep is not None
    if folder is not None and (file or follow or raw or timestamps or some):
        raise click.UsageError("--out-dir writes whole logs as they are stored (masked): leave the other options away.")
    address = address_of(target)
    if address is None and (follow or folder is not None or attempt is not None):
        option = "--follow" if follow else "--out-dir" if folder is not None else "--attempt"
        raise click.UsageError(f"{option} is for runs on a forge, and {target} is none: leave it away.")
    refuse_loss(target, "--out", file)
    wish = LogWish(address, job, attempt, step, failed, tail, follow, raw, timestamps, max_bytes, grep, window)
    library = Library(folders.cache())
    if address is None:
        from whyred.app.log_files import file_logs
        from whyred.faces.cli.show import progress

        return _write(file_logs(wish, target, library, progress), wish, file, as_json=as_json)
    forges = reach(options)
    if folder is not None:
        return _collect(wish, forges, folder, library, as_json=as_json)
    from whyred.app.logs import logs

    return _write(logs(wish, forges, library), wish, file, as_json=as_json)


def _window(lines: str | None, tail: int | None) -> "tuple[Window | None, int | None]":
    """The lines that are asked for: by their numbers, or so many from the end. Raises UsageError."""
    if lines is None:
        return None, tail
    from whyred.logs.window import Window

    none = f"--lines {lines} has no line: lines count from 1, and A is not above B."
    if last := re.fullmatch(r"-([0-9]{1,12}):", lines):
        if int(last[1]) < 1:
            raise click.UsageError(none)
        return None, int(last[1])
    told = re.fullmatch(r"([0-9]{1,12})?(:)?([0-9]{1,12})?", lines)
    if told is None or told.group(1, 3) == (None, None):
        raise click.UsageError(f"--lines wants A:B, A:, :B, A, or -N: for the last N lines, not {lines!r}.")
    first = int(told[1] or 1)
    end = int(told[3]) if told[3] else None if told[2] else first
    if first < 1 or (end is not None and end < first):
        raise click.UsageError(none)
    return Window(first, end), None


def _collect(wish: "LogWish", forges: "Forges", folder: Path, library: "Library", *, as_json: bool) -> int:
    from whyred.app.collect import collect
    from whyred.app.logs import attempts_of
    from whyred.faces.cli.collected import show
    from whyred.faces.cli.show import progress

    ladder, found = attempts_of(wish, forges)
    return show(collect(ladder, found, folder, library, progress, wish.most), folder, as_json=as_json)


def _refuse_now(error: "MissingLogError") -> None:
    """Tells the refusal as JSON now, for the end is the last line; it is not told again when the command ends."""
    from whyred.faces.cli.ends import show_refusal
    from whyred.faces.cli.program import AS_JSON

    show_refusal(error)
    click.get_current_context().meta.pop(AS_JSON, None)


def _write(pieces: "Iterator[Piece]", wish: "LogWish", file: Path | None, *, as_json: bool) -> int:
    from whyred.faces.cli.log_writer import LogWriter
    from whyred.faces.cli.show import progress
    from whyred.model.run import Conclusion
    from whyred.model.source import MissingLogError

    bare = wish.grep is None and (wish.tail is not None or wish.window is not None)
    with LogWriter(file, as_json=as_json, raw=wish.raw, bare=bare, grep=wish.grep) as writer:
        try:
            for piece in pieces:
                writer.take(piece)
        except (MissingLogError, KeyboardInterrupt) as e:
            writer.flush(whole=False)
            if wish.follow:
                if as_json and isinstance(e, MissingLogError):
                    _refuse_now(e)
                writer.ended(Conclusion.UNKNOWN, 130 if isinstance(e, KeyboardInterrupt) else 4)
            raise
        progress.clear()
        writer.flush()
        if wish.follow:
            return writer.end()
        return 0 if writer.complete else 4
