"""Two questions about scores: can this one be made again, and what would other settings make of today?"""

from __future__ import annotations

import math
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from customer_health.errors import ConfigurationError
from customer_health.pipeline.retraining import load_champion
from customer_health.pipeline.step_result import Result
from customer_health.warehouse.connect import open_warehouse

if TYPE_CHECKING:
    import pandas as pd
    from sqlalchemy import Engine

    from customer_health.company import CompanyConfig
    from customer_health.settings import Settings

REPLAYED = (
    "score",
    "p90",
    "p180",
    "p_decision",
    "expected_loss",
    "health_log_odds",
    "score_shown",
    "tier",
    "lifecycle_score",
    "review",
)
SHOWN = 10


def replay(settings: Settings, *, account: str, as_of: date) -> Result:
    """Score one published day again and say whether one account's score comes out the same, bit for bit.

    If it does not, what differs is named: the version of the code, settings that were not kept, the model,
    facts that arrived late, the score before, an account that was merged.

    Raises:
        ConfigurationError: The account has no score of that day, or its signals are no longer kept.
    """
    import customer_health
    from customer_health.ledger import scores as ledger_scores
    from customer_health.ledger.engine import open_ledger
    from customer_health.scoring.daily_scores import score_accounts
    from customer_health.scoring.earlier_scoring import with_settings
    from customer_health.signals.onboarding_reference import read_reference
    from customer_health.sources.money import company_currency

    ledger = open_ledger(settings.ledger_url)
    run = ledger_scores.run_of(ledger, as_of)
    table = ledger_scores.of(ledger, as_of)
    stored = table[table["account_id"] == account] if run is not None else table[:0]
    if run is None or stored.empty:
        raise ConfigurationError(
            f"There is no published row of '{account}' as of {as_of}.",
            hint="The page shows the days that were published; write the account's id, not its name.",
        )
    with open_warehouse(settings.warehouse_url) as con:
        currency = company_currency(con, settings.config.money)
        reference = read_reference(con, as_of)
    panel = _panel(settings, as_of)
    config = with_settings(settings.config, run["config"])
    config = config.model_copy(update={"money": config.money.model_copy(update={"currency": currency})})
    differs = [] if run["config"] else ["config: the settings of that day were not kept"]
    if run["code_version"] != customer_health.__version__:
        differs.append(f"code: {run['code_version']} then, {customer_health.__version__} now")
    champion = None
    if run["mode"] == "model":
        record = _record(ledger, run["model_id"])
        champion, words = load_champion(record)
        if champion is None:
            differs.append(f"model: {words}")
    if account not in set(panel["account_id"]):
        return Result(
            "Replay",
            {"equal": 0},
            ("merge: the warehouse has no row of this account on that day any more.", *differs),
        )
    again = score_accounts(
        panel,
        champion,
        config,
        as_of=as_of,
        previous=ledger_scores.previous(ledger, as_of),
        reference=reference,
    )
    new = again[again["account_id"] == account]
    kept = ledger_scores.signals_of(ledger, as_of).get(account)
    row = panel[panel["account_id"] == account].iloc[0]
    differs += _late(kept, row)
    wrong = (
        ["merge: it is no customer on that day any more"]
        if new.empty
        else _different(stored.iloc[0], new.iloc[0])
    )
    if not wrong:
        shown = stored.iloc[0]["score_shown"]
        said = "no score" if shown != shown else f"{int(shown)} ({stored.iloc[0]['tier']})"
        return Result("Replay", {"equal": 1}, (f"{account} as of {as_of}: {said}, the same bit for bit.",))
    blamed = differs or ["the score before it, which smoothing goes on from, was published again since"]
    return Result("Replay", {"equal": 0}, (*wrong, "What differs:", *blamed))


def _panel(settings: Settings, as_of: date) -> pd.DataFrame:
    """A day's signals as they are known now, with what other tools say where the company brings that."""
    from customer_health.model.candidates.external_score import attach, read
    from customer_health.signals.build_panel import read_signals

    with open_warehouse(settings.warehouse_url) as con:
        panel = read_signals(con, as_of)
    if panel.empty:
        raise ConfigurationError(
            f"The signals of {as_of} are no longer kept.", hint="Build the signals of that day again."
        )
    external = settings.config.model.external_scores
    return attach(panel, read(external)) if external else panel


