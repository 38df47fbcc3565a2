"""The secrets that this run had in its hands. What is written down of a bug is masked of them, whatever they look like:
patterns know the tokens of some forges, and not a password.
"""

from collections.abc import Iterable

from whyred.logs.written import forms
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
    """Every text in which one of them, or of `also`, may be written."""
    written = (forms(secret.encode("utf-8", "surrogateescape")) for secret in (*_KNOWN, *also))
    return frozenset(Hidden(form.decode("utf-8", "surrogateescape")) for each in written for form in each)
