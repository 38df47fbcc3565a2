"""Logs of Zuul and Ansible (texts of our own): tasks that fail, what is forgiven, and the recap."""

import pytest
from log_texts import first, matched, reading

from whyred.diagnosis.match import match
from whyred.model.run import Conclusion


def at(rows: str) -> str:
    """Zuul's time and bar before each row."""
    return "".join(f"2026-01-02 03:04:05.{n:06} | {row}\n" for n, row in enumerate(rows.splitlines()))


def zuul_error(host: str, code: int) -> str:
    rows = "ERROR", "{", '  "msg": "non-zero return code",', f'  "rc": {code}', "}"
    return "".join(f"{host} | {row}\n" for row in rows)


def recap(failed: int, unreachable: int = 0) -> str:
    """Of two hosts, the second of which always did well."""
    return (
        f"\nPLAY RECAP\nnode-1 | ok: 2 changed: 1 unreachable: {unreachable} failed: {failed}\n"
        "node-2 | ok: 2 changed: 1 unreachable: 0 failed: 0\n\n"
    )


PRE = (
    "Job console starting...\nRunning Ansible setup...\n"
    "PRE-RUN START: [trusted : git.example.org/base/pre.yaml@main]\n\nPLAY [all]\n\nTASK [look for a leftover]\n"
    + zuul_error("node-1", 1)
    + "node-1 | ERROR: Ignoring Errors\n"
    + recap(0)
    + "PRE-RUN END RESULT_NORMAL: [trusted : git.example.org/base/pre.yaml@main]\n"
    "RUN START: [untrusted : git.example.org/queue/run.yaml@main]\n\nPLAY [all]\n\nTASK [tox : Run tox]\n"
)
POST = (
    "POST-RUN START: [trusted : git.example.org/base/post.yaml@main]\n\nPLAY [all]\n\nTASK [collect the logs]\n"
    + zuul_error("node-1", 2)
    + "node-1 | ERROR: Ignoring Errors\n"
)
POST_END = "POST-RUN END RESULT_NORMAL: [trusted : git.example.org/base/post.yaml@main]\n"
RUN_END = "RUN END RESULT_NORMAL: [untrusted : git.example.org/queue/run.yaml@main]\n"


def test_zuul_names_the_task_and_forgives_what_ansible_forgives() -> None:
    run = "node-1 | src/queue.c:3:5: error: 'x' undeclared\n" + zuul_error("node-1", 2) + recap(1) + RUN_END
    found = reading(at(PRE + run + POST + recap(0) + POST_END))
    assert (found.format, found.conclusion) == ("zuul", Conclusion.FAILURE)
    failed = [(s.name, s.exit_code) for s in found.sections if s.conclusion is Conclusion.FAILURE]
    assert failed == [("tox : Run tox", 2)]
    assert first(match(found)) == ("tox : Run tox", "src/queue.c:3:5: error: 'x' undeclared", "code/compile")


def test_zuul_that_ended_well() -> None:
    run = "node-1 | error: not really\nnode-1 | ok: Runtime: 0:00:01.000\n" + recap(0) + RUN_END
    assert not matched(at(PRE + run + POST + recap(0) + POST_END)).failed


def test_zuul_that_stops_in_the_middle_is_not_good_for_its_first_playbook() -> None:
    run = "node-1 | src/queue.c:3:5: error: 'x' undeclared\n"
    assert matched(at(PRE + run)).step == "tox : Run tox"


def test_zuul_fails_in_the_task_before_the_recap_that_says_so() -> None:
    run = "node-1 | the queue is gone\n" + recap(0, unreachable=1) + RUN_END
    found = reading(at(PRE + run + POST + recap(0) + POST_END))
    assert [s.name for s in found.sections if s.conclusion is Conclusion.FAILURE] == ["tox : Run tox"]
    assert match(found).step == "tox : Run tox"
    assert found.conclusion is Conclusion.FAILURE


def test_zuul_that_only_fails_to_keep_its_logs() -> None:
    post = (
        POST + "\nTASK [upload the logs]\nnode-1 | Connection refused\n" + zuul_error("node-1", 1) + recap(1) + POST_END
    )
    assert matched(at(PRE + "node-1 | ok\n" + recap(0) + RUN_END + post)).step == "upload the logs"


@pytest.mark.parametrize(
    ("word", "class_"),
    [("TIMED_OUT", "infra/timeout"), ("UNREACHABLE", "infra/runner-lost"), ("DISK_FULL", "infra/disk-full")],
)
def test_zuul_that_ends_a_playbook(word: str, class_: str) -> None:
    run = f"node-1 | still busy\nRUN END RESULT_{word}: [untrusted : git.example.org/queue/run.yaml@main]\n"
    found = matched(at(PRE + run + POST + recap(0) + POST_END))
    assert (found.step, found.class_) == ("tox : Run tox", class_)


def test_zuul_that_cannot_read_a_playbook() -> None:
    start, _, _ = PRE.rpartition("\nPLAY [all]")
    run = "ERROR! the role 'queue' was not found in /w/roles\n" + RUN_END
    assert first(matched(at(start + run + POST + recap(0) + POST_END)))[1].startswith("ERROR! the role")


def test_zuul_that_was_aborted() -> None:
    run = "RUN END RESULT_ABORTED: [untrusted : git.example.org/queue/run.yaml@main]\n"
    assert reading(at(PRE + run)).conclusion is Conclusion.CANCELLED


ANSIBLE = """
PLAY [all] *********************************************************************

TASK [look for a leftover] *****************************************************
fatal: [web1]: FAILED! => {{"changed": true, "msg": "non-zero return code", "rc": 1}}
...ignoring
fatal: [web2]: FAILED! => {{"changed": true, "msg": "non-zero return code", "rc": 1}}
...ignoring

TASK [queue : install it] ******************************************************
{ends}
TASK [show] ********************************************************************
ok: [web1]

PLAY RECAP *********************************************************************
web1                       : ok=3    changed=2    unreachable=0    failed=0    skipped=0    rescued=0    ignored=1
web2                       : ok=1    changed=2    unreachable=0    failed={failed}    rescued={rescued}    ignored=1
"""
FATAL = """fatal: [web2]: FAILED! => {"changed": false, "msg": "No package matching 'queue-devel' is available"}"""


def test_ansible_names_the_task_of_the_host_that_failed() -> None:
    found = reading(ANSIBLE.format(ends=FATAL, failed=1, rescued=0))
    assert (found.format, found.conclusion) == ("ansible", Conclusion.FAILURE)
    assert first(match(found)) == ("queue : install it", FATAL, "code/deps")


def test_ansible_that_rescued_what_failed() -> None:
    assert not matched(ANSIBLE.format(ends=FATAL, failed=0, rescued=1)).failed


def test_ansible_inside_another_system_is_that_systems_log() -> None:
    text = ANSIBLE.format(ends=FATAL, failed=1, rescued=0)
    assert reading("Started by user me\n" + text + "Finished: FAILURE\n").format == "jenkins"


@pytest.mark.parametrize("size", [1, 60, 300])
def test_parts_of_a_job_in_small_blocks(size: int) -> None:
    text = at(PRE + "node-1 | x\n" + zuul_error("node-1", 2) + recap(1) + RUN_END + POST + recap(0) + POST_END)
    whole, parts = reading(text), reading(text, size)
    assert (whole.sections, whole.conclusion) == (parts.sections, parts.conclusion)
