"""Jenkins console text, freestyle and pipeline."""

from whyred.logs.format import STAMP, Format, Mark, Sign

FORMAT = Format(
    name="jenkins",
    signs=(
        rb"^"
        + STAMP
        + rb"(?:Started by (?:user|timer|an SCM change|upstream project|remote host)|Legacy code started)",
        rb"^" + STAMP + rb"Finished: (?:SUCCESS|FAILURE|UNSTABLE|ABORTED|NOT_BUILT)",
        rb"^" + STAMP + rb"\[Pipeline\] ",
        rb"^" + STAMP + rb"(?:Building (?:in workspace|remotely on|on the built-in node)|Running on \S+ in )",
        rb"hudson\.(?:remoting|plugins|model|slaves)\.",
    ),
    prefix=rb"^" + STAMP + rb"(?:\[\d{4}-\d\d-\d\dT[0-9:.]+Z\] |\d\d:\d\d:\d\d(?:\.\d{3})? {1,2})?",
    marks=(
        Mark(Sign.STEP, r"^\[Pipeline\] \{ \((?P<name>[^)]+)\)"),
        Mark(Sign.ASIDE, r"^\[Pipeline\] \{ \((?P<name>Declarative: Post Actions)\)"),
        Mark(Sign.SKIPPED, r'^Stage "[^"]+" skipped due to '),
        Mark(Sign.STOPPED, r"^ERROR: script returned exit code (?P<code>-?\d+)"),
        Mark(Sign.JOB_SUCCEEDED, r"^Finished: SUCCESS"),
        Mark(Sign.JOB_FAILED, r"^Finished: (?:FAILURE|UNSTABLE)"),
        Mark(Sign.JOB_CANCELLED, r"^Finished: (?:ABORTED|NOT_BUILT)"),
    ),
    source="jenkinsci/jenkins core/src/main/java/hudson/model/Run.java; workflow-job plugin",
)
