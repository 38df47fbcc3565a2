r"""Jenkins console text, freestyle and pipeline.

A pipeline's stage is `[Pipeline] { (NAME)` to `[Pipeline] // stage`; branches of `parallel` run at once and their lines
are mixed, so that only `Failed in branch NAME` tells which of them failed. Before workflow-job 2.26 each line of a
branch began with `[NAME] `. The error that ended a pipeline is told last, after `End of Pipeline`; a declarative one
skips every later stage and says so. A freestyle build names the build step that failed.
"""

from whyred.logs.format import STAMP, Format, Mark, Sign

_BRANCH = r"(?:\[[^\]]{1,200}\] )?"
"""The branch that wrote a message of the pipeline's, before 2.26."""
_TIDY = r"(?:[Cc]lean(?:ing)?[ -]?[Uu]p|[Cc]lean(?:ing)? [Ww]orkspace|[Tt]ear[ -]?[Dd]own|[Nn]otif(?:y|ications?))"
"""Names of stages that scripted pipelines run in a `finally`, however the others ended."""

FORMAT = Format(
    name="jenkins",
    signs=(
        rb"^"
        + STAMP
        + rb"(?:Started by (?:user|timer|an SCM change|upstream project|remote host)|Legacy code started)",
        rb"^" + STAMP + rb"Finished: (?:SUCCESS|FAILURE|UNSTABLE|ABORTED|NOT_BUILT)",
        rb"^(?:[\[\d][\dTZ:.\[\]-]{6,27} {0,2})?\[Pipeline\] ",
        rb"^" + STAMP + rb"(?:Building (?:in workspace|remotely on|on the built-in node)|Running on \S+ in )",
        rb"hudson\.(?:remoting|plugins|model|slaves)\.",
    ),
    prefix=rb"^" + STAMP + rb"(?:\[\d{4}-\d\d-\d\dT[0-9:.]+Z\] |\d\d:\d\d:\d\d(?:\.\d{3})? {1,2})?",
    marks=(
        Mark(Sign.LABEL, r"^\[Pipeline\] \[(?P<label>[^\]]{1,200})\] \{ \(Branch: "),
        Mark(Sign.STEP, rf"^\[Pipeline\] {_BRANCH}\{{ \((?:Branch: )?(?P<name>.+)\)$"),
        Mark(Sign.STEP, r"^\[Pipeline\] stage \((?P<name>.+)\)$"),
        Mark(Sign.ASIDE, rf"^\[Pipeline\] {_BRANCH}\{{ \((?P<name>{_TIDY}|Declarative: Post Actions)\)$"),
        Mark(Sign.OUTSIDE, rf"^\[Pipeline\] {_BRANCH}// stage$"),
        Mark(Sign.OUTSIDE, r"^\[Pipeline\] End of Pipeline$"),
        Mark(Sign.SKIPPED, r'^Stage "[^"]+" skipped due to '),
        Mark(Sign.STOPPED, r'^Stage "[^"]+" skipped due to earlier failure'),
        Mark(Sign.ENDED_BADLY, r"^Failed in branch (?P<told>\S.*)$"),
        Mark(Sign.ENDED_BADLY, r"^Build step '(?P<told>[^']{1,200})' marked build as failure$"),
        Mark(Sign.ENDED_BADLY, r"^Build step '(?P<told>[^']{1,200})' changed build result to (?:FAILURE|UNSTABLE)$"),
        Mark(Sign.STOPPED, r"^ERROR: script returned exit code (?P<code>-?\d+)"),
        Mark(Sign.JOB_SUCCEEDED, r"^Finished: SUCCESS"),
        Mark(Sign.JOB_FAILED, r"^Finished: (?:FAILURE|UNSTABLE)"),
        Mark(Sign.JOB_CANCELLED, r"^Finished: (?:ABORTED|NOT_BUILT)"),
    ),
    source="jenkinsci/jenkins core hudson/model/Run.java, hudson/tasks/BuildStepMonitor; workflow-job and workflow-cps"
    " plugins (NodePrintListener, ParallelStep); pipeline-model-definition plugin (Utils.logToTaskListener)",
)
