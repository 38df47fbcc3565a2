"""Azure Pipelines as copied from a run's page, which shows `Starting: NAME` without the `##[section]` before it."""

from whyred.logs.format import Format, Mark, Sign
from whyred.logs.formats.azure import ASIDE, ENDS, SIGNS

FORMAT = Format(
    name="azure-web",
    signs=(*SIGNS, rb"^Starting: [^\n]+\n={40,}\r?$", rb"^Finishing: \S"),
    prefix=rb"^(?:\xef\xbb\xbf)?",
    marks=(
        Mark(Sign.STEP, r"^Starting: (?P<name>.+)"),
        Mark(Sign.ASIDE, rf"^Starting: (?P<name>{ASIDE})$"),
        *ENDS,
    ),
    source="dev.azure.com pages of a run",
    forgives=True,
)
