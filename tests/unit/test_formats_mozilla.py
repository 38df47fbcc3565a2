"""Logs of Taskcluster, Buildbot and mozharness (texts of our own, in the form that these programs write)."""

import pytest
from log_texts import first, matched, reading

from whyred.diagnosis.match import match
from whyred.model.run import Conclusion

BUILDBOT = """builder: queue_ubuntu64_vm-debug_test-mochitest-1
slave: tst-linux64-001
results: {header}
builduid: 0a1b2c3d

========= Started set props: master (results: 0, elapsed: 0 secs) (at 2013-07-09 10:00:00.100000) =========
program finished with exit code 0
========= Finished set props: master (results: 0, elapsed: 0 secs) (at 2013-07-09 10:00:00.200000) =========

========= Started 'python scripts/tests.py' {word}(results: {n}, elapsed: 12 mins) (at 2013-07-09 10:00:01) =========
10:00:05     INFO - #####
10:00:05     INFO - ##### Running install step.
10:00:05     INFO - #####
10:00:06    ERROR - Errors received:
10:00:06    ERROR -  a word on stderr
10:00:06    ERROR - Return code: 0
10:00:07     INFO - #####
10:00:07     INFO - ##### Running run-tests step.
10:00:07     INFO - #####
10:00:08     INFO -  4 INFO TEST-PASS | dom/queue/test_push.html | error: is raised
10:00:08     INFO -  REFTEST TEST-KNOWN-FAIL | dom/queue/pop.html | image comparison
{tests}10:11:01  {level} - # TBPL {status} #
10:11:01  {level} - The mochitest suite: plain1 ran with return status: {status}
10:11:01     INFO - #####
10:11:01     INFO - ##### DesktopUnittest summary:
10:11:01     INFO - #####
10:11:01  {level} - # TBPL {status} #
program finished with exit code {n}
========= Finished 'python scripts/tests.py' {word}(results: {n}, elapsed: 12 mins) (at 2013-07-09 10:12:01) =========
========= Started reboot (results: 0, elapsed: 1 secs) (at 2013-07-09 10:12:02) =========
remoteFailed: error: rebooting is rude
========= Finished reboot (results: 0, elapsed: 1 secs) (at 2013-07-09 10:12:03) =========
"""
UNEXPECTED = """10:10:00  WARNING -  5 INFO TEST-UNEXPECTED-FAIL | dom/queue/test_pop.html | empty - got 1, expected 0
10:11:00    ERROR - Return code: 1
"""


def test_a_buildbot_log_of_mozharness_names_its_step() -> None:
    text = BUILDBOT.format(
        header="warnings (1)", word="warnings ", n=1, tests=UNEXPECTED, level="WARNING", status="WARNING"
    )
    found = reading(text)
    assert (found.format, found.conclusion) == ("mozharness", Conclusion.FAILURE)
    assert [s.name for s in found.sections if s.name] == [
        "set props: master",
        "'python scripts/tests.py'",
        "install step",
        "run-tests step",
        "DesktopUnittest summary",
        "reboot",
    ]
    what = "5 INFO TEST-UNEXPECTED-FAIL | dom/queue/test_pop.html | empty - got 1, expected 0"
    assert first(match(found)) == ("run-tests step", what, "code/test")


def test_a_buildbot_log_that_went_well_is_quiet_however_loud() -> None:
    text = BUILDBOT.format(header="success (0)", word="", n=0, tests="", level="   INFO", status="SUCCESS")
    assert not matched(text).failed


def test_a_suite_that_fails_is_not_made_good_by_the_next_one() -> None:
    ok = "10:12:00     INFO - # TBPL SUCCESS #\n"
    bad = UNEXPECTED + "10:11:01  WARNING - # TBPL WARNING #\n"
    heading = "10:00:07     INFO - [mozharness: 2021-03-04 05:06:07.089Z] Running run-tests step.\n"
    assert matched(heading + bad + ok).step == "run-tests step"
    assert not matched(heading + ok).failed


TASK = """[taskcluster 2021-03-04 05:06:07.089Z] Task ID: abc
[taskcluster 2021-03-04 05:06:07.090Z] === Task Starting ===
[setup 2021-03-04T05:06:08.000Z] run-task started in /builds/worker
[vcs 2021-03-04T05:06:09.000Z] executing ['hg', 'robustcheckout']
[task 2021-03-04T05:06:10.000Z] 05:06:10     INFO - [mozharness: 2021-03-04 05:06:10.000Z] Running build step.
{work}[taskcluster 2021-03-04 05:16:07.089Z] === Task Finished ===
[taskcluster:error] Artifact "public/queue.zip" not found at "/queue.zip"
[taskcluster 2021-03-04 05:16:08.089Z] {end}
"""
COMPILE = """\
[task 2021-03-04T05:06:11.000Z] 05:06:11     INFO -   0:01.02 /b/queue.cpp:3:5: error: use of undeclared 'x'
[task 2021-03-04T05:06:11.000Z] 05:06:11    ERROR -  gmake[4]: *** [queue.o] Error 1
[task 2021-03-04T05:06:12.000Z] 05:06:12    ERROR - Return code: 2
[task 2021-03-04T05:06:12.000Z] 05:06:12    FATAL - 'mach build' did not run successfully. Please check log for errors.
[task 2021-03-04T05:06:12.000Z] 05:06:12    FATAL - Running post_fatal callback...
[task 2021-03-04T05:06:12.000Z] 05:06:12    FATAL - Exiting -1
"""


def test_a_taskcluster_build() -> None:
    found = matched(TASK.format(work=COMPILE, end="Unsuccessful task run with exit code: 2 completed in 600.1 seconds"))
    assert first(found) == ("build step", "/b/queue.cpp:3:5: error: use of undeclared 'x'", "code/compile")


def test_a_taskcluster_task_that_ended_well() -> None:
    work = "[task 2021-03-04T05:06:11.000Z] Traceback (most recent call last):\n"
    assert not matched(
        TASK.format(work=work, end="Successful task run with exit code: 0 completed in 6.1 seconds")
    ).failed


@pytest.mark.parametrize(
    ("line", "class_"),
    [
        ("[taskcluster:error] Task timeout after 3600 seconds. Force killing container.", "infra/timeout"),
        ("[taskcluster:error] Task aborted - max run time exceeded", "infra/timeout"),
        ("[taskcluster] Error: Task run time exceeded 7200 seconds.", "infra/timeout"),
    ],
)
def test_a_taskcluster_task_that_ran_too_long(line: str, class_: str) -> None:
    found = matched(
        TASK.format(work=f"ok\n{line}\n", end="Unsuccessful task run with exit code: -1 completed in 1 seconds")
    )
    assert first(found) == ("build step", line, class_)
