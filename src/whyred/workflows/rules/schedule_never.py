"""A schedule that cannot be read, or that no day of the calendar meets."""

from collections.abc import Iterator

from whyred.model.forge import Kind
from whyred.model.remark import Level, Remark
from whyred.workflows.checkup import Checkout
from whyred.workflows.cron import CronError, read_cron

SOURCE = "crontab(5); GitHub, Events that trigger workflows: schedule; docs.gitea.com, Compared to GitHub Actions"


def look(checkout: Checkout) -> Iterator[Remark]:
    """One remark per line."""
    for file in checkout.files:
        for trigger in file.triggers:
            if trigger.event == "schedule" and not trigger.crons:
                what = "`schedule` names no `cron`, so it never starts"
                yield Remark(Level.WRONG, file.spot(trigger.line), what, "", "Give it `- cron: '30 4 * * *'`")
            for text, line in trigger.crons:
                if why := _unfit(text, checkout.told.kind):
                    yield Remark(Level.WRONG, file.spot(line), f"`cron: {text[:40]}` never starts: {why}")


def _unfit(text: str, kind: Kind | None) -> str:
    if text.startswith("@") and kind is Kind.GITHUB:
        return "GitHub knows no names such as @daily; write five fields"
    try:
        return "no day is one" if read_cron(text).never else ""
    except CronError as e:
        return str(e)
