"""Which routes a kind of forge has is read from their files, so that no other forge's need be imported."""

import subprocess
import sys

import pytest

from whyred.app import ladder
from whyred.model.forge import Kind


@pytest.mark.parametrize("kind", Kind)
def test_the_routes_of_a_kind_are_those_that_say_so(kind: Kind) -> None:
    assert [r.NAME for r in ladder.routes(kind)] == [r.NAME for r in ladder.routes() if kind in r.KINDS]


@pytest.mark.parametrize(
    ("line", "may"),
    [
        (b"KINDS = frozenset({Kind.FORGEJO, Kind.GITEA})\n", True),
        (b"KINDS: frozenset[Kind] = frozenset({Kind.FORGEJO})\n", True),
        (b"KINDS = frozenset({\n    Kind.GITEA,\n    Kind.FORGEJO,\n})\n", True),
        (b"KINDS = frozenset({Kind.GITEA})\n", False),
        (b"KINDS = OTHER\n", True),
        (b"KINDS = frozenset({Kind.GITEA}) | OTHER\n", True),
        (b"    KINDS: frozenset[Kind]\n", False),
        (b"NAME = 1\n", False),
    ],
)
def test_what_cannot_be_read_is_imported(line: bytes, may: bool) -> None:
    assert ladder._may_serve(b'"""A route."""\n\n' + line + b"ORDER = 1\n", Kind.FORGEJO) is may


def test_a_forge_needs_no_other_forges_routes_and_no_yaml() -> None:
    code = (
        "import sys; from whyred.app.ladder import routes; from whyred.model.forge import Kind\n"
        "routes(Kind.FORGEJO); print([m for m in sys.modules if 'github' in m or 'gitlab' in m or 'yaml' in m])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
