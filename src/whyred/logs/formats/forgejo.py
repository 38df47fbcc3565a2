"""Forgejo and Gitea: rows as their runners send them (act's messages, one time stamp a row)."""

from whyred.logs.format import STAMP, Format, Mark, Sign

FORMAT = Format(
    name="forgejo",
    signs=(
        rb"^" + STAMP + rb"\S+\(version:[^)]*\) received task \d+ of job ",
        rb"^" + STAMP + rb"\xe2\xad\x90 Run (?:Main|Pre|Post) ",
        rb"^" + STAMP + rb" ? ?(?:\xe2\x9c\x85|\xe2\x9d\x8c)  (?:Success|Failure) - ",
        rb"^" + STAMP + rb"\xf0\x9f\x8f\x81  Job (?:succeeded|failed)",
        rb"^" + STAMP + rb"(?:\xe2\x9a\x99\xef\xb8\x8f \[runner\]: )?RUN exit status \d+",
    ),
    prefix=rb"^" + STAMP,
    marks=(
        Mark(Sign.RUNNER, r"^(?P<runner>\S+)\(version:[^)]*\) received task \d+ of job (?P<job>[^,]+)"),
        # Between the first line of a step and the end of the last one, the runner's own messages are dropped.
        Mark(Sign.FROM_STEP, r"^⭐ Run Main (?P<name>.+)"),
        Mark(Sign.ASIDE, r"^⭐ Run (?P<name>(?:Pre|Post) .+)"),
        Mark(Sign.ENDED_WELL, r"^ *✅  Success - Main (?P<name>.+)"),
        Mark(Sign.ENDED_BADLY, r"^ *❌  Failure - Main (?P<name>.+)"),
        Mark(Sign.ENDED_BADLY, r"^(?:⚙️ \[runner\]: )?RUN exit status (?P<code>\d+)"),
        Mark(Sign.ENDED_BADLY, r"^(?:⚙️ \[runner\]: )?exitcode '(?P<code>\d+)': failure"),
        Mark(Sign.FORGIVEN, r"^(?:⚙️ \[runner\]: )?Failed but continue next step$"),
        Mark(Sign.JOB_CANCELLED, r"this step has been cancelled: "),
        Mark(Sign.JOB_SUCCEEDED, r"^🏁  Job succeeded"),
        Mark(Sign.JOB_FAILED, r"^🏁  Job failed"),
        Mark(Sign.JOB_FAILED, r"^Job '.*' failed$"),
    ),
    source="forgejo-runner v12: internal/pkg/report/reporter.go, act/runner/step.go, act/container/host_environment.go",
)
