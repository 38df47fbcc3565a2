"""What the shell may complete beyond options: the forms of a target."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:  # only a shell that completes wants it: 4 ms of every other call
    from click.shell_completion import CompletionItem

_ON_FORGE = """\
  .               this checkout: the newest failing run of HEAD on its forge
  OWNER/REPO      the newest failing run of its default branch
  OWNER/REPO#RUN  that run; OWNER/REPO@SHA those of a commit
  URL             of a run, job, attempt or pull request, from the browser
"""
TARGET_HELP = f"""\b
A TARGET is
  FILE            a log as it lies on the disk, also .gz and .zst
  ZIP, FOLDER     the logs of a run, as its page gives them for download
  -               the log on standard input
  BUNDLE          what `whyred save` or `--save` wrote
  local, local:N  the newest or the Nth run of `whyred run`
{_ON_FORGE}and :JOB after ZIP, FOLDER or any of the last four names one job.
"""
FORGE_TARGET_HELP = f"""\b
A TARGET is
{_ON_FORGE}and :JOB after any of these names one job.
"""
"""The same of a command for what runs on a forge alone."""


def target(_ctx: click.Context, _param: click.Parameter, begun: str) -> "list[CompletionItem]":
    """Files; or `local`, where that was begun and no file begins so (bash cannot show both)."""
    from click.shell_completion import CompletionItem

    if len(begun) > 1 and "local".startswith(begun) and not any(p.name.startswith(begun) for p in Path().iterdir()):
        return [CompletionItem("local", help="the newest run of `whyred run`")]
    return [CompletionItem(begun, type="file")]


def forge_target(ctx: click.Context, param: click.Parameter, begun: str) -> "list[CompletionItem]":
    """Repositories, runs and jobs that were seen before; never a question to a server while somebody types."""
    from whyred.app.seen import complete

    found = complete(begun)
    from click.shell_completion import CompletionItem

    return [CompletionItem(value, help=help_) for value, help_ in found] or target(ctx, param, begun)
