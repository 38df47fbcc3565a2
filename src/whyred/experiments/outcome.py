"""How one command of a step ended, in the words of the log and of `Step`."""

import signal
from dataclasses import dataclass

from whyred.experiments.terminal import Ended, Stop
from whyred.model.run import Conclusion


@dataclass(frozen=True, slots=True)
class Outcome:
    """The end of a step. `lines` go into the log with the runner's mark."""

    conclusion: Conclusion
    exit_code: int | None = None
    reason: str | None = None
    lines: tuple[str, ...] = ()

    @property
    def failed(self) -> bool:
        """Whether the step counts as failed for those after it."""
        return self.conclusion is not Conclusion.SUCCESS


def failure(reason: str) -> Outcome:
    """A step that failed before or after its command, for a reason we know."""
    return Outcome(Conclusion.FAILURE, reason=reason, lines=(reason,))


def outcome(ended: Ended, limit: str) -> Outcome:
    """What an ended command means; `limit` names the time limit it had.

    The lines are forgejo-runner's (act/container/host_environment.go), whose words for signals are those of the C
    library in small letters.
    """
    if ended.stop is Stop.CANCELLED:
        line = f"this step has been cancelled: ctx: context canceled, exec: {_how(ended.code)}"
        return Outcome(Conclusion.CANCELLED, reason="the run was cancelled", lines=(line,))
    if ended.stop is Stop.TIMED_OUT:
        line = f"this step has been cancelled: ctx: context deadline exceeded, exec: {_how(ended.code)}"
        reason = f"it ran longer than {limit}"
        return Outcome(Conclusion.TIMED_OUT, reason=reason, lines=(line, reason))
    if ended.code == 0:
        return Outcome(Conclusion.SUCCESS, 0)
    code, how = ended.code, _how(ended.code)
    if code is not None and code < 0:
        return Outcome(Conclusion.FAILURE, 128 - code, how.removeprefix("RUN "), (how,))
    return Outcome(Conclusion.FAILURE, code, lines=(how,))


def _how(code: int | None) -> str:
    if code is None:
        return "RUN signal: killed, and the process did not go"
    if code < 0:
        return f"RUN signal: {(signal.strsignal(-code) or str(-code)).lower()}"
    return f"RUN exit status {code}"
