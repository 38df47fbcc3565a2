"""How long a server that is busy is left alone: as long as it asks for, or with growing pauses."""

import random
import re
from collections.abc import Mapping

LONGEST = 30.0
"""Seconds whyred waits by itself when a server asks it to; a longer wait is told to the user."""


def asked_wait(headers: Mapping[str, str]) -> float | None:
    """The seconds of `Retry-After` (RFC 9110, section 10.2.3); None where it names none. A date in it is measured from
    the date of the answer itself, for the clocks of two machines differ.
    """
    told = headers.get("retry-after", "").strip()
    if re.fullmatch(r"[0-9]{1,100}", told):
        return float(told)
    from email.utils import parsedate_to_datetime

    try:
        at, now = parsedate_to_datetime(told), parsedate_to_datetime(headers.get("date", ""))
        return max(0.0, (at - now).total_seconds())
    except (ValueError, TypeError, OverflowError, IndexError):
        return None


def pause(attempt: int) -> float:
    """Growing, with jitter, so that many clients do not come back at once."""
    return min(8.0, 0.25 * 2.0**attempt) * random.uniform(0.5, 1.0)  # noqa: S311 - no secret
