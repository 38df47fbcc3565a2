"""GitLab as copied from a job's page: the titles of the stages, some with their duration, and no marks."""

from whyred.logs.format import Format, Mark, Sign
from whyred.logs.formats.gitlab import CODE

_OWN = (
    'Preparing the "[^"]+" executor|Preparing environment|Getting source from Git repository'
    "|Restoring cache|Downloading artifacts|Running before_script and script"
)
_ASIDE = (
    "Running after_script|Saving cache for (?:successful|failed) job|Saving cache"
    "|Uploading artifacts for (?:successful|failed) job|Cleaning up (?:project directory and )?file based variables"
)
_LASTED = r"(?: \d\d:\d\d(?::\d\d)?)?$"

FORMAT = Format(
    name="gitlab-web",
    signs=(
        rb"^ *Running with gitlab-runner ",
        rb'^Preparing the "[^"\n]+" executor(?: \d\d:\d\d)?\r?$',
        rb"^Getting source from Git repository(?: \d\d:\d\d)?\r?$",
        rb'^Executing "\w+" stage of the job script(?: \d\d:\d\d)?\r?$',
        rb"^ *ERROR: Job failed(?: \(system failure\))?: ",
        rb"^Cleaning up (?:project directory and )?file based variables(?: \d\d:\d\d)?\r?$",
    ),
    prefix=rb"^(?:\xef\xbb\xbf)?",
    marks=(
        Mark(Sign.RUNNER, r"^ *on (?P<runner>.+?) \S{6,40}, system ID: \S+$"),
        Mark(Sign.STEP, rf"^(?P<name>{_OWN}){_LASTED}"),
        Mark(Sign.STEP, rf'^Executing "(?P<name>\w+)" stage of the job script{_LASTED}'),
        Mark(Sign.ASIDE, rf"^(?P<name>{_ASIDE}){_LASTED}"),
        Mark(Sign.JOB_SUCCEEDED, r"^Job succeeded$"),
        Mark(Sign.JOB_CANCELLED, r"^ERROR: Job failed: (?:canceled|aborted)"),
        Mark(Sign.STOPPED, r"^ERROR: Job failed(?: \(system failure\))?: " + CODE),
    ),
    source="gitlab-runner 18: common/build.go, GetStageDescription; GitLab's job page",
)
