"""What is known of a job while it runs: how its steps ended, what they handed on, and how it stands itself."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from whyred.model.run import Conclusion, Step
from whyred.workflows.nouns import StepSpec
from whyred.workflows.values import NotKnown, Value

_WORDS = {
    Conclusion.SUCCESS: "success",
    Conclusion.FAILURE: "failure",
    Conclusion.TIMED_OUT: "failure",
    Conclusion.CANCELLED: "cancelled",
    Conclusion.SKIPPED: "skipped",
}


def result_word(conclusion: Conclusion, who: str) -> str | NotKnown:
    """How a forge would say that the step or job `who` ended; not known where whyred could not run (all of) it."""
    word = _WORDS.get(conclusion)
    return NotKnown(f"{who} was not (wholly) run here", "See in its own log why") if word is None else word


@dataclass(slots=True)
class JobState:
    """A job under way. `steps` in their order; `path`: folders of GITHUB_PATH, the last written in front; `from_steps`:
    what GITHUB_ENV was given; `results`: the `steps` context, by id.
    """

    steps: list[Step] = field(default_factory=list)
    failed: bool = False
    incomplete: bool = False
    timed_out: bool = False
    path: list[str] = field(default_factory=list)
    from_steps: dict[str, str] = field(default_factory=dict, repr=False)
    results: dict[str, Value] = field(default_factory=dict, repr=False)

    @property
    def status(self) -> str:
        """`job.status`."""
        return "failure" if self.failed else "success"

    @property
    def missed(self) -> int:
        """How many steps could not be run here."""
        return sum(step.conclusion is Conclusion.NOT_RUN for step in self.steps)

    def remember(
        self, spec: StepSpec, outcome: Conclusion, conclusion: Conclusion, outputs: Mapping[str, str] | None = None
    ) -> None:
        """What `steps.<id>` is from now on. `outcome` is how it ended before `continue-on-error` was looked at."""
        if spec.id is None:
            return
        who = f"step `{spec.id}`"
        word = result_word(outcome, who)
        if isinstance(word, NotKnown):
            self.results[spec.id] = word
            return
        self.results[spec.id] = {
            "outputs": dict(outputs or {}),
            "outcome": word,
            "conclusion": result_word(conclusion, who),
        }

    def conclusion(self, *, cancelled: bool) -> Conclusion:
        """One conclusion for the whole: what could not be run keeps it from being a success."""
        if cancelled:
            return Conclusion.CANCELLED
        if self.timed_out:
            return Conclusion.TIMED_OUT
        if self.failed:
            return Conclusion.FAILURE
        ran = any(step.conclusion is Conclusion.SUCCESS for step in self.steps)
        if self.incomplete:
            return Conclusion.UNKNOWN if ran else Conclusion.NOT_RUN
        return Conclusion.SUCCESS if ran else Conclusion.SKIPPED
