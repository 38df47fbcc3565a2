"""Start a workflow of a forge by hand (workflow_dispatch)."""

import click

from whyred.faces.cli.changes import CODES, Wanted, carry_out, change_options
from whyred.faces.cli.complete import forge_target
from whyred.faces.cli.forge import address, forge_options, reach

_EPILOG = f"""\b
WORKFLOW is the name of its file. REPO is owner/repo, a repository's URL, or
`.` for this checkout (the default). The file is read before anything is done:
its trigger and its inputs must fit.

\b
Examples:
  whyred dispatch release.yml
  whyred dispatch release.yml team/app --ref v2 --input level=minor --apply

{CODES}"""
REFUSED = "refused"


@click.command("dispatch", help=__doc__, epilog=_EPILOG)
@click.argument("workflow")
@click.argument("repo", default=".", shell_complete=forge_target)
@click.option("--ref", metavar="NAME", help="The branch or tag to run it on; the default branch without.")
@click.option("--input", "inputs", multiple=True, metavar="NAME=VALUE", help="An input of the workflow; repeatable.")
@change_options
@forge_options
def command(workflow: str, repo: str, ref: str | None, inputs: tuple[str, ...], wanted: Wanted, options: object) -> int:
    """Plan, show, and do it where that is wanted."""
    from whyred.app.change import dispatch
    from whyred.app.options import Options

    assert isinstance(options, Options)
    given: dict[str, str] = {}
    for one in inputs:
        name, equals, value = one.partition("=")
        if not name or not equals:
            raise click.UsageError(f"--input wants NAME=VALUE, not {one!r}.")
        if name in given:
            raise click.UsageError(f"--input {name} is said twice.")
        given[name] = value
    if not workflow.endswith((".yml", ".yaml")):
        raise click.UsageError(f"a workflow is named by its file, such as ci.yml, not {workflow!r}.")
    forges = reach(options)
    return carry_out(dispatch(workflow, address(repo), ref, given, forges), wanted, forges)
