"""Schedules of two workflows that start in the same minute."""

from collections.abc import Iterator

from whyred.model.forge import Kind
from whyred.model.remark import Level, Remark, Spot
from whyred.workflows.checkup import Checkout
from whyred.workflows.cron import CronError, Times, meet, read_cron

SOURCE = "crontab(5); GitHub, Events that trigger workflows: schedule"


def look(checkout: Checkout) -> Iterator[Remark]:
    """One remark per schedule that meets earlier ones. GitHub's own runners are as many as are wanted: a note there."""
    level = Level.NOTE if checkout.told.kind is Kind.GITHUB else Level.DOUBTFUL
    earlier: list[tuple[Spot, Times]] = []
    for spot, times in _schedules(checkout):
        met = [(other, at) for other, others in earlier if (at := meet(times, others)) is not None]
        earlier.append((spot, times))
        if met:
            hour, minute = met[0][1]
            yield Remark(
                level,
                spot,
                f"it starts in the same minute as {met[0][0]}, at {hour:02}:{minute:02} UTC",
                "on one runner they wait for each other; on several they share the host, its caches and ports",
                "Move one of them by some minutes",
                tuple(other for other, _ in met),
            )


def _schedules(checkout: Checkout) -> Iterator[tuple[Spot, Times]]:
    for file in checkout.files:
        for trigger in file.triggers:
            for text, line in trigger.crons:
                try:
                    yield file.spot(line), read_cron(text)
                except CronError:
                    continue  # told by schedule-never
