"""Buildroot: `>>> PACKAGE VERSION What is done` heads each step of a package."""

from whyred.logs.format import Format, Mark, Sign

_STEP = (
    r">>> (?P<name>[\w.+-]+ (?:\S+ )?(?:Downloading|Extracting|Patching|Configuring|Building|Installing|Syncing)\b.*)"
)

FORMAT = Format(
    name="buildroot",
    signs=(
        rb"^>>> [\w.+-]+ (?:\S+ )?(?:Downloading|Extracting|Patching|Configuring|Building|Installing to \w+|Syncing)\b",
        rb"^(?:make(?:\[\d+\])?: \*\*\* \[)(?:package/pkg-generic\.mk|[^\n\]]*/\.stamp_\w+)",
    ),
    prefix=rb"^(?:\xef\xbb\xbf)?",
    marks=(
        Mark(Sign.STEP, rf"^{_STEP}$"),
        Mark(Sign.ENDED_BADLY, r"^make(?:\[\d+\])?: \*\*\* \[.*\.stamp_\w+\] Error (?P<code>\d+)"),
    ),
    source="buildroot Makefile (MESSAGE), package/pkg-generic.mk",
    inner=True,
)
