"""The sentences about other runs: what points to the host, what to the change. They stand beside the findings and
weigh nothing: what is red at one time may be so for several reasons.
"""

from collections.abc import Iterator, Mapping

from whyred.diagnosis.judge import show
from whyred.model.cause import Of
from whyred.model.evidence import Answers, Ask, Unknown

SIBLINGS = Ask("sibling-runs", Of.FORGE)
GREEN = Ask("last-green", Of.BASELINE)
ASKS = (SIBLINGS, GREEN)


def sentences(answers: Answers) -> Iterator[str]:
    """What is said; nothing where no forge was asked."""
    siblings, green = _facts(answers, SIBLINGS), _facts(answers, GREEN)
    yield from _of_commit(siblings)
    yield from _around(siblings)
    yield from _since(green)


def _facts(answers: Answers, ask: Ask) -> Mapping[str, object]:
    """What is known, without what is not."""
    for answer in answers.get(ask, ()):
        if not isinstance(answer.facts, Unknown):
            return {k: v for k, v in answer.facts.items() if v is not None and not isinstance(v, Unknown)}
    return {}


def _of_commit(told: Mapping[str, object]) -> Iterator[str]:
    ended = told.get("same_commit")
    if ended in ("green", "both"):
        others = (
            ", on another runner" if told.get("green_elsewhere") is True and told.get("green_here") is False else ""
        )
        others += ", and others were red" if ended == "both" else ""
        yield f"The same job was green on the same commit another time{others}: the change alone does not explain it"
    elif ended == "red":
        where = ", on another runner as well" if told.get("red_elsewhere") is True else ""
        yield f"The same job was red on the same commit every other time that was looked at{where}"
    if "twin" in told:
        yield f"Another run of the same commit was started within two minutes: {_shown(told['twin'])}"


def _around(told: Mapping[str, object]) -> Iterator[str]:
    red, green = told.get("others_red"), told.get("others_green")
    if not isinstance(red, int) or not isinstance(green, int) or red + green == 0:
        return
    if told.get("all_red") is True:
        every = "Both" if red == 2 else f"All {red}"
        yield (
            f"{every} runs of other commits around the same time were red as well: they have no change in common, "
            "so look at the host, the network or a service"
        )
    elif green:
        yield (
            f"Around the same time {green} of {red + green} runs of other commits were green: not everything failed "
            "then"
        )


def _since(told: Mapping[str, object]) -> Iterator[str]:
    run, commits = told.get("run"), told.get("commits")
    if run is None:
        return
    if told.get("same_tree") is True:
        yield f"The last green run, {_shown(run)}, worked on the same files: nothing in them changed since"
    elif told.get("retrigger") is True:
        yield f"Since the last green run, {_shown(run)}, only files changed that hardly any build reads: a retrigger"
    elif commits == 0:
        yield f"Last green: {_shown(run)}, of the same commit"
    elif isinstance(commits, int) and "touched" in told:
        ago = f"{commits} commit{'' if commits == 1 else 's'} ago"
        yield f"Last green: {_shown(run)}, {ago}; since then: {_shown(told['touched'])}"
    else:
        yield f"Last green: {_shown(run)}"


def _shown(value: object) -> str:
    return show(value) if isinstance(value, str) else str(value)
