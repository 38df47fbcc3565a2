"""Logs of GitLab, Buildkite and Jenkins as their runners write them (texts of our own): steps, ends and names, and the
step that failed although much is tidied up after it. Travis and Azure: test_formats_travis.py, test_formats_azure.py.
"""

from functools import cache

import pytest

from whyred.app.library import Library
from whyred.diagnosis.match import match
from whyred.logs.blocks import blocks
from whyred.logs.reading import read as read_blocks
from whyred.logs.scanner import Scanner
from whyred.model.failure import Reading
from whyred.model.run import Conclusion, Step


@cache
def library() -> Scanner:
    return Library(None).scanner


def reading(*chunks: str | Step, size: int = 1 << 20) -> Reading:
    sent = (c if isinstance(c, Step) else c.encode() for c in chunks)
    return read_blocks(blocks(sent, size), library())


def told(found: Reading) -> list[tuple[str, bool, str, int | None]]:
    return [(s.name, s.aside, s.conclusion.value, s.exit_code) for s in found.sections if s.name]


K = "\x1b[0K"


def start(name: str, title: str, options: str = "") -> str:
    return f"section_start:1795462110:{name}{options}\r{K}{K}\x1b[36;1m{title}\x1b[0;m\x1b[0;m\n"


def end(name: str) -> str:
    return f"section_end:1795462111:{name}\r{K}"


def gitlab(script: str, last: str, after: str = "") -> str:
    """A job of gitlab-runner 16 to 18 without FF_TIMESTAMPS."""
    return (
        f"{K}Running with gitlab-runner 18.2.0 (aaaabbbb){K}\x1b[0;m\n"
        f"{K}  on builder seven t1_abcdef, system ID: s_0123456789ab\x1b[0;m\n"
        + start("prepare_executor", 'Preparing the "shell" executor')
        + f"{K}Using Shell (bash) executor...\x1b[0;m\n"
        + end("prepare_executor")
        + start("get_sources", "Getting source from Git repository")
        + "Checking out 1234abcd as detached HEAD\n"
        + end("get_sources")
        + start("step_script", 'Executing "step_script" stage of the job script')
        + script
        + end("step_script")
        + after
        + start("cleanup_file_variables", "Cleaning up project directory and file based variables")
        + end("cleanup_file_variables")
        + last
    )


FAILED = f"{K}\x1b[31;1mERROR: Job failed: exit code 2\n\x1b[0;m"
MAKE = "\x1b[32;1m$ make\x1b[0;m\nsrc/main.c:3:5: error: 'x' undeclared\nmake: *** [Makefile:4: all] Error 1\n"


def test_gitlab_names_the_stage_that_failed() -> None:
    found = reading(gitlab(MAKE, FAILED))
    assert (found.format, found.runner, found.conclusion) == ("gitlab", "builder seven", Conclusion.FAILURE)
    assert told(found) == [
        ("prepare_executor", False, "unknown", None),
        ("get_sources", False, "unknown", None),
        ("step_script", False, "failure", 2),
        ("cleanup_file_variables", True, "unknown", None),
    ]
    assert match(found).step == "step_script"
    assert match(found).failures[0].message == "src/main.c:3:5: error: 'x' undeclared"


def test_gitlab_without_a_known_error_shows_the_last_words_of_the_script() -> None:
    after = start("after_script", "Running after_script") + "tidying\n" * 200 + end("after_script")
    found = reading(gitlab("\x1b[32;1m$ ./frobnicate\x1b[0;m\nthe frob is not nicated\n", FAILED, after))
    failure = match(found).failures[0]
    assert (failure.step, failure.message) == ("step_script", "the frob is not nicated")


def test_gitlab_that_succeeds_is_believed() -> None:
    found = reading(
        gitlab("$ make || true\nmake: *** [Makefile:4: all] Error 1\n", f"{K}\x1b[32;1mJob succeeded\x1b[0;m\n")
    )
    assert found.conclusion is Conclusion.SUCCESS
    assert not match(found).failed


