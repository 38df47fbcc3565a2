"""Whether an answer is still about the attempt that is read. A job that is run again takes the place of its older
attempt in many answers, and the rest of that one's log would go on with the new one's lines.
"""

from collections.abc import Sequence

from whyred.model.run import Attempt, Status, Step
from whyred.model.source import Missing, MissingLogError

_BEGUN = (Status.RUNNING, Status.DONE)
_OPEN = (Status.WAITING, Status.BLOCKED)


def refuse_other(before: Attempt, now: Attempt, asked: str) -> None:
    """Raises MissingLogError (refused-content) where `now` is told of another attempt than `before` was: it has another
    number, or what had begun waits again. Both are answers of one route, for routes differ in the steps they list.
    """
    told = None not in (before.number, now.number)
    if (told and before.number != now.number) or _back(before.status, now.status) or _begins(before.steps, now.steps):
        raise run_again(asked)


def _back(before: Status, now: Status) -> bool:
    return (before in _BEGUN and now in _OPEN) or (before is Status.DONE and now is Status.RUNNING)


def _begins(before: Sequence[Step], now: Sequence[Step]) -> bool:
    """Whether steps are gone, or one that had begun waits again."""
    pairs = zip(before, now, strict=False)
    return len(now) < len(before) or any(a.status in _BEGUN and b.status in _OPEN for a, b in pairs)


def run_again(asked: str) -> MissingLogError:
    """The attempt that was read is no longer the one that the server shows."""
    help_ = "the job was run again meanwhile, and more lines would be those of the new attempt: ask for its log anew"
    return MissingLogError(Missing.REFUSED_CONTENT, asked, help_)
