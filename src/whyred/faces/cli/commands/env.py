"""Show where a variable comes from: every layer that sets it, and who wins."""

import click

_EPILOG = """\b
Layers: systemd's manager, the runner's unit and its files, the runner's
configuration, workflow, job, step, GITHUB_ENV, BASH_ENV, the step's script,
.env, justfile, Makefile, package.json, cargo's [env], compiler wrappers.
Exit codes: 0 one value (or none) in every process, 1 processes differ or a
value is lost on the way, 4 nothing could be asked.
"""


@click.command("env", help=__doc__, epilog=_EPILOG)
@click.argument("variable")
@click.option(
    "--host",
    default="local",
    metavar="local|ssh://USER@HOST|FILE",
    show_default=True,
    help="The runner's host; FILE: what the script of `whyred doctor --script` printed there.",
)
@click.option("--runner", default="", metavar="NAME", help="Which runner; without: all that run there.")
@click.option("--folder", default=None, metavar="CHECKOUT", help="The checkout on that host; here: this folder.")
@click.option("--workflow", default="", metavar="FILE", help="The workflow file; where there is one only, that one.")
@click.option("--job", default="", metavar="JOB", help="The job, by its key.")
@click.option("--step", default="", metavar="STEP", help="The step, by its name, id or number.")
@click.option("--json", "as_json", is_flag=True, help="Show it as JSON.")
def command(
    variable: str, host: str, runner: str, folder: str | None, workflow: str, job: str, step: str, as_json: bool
) -> int:
    """Trace the variable through every layer."""
    import os

    from whyred.app import hosts
    from whyred.app.library import Library
    from whyred.app.variable import Query, traces, unreached
    from whyred.faces.cli.show import out, progress, text
    from whyred.model.host import HostRefusedError
    from whyred.reports.variable import render_all, render_json
    from whyred.settings import folders

    if step and not (workflow or job or folder is not None or host == hosts.LOCAL):
        raise click.UsageError("--step wants the workflow's checkout on that host: add --folder.")
    local = host == hosts.LOCAL
    place = os.path.abspath(folder) if folder and local else (folder or (os.getcwd() if local else ""))  # noqa: PTH100, PTH109
    if place and not place.startswith("/"):
        raise click.UsageError("--folder wants an absolute path on that host.")
    query = Query(variable, place, runner, workflow, job, step)
    try:
        with hosts.reach(host, progress) as (there, _):
            found = traces(hosts.remembered(there), query, Library(folders.cache()).masker().text, progress)
    except HostRefusedError as e:
        found = (unreached(variable, host, e.unknown),)
    out(render_json(found)) if as_json else text(render_all(found))
    if not any(one.settings or one.live for one in found) and any(one.unknown for one in found):
        return 4
    ends = [o for one in found for o in one.outcomes]
    values = {(o.has, o.value) for o in ends if o.stage != "runner"}
    return 1 if len(values) > 1 or any(o.lost or o.kept or not o.sure for o in ends) else 0
