"""The program as `click` knows it: its commands, found by their files, and its own help."""

import os

import click

FOLDER = os.path.join(os.path.dirname(__file__), "commands")  # noqa: PTH118, PTH120 - pathlib costs 8 ms of start-up

AS_JSON = "whyred.as_json"
"""The place in a context's `meta`, which a command shares with the program, that says that JSON is wanted."""


class Commands(click.Group):
    """Lists the command files without importing them; imports the one that is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The commands' names, sorted."""
        files = (e for e in os.listdir(FOLDER) if e.endswith(".py") and not e.startswith("_"))  # noqa: PTH208
        return sorted(e[:-3].replace("_", "-") for e in files)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of this name, imported now; a file that begins with `_` is a command that help does not list."""
        module_name = cmd_name.replace("-", "_")
        if not cmd_name.isascii() or not cmd_name[:1].isalpha():
            return None
        if not os.path.exists(os.path.join(FOLDER, module_name + ".py")):  # noqa: PTH110, PTH118
            module_name = "_" + module_name
        if not os.path.exists(os.path.join(FOLDER, module_name + ".py")):  # noqa: PTH110, PTH118
            return None
        import importlib

        module = importlib.import_module(f"whyred.faces.cli.commands.{module_name}")
        command: click.Command = module.command
        for param in command.params:
            if param.name in ("as_json", "form"):
                param.callback = _note_json
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that the first argument names. Raises UsageError, with the name that was probably meant."""
        if self.get_command(ctx, args[0]) is None and not args[0].startswith("-"):
            ctx.fail(f"there is no command {args[0]!r}{self._meant(args[0])}.")
        return super().resolve_command(ctx, args)

    def _meant(self, name: str) -> str:
        import difflib

        if os.path.exists(name) or name.startswith("local"):  # noqa: PTH110
            return f": to ask about it, say: whyred why {name}"
        near = difflib.get_close_matches(name, self.list_commands(click.Context(self)), 1, 0.5)
        return f": did you mean {near[0]!r}?" if near else ""

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The table of commands, from the first line of each file."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, _short_help(name)) for name in self.list_commands(ctx)])


def _note_json(ctx: click.Context, _param: click.Parameter, value: object) -> object:
    """Keeps in mind that JSON is wanted: what is refused is told as JSON, too."""
    if value is True or value == "json":
        ctx.meta[AS_JSON] = True
    return value


def _short_help(name: str) -> str:
    path = os.path.join(FOLDER, name.replace("-", "_") + ".py")  # noqa: PTH118
    with open(path, encoding="utf-8") as file:  # noqa: PTH123
        return file.readline().strip().strip('"').rstrip(".")


def _version(ctx: click.Context, _param: click.Parameter, value: bool) -> None:
    if value and not ctx.resilient_parsing:
        from importlib.metadata import version

        click.echo(f"whyred {version('whyred')}")
        ctx.exit()


_HELP = """Tells you why a CI run is red when the same commit passes on your machine.

\b
Start with one of:
  whyred login https://FORGE  once; then whyred why . in a checkout
  whyred why OWNER/REPO#RUN   a run on Forgejo, Gitea, GitHub or GitLab
  whyred why LOG              a log file, or - to pipe one in
  whyred run WORKFLOW.yml     then: whyred why local
  whyred demo                 see it at work
"""
_EPILOG = """\b
A TARGET is a run on Forgejo, Gitea, GitHub or GitLab (first: whyred login):
  .   OWNER/REPO   OWNER/REPO#RUN   OWNER/REPO@SHA   or its URL in the browser
or a log file, a zip or folder of logs, - for standard input, a bundle, local
or local:N (whyred run).
Where its log cannot be had, whyred access TARGET says what would open it.

\b
Exit codes: 0 nothing failed, 1 something did, 2 wrong usage,
4 nothing to be had, 3 a bug in whyred, 130 interrupted.
Completion by the tab key, in your shell's start file:
  bash  eval "$(_WHYRED_COMPLETE=bash_source whyred)"
  zsh   eval "$(_WHYRED_COMPLETE=zsh_source whyred)"
  fish  _WHYRED_COMPLETE=fish_source whyred | source
"""


@click.command(
    cls=Commands,
    help=_HELP,
    epilog=_EPILOG,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.option("--version", is_flag=True, is_eager=True, expose_value=False, callback=_version, help="Show the version.")
def cli() -> None:
    """The program; its commands do the work."""
