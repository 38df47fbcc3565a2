"""Show the founding incident, really done, and how whyred finds its cause."""

import click


@click.command("demo", help=__doc__)
@click.option("--inside", is_flag=True, hidden=True)
def command(inside: bool) -> int:
    """Play the incident in a sandbox; without namespaces, replay the recorded one."""
    from whyred.app.demo import demo, play
    from whyred.app.library import Library
    from whyred.settings import folders

    library = Library(folders.cache())
    return play(library, click.echo) if inside else demo(library, click.echo)
