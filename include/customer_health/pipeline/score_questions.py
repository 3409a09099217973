"""Can a published score be made again, and if not, what differs?"""

from __future__ import annotations

import math
from datetime import date
from typing import TYPE_CHECKING, Any

from customer_health.errors import ConfigurationError
from customer_health.pipeline.retraining import load_champion
from customer_health.pipeline.step_result import Result
from customer_health.warehouse.connect import open_warehouse

if TYPE_CHECKING:
    import pandas as pd
    from sqlalchemy import Engine

    from customer_health.model.data.track_record import TrackRecord
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


def replay(settings: Settings, *, account: str, as_of: date) -> Result:
    """Score one published day again and say whether one account's score comes out the same, bit for bit.

    If it does not, what differs is named: the version of the code, settings that were not kept, the model,
    facts that arrived late, the score before, an account that was merged, and what retention has let go of.

    Raises:
        ConfigurationError: The account has no score of that day, or its signals are no longer kept.
    """
    import customer_health
    from customer_health.ledger import gone
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
    if run is not None and stored.empty and (words := gone.row_of(ledger, settings.config, account, as_of)):
        raise ConfigurationError(words, hint="Replay the account on a day that is kept: its page shows them.")
    if run is None or stored.empty:
        raise ConfigurationError(
            f"There is no published row of '{account}' as of {as_of}.",
            hint="The page shows the days that were published; write the account's id, not its name.",
        )
    with open_warehouse(settings.warehouse_url) as con:
        currency = company_currency(con, settings.config.money)
        reference = read_reference(con, as_of)
    panel = panel_of_day(settings, as_of)
    config = with_settings(settings.config, run["config"])
    config = config.model_copy(update={"money": config.money.model_copy(update={"currency": currency})})
    differs = [] if run["config"] else ["config: the settings of that day were not kept"]
    if run["code_version"] != customer_health.__version__:
        differs.append(f"code: {run['code_version']} then, {customer_health.__version__} now")
    champion = None
    if run["mode"] == "model":
        record = _record(ledger, run["model_id"])
        champion, words = load_champion(record, models=settings.models)
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
        records=_records_of_rules(ledger, as_of) if champion is None else None,
    )
    new = again[again["account_id"] == account]
    kept = ledger_scores.signals_of(ledger, as_of).get(account)
    row = panel[panel["account_id"] == account].iloc[0]
    differs += _late(kept, row)
    wrong = (
        ["merge: it is not a customer on that day any more"]
        if new.empty
        else _different(stored.iloc[0], new.iloc[0])
    )
    if not wrong:
        shown = stored.iloc[0]["score_shown"]
        said = "no score" if shown != shown else f"{int(shown)} ({stored.iloc[0]['tier']})"
        return Result("Replay", {"equal": 1}, (f"{account} as of {as_of}: {said}, the same bit for bit.",))
    differs += gone.beside(ledger, account, as_of, signals_kept=kept is not None)
    blamed = differs or ["the score before it, which smoothing goes on from, was published again since"]
    return Result("Replay", {"equal": 0}, (*wrong, "What differs:", *blamed))


def panel_of_day(settings: Settings, as_of: date) -> pd.DataFrame:
    """A day's signals as they are known now, with what other tools say where the company brings that."""
    from customer_health.model.candidates.external_score import attach, read
    from customer_health.signals.build_panel import read_signals

    with open_warehouse(settings.warehouse_url) as con:
        panel = read_signals(con, as_of)
    if panel.empty:
        raise ConfigurationError(
            f"Gone: the signals of {as_of} are not in the warehouse any more: nothing can be made again.",
            hint=f"`python -m customer_health signals {as_of}` builds them from what was known then.",
        )
    external = settings.config.model.external_scores
    return attach(panel, read(external)) if external else panel


def _records_of_rules(ledger: Engine, as_of: date) -> dict[str, TrackRecord]:
    """What each fact had cost, as the training said that left a day to the rules."""
    from customer_health.ledger import model_registry as registry
    from customer_health.model.data.track_record import read_records

    record = registry.current(ledger, as_of=as_of)
    return read_records(record.summary.get("track_records") if record else None)


def _record(ledger: Engine, model_id: str) -> Any:
    from customer_health.ledger import model_registry as registry

    return next((one for one in registry.history(ledger) if one.model_id == model_id), None)


def _different(stored: pd.Series, new: pd.Series) -> list[str]:
    import pandas as pd

    def plain(value: Any) -> Any:
        return None if pd.isna(value) else value

    pairs = [(name, plain(stored[name]), plain(new[name])) for name in REPLAYED]
    return [f"{name}: {was} was published, {now} comes out now" for name, was, now in pairs if was != now]


def _late(kept: dict[str, float] | None, row: pd.Series) -> list[str]:
    """Signals that the warehouse knows otherwise than the day that was published did."""
    if kept is None:
        return []  # gone.beside says so
    found = []
    for name in sorted(set(kept) & set(row.index)):
        now = float(row[name]) if row[name] == row[name] and row[name] is not None else math.nan
        if math.isnan(now) or float(f"{now:.8g}") != kept[name]:
            found.append(f"late data: {name} was {kept[name]:g} and is {now:g} now")
    return found
