"""The prediction scoreboard: every published prediction whose time has come, graded against what happened.

Not what a model would have predicted, but what was published on the day, by whichever model or rule was
in use. So it also grades the fallbacks, and nobody can polish it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import numpy as np
import pandas as pd

from customer_health.model.data.labels import as_times, outcome_labels
from customer_health.model.monitoring.drift import of_calibration
from customer_health.signals.signal import Concept, Direction, Signal
from customer_health.wording import percent

MISSED_COLUMNS = ("account_id", "as_of", "score_shown", "tier", "arr", "why", "reasons")
ALARM_BANDS = ("Red", "Yellow")
WORST, SHOWN_SIGNALS = 0.10, 5


@dataclass(frozen=True)
class Scoreboard:
    """Grades of matured predictions.

    Attributes:
        days: Per as-of date: mode, accounts, losses, recall at capacity, recall of Red and of Red +
            Yellow, precision of Red, share of the lost ARR in Red + Yellow, predicted and observed losses.
        missed: Lost accounts that were Green on a graded day, with the reasons shown that day.
        lead_days: Per lost account that was ever Red: days from the first Red reading to the loss.
        losses: Different accounts lost among the graded ones.
        segments: The same per segment, all graded days together: the riskiest at capacity are those of
            the whole portfolio.
    """

    days: pd.DataFrame
    missed: pd.DataFrame
    lead_days: pd.Series
    losses: int
    segments: pd.DataFrame = field(default_factory=pd.DataFrame)

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
            "precision_red": self._pooled("precision_red", "red"),
            "precision_at_capacity": self._pooled("precision_at_capacity", "at_capacity"),
            "predicted_to_observed": round(expected / observed, 3) if observed and expected else None,
            "median_lead_days": float(self.lead_days.median()) if len(self.lead_days) else None,
            "missed": len(self.missed),
        }

    def _pooled(self, column: str, of: str) -> float | None:
        """A share of all the rows that were flagged, not a mean over days."""
        flagged = self.days[of].sum()
        return (
            round(float((self.days[column].fillna(0) * self.days[of]).sum() / flagged), 4)
            if flagged
            else None
        )

    def calibration(self) -> pd.DataFrame:
        """Predicted and observed losses on one graded day a quarter, oldest first.

        Days overlap (an account is predicted every day), so that neighbours would repeat each other.
        """
        if self.days.empty:
            return pd.DataFrame(columns=["as_of", "predicted", "observed", "verdict"])
        days = self.days[self.days["predicted"] > 0].sort_values("as_of", ascending=False)
        kept: list[dict[Any, Any]] = []
        for row in days.to_dict(orient="records"):
            if not kept or (kept[-1]["as_of"] - row["as_of"]).days >= 90:
                kept.append(row)
        table = (
            pd.DataFrame(kept, columns=["as_of", "predicted", "observed"]).iloc[::-1].reset_index(drop=True)
        )
        pairs = zip(table["predicted"], table["observed"], strict=True)
        return table.assign(verdict=[of_calibration(float(e), int(o))[2] for e, o in pairs])

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
                f"Red and Yellow had held {percent(told['recall_red_yellow'])} of the losses, Red "
                f"{percent(told['recall_red'])}, the riskiest accounts at capacity "
                f"{percent(told['recall_at_capacity'])}."
            )
        if told["precision_red"] is not None:
            lines.append(f"Of what was Red, {percent(told['precision_red'])} left in time.")
        if told["median_lead_days"] is not None:
            known = f"{len(self.lead_days)} of them were Red on a graded day"
            lines.append(f"{known}, half of these for {told['median_lead_days']:.0f} days or longer.")
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
        horizon_days: Within how many days a loss counts as predicted.
        capacity_share: Share of accounts that CSMs can work on.
    """
    if published.empty:
        return Scoreboard(pd.DataFrame(), pd.DataFrame(), pd.Series(dtype=float), 0)
    rows = published[published["state"] == "scored"].assign(as_of=lambda t: as_times(t["as_of"]))
    rows = rows.sort_values(["as_of", "account_id"], ignore_index=True)
    labels = outcome_labels(outcomes, rows, horizon_days=horizon_days, as_of=as_of)
    rows = rows.assign(y=labels.to_numpy())[labels.notna().to_numpy()].reset_index(drop=True)
    if rows.empty:
        return Scoreboard(pd.DataFrame(), pd.DataFrame(), pd.Series(dtype=float), 0)
    rows = rows.assign(top=_riskiest(rows, capacity_share))
    column = f"p{horizon_days}"
    graded = [{"as_of": day, **_grades(own, column)} for day, own in rows.groupby("as_of")]
    parts = rows.groupby(rows["segment"].fillna("unknown")) if "segment" in rows else ()
    segments = [{"segment": name, **_grades(own, column)} for name, own in parts]
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
        pd.DataFrame(segments),
    )


