"""Gates before a model may be believed: is there enough to learn from, and is any of it from the future?"""

from __future__ import annotations

import re
from collections.abc import Collection

import numpy as np
import pandas as pd

from customer_health.company import ModelConfig
from customer_health.errors import DataContractError

STOP_AUC = 0.95
MIN_LOST_ROWS = 20  # below this a single column separates by chance
SUSPECTS = 3
LEAVE_OUT = (
    "Until it is fixed, list it under `model.distrusted_signals` to train without it; once a person has "
    "checked that nobody fills it in after the loss, under `model.trusted_signals`."
)
OUTCOME_WORDS = re.compile(r"(cancel|churn|terminat|notice)", re.IGNORECASE)


class LeakageError(DataContractError):
    """A signal knows the outcome; the message names it."""


def insufficiency(
    *, planned: int, folds: int, churners: int, horizon_days: int, months: float, config: ModelConfig
) -> str | None:
    """Say in one sentence why this history cannot carry a model, or None if it can.

    Args:
        planned: Walk-forward folds that the calendar allows.
        folds: Those of them that hold enough losses.
        churners: Different accounts among the lost, matured rows.
        horizon_days: Length of the label's window.
        months: Span of the panel's as-of dates.
        config: Limits.
    """
    if planned < config.min_folds:
        return (
            f"{months:.0f} months of history leave {planned} complete test periods of {horizon_days} days, "
            f"{config.min_folds} are needed"
        )
    if churners < config.min_unique_churners:
        return (
            f"only {churners} accounts were lost in the history that counts for {horizon_days} days, "
            f"{config.min_unique_churners} are needed"
        )
    if folds < config.min_folds:
        return (
            f"only {folds} of {planned} test periods of {horizon_days} days hold enough losses to judge by, "
            f"{config.min_folds} are needed"
        )
    return None


def forbid_outcome_names(names: list[str]) -> None:
    """Refuse signals that are the outcome by name, such as `cancellation_requested`.

    Raises:
        LeakageError: There is such a signal.
    """
    guilty = [name for name in names if OUTCOME_WORDS.search(name)]
    if guilty:
        raise LeakageError(
            f"The signal '{guilty[0]}' speaks of the outcome itself; no model may learn from it.",
            hint="Take it out of the signal catalogue: a request to cancel is news, not a forecast.",
        )


def column_aucs(design: pd.DataFrame, names: list[str], y: np.ndarray) -> pd.Series:
    """How well each column alone separates lost from kept rows, in either direction, 0.5 to 1.

    A value and its absence are judged apart: a field that is wiped when the customer leaves leaks
    through its gaps.
    """
    found = {}
    for name in names:
        values = design[name].to_numpy()
        missing = np.isnan(values)
        known = _separation(values[~missing], y[~missing])
        found[name] = max(known, _separation(missing.astype(float), y))
    return pd.Series(found, dtype=float).sort_values(ascending=False)


def _separation(score: np.ndarray, y: np.ndarray) -> float:
    if y.sum() < MIN_LOST_ROWS or (y == 0).sum() < MIN_LOST_ROWS:
        return 0.5
    from sklearn.metrics import roc_auc_score

    area = float(roc_auc_score(y, score))
    return max(area, 1 - area)


def forbid_perfect_columns(separations: pd.Series, horizon_days: int) -> None:
    """Stop if one column alone predicts the loss almost perfectly.

    Raises:
        LeakageError: Naming the column and its AUC.
    """
    if len(separations) and separations.iloc[0] > STOP_AUC:
        raise LeakageError(
            f"The signal '{separations.index[0]}' alone separates lost from kept accounts "
            f"{horizon_days} days ahead with AUC {separations.iloc[0]:.3f}; above {STOP_AUC} that is a "
            "leak, not insight.",
            hint="Its source was probably overwritten after customers left: check known_at of that table. "
            + LEAVE_OUT,
        )


def forbid_perfect_model(
    name: str,
    area: float,
    calendar_area: float,
    separations: pd.Series,
    horizon_days: int,
    trusted: Collection[str] = (),
) -> None:
    """Stop if a whole model is too good to be true.

    Both the AUC and the calendar-adjusted AUC must be: where contracts run for years, the renewal date
    alone honestly reaches 0.95, but hardly anything honest does so among accounts with the same renewal
    date. Where it does, a person says so: it goes on once the columns that separate best are trusted.

    Raises:
        LeakageError: Naming the model and the columns to look at first.
    """
    best = separations.head(SUSPECTS)
    if min(area, calendar_area) > STOP_AUC and not {*best.index.astype(str)} <= {*trusted}:
        suspects = ", ".join(f"'{column}' ({univariate_auc:.2f})" for column, univariate_auc in best.items())
        raise LeakageError(
            f"The candidate '{name}' reaches a walk-forward AUC of {area:.3f} {horizon_days} days ahead; "
            f"above {STOP_AUC} that is hindsight far more often than insight.",
            hint=f"Look first at the signals that separate best alone: {suspects}. {LEAVE_OUT}",
        )
