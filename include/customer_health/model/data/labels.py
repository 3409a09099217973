"""Labels: which account was lost within the horizon, as far as anybody could know it by then.

A row (account, as-of date t) is lost when an outcome takes effect in (t, t + H]. Only outcomes that
were logged before the training date count, and a row whose window has not closed by then has no
label at all: treating it as kept would teach the model that recent customers never leave.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

import numpy as np
import pandas as pd

from customer_health.company import ModelConfig
from customer_health.errors import ConfigurationError, suggest

HEADS: Mapping[str, tuple[str, ...]] = {
    "logo_churn": ("logo_churn",),
    "downgrade": ("downgrade",),
    "contraction": ("contraction_seats", "contraction_usage"),
}
PRECEDENCE = ("logo_churn", "downgrade", "contraction")  # the loss to report where several befall one account
DAY = 86_400.0  # seconds
LATE_DAYS = 14  # a fortnight of losses that nobody has logged is lost in the noise of a quarter
SETTLED_DAYS = 90  # losses as old as this are logged, or never will be
MIN_SETTLED = 20  # losses; a delay seen in fewer is chance
TERMINAL = "logo_churn"  # after it there is no customer left whom another outcome could befall


def eligible(panel: pd.DataFrame, config: ModelConfig) -> pd.Series:
    """Mark the rows that a model may learn from and is judged on.

    An account that gave notice is lost already: predicting it is not skill, and the notice would
    reach the model as its best feature. A customer of a few weeks has no past to speak of.

    Args:
        panel: Signals panel with `is_customer`, `notice_given` and `tenure_days`.
        config: `min_tenure_days` is read.

    Returns:
        Boolean series on the panel's index.
    """
    customer = panel["is_customer"].fillna(False).astype(bool)
    notice = panel["notice_given"].fillna(False).astype(bool)
    tenure = pd.to_numeric(panel["tenure_days"], errors="coerce").fillna(-1)
    return customer & ~notice & (tenure >= config.min_tenure_days)


def outcome_labels(
    outcomes: pd.DataFrame,
    rows: pd.DataFrame,
    *,
    horizon_days: int | np.ndarray,
    head: str = "logo_churn",
    as_of: date,
) -> pd.Series:
    """Label each row 1.0 (lost within the horizon), 0.0 (still there) or NaN (nobody can know).

    NaN stands for four things: the window closes after `as_of`, or so shortly before it that many
    of its losses are not logged yet (`logging_delay`); at t the account had left
    already, only the log did not say so yet; its departure was on record at t; or it stopped being
    a customer inside the window without any outcome (a merger, a gap in the records), which is a
    censored fate and not a renewal.

    Args:
        outcomes: The canonical outcomes: `account_id`, `kind`, `occurred_at` (effective), `known_at`
            (logged).
        rows: `account_id`, `as_of`; if `is_customer` is there too, disappearances are censored.
        horizon_days: Length of the window in days, the same for all rows or one per row
            (`decision_window.decision_window`).
        head: Which loss; a key of `HEADS`.
        as_of: The training date; later log entries and later rows are unknown to it.

    Returns:
        Float series on the index of `rows`.

    Raises:
        ConfigurationError: There is no such head.
    """
    if head not in HEADS:
        raise ConfigurationError(f"There is no outcome head '{head}'.", hint=suggest(head, HEADS))
    cut = pd.Timestamp(as_of)
    start = as_times(rows["as_of"])
    end = start + pd.to_timedelta(np.broadcast_to(horizon_days, len(rows)), unit="D")
    known = outcomes[as_times(outcomes["known_at"]) < cut]

    endings = _pairs(known, HEADS[TERMINAL], rows, start, end)
    events = endings if head == TERMINAL else _pairs(known, HEADS[head], rows, start, end)
    lost = _rows_with(
        events, (events["effective"] > events["start"]) & (events["effective"] <= events["end"])
    )
    seen = (endings["effective"] < endings["start"]) & (endings["logged"] < endings["start"])
    over = (endings["effective"] <= endings["start"]) & ~seen
    announced = (endings["effective"] > endings["start"]) & (endings["logged"] < endings["start"])

    labels = np.zeros(len(rows))
    labels[_vanished(rows, endings, start, end, cut)] = np.nan
    labels[lost] = 1.0
    labels[_rows_with(endings, over | announced)] = np.nan
    labels[(end + logging_delay(known, HEADS[head], cut) > cut).to_numpy()] = np.nan
    name = f"{head}_{horizon_days:d}d" if isinstance(horizon_days, int) else f"{head}_at_decision"
    return pd.Series(labels, index=rows.index, name=name)


def loss_times(
    outcomes: pd.DataFrame, rows: pd.DataFrame, *, head: str = "logo_churn", as_of: date
) -> pd.DataFrame:
    """Tell for each row after how many days it was lost, and for how many days its fate is known.

    The same rules as `outcome_labels`, for all horizons at once: what hazard models learn from, who can
    use the first month of a window that has not closed yet.

    Returns:
        On the index of `rows`: `loss_after`, days from t to the loss (infinite: none was seen), and
        `known_for`, days for which anybody could know; 0 for rows that nobody can use.
    """
    cut = pd.Timestamp(as_of)
    start = as_times(rows["as_of"])
    end = pd.Series(cut, index=start.index).astype("datetime64[us]")
    known = outcomes[as_times(outcomes["known_at"]) < cut]
    endings = _pairs(known, HEADS[TERMINAL], rows, start, end)
    events = endings if head == TERMINAL else _pairs(known, HEADS[head], rows, start, end)
    ahead = events[events["effective"] > events["start"]]
    days = (ahead["effective"] - ahead["start"]).dt.total_seconds() / DAY
    loss_after = np.full(len(rows), np.inf)
    first = days.groupby(ahead["row"].to_numpy()).min()
    loss_after[first.index.to_numpy()] = first.to_numpy()

    told = cut - logging_delay(known, HEADS[head], cut)
    known_for = ((told - start).dt.total_seconds() / DAY).to_numpy().clip(min=0)
    seen = (endings["effective"] < endings["start"]) & (endings["logged"] < endings["start"])
    over = (endings["effective"] <= endings["start"]) & ~seen
    announced = (endings["effective"] > endings["start"]) & (endings["logged"] < endings["start"])
    if "is_customer" in rows:
        far = pd.Series(pd.Timestamp.max.floor("D"), index=start.index).astype("datetime64[us]")
        gone = _vanished(rows, endings, start, far, cut)
        customer = rows["is_customer"].fillna(False).astype(bool) & (start <= cut)
        last = start.where(customer).groupby(rows["account_id"]).transform("max")
        seen_for = ((last - start).dt.total_seconds() / DAY).to_numpy()
        known_for = np.where(gone, np.minimum(known_for, np.nan_to_num(seen_for)), known_for)
    known_for[_rows_with(endings, over | announced)] = 0.0
    return pd.DataFrame({"loss_after": loss_after, "known_for": known_for}, index=rows.index)


def logging_delay(outcomes: pd.DataFrame, kinds: Sequence[str], cut: pd.Timestamp) -> pd.Timedelta:
    """Tell within what time nine of ten losses are logged after they took effect.

    A window that closed more recently lacks losses which happened in it: who left would count as kept.

    Args:
        outcomes: As for `outcome_labels`.
        kinds: Kinds of outcomes to look at.
        cut: What was logged on this day or later is not looked at.

    Returns:
        0 if losses are logged within a fortnight on average, or if few are old enough to tell.
    """
    logged, effective = as_times(outcomes["known_at"]), as_times(outcomes["occurred_at"])
    # Of recent losses only those that were logged quickly are known yet.
    settled = (logged < cut) & (effective < cut - pd.Timedelta(days=SETTLED_DAYS))
    taken = (logged - effective)[settled & outcomes["kind"].isin(kinds)]
    days = taken.dt.total_seconds().to_numpy() / DAY
    # The mean, as it tells what share of a window's losses is missing.
    if len(days) < MIN_SETTLED or days.mean() <= LATE_DAYS:
        return pd.Timedelta(0)
    return pd.Timedelta(days=int(np.ceil(np.quantile(days, 0.9))))


def outcome_flags(
    outcomes: pd.DataFrame, rows: pd.DataFrame, *, horizon_days: int, as_of: date
) -> pd.DataFrame:
    """Label all losses of each row, and name the one to report.

    Losses overlap: who cuts seats in March may leave in May. Every flag is kept, because each head
    learns from its own; reports count an account once, under the gravest (see `PRECEDENCE`).

    Returns:
        On the index of `rows`: one 1.0/0.0/NaN column per head, and `reported`: a head's name, "none",
        or None where no head has a label.
    """
    flags = pd.DataFrame(
        {
            head: outcome_labels(outcomes, rows, horizon_days=horizon_days, head=head, as_of=as_of)
            for head in PRECEDENCE
        }
    )
    reported = np.full(len(rows), None, dtype=object)
    reported[flags.notna().any(axis=1).to_numpy()] = "none"
    for head in reversed(PRECEDENCE):
        reported[(flags[head] == 1).to_numpy()] = head
    return flags.assign(reported=reported)


def as_times(column: pd.Series) -> pd.Series:
    """Read dates, timestamps or ISO text as naive timestamps, so that they can be compared."""
    return pd.to_datetime(column).astype("datetime64[us]")


def _pairs(
    outcomes: pd.DataFrame, kinds: tuple[str, ...], rows: pd.DataFrame, start: pd.Series, end: pd.Series
) -> pd.DataFrame:
    """Every (row, outcome of its account) pair, with the row's position and its window."""
    events = outcomes[outcomes["kind"].isin(kinds)]
    left = pd.DataFrame(
        {
            "account_id": rows["account_id"].to_numpy(),
            "row": np.arange(len(rows)),
            "start": start.to_numpy(),
            "end": end.to_numpy(),
        }
    )
    right = pd.DataFrame(
        {
            "account_id": events["account_id"].to_numpy(),
            "effective": as_times(events["occurred_at"]).to_numpy(),
            "logged": as_times(events["known_at"]).to_numpy(),
        }
    )
    return left.merge(right, on="account_id", how="inner")


def _rows_with(pairs: pd.DataFrame, condition: pd.Series) -> np.ndarray:
    return np.unique(pairs.loc[condition, "row"].to_numpy())


def _vanished(
    rows: pd.DataFrame, endings: pd.DataFrame, start: pd.Series, end: pd.Series, cut: pd.Timestamp
) -> np.ndarray:
    """Mark rows whose window reaches beyond the last sight of an account that went without an outcome."""
    if "is_customer" not in rows:
        return np.zeros(len(rows), dtype=bool)
    accounts = rows["account_id"]
    customer = rows["is_customer"].fillna(False).astype(bool) & (start <= cut)
    last_seen = start.where(customer).groupby(accounts).transform("max")
    absent_since = (start > last_seen) & (start <= cut)
    gone = absent_since.groupby(accounts).transform("any")
    explained = np.zeros(len(rows), dtype=bool)
    explained[_rows_with(endings, endings["effective"] > last_seen.to_numpy()[endings["row"]])] = True
    return (gone & (start <= last_seen) & (end > last_seen)).to_numpy() & ~explained
