"""The page `docs/refusals.md`: the table of reasons and sources, and what was really said in every cell."""

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from refusals.cell import Cell, Place, Refusal
from refusals.matrix import SOURCES, ordered
from whyred.model.source import Missing

PAGE = Path(__file__).parents[2] / "docs/refusals.md"
NOTE = "<!-- Written by scripts/refusals.py from what the program says: run `make refusals`. -->"
ABOUT = """\
A log that is not to be had is never shown as an empty one. `whyred` says why in one word of a closed list, which
request was made, and what would make it work; it ends with exit code 4. Where several routes were tried, the refusal
that most can be done about comes first, and each route has a line of its own.

Everything on this page was said by the program to a server, a file or a machine that was made so by a test
(`tests/refusals/`); `make refusals` says it all again. Addresses are replaced by `forge.example`."""
WHAT: Mapping[Missing, str] = {
    Missing.NOT_STARTED: "no runner has taken the job, so there is no log",
    Missing.STILL_RUNNING: "the job runs, and no line of it is there yet",
    Missing.EXPIRED: "the log's time is over, and the forge deleted it",
    Missing.DELETED: "there was a log, and it is gone",
    Missing.NOT_FOUND: "there is no such thing, or it is hidden from this user",
    Missing.NEEDS_TOKEN: "an API token is needed, or another one",
    Missing.NO_PERMISSION: "this user may not see it",
    Missing.NEEDS_WEB_LOGIN: "the web pages have it, for who is logged in there",
    Missing.NEEDS_TWO_FACTOR: "a second factor is needed",
    Missing.ROUTE_NOT_ON_THIS_VERSION: "this version of the server does not have this route",
    Missing.WRONG_ID_KIND: "an id in place of a number, or the other way round",
    Missing.SERVER_ERROR: "the server failed",
    Missing.UNREACHABLE: "no answer came, or it broke off",
    Missing.TLS_FAILED: "the connection is not safe",
    Missing.RATE_LIMITED: "the server asks to be left alone for a while",
    Missing.REFUSED_CONTENT: "something came that is no log",
    Missing.TOO_LARGE: "it is beyond a limit that the user or the server set",
    Missing.CORRUPT: "it is damaged, or cut off",
}
"""What each reason of the closed list means."""


def line(cell: Cell, said: Refusal, place: Place) -> str:
    """The row of a cell."""
    told = (f"`{cell.source}`", cell.case, f"`{plain(said.asked, place)}`", plain(said.help, place))
    return f"| {' | '.join(text.replace('|', chr(92) + '|') for text in told)} |"


def plain(text: str, place: Place) -> str:
    """The same on every machine: without addresses, folders and counts that are another one each time."""
    text = text.replace(f"{place.home}/data", "DATA").replace(str(place.folder), "FOLDER")
    text = re.sub(r"(https?|ssh|postgresql|mysql)(://)(\w+@)?127\.0\.0\.1:\d+", r"\1\2\3forge.example", text)
    text = re.sub(r"127\.0\.0\.1(:|%3A)\d+|port \d{4,5}", "forge.example", text)
    text = re.sub(r"-p \d+", "-p 22", text)
    text = re.sub(r"\(at \d\d:\d\d UTC\)", "(at 12:00 UTC)", text).replace("127.0.0.1", "forge.example")
    text = re.sub(r"user id \d+", "user id 1000", text)
    return re.sub(r"(first|has) \d+ (?:of \d+ )?bytes", r"\1 N bytes", text)


def page(lines: Mapping[str, str]) -> Iterator[str]:
    """The page. `lines` are the rows of the cells, by their ids."""
    yield from (NOTE, "", "# Refusals", "", ABOUT, "", "## Which reason from where", "")
    yield from table()
    for reason in Missing:
        yield from ("", f"## {reason}", "", f"{WHAT[reason][:1].upper()}{WHAT[reason][1:]}.", "")
        yield from ("| source | what it is | the request | what to do |", "|---|---|---|---|")
        yield from (lines[cell.id] for cell in ordered() if cell.reason is reason)


def table() -> Iterator[str]:
    """The number of cells by reason and source; what cannot happen is left blank."""
    made = [s for s in SOURCES if any(cell.source == s for cell in ordered())]
    yield f"| reason | {' | '.join(f'`{s}`' for s in made)} |"
    yield f"|---|{'---|' * len(made)}"
    for reason in Missing:
        counts = [sum(c.reason is reason and c.source == s for c in ordered()) for s in made]
        yield f"| [{reason}](#{reason}) | {' | '.join(str(n) if n else ' ' for n in counts)} |"
    yield from ("", "| source | is |", "|---|---|", *(f"| `{s}` | {SOURCES[s]} |" for s in made))


def claims(text: Iterable[str]) -> set[tuple[str, str, str]]:
    """What a page says there is: reason, source and case of every row."""
    found, reason = set(), ""
    for row in text:
        if row.startswith("## "):
            reason = row.removeprefix("## ")
        elif (cells := re.split(r"(?<!\\) \| ", row.strip("| "))) and len(cells) == 4 and cells[0].startswith("`"):
            found.add((reason, cells[0].strip("`"), cells[1].replace("\\|", "|")))
    return found
