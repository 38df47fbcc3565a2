"""RPM builds: rpmbuild's own text and that of mock, Koji, Copr and OBS around it. The spec's sections are the steps.

mock's `root.log` has the level, file and line of the logger before the text, OBS the seconds since the start.
"""

from whyred.logs.format import Format, Mark, Sign

FORMAT = Format(
    name="rpmbuild",
    signs=(
        rb"^[^\n]{0,40}Executing\(%\w+\): ",
        rb"^(?:INFO: )?mock\.py version [\d.]+ starting|^Mock Version: [\d.]+",
        rb"^(?:Start|Finish)(?:\(bootstrap\))?: (?:init plugins|rpmbuild |build phase for |chroot init|run$)",
        rb"^(?:DEBUG|INFO) (?:util|file_util|backend|buildroot|package_manager|mounts|root_cache)\.py:\d+: ",
        rb"^[^\n]{0,40}RPM build errors:",
        rb"^\[ *\d+s\] (?:Using BUILD_ROOT=|VM_ROOT: |Memory limit set to|logging output to |init_buildsystem )",
    ),
    prefix=rb"^(?:\xef\xbb\xbf)?(?:\[ *\d+s\] )?(?:(?:DEBUG|INFO) \w+\.py:\d+: {1,2})?"
    rb"(?:BUILDSTDERR: ?)?",
    marks=(
        Mark(Sign.STEP, r"^Executing\((?P<name>%\w+)\): "),
        Mark(Sign.ASIDE, r"^Executing\((?P<name>%clean|rmbuild)\): "),
        Mark(Sign.ASIDE, r"^(?P<name>EXCEPTION): \["),
        Mark(Sign.ENDED_BADLY, r"^error: Bad exit status from \S+ \(%\w+\)"),
        Mark(Sign.JOB_FAILED, r"^RPM build (?:errors|warnings and errors):"),
        Mark(Sign.JOB_FAILED, r"^EXCEPTION: \["),
        Mark(Sign.JOB_FAILED, r"^ERROR: Exception\(.+\) Config\("),
        Mark(Sign.JOB_FAILED, r'\S failed "build \S+" at '),
        Mark(Sign.JOB_SUCCEEDED, r"^Wrote: \S+/RPMS/\S+\.rpm$"),
        Mark(Sign.JOB_SUCCEEDED, r"^INFO: Done\(.+\) Config\("),
        Mark(Sign.JOB_SUCCEEDED, r'^\S+ finished "build \S+" at '),
    ),
    source="rpm build/build.c, build/files.c; mock py/mockbuild/{backend,state,util}.py, etc/mock/logging.ini; "
    "obs-build, build",
    inner=True,
)
