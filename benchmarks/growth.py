"""How the stores grow, night after night, with retention at work.

    PYTHONPATH=include python -m benchmarks.growth --home folder/big/home --nights 130

Takes the home that `benchmarks.daily_chain --folder` left, copies it, and repeats its last night: scores and
their signals are published and the decisions written by the functions of the chain; effects and their log
lines are added, as many as that night promised; `retain` runs after each. Real rows, other days. Printed:
bytes by table after 30 nights and at the end, what a night adds at the end, and what a year of that is.
"""

from __future__ import annotations

import argparse
import shutil
import sqlite3
import tempfile
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pandas as pd

from customer_health.ledger import decisions, scores
from customer_health.ledger.decisions import Decision
from customer_health.ledger.engine import open_ledger, writing
from customer_health.operations.thinning import retain
from customer_health.pipeline import upgrade_ledger
from customer_health.settings import Settings, load_settings
from customer_health.warehouse.connect import open_warehouse

SETTLED = 30  # nights after which the decision log no longer grows by what did not match


class Home:
    """A copy of a home that has lived through its last night."""

    def __init__(self, settings: Settings) -> None:
        self.settings, self.ledger = settings, open_ledger(settings.ledger_url)
        found = scores.latest_day(self.ledger)
        if found is None:
            raise SystemExit(f"{settings.home} has no scores; run benchmarks.daily_chain first.")
        self.last = found
        self.frame = scores.of(self.ledger, self.last)
        self.panel = pd.DataFrame.from_dict(scores.signals_of(self.ledger, self.last), orient="index")
        self.panel = self.panel.rename_axis("account_id").reset_index()
        self.made = [
            Decision(row["account_id"], row["playbook"], row["outcome"], row["reason"], row["cycle_id"])
            for row in decisions.of(self.ledger, self.last)
        ]
        self.base = Path(str(self.ledger.url.database))

    def night(self, number: int) -> date:
        """Live the last night once more, `number` days later."""
        day = self.last + timedelta(days=number)
        now = datetime.combine(day, time(3), UTC)
        frame = self.frame.drop(columns=["as_of"])
        signals = [name for name in self.panel if name not in frame.columns or name == "account_id"]
        table = frame.merge(self.panel[signals], on="account_id", how="left")
        scores.publish(self.ledger, table, day, published_at=now)
        with writing(self.ledger) as connection:
            decisions.replace(connection, day, self.made, now=now)
        self._effects(number, day)
        with open_warehouse(self.settings.warehouse_url) as con:
            con.execute(
                'INSERT INTO signals."values" SELECT * REPLACE (? AS as_of) '
                'FROM signals."values" WHERE as_of = ?',
                [day, self.last],
            )
        retain(self.settings, now=now)
        return day

    def _effects(self, number: int, day: date) -> None:
        """Add copies of the last night's effects under keys of their own."""
        with sqlite3.connect(self.base) as con:
            for table in ("outbox", "deliveries"):
                names = [row[1] for row in con.execute(f"PRAGMA table_info({table})") if row[1] != "id"]
                new = {"key": f"substr(o.key, 1, 30) || '{number:06d}'"}
                if table == "outbox":
                    new["as_of"] = f"'{day}'"
                listed = ", ".join(f'"{name}"' for name in names)
                values = ", ".join(new.get(name, f't."{name}"') for name in names)
                con.execute(
                    f"INSERT OR IGNORE INTO {table} ({listed}) SELECT {values} FROM {table} AS t "
                    f"JOIN outbox AS o ON o.key = t.key WHERE o.as_of = '{self.last}' AND length(o.key) = 36"
                )

    def sizes(self) -> dict[str, int]:
        """Return bytes by table of the ledger, its indexes included, and of the warehouse's used blocks."""
        with sqlite3.connect(self.base) as con:
            owner = dict(con.execute("SELECT name, tbl_name FROM sqlite_master").fetchall())
            found: dict[str, int] = {}
            for name, size in con.execute("SELECT name, sum(pgsize) FROM dbstat GROUP BY 1"):
                table = f"ledger {owner.get(name, name)}"
                found[table] = found.get(table, 0) + size
        with open_warehouse(self.settings.warehouse_url) as con:
            con.execute("CHECKPOINT")
            block, used = con.execute(
                "SELECT block_size, used_blocks FROM pragma_database_size()"
            ).fetchall()[0]
        return found | {"warehouse (used)": block * used}


def main(arguments: Sequence[str] | None = None) -> None:
    """Copy, repeat, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--nights", type=int, default=130)
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="growth-", dir=options.home.parent) as name:
        copy = Path(name)
        for file in ("ledger.db", "warehouse.duckdb"):
            shutil.copyfile(options.home / file, copy / file)
        settings = load_settings({}, home=copy)
        upgrade_ledger(settings)
        home = Home(settings)
        seen: dict[int, Mapping[str, int]] = {0: home.sizes()}
        for number in range(1, options.nights + 1):
            home.night(number)
            if number in (SETTLED, options.nights - 7, options.nights):
                seen[number] = home.sizes()
                print(f"night {number}: {sum(seen[number].values()) / 1e6:,.0f} MB", flush=True)
        _report(seen, options.nights, len(home.frame))


def _report(seen: Mapping[int, Mapping[str, Any]], nights: int, accounts: int) -> None:
    rows = [
        {
            "table": name,
            "begin_mb": seen[0].get(name, 0) / 1e6,
            f"night_{SETTLED}_mb": seen[SETTLED].get(name, 0) / 1e6,
            f"night_{nights}_mb": size / 1e6,
            "kb_a_night": (size - seen[nights - 7].get(name, 0)) / 7 / 1e3,
        }
        for name, size in seen[nights].items()
    ]
    table = pd.DataFrame(rows).sort_values(f"night_{nights}_mb", ascending=False)
    print(f"\n{accounts:,} accounts, {nights} nights")
    print(table[table[f"night_{nights}_mb"] > 0.05].round(2).to_string(index=False))
    last = table["kb_a_night"].sum() * 365 / 1e3
    print(f"at the end {last:,.0f} MB a year; {last * 1e3 / accounts:,.1f} KB an account and year")


if __name__ == "__main__":
    main()
