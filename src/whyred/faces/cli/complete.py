"""What the shell may complete beyond options: the forms of a target."""

import click
from click.shell_completion import CompletionItem

TARGET_HELP = """\b
A TARGET is
  FILE            a log as it lies on the disk, also .gz and .zst
  -               the log on standard input
  BUNDLE          what `whyred save` or `--save` wrote
  local, local:N  the newest or the Nth run of `whyred run`
"""


def target(_ctx: click.Context, _param: click.Parameter, begun: str) -> list[CompletionItem]:
    """Files, and `local`."""
    items = [CompletionItem("local", help="the newest run of `whyred run`")] if "local".startswith(begun) else []
    return [*items, CompletionItem(begun, type="file")]
