"""Logs of RPM and Debian builds, BitBake, Nix, Guix and Buildroot (texts of our own): steps and ends."""

import pytest
from log_texts import first, matched, reading

from whyred.diagnosis.match import match

RPM = """Executing(%prep): /bin/sh -e /var/tmp/rpm-tmp.aaa
+ echo error: not yet
Executing(%build): /bin/sh -e /var/tmp/rpm-tmp.bbb
make: *** [Makefile:3: docs] Error 1 (ignored)
Executing(%check): /bin/sh -e /var/tmp/rpm-tmp.ccc
{check}"""
RPM_BAD = """tests/test_queue.c:3:5: error: 'x' undeclared
error: Bad exit status from /var/tmp/rpm-tmp.ccc (%check)

RPM build errors:
    Bad exit status from /var/tmp/rpm-tmp.ccc (%check)
Child return code was: 1
EXCEPTION: [Error('Command failed: rpmbuild -bb', 1)]
Traceback (most recent call last):
  File "/usr/lib/python3.12/site-packages/mockbuild/trace_decorator.py", line 93, in trace
mockbuild.exception.Error: Command failed:
"""


@pytest.mark.parametrize("before", ["", "[  12s] ", "DEBUG util.py:445:  "])
def test_rpmbuild_names_the_section(before: str) -> None:
    text = "".join(before + row + "\n" for row in RPM.format(check=RPM_BAD).splitlines())
    found = reading(text)
    assert found.format == "rpmbuild"
    assert first(match(found)) == ("%check", "tests/test_queue.c:3:5: error: 'x' undeclared", "code/compile")


def test_rpmbuild_of_which_nothing_is_known_has_the_class_of_the_section() -> None:
    bad = RPM_BAD.replace("tests/test_queue.c:3:5: error: 'x' undeclared\n", "")
    assert matched(RPM.format(check=bad)).class_ == "code/test"


def test_rpmbuild_that_writes_a_package() -> None:
    wrote = "Wrote: /builddir/build/RPMS/queue-1.0-1.x86_64.rpm\nChild return code was: 0\n"
    again = "Child return code was: 11\nEXCEPTION: [Error('Command failed: rpmbuild -br', 11)]\n"
    assert not matched(again + RPM.format(check="error: is raised\n" + wrote)).failed


def boxed(title: str) -> str:
    return f"\n+{'-' * 78}+\n| {title:<47}Tue, 03 Mar 2026 04:05:06 +0000 |\n+{'-' * 78}+\n\n"


def sbuild(build: str, status: str) -> str:
    return (
        "sbuild (Debian sbuild) 0.85.0 (04 January 2023) on builder\n"
        + boxed("Update chroot")
        + "E: not really\n"
        + boxed("Install package build dependencies")
        + boxed("Build")
        + build
        + boxed("Cleanup")
        + "E: cannot purge\n"
        + boxed("Summary")
        + f"Package: queue\nStatus: {status}\nVersion: 1.0-1\n"
    )


def test_sbuild_names_the_heading() -> None:
    build = (
        "src/queue.c:3:5: error: 'x' undeclared\nmake[1]: *** [Makefile:3: queue.o] Error 1\n"
        "dh_auto_build: error: make -j4 returned exit code 2\n"
        "dpkg-buildpackage: error: debian/rules build subprocess returned exit status 2\n"
    )
    found = reading(sbuild(build, "attempted"))
    assert found.format == "sbuild"
    assert first(match(found)) == ("Build", "src/queue.c:3:5: error: 'x' undeclared", "code/compile")


def test_sbuild_that_ended_well() -> None:
    assert not matched(sbuild("FAIL: is a word\nmake: *** [x] Error 1\n", "successful")).failed


def test_bitbake() -> None:
    text = (
        "NOTE: Executing Tasks\nNOTE: Running task 7 of 90 (/b/queue.bb:do_compile)\n"
        "ERROR: queue-1.0-r0 do_compile: oe_runmake failed\n"
        "ERROR: Logfile of failure stored in: /b/temp/log.do_compile.7\nLog data follows:\n"
        "| queue.c:3:5: error: 'x' undeclared\n| make: *** [Makefile:3: queue.o] Error 1\n"
        "ERROR: Task (/b/queue.bb:do_compile) failed with exit code '1'\n{end}"
    )
    bad = matched(text.format(end="Summary: There was 1 ERROR message shown, returning a non-zero exit code.\n"))
    assert "queue.c:3:5: error: 'x' undeclared" in [f.message for f in bad.failures]
    assert bad.class_ == "code/compile"
    good = "NOTE: Tasks Summary: Attempted 90 tasks of which 80 didn't need to be rerun and all succeeded.\n"
    assert not matched(text.format(end=good)).failed


def test_nix_names_the_phase() -> None:
    text = (
        "building '/nix/store/0a-queue-1.0.drv'...\nqueue> Running phase: unpackPhase\n"
        "queue> Running phase: checkPhase\nqueue> queue.c:3:5: error: 'x' undeclared\n"
        "error: builder for '/nix/store/0a-queue-1.0.drv' failed with exit code 2;\n"
    )
    assert first(matched(text)) == ("checkPhase", "queue.c:3:5: error: 'x' undeclared", "code/compile")


def test_guix_names_the_phase() -> None:
    text = (
        "starting phase `build'\nerror: is raised\nphase `build' succeeded after 1.2 seconds\n"
        "starting phase `check'\nqueue.c:3:5: error: 'x' undeclared\nphase `check' failed after 0.2 seconds\n"
        "builder for `/gnu/store/0a-queue-1.0.drv' failed with exit code 1\n"
    )
    assert first(matched(text)) == ("check", "queue.c:3:5: error: 'x' undeclared", "code/compile")


def test_buildroot_names_the_step_of_the_package() -> None:
    text = (
        "\x1b[7m>>> zlib 1.3 Building\x1b[27m\nerror: is raised\n\x1b[7m>>> queue 1.0 Building\x1b[27m\n"
        "queue.c:3:5: error: 'x' undeclared\n"
        "make[1]: *** [package/pkg-generic.mk:292: /b/output/build/queue-1.0/.stamp_built] Error 2\n"
    )
    assert first(matched(text)) == ("queue 1.0 Building", "queue.c:3:5: error: 'x' undeclared", "code/compile")
