"""What would another company file make of a published day? Asked before it is merged."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from customer_health.errors import ConfigurationError
from customer_health.pipeline.retraining import load_champion
from customer_health.pipeline.score_questions import panel_of_day
from customer_health.pipeline.step_result import Result

if TYPE_CHECKING:
    import pandas as pd

    from customer_health.company import CompanyConfig
    from customer_health.playbooks.lost_ground import Ground
    from customer_health.settings import Settings

SHOWN = 10


def what_if(settings: Settings, *, config: Path, as_of: date) -> Result:
    """Score a published day by another company file, and hold the playbooks' conditions against both.

    Says who changes tier and with what ARR, which playbooks would act on more or fewer accounts, and which
    open tasks would lose their ground.

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
    from customer_health.ledger.engine import open_ledger
    from customer_health.playbooks.lost_ground import compare

    ledger = open_ledger(settings.ledger_url)
    if ledger_scores.run_of(ledger, as_of) is None:
        raise ConfigurationError(
            f"Nothing was published as of {as_of}.", hint="Name a day that the page shows."
        )
    champion, _ = load_champion(registry.current(ledger, as_of=as_of), models=settings.models)
    previous = ledger_scores.previous(ledger, as_of)
    other = load_company(config)
    now = _scored(settings, settings.config, champion, previous, as_of)
    then = _scored(settings, other, champion, previous, as_of)
    with ledger.connect() as connection:
        ground = compare(connection, as_of, _rows(now), _rows(then), settings.config, other)
    shown = ["score_shown", "tier"]
    both = now[shown].join(then[shown], rsuffix="_new", how="outer")
    published = ledger_scores.of(ledger, as_of).set_index("account_id")
    both = both.join(published[["name", "arr", "currency"]])
    tiers = both[["tier", "tier_new"]].astype(object)
    tiers = tiers.where(tiers.notna(), "no score")
    both = both.assign(tier=tiers["tier"], tier_new=tiers["tier_new"])
    moved = both[(both["tier"] != both["tier_new"]).to_numpy()]
    return Result(
        "What if",
        {
            "accounts": len(both),
            "change_tier": len(moved),
            "open_tasks": ground.open_tasks,
            "tasks_without_ground": len(ground.lost),
        },
        (*_told(moved, len(both)), *_grounds(ground)),
    )


def _scored(
    settings: Settings, config: CompanyConfig, champion: Any, previous: pd.DataFrame, as_of: date
) -> pd.DataFrame:
    from customer_health.scoring.daily_scores import score_accounts

    rows = score_accounts(panel_of_day(settings, as_of), champion, config, as_of=as_of, previous=previous)
    return rows.set_index("account_id", drop=False)


def _rows(scored: pd.DataFrame) -> dict[str, dict[str, Any]]:
    from customer_health.ledger.scores import plain

    return {
        str(row["account_id"]): {str(name): plain(value) for name, value in row.items()}
        for row in scored.to_dict("records")
    }


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


def _grounds(ground: Ground) -> list[str]:
    """Say which playbooks and open tasks the other file would change."""
    said = [
        f"Playbook {name}: its conditions would hold for {after:,} accounts instead of {before:,}"
        + (f" ({why})." if why else ".")
        for name, before, after, why in ground.playbooks
    ]
    if not ground.lost:
        return [*said, f"None of {ground.open_tasks:,} open tasks loses its ground."]
    said.append(f"{len(ground.lost):,} of {ground.open_tasks:,} open tasks lose their ground:")
    said += [
        f"  {task.account_name} ({task.account_id}): {task.subject} ({task.playbook}): {task.why}"
        for task in ground.lost[:SHOWN]
    ]
    if len(ground.lost) > SHOWN:
        said.append(f"  and {len(ground.lost) - SHOWN:,} more")
    return said
