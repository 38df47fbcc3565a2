"""GitHub Actions as copied from the web page: no time stamps, `Run ...` headings, `Error: ...` annotations."""

from whyred.logs.format import Format, Mark, Sign

FORMAT = Format(
    name="github-web",
    signs=(
        rb"^Run [\w.-]+/[\w./-]+@[\w./-]+\r?$",
        rb"^Error: Process completed with exit code \d+\.",
        rb"^Error: (?:The operation was canceled|Unable to process file command)",
        rb"^Post job cleanup\.\r?$",
    ),
    prefix=rb"^(?:\xef\xbb\xbf)?",
    marks=(
        Mark(Sign.STEP, r"^(?P<name>Run [\w./$-].*)"),
        Mark(Sign.ASIDE, r"^(?P<name>Post job cleanup)\."),
        Mark(Sign.ENDED_BADLY, r"^Error: Process completed with exit code (?P<code>-?\d+)"),
        Mark(Sign.JOB_CANCELLED, r"^Error: The operation was canceled\."),
        Mark(Sign.ANNOTATION, r"^Error: (?P<message>.+)"),
    ),
    source="github.com job pages",
    forgives=True,
)
