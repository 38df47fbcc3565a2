"""Every command: found by its file, explained in a line, with --help and, where it shows results, --json."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

import whyred.reports
from whyred.faces.cli import program
from whyred.faces.cli.program import cli

FOLDER = Path(program.FOLDER)
FILES = sorted(f for f in FOLDER.glob("*.py") if f.name != "__init__.py")
NAMES = [f.stem.lstrip("_").replace("_", "-") for f in FILES]
LISTED = [f.stem.replace("_", "-") for f in FILES if not f.stem.startswith("_")]
EACH = pytest.mark.parametrize("name", NAMES)


def get(name: str) -> click.Command:
    command = cli.get_command(click.Context(cli), name)
    assert isinstance(command, click.Command)
    return command


def docstring(name: str) -> str:
    file = next(f for f in FILES if f.stem.lstrip("_").replace("_", "-") == name)
    return ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or ""


@EACH
def test_begins_with_its_short_help(name: str) -> None:
    first = docstring(name).partition("\n")[0]
    assert first, f"{name}: its file must begin with a docstring: its first line is the help"
    assert first.endswith("."), f"{name}: the first line of its docstring ends with a full stop"
    assert len(first) <= 100, f"{name}: the first line of its docstring is longer than 100 characters"
    file = next(f for f in FILES if f.stem.lstrip("_").replace("_", "-") == name)
    assert file.read_text(encoding="utf-8").startswith('"""'), f"{name}: the docstring is the file's first line"


@EACH
def test_is_named_after_its_file(name: str) -> None:
    assert get(name).name == name
    assert get(name).callback is not None


@EACH
def test_help_explains_every_option(name: str) -> None:
    result = CliRunner().invoke(cli, [name, "--help"], prog_name="whyred")
    assert result.exit_code == 0
    assert result.output.startswith(f"Usage: whyred {name}")
    for param in get(name).params:
        if isinstance(param, click.Option) and not param.hidden:
            assert param.help, f"{name}: {param.opts[0]} has no help"
            assert param.help.endswith("."), f"{name}: the help of {param.opts[0]} ends with a full stop"


@pytest.mark.parametrize("name", LISTED)
def test_has_json(name: str) -> None:
    options = {o for p in get(name).params for o in p.opts}
    assert "--json" in options, f"{name}: wants --json, as every command has it"


@pytest.mark.parametrize("name", LISTED)
def test_what_json_prints_has_a_schema(name: str) -> None:
    folder = Path(whyred.reports.__path__[0]) / "schema"
    told = [f.name for f in folder.glob("*.json") if f"`whyred {name} --json`" in f.read_text(encoding="utf-8")]
    assert len(told) == 1, f"{name}: the description of one schema says that `whyred {name} --json` prints it: {told}"


@pytest.mark.parametrize("name", LISTED)
def test_wrong_usage_is_named_and_ends_with_2(name: str) -> None:
    result = CliRunner().invoke(cli, [name, "--no-such-option"], prog_name="whyred")
    assert result.exit_code == 2
    assert "--no-such-option" in result.output


def test_help_lists_every_command_and_imports_none() -> None:
    code = (
        "import sys; sys.argv = ['whyred', '--help']\n"
        "from whyred.faces.cli.main import _run\n_run()\n"
        "print([m for m in sys.modules if m.startswith('whyred.') and not m.startswith('whyred.faces.cli')"
        " and m != 'whyred.faces'], [m for m in sys.modules if m.startswith('whyred.faces.cli.commands.')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[] []"
    section = done.stdout.partition("Commands:\n")[2].partition("\n\n")[0]
    rows = [line.split()[0] for line in section.splitlines() if line[2:3].strip()]
    assert rows == sorted(LISTED)


@pytest.mark.parametrize("name", ["", "..", "main", "_run", "no-such", "why/../why", "__init__"])
def test_no_other_name_is_a_command(name: str) -> None:
    result = CliRunner().invoke(cli, [name], prog_name="whyred")
    assert result.exit_code == 2


def test_module_and_script_are_the_same_program() -> None:
    environ = os.environ | {"COLUMNS": "100"}
    script = Path(sys.executable).with_name("whyred")
    if not script.exists():
        pytest.skip("whyred is not installed beside this Python: pip install -e .")
    texts = {
        subprocess.run([*argv, "--help"], capture_output=True, text=True, check=True, env=environ).stdout
        for argv in ([script], [sys.executable, "-m", "whyred"])
    }
    assert len(texts) == 1
