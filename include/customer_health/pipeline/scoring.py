"""From signals to published scores."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any

from customer_health.pipeline.retraining import load_champion
from customer_health.pipeline.step_result import Result
from customer_health.progress import Progress, silent
from customer_health.warehouse.connect import open_warehouse

if TYPE_CHECKING:
    import duckdb
    import pandas as pd

    from customer_health.settings import Settings


YEAR = timedelta(days=365)

# Accounts with the currency that their amounts are told in (sources/money.py brings all to one).
_ACCOUNTS = """
    SELECT accounts.*, newest.currency FROM raw.accounts LEFT JOIN (
        SELECT account_id, arg_max(currency, occurred_at) AS currency FROM raw.contracts GROUP BY account_id
    ) AS newest USING (account_id)
"""


def _losses(con: duckdb.DuckDBPyConnection, as_of: date) -> int:
    """Customers lost in the twelve months before a day, as far as they were known then."""
    from customer_health.warehouse.merges import outcomes

    cut = datetime.combine(as_of, time())
    row = con.execute(
        f"SELECT count(DISTINCT account_id) FROM ({outcomes('$cut')}) WHERE kind = 'logo_churn' "
        "AND occurred_at >= $since",
        {"cut": cut, "since": cut - YEAR},
    ).fetchone()
    return 0 if row is None else int(row[0])


def _days_to_renewal(panel: pd.DataFrame) -> dict[str, float]:
    if "days_to_renewal" not in panel:
        return {}
    return {
        str(name): float(days)
        for name, days in zip(panel["account_id"], panel["days_to_renewal"], strict=True)
    }


def _told(scored: pd.DataFrame, days: dict[str, float]) -> pd.DataFrame:
    """Tell the day's Whys apart, and explain each score in a few sentences."""
    import pandas as pd

    from customer_health.scoring.explanation import explain
    from customer_health.scoring.why_variety import vary

    rows: list[Any] = scored.to_dict("records")
    ahead = [days.get(str(row["account_id"])) for row in rows]
    ahead = [None if left is None or left != left else left for left in ahead]
    told = [
        explain(row, left) if row["state"] == "scored" else None
        for row, left in zip(rows, ahead, strict=True)
    ]
    return scored.assign(
        why=pd.Series(vary(rows, ahead), scored.index, dtype=object),
        explanation=pd.Series(told, scored.index, dtype=object),
    )


def score_accounts(
    settings: Settings,
    *,
    as_of: date,
    now: datetime,
    progress: Progress = silent,
    briefly: bool = False,
    before_publishing: Callable[[], object] = tuple,
) -> Result:
    """Score every account as of one date and publish the scores to the ledger in one transaction.

    Only a model trained on that day's knowledge, or older, may score the day: scoring the past with
    a model that has seen its future would flatter every back-filled score.

    Args:
        settings: Where things are.
        as_of: The day to score.
        now: When the scores are published, zone-aware.
        progress: Told what is being done.
        briefly: Leave out levers and the causes of changes, which move no score and take most of the time:
            for ranges of days that are measured and not read.
        before_publishing: Waits for whoever may not see these scores yet.
    """
    from customer_health.kpis.hierarchy import listed_under, parents_of
    from customer_health.ledger import model_registry as registry
    from customer_health.ledger import scores as ledger_scores
    from customer_health.ledger.engine import open_ledger
    from customer_health.model.data.track_record import read_records
    from customer_health.model.evaluation.tier_spread import crowding
    from customer_health.pipeline.earlier_day import earlier_scoring
    from customer_health.scoring.daily_scores import score_accounts as score
    from customer_health.scoring.earlier_scoring import settings_of
    from customer_health.scoring.tiers import scheme_named
    from customer_health.scoring.track_words import company_wide, company_wide_words
    from customer_health.signals.build_panel import read_signals
    from customer_health.signals.onboarding_reference import read_reference
    from customer_health.sources.money import company_currency
    from customer_health.texts.publishing import word_scores
    from customer_health.texts.stated_topics import stated_topics

    ledger = open_ledger(settings.ledger_url)
    with open_warehouse(settings.warehouse_url) as con:
        panel = read_signals(con, as_of)
        reference = read_reference(con, as_of)
        accounts = con.execute(_ACCOUNTS).df()
        parents = parents_of(con, as_of)
        currency = company_currency(con, settings.config.money)
        losses = _losses(con, as_of)
        stated = stated_topics(con, as_of)
    spoken_in = settings.config.money.model_copy(update={"currency": currency})
    config = settings.config.model_copy(update={"money": spoken_in})
    earlier = [record for record in registry.history(ledger) if record.trained_as_of <= as_of][1:]
    record = registry.current(ledger, as_of=as_of)
    champion, spoken = load_champion(record, earlier, panel.columns, settings.models)
    if champion is None and record is not None and record.summary.get("rules"):
        measured = config.score.model_copy(update={"rules": record.summary["rules"]})
        config = config.model_copy(update={"score": measured})
    if champion is not None and settings.config.model.external_scores:
        from customer_health.model.candidates.external_score import attach, read

        panel = attach(panel, read(settings.config.model.external_scores))
    progress(0, 0, f"scoring {len(panel):,} accounts")
    previous = ledger_scores.previous(ledger, as_of)
    day_before = None
    if not briefly:
        with open_warehouse(settings.warehouse_url) as con:
            day_before = earlier_scoring(con, ledger, previous, champion, config, settings.models)
    scored = score(
        panel,
        champion,
        config,
        as_of=as_of,
        previous=previous,
        earlier=day_before,
        reference=reference,
        with_levers=not briefly,
        records=read_records(record.summary.get("track_records") if record else None),
    )
    tiers = {str(tier): int(n) for tier, n in scored["tier"].value_counts().items()}
    crowded = crowding(tiers, scheme_named(config.score.scheme).best, losses)
    usual = company_wide_words(company_wide(scored["facts"].tolist()))
    spoken = " ".join(filter(None, (spoken, usual, crowded)))
    days = _days_to_renewal(panel)
    scored = _told(scored, days)
    scored, worded = word_scores(
        scored, days, scheme_named(config.score.scheme).best, settings, ledger, now=now
    )
    accounts["parent_account_id"] = accounts["account_id"].map(listed_under(scored["account_id"], parents))
    before_publishing()
    ledger_scores.publish(
        ledger,
        scored.assign(topics=scored["account_id"].map(stated)),
        as_of,
        published_at=now,
        panel=panel,
        accounts=accounts,
        note=spoken,
        config=settings_of(config),
    )
    states = {str(state): int(n) for state, n in scored["state"].value_counts().items()}
    numbers: dict[str, int | float | str] = {
        "accounts": len(scored),
        "mode": "model" if champion else "rules",
    }
    numbers |= {tier.lower().replace(" ", "_"): n for tier, n in tiers.items()}
    return Result(
        "Score accounts",
        numbers,
        (
            spoken,
            "Tiers: " + ", ".join(f"{tier} {n:,}" for tier, n in tiers.items()) + ".",
            *worded,
            "States: " + ", ".join(f"{state} {n:,}" for state, n in states.items()) + ".",
        ),
    )
