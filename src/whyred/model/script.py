"""What a workflow file says of a step that its log can be held against: `Script`, and the texts it `Print`s."""

import re
from dataclasses import dataclass

_EXPRESSION = re.compile(r"\$\{\{.*?\}\}")


@dataclass(frozen=True, slots=True)
class Print:
    """A text that a script prints, as parts between which anything may stand.

    `first`: nothing was printed before it; `last`: when it is there the script has ended well; `exits`: the status with
    which the script then ends at once, where it does.
    """

    parts: tuple[str, ...]
    first: bool = False
    last: bool = False
    exits: int | None = None


@dataclass(frozen=True, slots=True)
class Script:
    """A step of a workflow file. `begins`: what it does, in one line, as runners say it at its beginning; `prints` in
    the order of its script; `after_failure`: it may run when a step before it has failed; `goes_on`: the job goes on
    when it fails itself (`continue-on-error`). `run`: its whole script, where a POSIX shell runs it; else empty.
    """

    name: str
    begins: str = ""
    prints: tuple[Print, ...] = ()
    after_failure: bool = True
    goes_on: bool = False
    run: str = ""


def called(form: str, name: str) -> bool:
    """Whether a job or step that a workflow file calls `form`, maybe with `${{ }}`, is called `name` in its run."""
    parts = [re.escape(part) for part in _EXPRESSION.split(form)]
    return form == name or (len(parts) > 1 and re.fullmatch(".*".join(parts), name) is not None)
