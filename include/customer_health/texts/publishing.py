"""Put a model's words into the day's scores where they passed the check; elsewhere the template stays."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

import pandas as pd
from sqlalchemy import Engine

from customer_health.settings import Settings
from customer_health.texts.facts import FactSheet, fact_sheet
from customer_health.texts.models.agents import AgentModel, Question
from customer_health.texts.models.asking import Asked, Asking, ask_all
from customer_health.texts.why_writer import EXPLAIN, WHY

if TYPE_CHECKING:
    from pydantic import BaseModel


def word_scores(
    scored: pd.DataFrame,
    days_to_renewal: Mapping[str, float],
    best: str,
    settings: Settings,
    engine: Engine,
    *,
    now: datetime,
) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Return the scores with the model's Whys and explanations, and what to tell about it.

    Accounts that need attention come first, then large ones: the budget and the time may not reach all.

    Args:
        scored: As `daily_scores.score_accounts` returns it.
        days_to_renewal: By account.
        best: Name of the best tier.
        settings: Name the writer; without one nothing changes.
        engine: The ledger, for cache and budget.
        now: Decides the week of the budget.

    Raises:
        ConfigurationError: The writer's key is missing.
    """
    config = settings.config.texts
    if config.writer == "template":
        return scored, ()
    sheets = _sheets(scored, days_to_renewal, best)
    result, notes = scored.copy(), []
    began = time.monotonic()
    for question, column in ((WHY, "why"), (EXPLAIN, "explanation")):
        if column not in result:
            continue
        left = max(0.0, config.write_seconds - (time.monotonic() - began))
        asked = _ask(question, sheets, settings, engine, now, left)
        words = {
            name: _text(asked.answers[sheet.hash()])
            for name, sheet in sheets.items()
            if sheet.hash() in asked.answers
        }
        better = result["account_id"].map(words)
        result[column] = better.where(better.notna(), result[column])
        stopped = f" Stopped early: {asked.stopped}." if asked.stopped else ""
        notes.append(
            f"{config.writer} worded {len(words):,} of {len(sheets):,} ({column}); the others keep the "
            f"template. Cost {asked.cost:.4f}.{stopped}"
        )
    return result, tuple(notes)


def _sheets(scored: pd.DataFrame, days_to_renewal: Mapping[str, float], best: str) -> dict[str, FactSheet]:
    rows = scored[scored["state"] == "scored"].copy()
    rows["_attention"] = rows["tier"] != best
    rows = rows.sort_values(["_attention", "expected_loss", "account_id"], ascending=[False, False, True])
    found = dict[str, FactSheet]()
    for row in rows.to_dict("records"):
        days = days_to_renewal.get(str(row["account_id"]))
        sheet = fact_sheet(
            tier=str(row["tier"]), best=best, reasons=row["reasons"], headlines=row.get("facts") or (),
            renewal_days=None if days is None or pd.isna(days) else float(days),
        )  # fmt: skip
        if sheet is not None:
            found[str(row["account_id"])] = sheet
    return found


def _ask(
    question: Question[Any],
    sheets: Mapping[str, FactSheet],
    settings: Settings,
    engine: Engine,
    now: datetime,
    seconds: float,
) -> Asked[Any]:
    config = settings.config.texts
    kind = config.writer
    endpoint = config.endpoints[kind]  # type: ignore[index]
    model: AgentModel[Any] = AgentModel(kind, endpoint, settings.secrets.get(kind, {}), question)
    askings = [Asking(sheet.hash(), sheet.prompt(), sheet) for sheet in sheets.values()]
    asked: Asked[Any] = ask_all(
        engine,
        model,
        askings,
        budget=config.weekly_budget,
        now=now,
        at_once=endpoint.at_once,
        seconds=seconds,
    )
    # A rule that became stricter since counts for kept answers, too.
    by_hash = {sheet.hash(): sheet for sheet in sheets.values()}
    for content_hash in list(asked.answers):
        if question.check is not None and question.check(asked.answers[content_hash], by_hash[content_hash]):
            del asked.answers[content_hash]
    return asked


def _text(answer: BaseModel) -> str:
    said = answer.model_dump()
    return str(said["why"]) if "why" in said else " ".join(said["sentences"])
