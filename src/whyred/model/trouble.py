"""`UserError`: something a person must know and can act on: what happened, why, and what to do."""


class UserError(Exception):
    """A clear end. `code` is the exit code of the design, section 7: 2 wrong usage or settings, 4 nothing to be had."""

    def __init__(self, what: str, why: str, how: str, code: int = 2) -> None:
        super().__init__(f"{what}: {why}. {how}")
        self.what, self.why, self.how, self.code = what, why, how, code


class NotAcceptedError(UserError):
    """What a user answered was not accepted; another answer may be."""
