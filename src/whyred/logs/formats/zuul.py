"""Zuul: the job's text log (`job-output.txt`), a time and a bar before every line and the host where one wrote it.

Zuul runs playbooks: a task is a step. `ERROR` alone begins what a task tells of its failure; the counts of the recap
say which playbook failed, since Zuul itself only says whether Ansible came to an end (`RESULT_NORMAL`).
"""

from whyred.logs.format import Format, Mark, Sign

_STAMP = rb"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d{1,6})? \|"

FORMAT = Format(
    name="zuul",
    signs=(
        rb"^" + _STAMP + rb"(?: |\r?$)",
        rb"^" + _STAMP + rb" (?:PRE-|POST-|CLEANUP-)?RUN (?:START|END RESULT_\w+): \[(?:un)?trusted : ",
        rb"^" + _STAMP + rb" (?:Job console starting|Running Ansible setup)\.\.\.",
        rb"^" + _STAMP + rb" (?:PLAY|TASK|LOOP) \[[^\n]+\]\r?$",
    ),
    prefix=rb"^(?:" + _STAMP + rb"(?: (?:[A-Za-z][\w.-]{0,100}(?: -> [\w.-]{1,100})? \| ?)?)?)?",
    marks=(
        Mark(Sign.STEP, r"^(?P<name>(?:PRE-|POST-)?RUN) START: \["),
        Mark(Sign.STEP, r"^(?:TASK|LOOP|HANDLER|RUNNING HANDLER) \[(?P<name>.+)\]$"),
        Mark(Sign.ASIDE, r"^(?P<name>CLEANUP-RUN) START: \["),
        Mark(Sign.ASIDE, r"^(?P<name>PLAY RECAP)$"),
        Mark(Sign.FAILS, r"^ERROR$"),
        Mark(Sign.FAILS, r"^ERROR: (?:Item: |All items complete)"),
        Mark(Sign.FAILS, r"^ok: Item: .*Result: [1-9]\d*$"),
        Mark(Sign.FAILS, r"^MODULE FAILURE(?::|$)"),
        Mark(Sign.FAILS, r'^  "rc": (?P<code>[1-9]\d*),?$'),
        Mark(Sign.FORGIVEN, r"^ERROR: Ignoring Errors$"),
        Mark(Sign.PART_SUCCEEDED, r"^ok: \d+ changed: \d+ unreachable: 0 failed: 0\b"),
        Mark(Sign.PART_FAILED, r"^ok: \d+ changed: \d+ unreachable: (?:[1-9]\d* failed: \d|0 failed: [1-9])"),
        Mark(Sign.STOPPED, r"^(?:PRE-|POST-)?RUN END RESULT_(?:TIMED_OUT|UNREACHABLE|DISK_FULL): "),
        Mark(Sign.STOPPED, r"^ERROR! \S"),
        Mark(Sign.STOPPED, r"^(?:UNEXPECTED ANSIBLE ERROR|ANSIBLE PARSE ERROR)$"),
        Mark(Sign.JOB_CANCELLED, r"^(?:PRE-|POST-)?RUN END RESULT_ABORTED: "),
    ),
    source="zuul 3.9 to 11: zuul/ansible/base/callback/zuul_stream.py, zuul/executor/server.py",
)