@pytest.mark.parametrize(
    ("last", "code"),
    [
        ("ERROR: Job failed: exit code 137", 137),
        ("ERROR: Job failed: exit status 3", 3),
        ("ERROR: Job failed: command terminated with exit code 128", 128),
        ("ERROR: Job failed: execution took longer than 1h0m0s seconds", None),
        ("ERROR: Job failed (system failure): prepare environment: no space left on device", None),
    ],
)
def test_gitlab_ends(last: str, code: int | None) -> None:
    found = reading(gitlab("$ make\n", last + "\n"))
    assert found.conclusion is Conclusion.FAILURE
    assert ("step_script", False, "failure", code) in told(found)


def test_a_gitlab_job_that_was_cancelled_failed_in_no_step() -> None:
    found = reading(gitlab("$ make\n", "ERROR: Job failed: canceled\n"))
    assert found.conclusion is Conclusion.CANCELLED
    assert all(s.conclusion is Conclusion.UNKNOWN for s in found.sections)


def test_gitlab_sections_of_the_script_itself_are_no_steps() -> None:
    script = start("tests", "All the tests", "[collapsed=true]") + "ok\n" + end("tests") + "\nboom\n"
    names = [name for name, *_ in told(reading(gitlab(script, FAILED)))]
    assert names == ["prepare_executor", "get_sources", "step_script", "cleanup_file_variables"]


T = "2026-01-02T03:04:05.123456Z "


def timed(text: str) -> str:
    """As the runner's timestamper writes it: what ends in CR ends its row, and the next one goes on with `+`."""
    rows = []
    for line in text.splitlines():
        parts = line.split(f"\r{K}")
        rows += [
            f"{T}00O{'+' if n else ' '}{part}{chr(13) + K if part != parts[-1] else ''}" for n, part in enumerate(parts)
        ]
    return "\n".join(rows) + "\n"


def test_gitlab_with_time_stamps() -> None:
    found = reading(timed(gitlab(MAKE, FAILED)))
    assert (found.format, found.runner, found.ended) == ("gitlab", "builder seven", 1767323045.0)
    assert ("step_script", False, "failure", 2) in told(found)
    assert match(found).failures[0].message == "src/main.c:3:5: error: 'x' undeclared"


@pytest.mark.parametrize("size", [1, 60, 300])
def test_gitlab_in_small_blocks(size: int) -> None:
    text = gitlab(MAKE, FAILED)
    assert told(reading(*text.splitlines(keepends=True), size=size)) == told(reading(text))


def test_gitlab_steps_that_the_forge_told() -> None:
    parts = gitlab(MAKE, FAILED).partition(end("get_sources"))
    script, mark, cleanup = parts[2].partition(end("step_script"))
    steps = Step("first"), Step("script"), Step("cleanup", aside=True)
    found = reading(steps[0], parts[0] + parts[1], steps[1], script, steps[2], mark + cleanup)
    assert told(found) == [
        ("first", False, "unknown", None),
        ("script", False, "failure", 2),
        ("cleanup", True, "unknown", None),
    ]


@pytest.mark.parametrize("back", ["\n", "\r"])
def test_a_copy_of_gitlabs_raw_log_with_line_feeds_for_the_crs(back: str) -> None:
    found = reading(gitlab(MAKE, FAILED).replace("\r", back))
    assert (found.format, match(found).step) == ("gitlab", "step_script")
    assert [name for name, *_ in told(found)][:2] == ["prepare_executor", "get_sources"]


def test_a_short_copy_of_gitlabs_page() -> None:
    rows = (
        "Running with gitlab-runner 14.8.3 (16ae0625)",
        "  on one okQssjvP",
        'Preparing the "docker+machine" executor',
        "00:35",
        "Preparing environment",
        "00:17",
        "ERROR: Job failed: prepare environment: exit code 255. Check https://docs.gitlab.com for more information",
    )
    found = reading("\n".join(rows) + "\n")
    assert (found.format, match(found).step) == ("gitlab-web", "Preparing environment")


