"""The secrets that this run had in its hands. What is written down of a bug is masked of them, whatever they look like:
patterns know the tokens of some forges, and not a password.
"""

import json
from collections.abc import Iterable
from urllib.parse import quote, quote_plus

from whyred.model.credential import Credential, Hidden

_KNOWN: set[Hidden] = set()


def remember(secret: str | None) -> None:
    """Keeps in mind that this text is a secret, for the life of the process and nowhere else."""
    if secret:
        _KNOWN.add(Hidden(secret))


def remember_credential(credential: Credential) -> None:
    """The same for its token and its cookies."""
    remember(credential.token)
    for cookie in credential.cookies:
        remember(cookie.value)


def known_secrets(also: Iterable[str] = ()) -> frozenset[str]:
    """Every text in which one of them, or of `also`, may be written: as it is, in a URL or a form, and in quotes."""
    return frozenset(Hidden(form) for secret in (*_KNOWN, *also) for form in _forms(secret))


def _forms(secret: str) -> Iterable[str]:
    yield secret
    data = secret.encode("utf-8", "surrogateescape")
    yield from (quote(data, safe=""), quote(data), quote_plus(data))
    yield str.__repr__(secret)[1:-1]
    yield json.dumps(secret)[1:-1]
