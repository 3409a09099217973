"""A company on disk whose customers say what they will do: files, a mapping, and a home for the whole chain.

Health drifts from month to month; tickets, calls and use tell of it, NPS answers are noise, and at the end
of each yearly term an unhealthy customer leaves; now and then one leaves without a sign. Small enough to be
trained in seconds, strong enough for a model to earn its place. Nothing here imitates the simulator.
"""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd

from customer_health.company import CompanyConfig
from customer_health.settings import Settings

FIRST, LAST = date(2023, 7, 1), date(2026, 1, 15)
SURPRISE = 0.006  # a month
CONFIG = CompanyConfig.model_validate(
    {
        "name": "Telling Ltd",
        "model": {
            "effort": "quick", "horizons": [90], "primary_horizon": 90, "loss_types": ["logo_churn"],
            "min_unique_churners": 30, "max_tier_churn": 1.0, "history_months": 20,
        },
    }
)  # fmt: skip


def settings_of(folder: Path, config: CompanyConfig = CONFIG) -> Settings:
    """Return settings for the company of `write`, with a ledger in a file."""
    home = folder / "home"
    return Settings(
        home=home,
        warehouse_url=f"duckdb:///{home}/warehouse.duckdb",
        ledger_url=f"sqlite:///{home}/ledger.db",
        data=str(folder / "data"),
        mapping=folder / "mapping.yaml",
        config=config,
    )


def write(folder: Path, *, accounts: int = 220, seed: int = 5) -> None:
    """Write two and a half years of the company."""
    random = np.random.default_rng(seed)
    tables: dict[str, list[dict[str, object]]] = {
        name: []
        for name in ("accounts", "contracts", "usage", "tickets", "interactions", "surveys", "outcomes")
    }
    born = 0
    segments = ["smb", "mid_market", "enterprise"]
    starts = [FIRST + timedelta(days=int(day)) for day in random.integers(0, 365, accounts)]
    while starts:
        start = starts.pop()
        name, born = f"t{born:04d}", born + 1
        arr = float(np.round(random.lognormal(9, 0.7)))
        tables["accounts"].append(
            {
                "account_id": name, "name": f"Customer {name}", "segment": str(random.choice(segments)),
                "occurred_at": start,
            }
        )  # fmt: skip
        left = _live(name, start, arr, tables, random)
        if left and left + timedelta(days=20) < LAST:
            starts.append(left + timedelta(days=20))  # somebody else comes
    data = folder / "data"
    data.mkdir(parents=True, exist_ok=True)
    (folder / "mapping.yaml").write_text(_mapping(tables), encoding="utf-8")
    for table, rows in tables.items():
        pd.DataFrame(rows).to_csv(data / f"{table}.csv", index=False)


def _live(
    name: str,
    start: date,
    arr: float,
    tables: dict[str, list[dict[str, object]]],
    random: np.random.Generator,
) -> date | None:
    """Let one customer live until it leaves; return when."""
    health, term = float(random.normal()), start
    end = term + timedelta(days=365)
    contract = {"contract_id": name, "account_id": name, "plan": "team", "seats": 10, "arr": arr}
    tables["contracts"].append({**contract, "term_start": term, "term_end": end, "occurred_at": term})
    day = start
    while day < LAST - timedelta(days=27):
        health = 0.9 * health + 0.44 * float(random.normal())
        for _ in range(4):
            active = max(int(np.round(5 + 2 * health + random.normal())), 0)
            tables["usage"].append(
                {"account_id": name, "user_id": f"{name}-u{active}", "feature": "reports",
                 "events": max(active * 4, 1), "occurred_at": day}
            )  # fmt: skip
            day += timedelta(days=7)
        for _ in range(random.poisson(np.exp(-0.6 - 0.9 * health))):
            tables["tickets"].append(
                {"ticket_id": f"k{len(tables['tickets'])}", "account_id": name, "priority": "critical",
                 "occurred_at": day, "resolved_at": day + timedelta(days=int(random.integers(1, 20)))}
            )  # fmt: skip
        mood = float(np.clip(0.5 + 0.2 * health + 0.1 * random.normal(), 0, 1))
        tables["interactions"].append(
            {"interaction_id": f"i{len(tables['interactions'])}", "account_id": name, "kind": "call",
             "minutes": 30, "sentiment": round(mood, 3), "occurred_at": day}
        )  # fmt: skip
        tables["surveys"].append(
            {"survey_id": f"s{len(tables['surveys'])}", "account_id": name, "kind": "nps",
             "score": int(random.integers(0, 11)), "occurred_at": day}
        )  # fmt: skip
        if random.random() < SURPRISE:  # bought by somebody else: no sign, no renewal
            tables["outcomes"].append(
                {"account_id": name, "kind": "logo_churn", "arr_lost": arr, "occurred_at": day,
                 "known_at": day + timedelta(days=1)}
            )  # fmt: skip
            return day
        if day >= end:
            if random.random() < 1 / (1 + np.exp(0.8 + 2.2 * health)):
                tables["outcomes"].append(
                    {"account_id": name, "kind": "logo_churn", "arr_lost": arr, "occurred_at": end,
                     "known_at": end + timedelta(days=1)}
                )  # fmt: skip
                return end
            term, end = end, end + timedelta(days=365)
            tables["contracts"].append({**contract, "term_start": term, "term_end": end, "occurred_at": term})
    return None


def _mapping(tables: dict[str, list[dict[str, object]]]) -> str:
    """Every file is a table, every column itself."""
    lines = ["version: 1", "company: Telling Ltd", "tables:"]
    for table, rows in tables.items():
        columns = ", ".join(f"{column}: {column}" for column in rows[0])
        lines += [f"  {table}:", f"    files: {table}.csv", f"    columns: {{{columns}}}"]
    return "\n".join(lines) + "\n"