WEB = """Running with gitlab-runner 18.2.0 (aaaabbbb)
on builder t1_abcdef, system ID: s_0123456789ab
Preparing the "docker" executor 00:12
Using Docker executor with image debian:12 ...
Preparing environment 00:01
Getting source from Git repository 00:02
Executing "step_script" stage of the job script 01:02
$ make
make: *** [Makefile:4: all] Error 1
Running after_script 00:01
bye
Cleaning up project directory and file based variables 00:01
ERROR: Job failed: exit code 2
"""


def test_a_copy_of_gitlabs_page() -> None:
    found = reading(WEB)
    assert (found.format, found.runner) == ("gitlab-web", "builder")
    assert told(found) == [
        ('Preparing the "docker" executor', False, "unknown", None),
        ("Preparing environment", False, "unknown", None),
        ("Getting source from Git repository", False, "unknown", None),
        ("step_script", False, "failure", 2),
        ("Running after_script", True, "unknown", None),
        ("Cleaning up project directory and file based variables", True, "unknown", None),
    ]


def test_gitlab_where_the_sources_cannot_be_had() -> None:
    rows = WEB.splitlines(keepends=True)
    found = reading(*rows[:6], "fatal: unable to access 'https://x/': Could not resolve host: x\n", *rows[11:])
    assert ("Getting source from Git repository", False, "failure", 2) in told(found)


BUILDKITE = """~~~ Running agent environment hook
$ /etc/buildkite-agent/hooks/environment
~~~ Preparing working directory
$ cd /var/lib/buildkite-agent/builds/one/org/pipe
~~~ Running commands
$ ./ci.sh
--- :hammer: Building
+++ date +%s
cc -c main.c
--- Running the tests
--- FAIL: TestFrob (0.00s)
    frob_test.go:3: boom
--- a/main.c
+++ b/main.c
FAIL
^^^ +++
🚨 Error: The command exited with status 3
~~~ Running global post-command hook
user command error: exit status 3
~~~ Uploading artifacts
~~~ Running global pre-exit hook
bye
"""


def stamped(text: str) -> str:
    return "".join(f"\x1b_bk;t=17954621100{n:02}\x07{row}\r\n" for n, row in enumerate(text.splitlines()))


@pytest.mark.parametrize("text", [BUILDKITE, stamped(BUILDKITE)])
def test_buildkite(text: str) -> None:
    found = reading(text)
    assert found.format == "buildkite"
    assert told(found) == [
        ("Running agent environment hook", False, "unknown", None),
        ("Preparing working directory", False, "unknown", None),
        ("Running commands", False, "unknown", None),
        (":hammer: Building", False, "unknown", None),
        ("Running the tests", False, "failure", 3),
        ("Running global post-command hook", False, "failure", 3),
        ("Uploading artifacts", True, "unknown", None),
        ("Running global pre-exit hook", True, "unknown", None),
    ]
    assert match(found).step == "Running the tests"


@pytest.mark.parametrize(
    ("last", "code"),
    [
        ("🚨 Error: The command was interrupted by a signal: signal: killed", None),
        ("🚨 Error: The global environment hook exited with status 4", 4),
        ("\x1b[31m🚨 Error: fetching the commit: exit status 128\x1b[0m", 128),
    ],
)
def test_buildkite_ends(last: str, code: int | None) -> None:
    found = reading(f"~~~ Preparing working directory\n$ git fetch\n{last}\n^^^ +++\n")
    assert told(found) == [("Preparing working directory", False, "failure", code)]


def test_buildkite_that_says_nothing_of_a_failure() -> None:
    found = reading("~~~ Running commands\n$ ./ci.sh\nok\n~~~ Running global pre-exit hook\n")
    assert not match(found).failed


JENKINS = """Started by user me
[Pipeline] Start of Pipeline
[Pipeline] node
Running on node-7 in /var/lib/jenkins/workspace/demo
[Pipeline] {
[Pipeline] stage
[Pipeline] { (Build)
[Pipeline] sh
+ make
make: *** [Makefile:4: all] Error 1
[Pipeline] }
[Pipeline] // stage
[Pipeline] stage
[Pipeline] { (Deploy)
Stage "Deploy" skipped due to earlier failure(s)
[Pipeline] }
[Pipeline] // stage
[Pipeline] stage
[Pipeline] { (Declarative: Post Actions)
[Pipeline] echo
mailing somebody
[Pipeline] }
[Pipeline] End of Pipeline
ERROR: script returned exit code 2
Finished: FAILURE
"""


