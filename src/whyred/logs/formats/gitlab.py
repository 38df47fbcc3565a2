r"""GitLab: the raw log of a job (`/-/jobs/ID/raw`, the trace API, a saved artifact).

The runner marks each of its stages with `section_start:TIME:NAME[OPTIONS]` CR title CR and `section_end:TIME:NAME` CR;
scripts may mark sections of their own in the same way, and those are no steps. From runner 17 on, with FF_TIMESTAMPS,
each line begins with its time, the stream's number, `O` or `E`, and `+` where it continues the line before.
"""

from whyred.logs.format import STAMP, Format, Mark, Sign

_TIMED = rb"(?:(?<=Z )[0-9a-f]{2}[OE][ +])?"
_OWN = (
    "resolve_secrets|prepare_executor|prepare_script|get_sources|clear_worktree|restore_cache|download_artifacts"
    r"|step_\w+|build_script|user_script|release"
)
"""Stages that run before or as the job's script: the job stops at the first that fails."""
ASIDE = "after_script|archive_cache\\w*|upload_artifacts\\w*|cleanup\\w*"
"""Stages that run after the script, however it ended."""
STAGES = f"{_OWN}|{ASIDE}"
"""All stages; other sections are the script's own."""
_END = r"(?:[\[\r]|$)"
"""What may follow a name: options, or the CR that the engine still sees."""
CODE = r"(?:.*\bexit (?:code|status):? (?P<code>\d+))?"
"""The rest of the line that says why a job failed."""

FORMAT = Format(
    name="gitlab",
    signs=(
        rb"(?:^|[\r ])section_(?:start|end):\d{9,}:[A-Za-z0-9_.-]+",
        # A copy that has line feeds in place of the CRs has the titles of the page, too: the marks outweigh them.
        rb"(?:^|[\r ])section_end:\d{9,}:[A-Za-z0-9_.-]+",
        rb"(?:^|[\r ])section_start:\d{9,}:prepare_(?:executor|script)\b",
        rb"(?:^|[\r ])section_start:\d{9,}:get_sources\b",
        rb"(?:^|[\r ])section_start:\d{9,}:(?:step_|build_)script\b",
        rb"^\d{4}-\d\d-\d\dT[0-9:.]+Z [0-9a-f]{2}[OE][ +]",
        rb"^" + STAMP + rb"(?:[0-9a-f]{2}[OE][ +])?Running with gitlab-runner ",
        rb"(?:^|[\r ])ERROR: Job failed(?: \(system failure\))?: ",
    ),
    prefix=rb"^" + STAMP + _TIMED + rb"(?:section_end:\d{1,20}:[A-Za-z0-9_.-]{1,200}\r?)*",
    marks=(
        Mark(Sign.RUNNER, r"^  on (?P<runner>.+?) \S{6,40}, system ID: \S+$"),
        Mark(Sign.RUNNER, r"^  on (?P<runner>\S+) [A-Za-z0-9_-]{8,9}$"),
        Mark(Sign.STEP, rf"^section_start:\d+:(?P<name>{_OWN}){_END}"),
        Mark(Sign.ASIDE, rf"^section_start:\d+:(?P<name>{ASIDE}){_END}"),
        Mark(Sign.COMMAND, r"^\$ (?P<script>\S.*)"),
        Mark(Sign.JOB_SUCCEEDED, r"^Job succeeded$"),
        Mark(Sign.JOB_CANCELLED, r"^ERROR: Job failed: (?:canceled|aborted)"),
        Mark(Sign.STOPPED, r"^ERROR: Job failed(?: \(system failure\))?: " + CODE),
    ),
    source="gitlab-runner 18: common/build.go, helpers/build_section.go, common/buildlogger/internal/timestamper",
)
