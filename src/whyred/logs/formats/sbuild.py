"""Debian: sbuild's log, as the buildds, Launchpad and `sbuild` itself write it. Boxed headings begin the steps."""

from whyred.logs.format import Format, Mark, Sign

_OWN = (
    r"Update chroot|Fetch source files|Check architectures|Check dependencies|Build environment"
    r"|Install \S+ build dependencies(?: \([^)]*\))?|Build|Changes|Buildinfo|Package contents|Post Build"
    r"|(?:Pre Build|Chroot Setup|Starting Timed Build|Finished Timed Build) Commands"
)
_ASIDE = (
    r"Cleanup|Summary|(?:Chroot Cleanup|Post Build|Post Build Failed|Build-Deps Install Failed|Generic Build Failed"
    r"|Chroot-update Install Failed) Commands"
)
_END = r" +(?:\w{3}, \d\d \w{3} \d{4} [0-9:]{8} [+-]\d{4} *)?\|$"

FORMAT = Format(
    name="sbuild",
    signs=(
        rb"^sbuild \(Debian sbuild\) [\d.]+",
        rb"^\| (?:Update chroot|Fetch source files|Build|Summary|Package contents)" + _END.encode(),
        rb"^(?:Fail-Stage|Build-Space|Install-Time|Host Architecture|Build Architecture): ",
    ),
    prefix=rb"^(?:\xef\xbb\xbf)?",
    marks=(
        Mark(Sign.STEP, rf"^\| (?P<name>{_OWN}){_END}"),
        Mark(Sign.ASIDE, rf"^\| (?P<name>{_ASIDE}){_END}"),
        Mark(Sign.JOB_SUCCEEDED, r"^Status: successful$"),
        Mark(Sign.STOPPED, r"^Status: (?:attempted|failed|given-back|skipped)$"),
    ),
    source="sbuild 0.88: lib/Sbuild/Base.pm (log_subsection), lib/Sbuild/Build.pm",
    inner=True,
)
