"""A step with its expressions worked out, one part after the other as a runner does it: `env`, `if`, then the rest."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

from whyred.experiments.checkout import HARMLESS, Repository, is_checkout, why_not
from whyred.experiments.conditions import Refusal, not_run, step_refusal
from whyred.experiments.environment import Variables, known
from whyred.workflows.expressions import (
    OPEN,
    Contexts,
    ExpressionError,
    NotKnownError,
    Place,
    interpolate,
    interpolate_text,
)
from whyred.workflows.nouns import RunDefaults, StepSpec
from whyred.workflows.values import NotKnown, to_number, truthy

_T = TypeVar("_T")
_ADD_MASK = "add-mask command"
_SEEN_BY_ALL = ("shell", "with.path")
"""Fields that end up in the arguments of a command, which every user of a machine can read."""


@dataclass(slots=True)
class WorkedStep:
    """A step on its way from the text of the file to what is run; `spec` changes as its parts are worked out.

    `contexts_with`: the contexts once its own variables are known. `defaults`: of job and workflow, the nearer first.
    `problems`: what could not be worked out, by field; `filled`: the fields that something was put into.
    """

    file: str
    spec: StepSpec = field(repr=False)
    contexts_with: Callable[[Variables], Contexts]
    defaults: Sequence[RunDefaults]
    problems: dict[str, ExpressionError] = field(default_factory=dict)
    env: dict[str, str] = field(default_factory=dict, repr=False)
    filled: set[str] = field(default_factory=set)
    _contexts: Contexts = field(init=False)

    def __post_init__(self) -> None:
        self._contexts = self.contexts_with({})
        variables = {name: self._variable(f"env.{name}", text) for name, text in (self.spec.env or {}).items()}
        self.env = known(variables)
        self._contexts = self.contexts_with(variables)
        self.spec = replace(self.spec, name=self._name())

    def refusal(self, repository: Repository | str, secrets: Iterable[str]) -> Refusal | None:
        """Why it is not to be run now; None when it is, or when it fails of `wrong`. `secrets`: their values."""
        try:
            refused = step_refusal(self.spec, self._contexts, self._place("if"))
        except ExpressionError as e:
            self.problems = {"if": e}
            return None
        checkout = is_checkout(self.spec)
        if refused is None and self.spec.uses is not None and not checkout:
            refused = not_run(self.spec, f"whyred runs no actions ({self.spec.uses})")
        if refused is not None:
            return refused
        self._work_out_rest(HARMLESS if checkout else frozenset())
        obstacle = self._not_known()
        if obstacle is None and not self.problems:
            obstacle = self._shown_to_all(secrets) or (why_not(self.spec, repository) if checkout else None)
        return None if obstacle is None else not_run(self.spec, obstacle)

    @property
    def wrong(self) -> ExpressionError | None:
        """The expression of which the step fails, here as on a forge."""
        return next(iter(self.problems.values()), None)

    def _work_out_rest(self, harmless: frozenset[str]) -> None:
        spec = self.spec
        shells = (spec.shell, *(d.shell for d in self.defaults))
        folders = (spec.working_directory, *(d.working_directory for d in self.defaults))
        self.spec = replace(
            spec,
            run=self._text("run", spec.run),
            shell=self._text("shell", next(filter(None, shells), None)),
            working_directory=self._text("working-directory", next(filter(None, folders), None)),
            with_={
                name: text if name in harmless else self._text(f"with.{name}", text) or ""
                for name, text in (spec.with_ or {}).items()
            },
            timeout_minutes=self._minutes(),
            continue_on_error=self._continues(),
        )

    def _variable(self, name: str, text: str) -> str | NotKnown:
        value = self._tried(name, lambda: interpolate_text(text, self._contexts, self._place(name)), None)
        if value is None:
            problem = self.problems[name]
            return NotKnown(problem.why, problem.how)
        return value

    def _name(self) -> str:
        try:
            name = interpolate_text(self.spec.name, self._contexts, self._place("name"))
        except ExpressionError:
            return self.spec.name  # it is only shown: the step itself may be sound
        if OPEN not in self.spec.name:
            return name
        # A script without a name is called by its first line; forgejo-runner does not show a value to be masked either.
        return _ADD_MASK if "::add-mask::" in name else " ".join(name.split("\n"))

    def _text(self, name: str, text: str | None) -> str | None:
        if text is None or OPEN not in text:
            return text
        self.filled.add(name)
        return self._tried(name, lambda: interpolate_text(text, self._contexts, self._place(name)), text)

    def _minutes(self) -> float | None:
        name = "timeout-minutes"
        text = self.spec.expressed.get(name)
        if text is None:
            return self.spec.timeout_minutes
        return self._tried(name, lambda: minutes(text, self._contexts, self._place(name)), None)

    def _continues(self) -> bool:
        name = "continue-on-error"
        text = self.spec.expressed.get(name)
        if text is None:
            return self.spec.continue_on_error
        return self._tried(name, lambda: truthy(interpolate(text, self._contexts, self._place(name))), False)

    def _tried(self, name: str, work_out: Callable[[], _T], otherwise: _T) -> _T:
        """What comes of it; a problem is kept, and `otherwise` stands for it."""
        try:
            return work_out()
        except ExpressionError as e:
            self.problems[name] = e
            return otherwise

    def _place(self, name: str) -> Place:
        return Place(self.file, self.spec.lines.get(name, self.spec.line), name)

    def _not_known(self) -> str | None:
        """What this machine cannot know, as a reason."""
        first = next((e for e in self.problems.values() if isinstance(e, NotKnownError)), None)
        if first is None:
            return None
        order = {name: place for place, name in enumerate(self.spec.expressions)}
        names = sorted(self.problems, key=lambda name: order.get(name, len(order)))
        return f"`${{{{ }}}}` in {', '.join(names)} cannot be worked out: {first.why}. {first.how}"

    def _shown_to_all(self, secrets: Iterable[str]) -> str | None:
        texts: Mapping[str, str] = {
            "shell": self.spec.shell or "",
            "with.path": (self.spec.with_ or {}).get("path", ""),
        }
        for name in self.filled.intersection(_SEEN_BY_ALL):
            if any(secret in texts[name] for secret in secrets if secret):
                return f"`{name}` would show a secret to every user of this machine, in the list of its processes"
        return None


def minutes(text: str, contexts: Contexts, place: Place) -> float:
    """The value of a `timeout-minutes` that is an expression. Raises ExpressionError."""
    number = to_number(interpolate(text, contexts, place))
    if math.isfinite(number) and number > 0:
        return number
    raise ExpressionError(place, 1, f"`{text[:60]}`", "its value is no number above 0", "write minutes")
