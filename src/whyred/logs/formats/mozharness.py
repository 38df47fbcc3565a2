"""Mozilla: Taskcluster's task logs, Buildbot's before it, and mozharness inside of both.

Taskcluster's `run-task` puts `[task TIME] ` (`vcs`, `fetches`, `setup`, ...) before a line; mozharness its time and a
level of 8 characters. What a tool printed stands behind two blanks, mozharness's own words behind one: the level of its
own errors is kept, since it tells them from other text. `mach` adds minutes and seconds.
"""

from whyred.logs.format import Format, Mark, Sign

_LEVEL = rb"(?:   DEBUG|    INFO| WARNING|   ERROR|CRITICAL|   FATAL) - "
_TASK = rb"(?:\[(?:[\w.-]+ )?20\d\d-\d\d-\d\d[T ][0-9:.]{8,20}(?:Z|\+00:00)?\] ?)?"
_HARNESS = (
    rb"(?:\d\d:\d\d:\d\d +(?:(?:DEBUG|INFO|WARNING|ERROR|CRITICAL|FATAL) -  |(?:DEBUG|INFO|WARNING) - "
    rb"|(?=(?:ERROR|CRITICAL|FATAL) - )))?"
)
_MACH = rb"(?: {0,2}\d{1,3}:\d\d\.\d\d )?"

FORMAT = Format(
    name="mozharness",
    signs=(
        rb"^\[taskcluster(?::\w+)? \d{4}-\d\d-\d\d[T ]|^\[taskcluster(?::error)?\] ",
        rb"^\[(?:setup|vcs|task|fetches|cache|volume|chown) \d{4}-\d\d-\d\dT",
        rb"^" + _TASK + rb"\d\d:\d\d:\d\d " + _LEVEL,
        rb"^={9} (?:Started|Finished) .{1,1000} \(results: \d",
        rb"^(?:builduid: |results: \w+ \(\d\)\r?$)",
    ),
    prefix=rb"^(?:\xef\xbb\xbf)?" + _TASK + _HARNESS + _MACH,
    marks=(
        Mark(Sign.STEP, r"^={9} Started (?P<name>.+?)(?: (?:failed|warnings|exception))?(?: \(results: \d|$)"),
        Mark(Sign.STEP, r"^(?:##### |\[mozharness: [^\]]+\] )Running (?P<name>[\w.-]+ step)\.?$"),
        Mark(Sign.ASIDE, r"^(?:##### |\[mozharness: [^\]]+\] )(?P<name>\w+ summary):$"),
        Mark(Sign.ASIDE, r"^(?P<name>=== Task Finished ===)$"),
        Mark(Sign.ENDED_WELL, r"^={9} Finished .+ \(results: 0,"),
        Mark(Sign.ENDED_BADLY, r"^={9} Finished .+ \(results: [1245],"),
        Mark(Sign.FAILS, r"^setting return code to (?P<code>[1-9]\d*)$"),
        Mark(Sign.FAILS, r"^FATAL - \S"),
        Mark(Sign.FAILS, r"^(?:##### |\[mozharness: [^\]]+\] )Finished [\w.-]+ step \(failed\)"),
        Mark(Sign.PART_FAILED, r"^FATAL - (?:Exiting|Running post_fatal callback)"),
        Mark(Sign.PART_FAILED, r"# TBPL (?:WARNING|FAILURE|EXCEPTION|RETRY) #"),
        Mark(Sign.PART_FAILED, r"^The .+ suite: .+ ran with return status: (?:WARNING|FAILURE|EXCEPTION|RETRY)"),
        Mark(Sign.PART_FAILED, r"^\s*Result: FAILED$"),
        Mark(Sign.PART_FAILED, r"^returning nonzero exit status (?P<code>\d+)$"),
        Mark(Sign.PART_SUCCEEDED, r"# TBPL SUCCESS #"),
        Mark(Sign.PART_SUCCEEDED, r"^\s*Result: SUCCEEDED$"),
        Mark(Sign.JOB_SUCCEEDED, r"^results: success \(0\)$"),
        Mark(Sign.JOB_FAILED, r"^results: (?:warnings|failure|failed|exception|retry) \([1245]\)$"),
        Mark(Sign.JOB_SUCCEEDED, r"^(?:\[taskcluster\] )?Successful task run with exit code: 0 "),
        Mark(Sign.STOPPED, r"^(?:\[taskcluster\] )?Unsuccessful task run with exit code: (?P<code>-?\d+) "),
        Mark(Sign.STOPPED, r"^\[taskcluster:error\] exit status (?P<code>\d+)"),
        Mark(Sign.STOPPED, r"^\[taskcluster(?::error)?\] (?:Error: )?Task (?:timeout after|aborted|run time exceeded)"),
        Mark(Sign.JOB_CANCELLED, r"^\[taskcluster(?::error)?\] .*Task was cancell?ed by another entity"),
    ),
    source="mozilla-central testing/mozharness, taskcluster/scripts/run-task; taskcluster's docker-worker and "
    "generic-worker; buildbot 0.8",
)