def test_a_jenkins_pipeline_names_the_stage_of_the_error() -> None:
    found = reading(JENKINS)
    assert (found.format, found.conclusion) == ("jenkins", Conclusion.FAILURE)
    assert match(found).step == "Build"
    assert told(found) == [
        ("Build", False, "failure", 2),
        ("Deploy", False, "skipped", None),
        ("Declarative: Post Actions", True, "unknown", None),
    ]


def test_what_jenkins_tells_after_the_last_stage_is_of_none() -> None:
    why = "java.lang.NoSuchMethodError: No such DSL method 'tools' found among steps [archive]\n"
    text = JENKINS.replace("make: *** [Makefile:4: all] Error 1\n", "").replace("ERROR: script", why + "ERROR: script")
    found = reading(text)
    section = next(s for s in found.sections if s.first <= text[: text.index(why)].count("\n") + 1 <= s.last)
    assert (section.name, match(found).step) == ("", "Build")


PARALLEL = """[Pipeline] parallel
[Pipeline] { (Branch: linux)
[Pipeline] { (Branch: windows (64))
[Pipeline] stage
[Pipeline] { (linux)
[Pipeline] stage
[Pipeline] { (windows (64))
+ make
src/main.c:3:5: error: 'x' undeclared
[Pipeline] }
[Pipeline] // stage
[Pipeline] }
Failed in branch linux
+ nmake
[Pipeline] }
[Pipeline] // stage
[Pipeline] // parallel
[Pipeline] stage
[Pipeline] { (Clean up)
+ rm -rf out
[Pipeline] }
[Pipeline] // stage
[Pipeline] End of Pipeline
ERROR: script returned exit code 2
Finished: FAILURE
"""


def test_of_branches_that_run_at_once_jenkins_names_the_one_that_failed() -> None:
    found = reading(PARALLEL)
    assert match(found).step == "linux"
    assert match(found).failures[0].message == "src/main.c:3:5: error: 'x' undeclared"
    assert ("Clean up", True, "unknown", None) in told(found)


def test_a_branch_that_failed_last_has_all_lines_since_it_began() -> None:
    text = PARALLEL.replace("Failed in branch linux", "Failed in branch windows (64)")
    assert ("windows (64)", False, "failure", 2) in told(reading(text))


def test_lines_of_a_branch_are_read_without_its_name() -> None:
    rows = (
        "[Pipeline] [one] { (Branch: one)",
        "[Pipeline] [two] { (Branch: two)",
        "[one] src/main.c:3:5: error: 'x' undeclared",
        "[INFO] a line of another tool",
        "[one] Failed in branch one",
        "Finished: FAILURE",
    )
    found = reading("\n".join(rows) + "\n")
    failure = match(found).failures[0]
    assert (failure.step, failure.message) == ("one", "src/main.c:3:5: error: 'x' undeclared")
    assert found.window[4] == "[INFO] a line of another tool"


def test_a_freestyle_build_names_the_build_step_that_failed() -> None:
    rows = (
        "Started by timer",
        "+ make",
        "make: *** No rule to make target 'x'.  Stop.",
        "Build step 'Execute shell' marked build as failure",
        "ERROR: Step 'Publish' failed: No test report files were found.",
        "Finished: FAILURE",
    )
    found = match(reading("\n".join(rows) + "\n"))
    assert (found.step, [f.spans[0] for f in found.failures]) == ("Execute shell", [(3, 3)])


def test_what_only_looks_like_these_is_none_of_them() -> None:
    diff = "--- a/x\n+++ b/x\n@@ -1 +1 @@\n--- FAIL: TestX (0.00s)\nJob succeeded\nsection_start is a word\n"
    found = reading(diff)
    assert (found.format, told(found), found.conclusion) == ("raw", [], Conclusion.UNKNOWN)
