"""Write a new pattern, cause, probe, source or report into this checkout."""

import click


def _kinds(ctx: click.Context, _param: click.Parameter, kind: str) -> str:
    from whyred.app.new import kinds

    if kind not in kinds():
        raise click.BadParameter(f"there is no kind {kind!r}: choose from {', '.join(kinds())}.", ctx)
    return kind


@click.command("new", help=__doc__)
@click.argument("kind", metavar="pattern|cause|probe|source|report", callback=_kinds)
@click.argument("id_", metavar="ID")
@click.option("--json", "as_json", is_flag=True, help="Say it as JSON.")
def command(kind: str, id_: str, as_json: bool) -> int:
    """Write the unit's files, say which, and how to check them."""
    import json
    from pathlib import Path

    from whyred.app.new import new
    from whyred.faces.cli.show import out

    written = new(kind, id_, Path.cwd())
    files = [str(file) for file in written.files]
    if as_json:
        out(json.dumps({"schema": "whyred.new/1", "files": files, "check": written.check}) + "\n")
    else:
        out("".join(f"wrote {file}\n" for file in files) + f"Fill in what this says is missing: {written.check}\n")
    return 0
