"""What was kept where the runner is: by a tap, and in the runner's own journal."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from standin import standin

from refusals.cell import Cell, Make, Place
from refusals.ways import everyday
from whyred.model.source import Missing


def _of_a_forge_that_runs(route: str) -> Make:
    """Somebody with a token, who asks for what this machine kept; it kept nothing."""

    @contextmanager
    def make(place: Place) -> Iterator[Sequence[str]]:
        world = everyday()
        with standin("forgejo-11", world) as forge:
            place.token(forge.url, world.users["alice"].token("read:repository"))
            yield ["logs", "alice/priv#2", "--server", forge.url, "--route", route]

    return make


CELLS = (
    Cell(
        Missing.NOT_FOUND,
        "tap",
        "no tap ran on this machine",
        _of_a_forge_that_runs("tap"),
        "^look for what a tap kept of http",
        "whyred tap --upstream URL",
    ),
    Cell(
        Missing.UNREACHABLE,
        "runner-journal",
        "nobody named the runner's machine",
        _of_a_forge_that_runs("runner-journal"),
        "^look on the machine of the runner$",
        "add --runner-host local, from elsewhere --runner-host ssh://",
    ),
)