def _riskiest(rows: pd.DataFrame, capacity_share: float) -> np.ndarray:
    """Whether each row is among the riskiest of its day."""
    place = rows.groupby("as_of")["score"].rank(method="first")
    most = rows.groupby("as_of")["score"].transform("size").mul(capacity_share).round().clip(lower=1)
    return (place <= most).to_numpy()


def _grades(own: pd.DataFrame, column: str) -> Mapping[str, Any]:
    y = own["y"].to_numpy()
    lost = y.sum()
    arr = np.zeros(len(own))
    if "arr" in own:
        arr = pd.to_numeric(own["arr"], errors="coerce").fillna(0).to_numpy(dtype=float)
    red = (own["band"] == "Red").to_numpy()
    alarm = own["band"].isin(ALARM_BANDS).to_numpy()
    top = own["top"].to_numpy()
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
        "precision_at_capacity": share(y[top].sum(), top.sum()),
        "red": int(red.sum()),
        "at_capacity": int(top.sum()),
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
    """Say whether more or fewer losses came than were predicted, beyond chance; None if not."""
    kept = board.calibration()
    if kept.empty:
        return None
    expected, observed = float(kept["predicted"].sum()), int(kept["observed"].sum())
    more, fewer, verdict = of_calibration(expected, observed)
    if verdict == "fine":
        return None
    chance = more if verdict == "too low" else fewer
    return (
        f"The probabilities are {verdict}: {expected:.0f} losses predicted, {observed} came "
        f"(chance alone: {percent(chance, 1)})."
    )


def in_the_worst_tenth(
    missed: pd.DataFrame, panel: pd.DataFrame, catalogue: Mapping[str, Signal]
) -> pd.DataFrame:
    """Say about each missed loss which of its signals were bad that day, though the score was not.

    Args:
        missed: `Scoreboard.missed`.
        panel: Signals of every account on those days, as they were kept that day.
        catalogue: Which end of a signal is the bad one.

    Returns:
        `missed` with `signals`: up to five as "name value", those furthest into the worst tenth of that
        day's customers first; empty where the day's signals were not kept.
    """
    if missed.empty or panel.empty:
        return missed.assign(signals="")
    rows = panel[panel["is_customer"].fillna(False).astype(bool)].assign(as_of=lambda t: as_times(t["as_of"]))
    names = [
        name
        for name, signal in catalogue.items()
        if name in rows
        and signal.direction is not Direction.NEUTRAL
        and signal.concept is not Concept.CALENDAR
    ]
    values = rows[names].astype(float)
    signs = [1 if catalogue[name].direction is Direction.LOWER_IS_HEALTHIER else -1 for name in names]
    # The share that is strictly better off: where half of all customers share a value, it is not a tail.
    better = (values * signs).groupby(rows["as_of"]).rank(pct=True, method="min")
    keys = list(zip(rows["account_id"].astype(str), rows["as_of"], strict=True))
    place = {key: number for number, key in enumerate(keys)}
    told = []
    for row in missed.to_dict(orient="records"):
        at = place.get((str(row["account_id"]), pd.Timestamp(row["as_of"])))
        if at is None:
            told.append("")
            continue
        bad = better.iloc[at]
        bad = bad[bad > 1 - WORST].sort_values(ascending=False, kind="stable").head(SHOWN_SIGNALS)
        told.append(", ".join(f"{name} {values.iloc[at][name]:.3g}" for name in bad.index))
    return missed.assign(signals=told)
