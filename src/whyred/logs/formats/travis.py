r"""Travis CI: the raw log of a job, and a copy of a job's page, which lacks the marks of folds and times.

A command of the job is echoed as `$ COMMAND` behind `travis_time:start:ID` CR, on the same line, and in a fold
(`travis_fold:start:STAGE.N` CR) unless the stage is `script`. Copies may have a line feed in place of each CR, or lack
the CR and the escape sequence after it, or only the ESC of that.

`script` goes on after a command that fails, and `after_failure`, `after_script` and the store of the cache follow;
every other stage stops the job (`failed and exited with N during STAGE.`, where STAGE is empty since 2015). A command
is told in full: one of several lines ends lines below its first one.
"""

from whyred.logs.format import STAMP, Format, Mark, Sign

_ERASE = r"(?:\[[0-9;]{1,6}[mK])*"
"""What is left of escape sequences where a copy lacks the ESC."""
_END = r"(?:^|duration=\d{1,20}(?:,event=\w*?)?)"
"""What stands before the words that tell an end: nothing, or the end of the time where the CR is lost."""
_NAME = r"(?P<told>\S.*?) *"
_BAD = r"(?P<code>[1-9]\d*)(?:\.| during \w*\.)(?:\[0m)?$"
_OWN_FOLD = r"after_(?:success|failure|script)|before_cache"
"""Stages after the script, which change nothing in how the job ended."""
_SAYS = rf'{_END}{_ERASE}The command "'
_SYSTEM = "worker_info|system_info|step_start_instance|step_upload_script|resolvconf|docker_mtu_and_registry_mirrors"

FORMAT = Format(
    name="travis",
    signs=(
        rb"travis_fold:(?:start|end):[\w.-]",
        rb"travis_time:(?:start:[0-9a-f]{1,8}|end:[0-9a-f]{1,8}:start=\d)",
        rb"(?:^|[\rK])(?:Worker information|Build system information)\r?$",
        rb"^Setting environment variables from (?:\.travis\.yml|repository settings)",
        rb"^(?:\d+\.\d\ds)?\$ git clone --depth=\d+ (?:--branch=)?",
        rb'^(?:\x1b\[\d+;1m)?The command ".{1,1000}(?:" (?:failed and )?exited with \d{1,3}(?:\.| during )|$)',
        rb"^Done\. Your build exited with \d{1,3}\.",
        rb"^Your build has been stopped\.",
        rb"[ '\"=:]/(?:home|Users)/travis/",
    ),
    prefix=rb"^" + STAMP,
    marks=(
        Mark(Sign.RUNNER, r"^hostname: (?P<runner>\S+@\S+)"),
        Mark(Sign.OVER, r"travis_fold:end:"),
        Mark(Sign.ASIDE, rf"travis_fold:start:(?P<name>(?:{_OWN_FOLD}|{_SYSTEM})(?:\.\d+)?)"),
        Mark(Sign.ASIDE, rf"^{_ERASE}(?P<name>store build cache)"),
        Mark(Sign.OPENS, r"travis_time:start:[0-9a-f]{1,8}(?:$|[\[$\r])"),
        Mark(Sign.TITLE, rf"^{_ERASE}(?:\d+\.\d\ds)?\$ (?P<name>\S.*)"),
        Mark(Sign.TITLE, rf"travis_time:start:[0-9a-f]{{1,8}}{_ERASE}\$ (?P<name>\S.*)"),
        Mark(Sign.ENDED_WELL, rf'{_SAYS}{_NAME}" exited with (?P<code>0)\.'),
        Mark(Sign.ENDED_BADLY, rf'{_SAYS}{_NAME}" (?:failed and )?exited with {_BAD}'),
        Mark(Sign.ENDING, rf'{_SAYS}(?P<told>\S(?:[^"]|"[^ ])*"?)$'),  # a quote and a space end the command
        Mark(Sign.ENDED_WELL, r'" exited with (?P<code>0)\.(?:\[0m)?$'),
        Mark(Sign.ENDED_BADLY, rf'" (?:failed and )?exited with {_BAD}'),
        Mark(Sign.STOPPED, r"^Your build has been stopped\."),
        Mark(Sign.STOPPED, r"^No output has been received in the last \d"),
        Mark(Sign.STOPPED, r"^The job exceeded the maximum (?:time limit|log length)\b"),
        Mark(Sign.STOPPED, r"^The (?:build|job) has been terminated"),
        Mark(Sign.JOB_CANCELLED, r"^Done: Job Cancelled"),
        Mark(Sign.JOB_SUCCEEDED, r"^Done\. (?:Your build|Build script) exited with:? 0\b"),
        Mark(Sign.JOB_FAILED, r"^Done\. (?:Your build|Build script) exited with:? [1-9]"),
    ),
    source="travis-ci/travis-build lib/travis/build: bash, stages.rb; travis-ci/worker: step_run_script.go, package.go",
)
