"""Bring your own score: a table from a no-code tool takes part as a candidate.

The table says how risky some other tool found each account on some days. It is treated like any model
that was handed to us: calibrated on the past, tested on the same folds, promoted only if it earns it.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

import pandas as pd

from customer_health.errors import ConfigurationError, DataContractError
from customer_health.model.candidates.constrained_logistic import LogisticRegression
from customer_health.model.data.features import EXTERNAL_SCORE, Feature
from customer_health.model.data.labels import as_times

MAX_AGE_DAYS = 45  # an older opinion is none
FEATURE = Feature(EXTERNAL_SCORE, EXTERNAL_SCORE, "other", 0)


def read(path: Path) -> pd.DataFrame:
    """Read the table.

    Returns:
        `account_id` (text), `as_of` (timestamp), `score` (higher means more risk; any scale).

    Raises:
        ConfigurationError: There is no such file.
        DataContractError: A column is missing or cannot be read.
    """
    if not path.exists():
        raise ConfigurationError(
            f"model.external_scores names {path}, which does not exist.",
            hint="Correct the path, or unset it.",
        )
    parquet = path.suffix == ".parquet"
    table = pd.read_parquet(path) if parquet else pd.read_csv(path, dtype={"account_id": str})
    missing = [name for name in ("account_id", "as_of", "score") if name not in table]
    if missing:
        raise DataContractError(
            f"{path.name} lacks {', '.join(missing)}.", hint="It needs account_id, as_of and score."
        )
    try:
        return pd.DataFrame(
            {
                "account_id": table["account_id"].astype(str),
                "as_of": as_times(table["as_of"]),
                "score": pd.to_numeric(table["score"]),
            }
        ).sort_values(["as_of", "account_id"], ignore_index=True)
    except (ValueError, TypeError) as error:
        raise DataContractError(f"{path.name} cannot be read: {error}", hint="Dates as 2026-01-31.") from None


def attach(panel: pd.DataFrame, table: pd.DataFrame) -> pd.DataFrame:
    """Add to each panel row the latest brought score made for its as-of date or shortly before."""
    left = panel[["account_id", "as_of"]].assign(
        account_id=panel["account_id"].astype(str), as_of=as_times(panel["as_of"]), row=range(len(panel))
    )
    found = pd.merge_asof(
        left.sort_values("as_of", kind="stable"),
        table.assign(as_of=as_times(table["as_of"])),
        on="as_of",
        by="account_id",
        tolerance=pd.Timedelta(days=MAX_AGE_DAYS),
    ).sort_values("row")
    return panel.assign(**{EXTERNAL_SCORE: found["score"].to_numpy(dtype=float)})


class ExternalScore(LogisticRegression):
    """The brought score, calibrated: one coefficient, and one for its absence."""

    kind: ClassVar[str] = "brought"

    def __init__(self, features: Sequence[Feature] = (FEATURE,), *, penalty: float = 1.0) -> None:
        super().__init__(features, penalty=penalty)
