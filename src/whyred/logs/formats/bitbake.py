"""BitBake (Yocto, OpenEmbedded): tasks run side by side, so there are no steps; the log of one stands behind `| `."""

from whyred.logs.format import Format, Mark, Sign

FORMAT = Format(
    name="bitbake",
    signs=(
        rb"^NOTE: (?:Executing (?:SetScene|RunQueue|Tasks)|Running (?:setscene )?task \d+ of \d+|recipe \S+: task )",
        rb"^(?:BB_VERSION +=|Parsing recipes|Initialising tasks)",
        rb"^ERROR: (?:\S+ do_\w+: |Task \(\S+:do_\w+\) |Task \S+ \(\S+, do_\w+\) |Logfile of failure stored in: )",
    ),
    prefix=rb"^(?:\xef\xbb\xbf)?(?:\| )?",
    marks=(
        Mark(Sign.JOB_SUCCEEDED, r"^NOTE: Tasks Summary: Attempted .+ and all succeeded\.$"),
        Mark(Sign.JOB_FAILED, r"^Summary: .+ returning a non-zero exit code\.$"),
        Mark(Sign.JOB_FAILED, r"^Summary: \d+ tasks? failed:$"),
    ),
    source="bitbake lib/bb/ui/knotty.py, lib/bb/build.py, lib/bb/runqueue.py",
    inner=True,
)
