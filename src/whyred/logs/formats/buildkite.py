"""Buildkite: the raw log of a job. What begins with `~~~`, `---` or `+++` heads a group; the agent's own groups are
`~~~`. Times stand in escape sequences (`ESC _bk;t=MS BEL`), which the text is read without.

Lines of diffs, of `set -x` and of Go's tests begin like headings (`+++ b/file`, `+++ date +%s`, `--- FAIL: TestX`).
What the agent did not write is therefore taken as a heading only where an emoji stands in front, or words that begin
like a sentence.
"""

from whyred.logs.format import Format, Mark, Sign

_TITLE = r"(?P<name>(?::[\w+-]+: *[^\t]*|[\x80-\xff][^\t]*|[A-Z][a-z]+ [^\t]*)[^\t-])$"

FORMAT = Format(
    name="buildkite",
    signs=(
        rb"^~~~ (?:Preparing (?:working directory|plugins|secrets)|Job API)",
        rb"^~~~ Running .{1,80} hook\r?$",
        rb"^~~~ Running (?:commands?|script|batch script)\r?$",
        rb"^\^\^\^ \+\+\+",
        rb"^user command error: ",
        rb"\xf0\x9f\x9a\xa8 Error: The command (?:exited with status|was interrupted by)",
    ),
    prefix=rb"^(?:\xef\xbb\xbf)?",
    marks=(
        Mark(Sign.STEP, r"^~~~ (?P<name>.+)"),
        Mark(Sign.STEP, rf"^(?:---|\+\+\+) {_TITLE}"),
        Mark(Sign.ASIDE, r"^~~~ (?P<name>Uploading artifacts|Running .+ pre-exit hook)"),
        Mark(Sign.ENDED_BADLY, r"^🚨 Error: The command exited with status (?P<code>-?\d+)"),
        Mark(Sign.ENDED_BADLY, r"^🚨 Error: The .+ hook exited with status (?P<code>-?\d+)"),
        Mark(Sign.ENDED_BADLY, r"^🚨 Error: The command was interrupted by a signal"),
        Mark(Sign.ENDED_BADLY, r"^🚨 Error: .*\bexit status (?P<code>\d+)"),
        Mark(Sign.ENDED_BADLY, r"^user command error: (?:.*exit status (?P<code>\d+))?"),
    ),
    source="buildkite-agent 3: internal/job/executor.go, internal/shell/logger.go, core/job_controller.go",
)
