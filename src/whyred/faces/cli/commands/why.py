"""Tell why a run is red: the cause, its evidence, the remedy."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from whyred.faces.cli.complete import TARGET_HELP, forge_target
from whyred.faces.cli.forge import forge_options, forges_of_any
from whyred.reports.forms import reports

if TYPE_CHECKING:
    from whyred.model.finding import Verdict

_EPILOG = f"""{TARGET_HELP}
\b
Examples:
  whyred why build.log
  whyred why run-12.zip
  whyred why build.log --baseline green.log
  whyred why local --explain
  whyred why build.log --save build.whyred
  whyred why - --host local --this-host-ran-it < build.log
                                             on the runner's own host
  whyred why build.log --host ssh://ci@runner.lan --this-host-ran-it
                                             the same from elsewhere
  whyred why --here --log job.log            in a step with `if: failure()`
Exit codes: 0 nothing failed, 1 something did, explained or not, 4 there
is no log.
"""


@click.command("why", help=__doc__, epilog=_EPILOG)
@click.argument("target", required=False, shell_complete=forge_target)
@click.option("--here", is_flag=True, help="Inside a failing job: its own log, machine and summary page.")
@click.option("--log", metavar="FILE", help="With --here: what a step kept with tee, where the forge gives no log.")
@click.option(
    "--host",
    metavar="local|ssh://USER@HOST|FILE",
    help="The host to ask; FILE: a bundle, or what `whyred doctor --script` printed there. A local run and a bundle "
    "know their own; a log from elsewhere names none.",
)
@click.option("--this-host-ran-it", is_flag=True, help="Vouch that the host given by --host ran this attempt.")
@click.option("--no-probe", is_flag=True, help="Ask no host and for no other run; judge the log alone.")
@click.option(
    "--budget",
    default="10s",
    metavar="TIME",
    show_default=True,
    help="The longest time to ask host and forge, such as 500ms or 2m.",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(list(reports())),
    default="text",
    show_default=True,
    help="How to show the verdict.",
)
@click.option("--json", "form", flag_value="json", help="The same as --format json.")
@click.option("--out", type=click.Path(path_type=Path), metavar="FILE", help="Write the report to this file instead.")
@click.option(
    "--save", type=click.Path(path_type=Path), metavar="BUNDLE", help="Save a bundle as well, which replays offline."
)
@click.option("--max-bytes", type=click.IntRange(1), metavar="N", help="Refuse a log of more than N bytes.")
@click.option(
    "--baseline",
    "baselines",
    multiple=True,
    metavar="TARGET",
    shell_complete=forge_target,
    help="A green attempt: errors that it has as well count less. Repeatable.",
)
@click.option("--no-baseline", is_flag=True, help="Look for no green attempt on the forge.")
@click.option("--explain", is_flag=True, help="Show every question that was asked and what it changed.")
@forge_options
def command(
    target: str | None,
    here: bool,
    log: str | None,
    host: str | None,
    this_host_ran_it: bool,
    no_probe: bool,
    budget: str,
    form: str,
    out: Path | None,
    save: Path | None,
    max_bytes: int | None,
    baselines: tuple[str, ...],
    no_baseline: bool,
    explain: bool,
    options: object,
) -> int:
    """Investigate one attempt and report."""
    from whyred.app.library import Library
    from whyred.app.why import Wish, why
    from whyred.faces.cli.show import progress, refuse_loss, seconds, show
    from whyred.settings import folders

    target = _target(target, here, log, host)
    _refuse_contradictions(host, out, save, vouched=this_host_ran_it, no_probe=no_probe)
    refuse_loss(target, "--out", out)
    refuse_loss(target, "--save", save)
    if baselines and no_baseline:
        raise click.UsageError("--no-baseline compares with nothing, so there is nothing that --baseline could name.")
    forges = forges_of_any((target, *baselines), options)
    limits = (seconds(budget), save, forges, max_bytes)
    wish = Wish(target, host, this_host_ran_it, not no_probe, *limits, baselines, here, not no_baseline)
    verdict = why(wish, Library(folders.cache()), progress)
    show(verdict, form, out, explain=explain)
    if here:
        _summarise(verdict, progress)
    return 1 if verdict.failed else 0


def _refuse_contradictions(
    host: str | None, out: Path | None, save: Path | None, *, vouched: bool, no_probe: bool
) -> None:
    """Raises UsageError where one option makes nothing of another."""
    if vouched and host is None:
        raise click.UsageError("--this-host-ran-it vouches for a host: say which, with --host local.")
    if vouched and no_probe:
        raise click.UsageError("--no-probe asks no host, so there is nothing that --this-host-ran-it could vouch for.")
    if out is not None and save is not None and out.absolute() == save.absolute():
        raise click.UsageError("--out and --save name the same file: one would write over the other.")


def _target(target: str | None, here: bool, log: str | None, host: str | None) -> str:
    """The log that is meant. Raises UsageError and UserError."""
    if not here:
        if log is not None:
            raise click.UsageError("--log goes with --here; else name the log itself: whyred why FILE")
        if target is None:
            raise click.UsageError("Missing argument 'TARGET': a log, a run on a forge, or --here inside a job.")
        return target
    if target is not None or host is not None:
        raise click.UsageError("--here is this very job on this machine: it takes no TARGET and no --host.")
    from whyred.app.here import own_run

    return log if log is not None else own_run(os.environ)


def _summarise(verdict: "Verdict", progress: Callable[[str], None]) -> None:
    """Adds the report to the job's summary page; a page that cannot be written stops nothing."""
    from whyred.app.here import summary
    from whyred.reports import markdown

    file = summary()
    if file is None:
        return
    try:
        with file.open("a", encoding="utf-8") as page:
            page.write(markdown.render(verdict))
    except OSError as e:
        progress(f"the job's summary cannot be written: {file}: {e.strerror}")
