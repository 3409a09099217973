"""The prediction scoreboard: every published prediction whose time has come, graded against what happened.

Not what a model would have predicted, but what was published on the day, by whichever model or rule was
in office. So it also grades the fallbacks, and nobody can polish it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import pandas as pd

from customer_health.model.drift import of_calibration
from customer_health.model.labels import as_times, outcome_labels

MISSED_COLUMNS = ("account_id", "as_of", "score_shown", "tier", "arr", "why", "reasons")
ALARM_BANDS = ("Red", "Yellow")


@dataclass(frozen=True)
class Scoreboard:
    """Grades of matured predictions.

    Attributes:
        days: Per as-of date: mode, accounts, losses, recall at capacity, recall of Red and of Red +
            Yellow, precision of Red, share of the lost ARR in Red + Yellow, predicted and observed losses.
        missed: Lost accounts that were Green on a graded day, with the reasons shown that day.
        lead_days: Per lost account that was ever Red: days from the first Red reading to the loss.
        losses: Different accounts lost among the graded ones.
    """

    days: pd.DataFrame
    missed: pd.DataFrame
    lead_days: pd.Series
    losses: int

    def summary(self) -> dict[str, Any]:
        """Plain JSON data: totals over all graded days."""
        if self.days.empty:
            return {"graded_days": 0}
        lost, weights = self.days["lost"], self.days["lost"].replace(0, np.nan)

        def mean(column: str) -> float | None:
            known = self.days[column].notna() & weights.notna()
            if not known.any():
                return None
            return round(float(np.average(self.days[column][known], weights=weights[known])), 4)

        expected, observed = float(self.days["predicted"].sum()), int(self.days["observed"].sum())
        return {
            "graded_days": len(self.days),
            "predictions": int(self.days["accounts"].sum()),
            "lost_accounts": self.losses,
            "lost_rows": int(lost.sum()),
            "recall_at_capacity": mean("recall_at_capacity"),
            "recall_red": mean("recall_red"),
            "recall_red_yellow": mean("recall_red_yellow"),
            "arr_recall_red_yellow": mean("arr_recall_red_yellow"),
            "precision_red": mean("precision_red"),
            "predicted_to_observed": round(expected / observed, 3) if observed and expected else None,
            "median_lead_days": float(self.lead_days.median()) if len(self.lead_days) else None,
            "missed": len(self.missed),
        }

    def lines(self) -> list[str]:
        """Sentences for the log."""
        told = self.summary()
        if not told["graded_days"]:
            return ["No published prediction has matured yet."]
        lines = [
            f"{told['graded_days']} published days have matured: {told['lost_accounts']} accounts were lost."
        ]
        if told["recall_red_yellow"] is not None:
            lines.append(
                f"Red and Yellow had held {told['recall_red_yellow']:.0%} of the losses, Red "
                f"{told['recall_red']:.0%}, the riskiest accounts at capacity "
                f"{told['recall_at_capacity']:.0%}."
            )
        if told["median_lead_days"] is not None:
            lines.append(f"Half of them had been Red for {told['median_lead_days']:.0f} days or longer.")
        if told["missed"]:
            lines.append(f"{told['missed']} lost accounts were Green on a graded day.")
        return lines


def grade(
    published: pd.DataFrame,
    outcomes: pd.DataFrame,
    *,
    as_of: date,
    horizon_days: int,
    capacity_share: float = 0.10,
) -> Scoreboard:
    """Grade every published prediction that is at least `horizon_days` old.

    Args:
        published: Rows of the ledger's `scores`: account_id, as_of, score, band, p90, p180, arr, state,
            mode, model_id, why, reasons.
        outcomes: Canonical outcomes; entries logged on `as_of` or later are not looked at.
        as_of: Today.
        horizon_days: Within how many days a loss counts as foretold.
        capacity_share: Share of accounts that CSMs can work on.
    """
    if published.empty:
        return Scoreboard(pd.DataFrame(), pd.DataFrame(), pd.Series(dtype=float), 0)
    rows = published[published["state"] == "scored"].assign(as_of=lambda t: as_times(t["as_of"]))
    rows = rows.sort_values(["as_of", "account_id"], ignore_index=True)
    labels = outcome_labels(outcomes, rows, horizon_days=horizon_days, logged_before=as_of)
    rows = rows.assign(y=labels.to_numpy())[labels.notna().to_numpy()].reset_index(drop=True)
    if rows.empty:
        return Scoreboard(pd.DataFrame(), pd.DataFrame(), pd.Series(dtype=float), 0)
    graded = [
        {"as_of": day, **_day(own, f"p{horizon_days}", capacity_share)} for day, own in rows.groupby("as_of")
    ]
    lost = rows[rows["y"] == 1]
    green = lost[~lost["band"].isin(ALARM_BANDS)].sort_values("as_of")
    green = green.drop_duplicates("account_id", keep="last")
    shown = [name for name in MISSED_COLUMNS if name in green]
    missed = green[shown].sort_values("arr", ascending=False) if "arr" in shown else green[shown]
    return Scoreboard(
        pd.DataFrame(graded),
        missed.reset_index(drop=True),
        _lead_days(lost, outcomes, as_of),
        int(lost["account_id"].nunique()),
    )


def _day(own: pd.DataFrame, column: str, capacity_share: float) -> Mapping[str, Any]:
    y = own["y"].to_numpy()
    lost = y.sum()
    arr = np.zeros(len(own))
    if "arr" in own:
        arr = pd.to_numeric(own["arr"], errors="coerce").fillna(0).to_numpy(dtype=float)
    red = (own["band"] == "Red").to_numpy()
    alarm = own["band"].isin(ALARM_BANDS).to_numpy()
    top = np.zeros(len(own), dtype=bool)
    order = np.argsort(pd.to_numeric(own["score"]).to_numpy(), kind="stable")
    top[order[: max(round(capacity_share * len(own)), 1)]] = True
    p = pd.to_numeric(own[column], errors="coerce") if column in own else pd.Series(np.nan, own.index)

    def share(part: float, whole: float) -> float:
        return float(part / whole) if whole else float("nan")

    known = p.notna().to_numpy()
    return {
        "mode": str(own["mode"].mode().iloc[0]) if "mode" in own and len(own["mode"].mode()) else "",
        "accounts": len(own),
        "lost": int(lost),
        "recall_at_capacity": share(y[top].sum(), lost),
        "recall_red": share(y[red].sum(), lost),
        "recall_red_yellow": share(y[alarm].sum(), lost),
        "precision_red": share(y[red].sum(), red.sum()),
        "arr_recall_red_yellow": share((y * arr)[alarm].sum(), (y * arr).sum()),
        "predicted": float(p[known].sum()),
        "observed": int(y[known].sum()),
    }


def _lead_days(lost: pd.DataFrame, outcomes: pd.DataFrame, as_of: date) -> pd.Series:
    told = as_times(outcomes["known_at"]) < pd.Timestamp(as_of)
    ends = outcomes[(outcomes["kind"] == "logo_churn") & told]
    last = as_times(ends["occurred_at"]).groupby(ends["account_id"].astype(str)).max()
    first = lost[lost["band"] == "Red"].groupby("account_id")["as_of"].min()
    lead = (last.reindex(first.index) - first).dropna()
    return pd.Series(lead.dt.total_seconds() / 86_400, index=lead.index, name="lead_days")


def calibration_alarm(board: Scoreboard) -> str | None:
    """Say whether more or fewer losses came than were predicted, beyond chance; None if not.

    Days overlap (an account is predicted every day), so the count is thinned to one day a quarter.
    """
    if board.days.empty:
        return None
    days = board.days[board.days["predicted"] > 0].sort_values("as_of", ascending=False)
    kept: list[dict[Any, Any]] = []
    for row in days.to_dict(orient="records"):
        if not kept or (kept[-1]["as_of"] - row["as_of"]).days >= 90:
            kept.append(row)
    if not kept:
        return None
    expected, observed = sum(row["predicted"] for row in kept), sum(row["observed"] for row in kept)
    more, fewer, verdict = of_calibration(expected, observed)
    if verdict == "fine":
        return None
    chance = more if verdict == "too low" else fewer
    return (
        f"The probabilities are {verdict}: {expected:.0f} losses predicted, {observed} came "
        f"(chance alone: {chance:.1%})."
    )
