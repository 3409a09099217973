"""What a company's ledger shows at work: playbooks, headline facts, and what was delivered.

    python -m benchmarks.at_work [--home .customer_health]

Reads the ledger that `make demo` leaves behind. Nothing is measured against a clock; what has never shown is
listed with what it waits for.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from sqlalchemy import Engine

from customer_health.company import CompanyConfig
from customer_health.kpis.playbooks_at_work import AtWork, playbooks_at_work
from customer_health.ledger import scores
from customer_health.ledger.engine import open_ledger
from customer_health.ledger.outbox import admin
from customer_health.playbooks.playbook import load_playbooks
from customer_health.signals.headline_facts import FACTS

# Every verb and kind of message that needs no incident. A brake, a model that waits for approval, an owner
# with more alerts than a day's five, and late data have their own; a quiet quarter has none of them.
MESSAGES = (
    "set_fields", "create_task", "create_opportunity", "draft_email", "propose_meeting", "enroll",
    "notify alert", "notify baseline", "notify weekly", "reply reply", "reply usage_audit",
    "attach_file file", "update_message alert",
)  # fmt: skip


@dataclass(frozen=True)
class Shown:
    """What a ledger shows.

    Attributes:
        playbooks: What became of each playbook, in the last 90 days.
        facts: Headline fact -> published rows that carry it.
        delivered: Verb, with the kind of message -> how many were delivered.
    """

    playbooks: tuple[AtWork, ...]
    facts: Mapping[str, int]
    delivered: Mapping[str, int]

    @property
    def missing(self) -> list[str]:
        """What has never shown."""
        return [
            *(f"playbook {one.playbook}" for one in self.playbooks if not one.accounts),
            *(f"fact {fact.code}" for fact in FACTS if not self.facts.get(fact.code)),
            *(f"message {name}" for name in MESSAGES if not self.delivered.get(name)),
        ]


def shown(engine: Engine, config: CompanyConfig) -> Shown:
    """Read a ledger: all published days, all effects."""
    days = scores.days(engine)
    facts: Counter[str] = Counter()
    for day in days:
        for listed in scores.of(engine, day)["facts"]:
            facts.update(fact["code"] for fact in (listed if isinstance(listed, list) else ()))
    delivered: Counter[str] = Counter()
    for row in admin.find(engine):
        if row["state"] == "delivered":
            kind = row["payload"].get("kind")
            delivered[f"{row['verb']} {kind}" if kind else row["verb"]] += 1
    last = max(days, default=date.min)
    names = [playbook.name for playbook in load_playbooks(config)]
    return Shown(tuple(playbooks_at_work(engine, names, as_of=last)), facts, delivered)


def lines(found: Shown) -> Iterator[str]:
    """Yield the report."""
    for one in found.playbooks:
        told = f"{one.accounts:,} accounts" if one.accounts else one.nearest
        waits = f", {one.waiting:,} wait for places" if one.waiting else ""
        yield f"playbook  {one.playbook:24}{one.state:18}{told}{waits}"
    for fact in FACTS:
        yield f"fact      {fact.code:24}{found.facts.get(fact.code, 0):,} published rows"
    for name in sorted({*MESSAGES, *found.delivered}):
        yield f"message   {name:24}{found.delivered.get(name, 0):,} delivered"
    yield f"Never shown: {', '.join(found.missing) or 'nothing'}."


def main() -> None:
    """Print the report of a ledger."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--home", type=Path, default=Path(".customer_health"))
    home = parser.parse_args().home
    if not (home / "ledger.db").exists():
        sys.exit(f"{home} holds no ledger.  -> run `make demo` first, or name its folder with --home")
    for line in lines(shown(open_ledger(f"sqlite:///{home / 'ledger.db'}"), CompanyConfig())):
        print(line)


if __name__ == "__main__":
    main()