def _record(ledger: Engine, model_id: str) -> Any:
    from customer_health.ledger import model_registry as registry

    return next((one for one in registry.history(ledger) if one.model_id == model_id), None)


def _different(stored: pd.Series, new: pd.Series) -> list[str]:
    def plain(value: Any) -> Any:
        missing = value is None or value != value or str(value) in {"<NA>", "NaT"}
        return None if missing else value

    pairs = [(name, plain(stored[name]), plain(new[name])) for name in REPLAYED]
    return [f"{name}: {was} was published, {now} comes out now" for name, was, now in pairs if was != now]


def _late(kept: dict[str, float] | None, row: pd.Series) -> list[str]:
    """Signals that the warehouse knows otherwise than the day that was published did."""
    if kept is None:
        return ["late data: cannot be told, the signals of that day are no longer kept in the ledger"]
    found = []
    for name in sorted(set(kept) & set(row.index)):
        now = float(row[name]) if row[name] == row[name] and row[name] is not None else math.nan
        if math.isnan(now) or float(f"{now:.8g}") != kept[name]:
            found.append(f"late data: {name} was {kept[name]:g} and is {now:g} now")
    return found


def what_if(settings: Settings, *, config: Path, as_of: date) -> Result:
    """Score a published day by another company file, and say who changes tier; nothing is published.

    Args:
        settings: Where things are.
        config: The company file that might be merged.
        as_of: A published day whose signals are kept.

    Raises:
        ConfigurationError: The file is wrong, or that day was never published.
    """
    from customer_health.company import load_company
    from customer_health.ledger import model_registry as registry
    from customer_health.ledger import scores as ledger_scores
    from customer_health.ledger.crm_tasks import open_at
    from customer_health.ledger.engine import open_ledger

    ledger = open_ledger(settings.ledger_url)
    if ledger_scores.run_of(ledger, as_of) is None:
        raise ConfigurationError(
            f"Nothing was published as of {as_of}.", hint="Name a day that the page shows."
        )
    champion, _ = load_champion(registry.current(ledger, as_of=as_of))
    previous = ledger_scores.previous(ledger, as_of)
    now = _scored(settings, settings.config, champion, previous, as_of)
    then = _scored(settings, load_company(config), champion, previous, as_of)
    both = now.join(then, rsuffix="_new", how="outer")
    published = ledger_scores.of(ledger, as_of).set_index("account_id")
    both = both.join(published[["name", "arr", "currency"]])
    tiers = both[["tier", "tier_new"]].astype(object)
    tiers = tiers.where(tiers.notna(), "no score")
    both = both.assign(tier=tiers["tier"], tier_new=tiers["tier_new"])
    moved = both[(both["tier"] != both["tier_new"]).to_numpy()]
    said = _told(moved, len(both))
    tasks = open_at(ledger, set(moved.index))
    return Result(
        "What if",
        {"accounts": len(both), "change_tier": len(moved), "open_tasks": sum(tasks.values())},
        (*said, *(f"{count} open tasks of {name} are at these accounts." for name, count in tasks.items())),
    )


def _scored(
    settings: Settings, config: CompanyConfig, champion: Any, previous: pd.DataFrame, as_of: date
) -> pd.DataFrame:
    from customer_health.scoring.daily_scores import score_accounts

    rows = score_accounts(_panel(settings, as_of), champion, config, as_of=as_of, previous=previous)
    return rows.set_index("account_id")[["score_shown", "tier"]]


def _told(moved: pd.DataFrame, accounts: int) -> list[str]:
    from customer_health.wording import total

    if moved.empty:
        return [f"None of {accounts:,} accounts changes tier."]

    def arr_of(rows: pd.DataFrame) -> str:
        known = rows["currency"].dropna().unique()
        amounts = [None if value != value else float(value) for value in rows["arr"].astype(float)]
        return total(amounts, str(known[0]) if len(known) == 1 else None)

    said = [f"{len(moved):,} of {accounts:,} accounts change tier, with {arr_of(moved)} ARR:"]
    for (was, new), rows in moved.groupby(["tier", "tier_new"]):
        said.append(f"  {was} -> {new}: {len(rows):,} accounts, {arr_of(rows)}")
    largest = moved.sort_values("arr", ascending=False).head(SHOWN)
    said += [
        f"  {row['name'] or account} ({account}): {row['score_shown']} {row['tier']} -> "
        f"{row['score_shown_new']} {row['tier_new']}"
        for account, row in largest.iterrows()
    ]
    return said
