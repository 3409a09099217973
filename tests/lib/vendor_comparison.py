"""Hold the scores of a company that was asked for through vendors against those of its files.

Two companies of files are scored in this process, day by day as Airflow did: one with exactly what the
vendors can express (the scores must be equal), and the whole one of `make demo` (what they leave behind moves
some scores; it is shown, not judged).
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import yaml

from customer_health import pipeline
from customer_health.company import CompanyConfig
from customer_health.ledger import scores
from customer_health.ledger.engine import open_ledger
from customer_health.settings import Settings, load_settings
from customer_health.warehouse.tables import TABLES
from tests.lib.vendor_world import EXPRESSED, FIRST_USAGE, LEFT_BEHIND


def compare(home: Path, tables: Path, days: Sequence[date]) -> bool:
    """Print how the scores compare; return whether those of equal facts are equal.

    Args:
        home: Of the company that was asked for through vendors.
        tables: The same company's files, a folder per canonical table.
        days: The as-of dates that Airflow has scored; the last is compared.
    """
    config = yaml.safe_load((home / "company.yaml").read_text(encoding="utf-8"))
    asked = score_table(load_settings({"CUSTOMER_HEALTH_HOME": str(home)}), days[-1])
    print("\nThe same company by files:")
    equal = False
    for name, title in (("cut", "what the vendors can express"), ("whole", "everything, as in make demo")):
        folder = home / "files" / name
        named = {"HOME": folder, "DATA": folder / "company", "MAPPING": folder / "mapping.yaml"}
        if name == "cut":
            mapping = write_cut(tables, folder / "company", days[-1])
            (folder / "mapping.yaml").write_text(yaml.safe_dump(mapping), encoding="utf-8")
        else:
            shutil.copytree(tables, folder / "company")
            named = {"HOME": folder}
        settings = load_settings({f"CUSTOMER_HEALTH_{key}": str(value) for key, value in named.items()})
        settings = settings.model_copy(
            update={"config": CompanyConfig.model_validate({"usage": config["usage"]})}
        )
        for day in days:
            score_files(settings, day, today=days[-1])
        found = score_table(settings, days[-1])
        line, same = _told(asked, found)
        print(f"  {title:30}{line}")
        equal = same if name == "cut" else equal
    print("Scores of equal facts are equal." if equal else "Scores of equal facts DIFFER.")
    return equal


def write_cut(tables: Path, to: Path, until: date) -> dict[str, Any]:
    """Write what the vendors can express of a company, the newest state of every fact; return its mapping."""
    feeds = {}
    with duckdb.connect() as con:
        for table, columns in EXPRESSED.items():
            (to / table).mkdir(parents=True, exist_ok=True)
            keys = ", ".join(TABLES[table].key)
            since = f"occurred_at >= DATE '{FIRST_USAGE}'" if table == "usage" else "true"
            con.execute(
                f"COPY (SELECT {columns} FROM (SELECT * EXCLUDE (filename) FROM "
                f"read_parquet('{tables}/{table}/*.parquet', filename = true) "
                f"WHERE known_at < DATE '{until}' AND {LEFT_BEHIND.get(table, 'true')} AND {since} "
                f"QUALIFY row_number() OVER (PARTITION BY {keys} ORDER BY filename DESC) = 1)) "
                f"TO '{to}/{table}/all.parquet' (FORMAT parquet)"
            )
            there = con.execute(f"SELECT * FROM read_parquet('{to}/{table}/all.parquet') LIMIT 0").description
            columns_ = {name: name for name, *_ in there if name in TABLES[table].delivered}
            feeds[table] = {"files": f"{table}/*.parquet", "columns": columns_}
    return {"company": "the company", "tables": feeds}


def score_files(settings: Settings, day: date, *, today: date) -> None:
    """Take one day's way from files to scores, as the DAGs do."""
    now = datetime.combine(today, time(6), tzinfo=UTC)
    pretended = settings.model_copy(update={"today": today})
    pipeline.ingest(pretended, as_of=day, asked=True)
    pipeline.check_quality(pretended, as_of=day, now=now)
    pipeline.read_texts(pretended, as_of=day)
    pipeline.build_signals(pretended, as_of_dates=[day])
    pipeline.ensure_champion(pretended, as_of=day, now=now)
    pipeline.score_accounts(pretended, as_of=day, now=now)


def score_table(settings: Settings, day: date) -> pd.DataFrame:
    """Return the published scores of a day by account: score as shown (points), tier, state."""
    found = scores.of(open_ledger(settings.ledger_url), day)
    return found.set_index("account_id")[["score_shown", "tier", "state"]]


def _told(asked: pd.DataFrame, found: pd.DataFrame) -> tuple[str, bool]:
    both = asked.join(found, how="outer", lsuffix="_asked", rsuffix="_found")
    scored = both[(both["state_asked"] == "scored") & (both["state_found"] == "scored")]
    apart = (scored["score_shown_asked"] - scored["score_shown_found"]).astype(float).abs()
    others = both[~both.index.isin(scored.index)]
    same_state: Any = (others["state_asked"] == others["state_found"]).sum()
    same_tier = (scored["tier_asked"] == scored["tier_found"]).mean()
    line = (
        f"{len(scored):,} scored by both, {apart.eq(0).sum():,} with the same score, "
        f"{same_tier:.0%} in the same tier, median difference {apart.median():.0f}, largest "
        f"{apart.max():.0f}; {len(others) - same_state:,} scored by one alone"
    )
    return line, bool(len(scored)) and bool(apart.eq(0).all()) and len(others) == same_state
