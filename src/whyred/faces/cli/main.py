"""The entry point: finds commands by their files, turns every end into the exit code of the design."""

import os
import sys
from typing import NoReturn

import click

FOLDER = os.path.join(os.path.dirname(__file__), "commands")  # noqa: PTH118, PTH120 - pathlib costs 8 ms of start-up


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
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The table of commands, from the first line of each file."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, _short_help(name)) for name in self.list_commands(ctx)])


def _short_help(name: str) -> str:
    path = os.path.join(FOLDER, name.replace("-", "_") + ".py")  # noqa: PTH118
    with open(path, encoding="utf-8") as file:  # noqa: PTH123
        return file.readline().strip().strip('"').rstrip(".")


def _version(ctx: click.Context, _param: click.Parameter, value: bool) -> None:
    if value and not ctx.resilient_parsing:
        from importlib.metadata import version

        click.echo(f"whyred {version('whyred')}")
        ctx.exit()


@click.command(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120})
@click.option("--version", is_flag=True, is_eager=True, expose_value=False, callback=_version, help="Show the version.")
def cli() -> None:
    """Tells you why a CI run is red when the same commit passes on your machine.

    Start with: whyred why LOG
    """


def main() -> NoReturn:
    """Runs the program and exits."""
    sys.exit(_run())


def _run() -> int:
    try:
        code = cli.main(prog_name="whyred", standalone_mode=False)
        sys.stdout.flush()
        return code if isinstance(code, int) else 0
    except click.exceptions.Exit as e:
        return e.exit_code
    except click.ClickException as e:
        e.show()
        return e.exit_code
    except (click.Abort, KeyboardInterrupt):
        print("whyred: interrupted", file=sys.stderr)  # noqa: T201
        return 130
    except BrokenPipeError:
        # The reader of our output went away (`| head`): not an error, and the interpreter must not complain at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as e:  # noqa: BLE001 - the top of this face: the one place that may catch everything
        from whyred.faces.cli.ends import end

        return end(e)


if __name__ == "__main__":
    main()
