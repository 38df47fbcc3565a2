"""The names of repositories that are nearest to one that is not to be found."""

import difflib
from contextlib import suppress

from whyred.app.forges import Forges
from whyred.model.forge import Address
from whyred.model.source import MissingLogError
from whyred.model.trouble import UserError

_MOST = 5


def nearest(address: Address, forges: Forges) -> list[str]:
    """Repositories that this user may see, the nearest name first; none where the repository itself is among them, or
    nothing lists them.
    """
    known: list[str] = []
    with suppress(MissingLogError, UserError):  # a gain: what was refused is told without
        ladder, address = forges.of(address)
        known = list(ladder.ask("repositories"))
    if address.repo in known:
        return []
    near = difflib.get_close_matches(address.repo, known, _MOST, 0.5)
    own = address.repo.rpartition("/")[2].lower()
    alike = [name for name in known if name.rpartition("/")[2].lower() == own]
    return list(dict.fromkeys([*alike, *near]))[:_MOST]
