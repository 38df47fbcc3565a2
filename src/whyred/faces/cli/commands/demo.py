"""Show the founding incident, really done, and the verdict on it."""

import click


@click.command("demo", help=__doc__)
@click.option("--inside", is_flag=True, hidden=True)
@click.option("--json", "as_json", is_flag=True, help="End with the outcome as JSON; the story goes to standard error.")
def command(inside: bool, as_json: bool) -> int:
    """Play the incident in a sandbox; without namespaces, replay the recorded one."""
    import shlex

    from whyred.app.demo import demo, play
    from whyred.app.library import Library
    from whyred.faces.cli.show import text
    from whyred.settings import folders

    def say(told: str) -> None:
        if as_json:
            click.echo(told, err=True)
        else:
            text(f"{told}\n")

    library = Library(folders.cache())
    played = play(library, say) if inside else demo(library, say, ["--json"] if as_json else [])
    best = played.verdict.findings[0] if played.verdict.findings else None
    if as_json:
        from whyred.reports.reading import dump

        click.echo(
            dump(
                {
                    "schema": "whyred.demo/1",
                    "cause": best.cause.id if best else None,
                    "confidence": best.confidence.value if best else None,
                    "recorded": played.recorded,
                    "report": str(played.report) if played.report else None,
                    "bundle": str(played.bundle),
                }
            ),
            nl=False,
        )
    else:
        end = " (recorded)" if played.recorded else "; then green again"
        say(f"\nverdict: {f'{best.cause.id}, {best.confidence.value}' if best else 'none'}{end}")
        say(f"report:  {played.report or 'not written: there is no folder for it'}")
        say(f"bundle:  {played.bundle}   (try: whyred why {shlex.quote(str(played.bundle))})")
    return 0 if played.found else 1
