"""`whyred --help` against a click program with one empty command."""

import sys

from bench.measure import Command, Given, Result, codes, summed, turns, whyred

MOST = 1.2
EMPTY = '''\
import click


@click.group()
def cli():
    """Does nothing."""


@cli.command()
def empty():
    """Do nothing."""


if __name__ == "__main__":
    cli()
'''


def bench(given: Given) -> Result:
    """Start-up is what every command pays."""
    program = given.folder / "empty_click.py"
    program.write_text(EMPTY, encoding="utf-8")
    ours, peer = whyred("--help"), Command("click, one empty command", [sys.executable, str(program), "--help"])
    pairs = list(turns(ours, peer, given.count(15), given.folder))
    return summed("help", ours, peer, pairs, most_ratio=MOST, wrong=codes(pairs, 0))
