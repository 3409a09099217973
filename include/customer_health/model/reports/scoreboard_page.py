"""The scoreboard's page, and its short form on the model card."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from customer_health import storage
from customer_health.wording import percent

if TYPE_CHECKING:
    from customer_health.model.registry.current_model import Watch

SHOWN_MISSED, SHOWN_DRIFT, SHOWN_DAYS = 25, 12, 12


def write(watch: Watch, folder: Path, as_of: date) -> Path:
    """Write the scoreboard as Markdown and return its path."""
    path = folder / f"scoreboard-{as_of}.md"
    lines = [f"# Prediction scoreboard, {as_of:%-d %B %Y}", "", *section(watch), ""]
    lines += [*by_segment(watch), "", *calibration(watch), "", *missed(watch)]
    return storage.write(path, "\n".join(lines) + "\n")


def section(watch: Watch) -> Iterable[str]:
    """What became of the published predictions, and what drifted."""
    yield from (f"- {line}" for line in watch.board.lines())
    yield from (f"- **{alarm}**" for alarm in watch.alarms)
    days = watch.board.days
    if len(days):
        yield ""
        yield "| as of | scored by | accounts | lost | found at capacity | Red + Yellow | precision of Red |"
        yield "|---|---|---|---|---|---|---|"
        for row in _spread(days).to_dict(orient="records"):
            shares = ("recall_at_capacity", "recall_red_yellow", "precision_red")
            yield (
                f"| {row['as_of']:%Y-%m-%d} | {row['mode']} | {row['accounts']:,} | {row['lost']} | "
                + " | ".join(_share(row[name]) for name in shares)
                + " |"
            )
    moved = watch.moved
    loud = moved[moved["level"].isin(["warn", "page"])] if len(moved) else moved
    if len(loud):
        yield ""
        yield "| signal that moved | how bad | what happened |"
        yield "|---|---|---|"
        for row in loud.head(SHOWN_DRIFT).to_dict(orient="records"):
            yield f"| {row['signal']} | {row['level']} | {row['why']} |"


def missed(watch: Watch) -> Iterable[str]:
    """Lost accounts that were Green, with what was said about them that day."""
    table = watch.board.missed
    if table.empty:
        return
    yield "## Missed: Green on a graded day, and lost"
    yield ""
    yield "| account | as of | score | why, as published | strongest reasons | in the worst tenth that day |"
    yield "|---|---|---|---|---|---|"
    for row in table.head(SHOWN_MISSED).to_dict(orient="records"):
        reasons = row.get("reasons") or []
        told = "; ".join(str(reason.get("phrase", reason.get("code", ""))) for reason in reasons[:3])
        yield (
            f"| {row['account_id']} | {row['as_of']:%Y-%m-%d} | {float(row['score_shown']):.0f} | "
            f"{row.get('why', '')} | {told or 'none'} | {row.get('signals') or 'none'} |"
        )
    if len(table) > SHOWN_MISSED:
        yield ""
        yield f"{len(table) - SHOWN_MISSED} more, with less ARR each, are left out."


def by_segment(watch: Watch) -> Iterable[str]:
    """Where the score meant more, and where less."""
    table = watch.board.segments
    if table.empty:
        return
    yield "## By segment"
    yield ""
    columns = ("segment", "account-days", "lost", "found at capacity", "Red + Yellow", "precision of Red")
    yield f"| {' | '.join(columns)} | predicted / observed |"
    yield "|---|---|---|---|---|---|---|"
    for row in table.to_dict(orient="records"):
        shares = ("recall_at_capacity", "recall_red_yellow", "precision_red")
        ratio = f"{row['predicted'] / row['observed']:.2f}" if row["observed"] and row["predicted"] else "–"
        yield (
            f"| {row['segment']} | {row['accounts']:,} | {row['lost']} | "
            + " | ".join(_share(row[name]) for name in shares)
            + f" | {ratio} |"
        )


def calibration(watch: Watch) -> Iterable[str]:
    """Predicted against observed losses, one day a quarter."""
    table = watch.board.calibration()
    if table.empty:
        return
    yield "## Did as many leave as predicted?"
    yield ""
    yield "| as of | losses predicted | came | the probabilities were |"
    yield "|---|---|---|---|"
    for row in table.to_dict(orient="records"):
        yield f"| {row['as_of']:%Y-%m-%d} | {row['predicted']:.0f} | {row['observed']} | {row['verdict']} |"


def _spread(days: pd.DataFrame) -> pd.DataFrame:
    """A dozen days, evenly spread: a table of 300 nearly equal rows informs nobody."""
    step = max(len(days) // SHOWN_DAYS, 1)
    return days.sort_values("as_of").iloc[::-step].iloc[:SHOWN_DAYS][::-1]


def _share(value: float) -> str:
    return "–" if pd.isna(value) else percent(value)
