"""Notices to the people who run the system: a failed task, missing scores, a training that was refused.

They go the way of every effect, through the outbox, to a channel of their own: what is wrong with the data
is not news for those who call customers. One message per topic and cycle, however often it is noticed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from sqlalchemy import Engine

from customer_health.company import CompanyConfig
from customer_health.effects.effect import Effect
from customer_health.ledger import scores
from customer_health.ledger.engine import writing
from customer_health.ledger.outbox import queue as outbox
from customer_health.playbooks.portfolio_alerts import message

PLAYBOOK = "data_notice"
MOST_LINES, LONGEST_LINE = 12, 400


@dataclass(frozen=True)
class Notice:
    """Something that the data team should know.

    Attributes:
        topic: What it is about, e.g. "task_failed:score_accounts.score"; part of the key.
        cycle: The spell it belongs to, e.g. a day or a month; the same topic in the same cycle is said once.
        title: One line.
        lines: What happened, in words; no customer's name.
        remedy: What to do about it.
        link: Where to read more, a web address; empty for none.
    """

    topic: str
    cycle: str
    title: str
    lines: Sequence[str]
    remedy: str
    link: str = ""

    def effect(self, config: CompanyConfig, *, as_of: date) -> Effect:
        """Return the message as a promise."""
        lines = [line[:LONGEST_LINE] for line in self.lines if line.strip()][:MOST_LINES]
        payload = {
            "kind": PLAYBOOK,
            "channel": config.playbooks.data_channel,
            "title": self.title,
            "lines": lines,
            "remedy": self.remedy,
            "link": self.link,
        }
        return message(PLAYBOOK, self.cycle, self.topic, as_of, config, payload)


def tell_data_team(engine: Engine, config: CompanyConfig, notices: Sequence[Notice], *, now: datetime) -> int:
    """Promise notices in the outbox; return how many had not been promised before.

    Args:
        engine: The ledger.
        config: The company's numbers.
        notices: What to say.
        now: The present, zone-aware; a notice belongs to the day on which it is noticed.
    """
    effects = [notice.effect(config, as_of=now.date()) for notice in notices]
    with writing(engine) as connection:
        return len(outbox.add(connection, effects, now=now))


def missing_scores(engine: Engine, config: CompanyConfig, *, now: datetime) -> list[Notice]:
    """Return a notice when today's scores should be there and are not.

    Before the first scores were published nothing is expected of anybody.
    """
    due = datetime.combine(now.date(), time(), now.tzinfo) + timedelta(
        hours=config.playbooks.scores_due_after_hours
    )
    latest = scores.latest_day(engine)
    if latest is None or latest >= now.date() or now < due:
        return []
    return [
        Notice(
            topic="scores_missing",
            cycle=f"day-{now.date()}",
            title=f"No scores for {now.date()} yet",
            lines=(
                f"They are expected {_hours(config.playbooks.scores_due_after_hours)} after midnight UTC.",
                f"Everybody still sees those of {latest}; nothing was sent on the grounds of new ones.",
            ),
            remedy="Look at the newest runs of ingest_sources, build_signals and score_accounts: the first "
            "task that is red or waits says what it lacks.",
        )
    ]


def _hours(count: float) -> str:
    return f"{count:g} hour{'' if count == 1 else 's'}"
