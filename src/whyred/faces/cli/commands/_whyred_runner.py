"""Take jobs on standard input as a runner unit (used by `whyred demo`)."""

import click


@click.command("whyred-runner", help=__doc__, hidden=True)
@click.argument("name")
def command(name: str) -> int:
    """Serve until standard input ends."""
    import sys

    from whyred.app.run import serve

    serve(name, sys.stdin.buffer, sys.stdout.buffer)
    return 0
