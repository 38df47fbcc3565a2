"""GitHub Actions: the text of the API, of the log zip and of `gh run view --log` (job and step columns)."""

from whyred.logs.format import STAMP, Format, Mark, Sign

FORMAT = Format(
    name="github-actions",
    signs=(
        rb"^" + STAMP + rb"##\[(?:group|endgroup|error|section|warning|command)\]",
        rb"^(?:[^\t\n]{1,200}\t){2}(?:\xef\xbb\xbf)?\d{4}-\d\d-\d\dT",
        rb"^" + STAMP + rb"(?:Current runner version: '|Runner name: '|Complete job name: )",
        rb"^" + STAMP + rb"(?:Post job cleanup\.|Cleaning up orphan processes)",
        rb"GITHUB_TOKEN Permissions",
    ),
    prefix=rb"^(?:\xef\xbb\xbf)?(?:(?P<job>[^\t\n]{1,200})\t(?P<step>[^\t\n]{1,200})\t(?=(?:\xef\xbb\xbf)?\d{4}-\d\d-))?"
    + STAMP,
    marks=(
        Mark(Sign.STEP, r"^##\[group\](?P<name>Run .+)"),
        Mark(Sign.ASIDE, r"^(?P<name>Post job cleanup)\."),
        Mark(Sign.ASIDE, r"^(?P<name>Cleaning up orphan processes)"),
        Mark(Sign.ENDED_BADLY, r"^##\[error\]Process completed with exit code (?P<code>-?\d+)"),
        Mark(Sign.JOB_CANCELLED, r"^##\[error\]The operation was canceled\."),
        Mark(Sign.ANNOTATION, r"^##\[error\](?P<message>.+)"),
        Mark(Sign.RUNNER, r"^Runner name: '(?P<runner>[^']+)'"),
        Mark(Sign.RUNNER, r"^Complete job name: (?P<job>.+)"),
    ),
    source="actions/runner, src/Runner.Worker: ExecutionContext, ActionRunner, JobExtension",
    script_until=r"shell: (?:\S*/)?(?:ba)?sh(?: |$)",
    forgives=True,
)
