"""Azure Pipelines: the log of a job or of one of its steps, as the API, the zip of logs and "View raw log" give it.

A step is `##[section]Starting: NAME` to `##[section]Finishing: NAME`; the job's own pair stands around all of them.
How a step ended is not told: a task that failed wrote `##[error]` last (a script's exit code, or the tool's words).
After it run the steps whose condition asks for it, the post-job ones and `Finalize Job`.
"""

from whyred.logs.format import STAMP, Format, Mark, Sign

SIGNS = (
    rb"^" + STAMP + rb"(?:Agent name: '|Agent machine name: '|Current agent version: ')",
    rb"^" + STAMP + rb"Task         : \S",
    rb"^" + STAMP + rb"={20,40} Starting Command Output ={20,40}",
    rb"^" + STAMP + rb"##\[error\](?:Bash|PowerShell|Cmd\.exe) exited with code '",
    rb"^" + STAMP + rb"(?:##\[debug\]Processed: )?##vso\[task\.[a-zA-Z]{1,40}[ \]]",
    rb"^" + STAMP + rb"Start cleaning up orphan processes\.",
)
ASIDE = r"(?:Initialize job|Finalize Job|Post-job: .+|Stop Containers|Report build status)"
"""The agent's own steps."""
ENDS = (
    Mark(Sign.ENDED_BADLY, r"^##\[error\](?:Bash|PowerShell|Cmd\.exe) exited with code '(?P<code>-?\d+)'"),
    Mark(Sign.ENDED_BADLY, r"^##\[error\].*\bfailed with exit code (?P<code>-?\d+)\.?$"),
    Mark(Sign.ENDED_BADLY, r"^##\[error\]Process '[^']+' exited with code '(?P<code>-?\d+)'"),
    Mark(Sign.ENDED_BADLY, r"^##\[error\]The task has timed out\."),
    Mark(Sign.ENDED_BADLY, r"^(?:##\[debug\]Processed: )?##vso\[task\.complete [^\]]*\bresult=Failed\b"),
    Mark(Sign.JOB_CANCELLED, r"^##\[error\]The [Oo]peration (?:was|will be) canceled\."),
    Mark(Sign.ANNOTATION, r"^##\[error\](?P<message>.+)"),
    Mark(Sign.RUNNER, r"^Agent name: '(?P<runner>[^']+)'"),
)

FORMAT = Format(
    name="azure",
    signs=(*SIGNS, rb"^" + STAMP + rb"##\[section\](?:Starting|Finishing|Async Command Start): "),
    prefix=rb"^" + STAMP,
    marks=(
        Mark(Sign.STEP, r"^##\[section\]Starting: (?P<name>.+)"),
        Mark(Sign.ASIDE, rf"^##\[section\]Starting: (?P<name>{ASIDE})$"),
        *ENDS,
    ),
    source="microsoft/azure-pipelines-agent src/Agent.Worker: ExecutionContext.cs, StepsRunner.cs, JobRunner.cs, and"
    " en-US/strings.json; microsoft/azure-pipelines-tasks BashV3, CmdLineV2, PowerShellV2; azure-pipelines-task-lib",
    forgives=True,
)
