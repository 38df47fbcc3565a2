"""Ansible: what `ansible-playbook` prints, or writes to its log file. A task is a step; the recap counts per host."""

from whyred.logs.format import Format, Mark, Sign

_COUNTS = r"^\S+ *: ok=\d+ +changed=\d+ +unreachable="

FORMAT = Format(
    name="ansible",
    signs=(rb"^(?:\d{4}-[^\n|]{0,60}\| )?(?:PLAY|TASK:?|RUNNING HANDLER|PLAY RECAP)(?: \[[^\n]*\])? \*{3,}",),
    prefix=rb"^(?:\xef\xbb\xbf)?(?:\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:[.,]\d{1,6})?(?: p=\d+ u=\S+(?: n=\S+)?)? \| )?",
    marks=(
        Mark(
            Sign.STEP,
            r"^(?:TASK|HANDLER|NOTIFIED|RUNNING HANDLER|CLEANUP TASK):? \[(?P<name>.+?)\](?: \[CHECK MODE\])? \*{3,}$",
        ),
        Mark(Sign.STEP, r"^(?P<name>GATHERING FACTS) \*{3,}$"),
        Mark(Sign.ASIDE, r"^(?P<name>PLAY RECAP) \*{3,}$"),
        Mark(Sign.FAILS, r"^fatal: \[[^\]]+\](?:: (?:FAILED|UNREACHABLE)!| =>)"),
        Mark(Sign.FAILS, r"^failed: \[[^\]]+\] (?:\(item=|=>)"),
        Mark(Sign.FAILS, r"^ERROR! \S"),
        Mark(Sign.FORGIVEN, r"^\.\.\.ignoring$"),
        Mark(Sign.PART_SUCCEEDED, rf"{_COUNTS}0 +failed=0\b"),
        Mark(Sign.PART_FAILED, rf"{_COUNTS}(?:[1-9]\d* +failed=\d|0 +failed=[1-9])"),
        Mark(Sign.JOB_FAILED, r"^ERROR! \S|^CRITICAL +\S|^Ansible failed to complete successfully"),
    ),
    source="ansible 1.9 to 2.18: lib/ansible/plugins/callback/default.py, lib/ansible/utils/display.py",
    inner=True,
)
