"""What the log of a job says besides its steps: its matrix, what is not as on a runner, how it ended."""

from collections.abc import Iterator, Mapping

from whyred.experiments.contexts import NOT_EXPANDED, Around
from whyred.model.run import Conclusion
from whyred.workflows.nouns import JobSpec
from whyred.workflows.values import NotKnown, Value, to_text


def matrix_line(matrix: Mapping[str, Value]) -> str:
    """The line that forgejo-runner writes for a job of a matrix."""
    return f"🧪  Matrix: map[{' '.join(f'{key}:{to_text(matrix[key])}' for key in sorted(matrix))}]"


def differences(job: JobSpec, unset: Mapping[str, NotKnown], around: Around) -> Iterator[str]:
    """What of the job is not as it would be on a runner, before its first step."""
    for name in sorted(unset):
        yield f"`{name}` stays unset: {unset[name].why}. {unset[name].how}"
    if job.container:
        yield f"the job asks for container {job.container}; its steps run on this machine instead"
    if job.services:
        yield f"the services {', '.join(job.services)} are not started"
    missing = [key for key in job.needs if key not in around.needs]
    if missing:
        yield f"the outputs of the jobs it needs are not handed over: {', '.join(missing)}"
    if isinstance(around.matrix, NotKnown):
        yield f"its matrix is not expanded: {around.matrix.why}. {around.matrix.how}"
    elif job.strategy is not None and around.matrix is None:
        yield NOT_EXPANDED.why
    if job.uses:
        yield f"it calls the workflow {job.uses}, which is not run"


def last_line(conclusion: Conclusion, missed: int) -> str:
    """How the log of a job ends; `missed` steps could not be run."""
    ends = {
        Conclusion.SUCCESS: "🏁  Job succeeded",
        Conclusion.SKIPPED: "🏁  Job skipped",
        Conclusion.UNKNOWN: f"🏁  Job incomplete: nothing failed, but not everything was run ({missed} step(s))",
        Conclusion.NOT_RUN: "🏁  Job incomplete: no step was run",
    }
    return ends.get(conclusion, "🏁  Job failed")
