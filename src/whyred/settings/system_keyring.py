"""The keyring of the user's desktop, asked through the library `keyring`; never longer than people wait.

What the library finds on a machine without a keyring (`fail`, `null`) and what only writes a file (`keyrings.alt`) does
not count: whyred's own file is at least private.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol, TypeVar

from whyred.model.credential import Hidden

if TYPE_CHECKING:
    from keyring.backend import KeyringBackend

T = TypeVar("T")
SECONDS = 15.0
"""How long a keyring may take for one answer: long enough to type the password that unlocks it."""
_NONE = ("keyring.backends.fail", "keyring.backends.null", "keyrings.alt")


class KeyringError(Exception):
    """The keyring did not do it. The text says why in the form `it ...`, and never what was to be kept."""


class Keyring(Protocol):
    """Whoever keeps secrets under a name. Every method may raise KeyringError."""

    def name(self) -> str | None:
        """How it is called; None where there is none that counts."""

    def read(self, slot: str) -> Hidden | None:
        """What is kept under this name; None for nothing."""

    def write(self, slot: str, text: Hidden) -> None:
        """Keeps a text under this name, in the place of any other."""

    def erase(self, slot: str) -> None:
        """Keeps nothing under this name any more; it need not have been there."""


class SystemKeyring:
    """The one that the library chooses. `service` tells whyred's entries from those of other programs."""

    def __init__(self, service: str, seconds: float = SECONDS) -> None:
        self._service, self._seconds = service, seconds
        self._hung = False

    def name(self) -> str | None:
        """The library's name for it."""
        return self._ask(lambda: None if (found := _found()) is None else type(found).__module__.rpartition(".")[2])

    def read(self, slot: str) -> Hidden | None:
        """What is kept under this name."""
        text = self._ask(lambda: _real().get_password(self._service, slot))
        return None if text is None else Hidden(text)

    def write(self, slot: str, text: Hidden) -> None:
        """Keeps it, and looks whether it is there: some keyrings only say so."""
        # Not every library that a keyring is reached by takes what is a text only by inheritance.
        self._ask(lambda: _real().set_password(self._service, slot, str(text)))
        if self.read(slot) != text:
            raise KeyringError("it did not keep what it was given")

    def erase(self, slot: str) -> None:
        """Keeps nothing under this name any more."""
        if self.read(slot) is not None:
            self._ask(lambda: _real().delete_password(self._service, slot))

    def _ask(self, act: Callable[[], T]) -> T:
        """What the keyring answers. One that hung is not asked again: every question would cost the whole time."""
        try:
            if not self._hung:
                return _within(self._seconds, act)
        except TimeoutError:
            self._hung = True
        raise KeyringError(f"it gave no answer within {self._seconds:g} s")


def _real() -> "KeyringBackend":
    found = _found()
    if found is None:
        raise KeyringError("there is none here")
    return found


def _found() -> "KeyringBackend | None":
    import keyring

    return _counts(keyring.get_keyring())


def _counts(found: "KeyringBackend") -> "KeyringBackend | None":
    """The keyring, or the first of a chain, that really is one."""
    from keyring.backends.chainer import ChainerBackend

    if isinstance(found, ChainerBackend):
        return next((real for one in found.backends if (real := _counts(one)) is not None), None)
    kind = type(found)
    return None if kind.__module__.startswith(_NONE) or "plaintext" in kind.__name__.lower() else found


def _within(seconds: float, act: Callable[[], T]) -> T:
    """What `act` returns. Raises TimeoutError; KeyringError, whatever `act` raises: keyrings let errors of any library
    through, and their frames hold the secret. A thread that hangs is left behind; it keeps no process alive.
    """
    from multiprocessing.pool import ThreadPool

    errors: list[str] = []
    try:
        pool = ThreadPool(1)
    except (OSError, ImportError) as e:  # no /dev/shm, or no room there
        raise KeyringError(f"it cannot be asked: {e}") from None
    answer = pool.apply_async(act, error_callback=lambda error: errors.append(_said(error)))
    pool.close()
    answer.wait(seconds)
    if not answer.ready():
        raise TimeoutError
    if errors:
        raise KeyringError(errors[0])
    return answer.get()


def _said(error: BaseException) -> str:
    return str(error) if isinstance(error, KeyringError) else f"it answered {type(error).__name__}"
