"""Show the founding incident, really done, and the verdict on it."""

import click


@click.command("demo", help=__doc__)
@click.option("--inside", is_flag=True, hidden=True)
def command(inside: bool) -> int:
    """Play the incident in a sandbox; without namespaces, replay the recorded one."""
    from whyred.app.demo import demo, play
    from whyred.app.library import Library
    from whyred.faces.cli.show import text
    from whyred.settings import folders

    def say(told: str) -> None:
        text(f"{told}\n")

    library = Library(folders.cache())
    return play(library, say) if inside else demo(library, say)
