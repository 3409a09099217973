"""How often a CSM is disturbed in a year of noisy scores: ours against a daily threshold.

    python benchmarks/alert_noise.py [--accounts 120] [--weeks 52] [--noise 3]

Every account has a true health that drifts slowly and, for one in ten, slides down for good; what is
measured on a day is that plus noise. The scores go through the hysteresis of scoring/, are published to a
ledger, and the playbooks run on every day. Beside it the rule that most tools start with: a message on each
day on which the score has fallen below the line, or (worse) on each day on which it lies below.
"""

from __future__ import annotations

import argparse
import json
import logging
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "include"))

from tests.lib.ledger import score_row

from customer_health.company import CompanyConfig
from customer_health.ledger import episodes, scores
from customer_health.ledger.engine import open_ledger
from customer_health.ledger.outbox import admin
from customer_health.playbooks.playbook_run import run_playbooks
from customer_health.scoring.hysteresis import settle
from customer_health.scoring.tiers import scheme_named

START = date(2026, 1, 1)
RED_AT, ACCOUNTS_PER_CSM = 40, 40


@dataclass
class Report:
    """What a CSM was sent per week, and what it was about.

    Attributes:
        accounts: Watched.
        days: Watched.
        sliding: Accounts whose true health falls below the line for good.
        alerts: Single alerts, per CSM and week.
        messages: Single alerts, digests and news in threads, per CSM and week.
        naive_crossings: One message per fall below the line, per CSM and week.
        naive_daily: One message per day below the line, per CSM and week.
        episodes: Spells of trouble.
        reopened: Accounts with more than one.
        told: Sliding accounts that an alert, a digest or the first day's list named.
        by_kind: Messages of the whole year.
    """

    accounts: int
    days: int
    sliding: int
    alerts: float = 0.0
    messages: float = 0.0
    naive_crossings: float = 0.0
    naive_daily: float = 0.0
    episodes: int = 0
    reopened: int = 0
    told: int = 0
    by_kind: dict[str, int] = field(default_factory=dict)


def readings(accounts: int, days: int, noise: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return whole scores (days x accounts), and which accounts slide below the line for good."""
    rng = np.random.default_rng(seed)
    level = rng.uniform(36, 95, accounts)
    drift = np.cumsum(rng.normal(0, 0.25, (days, accounts)), axis=0)
    slides = rng.random(accounts) < 0.1
    begins = rng.integers(30, max(days - 60, 31), accounts)
    slide = np.minimum(np.maximum(np.arange(days)[:, None] - begins, 0) * 1.2, 70) * slides
    truth = level + drift - slide
    measured = np.clip(np.rint(truth + rng.normal(0, noise, truth.shape)), 0, 100).astype(np.int64)
    return measured, truth[-1] < RED_AT - 5 * (slides == 0)


def run(*, accounts: int, weeks: int, noise: float, seed: int = 7) -> Report:
    """Run once and count."""
    days = weeks * 7
    measured, sliding = readings(accounts, days, noise, seed)
    folder = Path(tempfile.mkdtemp(prefix="alert-noise-"))
    ledger, config = open_ledger(f"sqlite:///{folder}/ledger.db"), CompanyConfig()
    names = [f"account-{number}" for number in range(accounts)]
    rag = scheme_named("rag")
    state: list[dict[str, str]] = [{} for _ in names]
    for number in range(days):
        day = START + timedelta(days=number)
        now = datetime.combine(day, time(5), UTC)
        held, state = settle(
            measured[number],
            rag,
            state,
            as_of=day,
            margin=config.score.tier_margin,
            confirmation_days=config.score.tier_confirmation_days,
        )
        table = [
            score_row(
                name,
                int(measured[number, place]),
                held_band=str(held[place]),
                owner_email=f"csm-{place // ACCOUNTS_PER_CSM}@example.com",
            )
            for place, name in enumerate(names)
        ]
        scores.publish(ledger, pd.DataFrame(table), day, published_at=now)
        run_playbooks(ledger, config, as_of=day, now=now)
    report = _counted(ledger, names, measured, sliding, weeks)
    ledger.dispose()
    return report


def _counted(ledger, names, measured, sliding, weeks) -> Report:  # type: ignore[no-untyped-def]
    days, accounts = measured.shape
    share = (accounts / ACCOUNTS_PER_CSM) * weeks
    rows = [row for row in admin.find(ledger) if row["verb"] in ("notify", "reply")]
    kinds = Counter(row["payload"].get("kind", "alert") for row in rows)
    named = {row["account_id"] for row in rows} | {
        account for row in rows for account in row["payload"].get("mentions", ())
    }
    spells = episodes.all_of(ledger)
    inherited = {episode.account_id for episode in spells if episode.inherited}
    red = measured <= RED_AT
    per_account = Counter(episode.account_id for episode in spells)
    return Report(
        accounts=accounts,
        days=days,
        sliding=int(sliding.sum()),
        alerts=round(kinds["alert"] / share, 2),
        messages=round(len(rows) / share, 2),
        naive_crossings=round(int((red[1:] & ~red[:-1]).sum()) / share, 2),
        naive_daily=round(int(red.sum()) / share, 2),
        episodes=len(spells),
        reopened=sum(count > 1 for count in per_account.values()),
        told=sum(name in named | inherited for name, gone in zip(names, sliding, strict=True) if gone),
        by_kind=dict(sorted(kinds.items())),
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--accounts", type=int, default=120)
    parser.add_argument("--weeks", type=int, default=52)
    parser.add_argument("--noise", type=float, default=3.0, help="standard deviation, in points")
    parser.add_argument("--seed", type=int, default=7)
    given = parser.parse_args(arguments)
    logging.disable(logging.INFO)
    report = run(accounts=given.accounts, weeks=given.weeks, noise=given.noise, seed=given.seed)
    print(json.dumps(vars(report), indent=1))
    ratio = report.naive_crossings / report.alerts if report.alerts else float("inf")
    print(f"alerts per CSM and week: {report.alerts} ours, {report.naive_crossings} naive: {ratio:.1f} to 1")
    return 0


if __name__ == "__main__":
    sys.exit(main())
