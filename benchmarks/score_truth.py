"""What only the maker of a simulated company knows: who leaves when, and with what probability.

The true probabilities hold for the next decision (`decision_window` of the account's own renewal), for 90
and for 180 days. The feature oracle is the best that the signals allow: trees that learned the true
probability on other accounts of the same company, and on other companies of its kind.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from datetime import date

import numpy as np
import pandas as pd
from benchmarks.model_oracle import feature_oracle
from benchmarks.score_company import Lived, Say
from tests.lib.oracle import true_probabilities

from customer_health.model.candidates.candidate_list import build, downsample
from customer_health.model.candidates.naive_baseline import NaiveBaseline
from customer_health.model.data.decision_window import decision_window, in_sight
from customer_health.model.data.features import RENEWAL, FeatureSet, numbers
from customer_health.model.data.fixed_distance import at_reference
from customer_health.scoring.daily_scores import SCORED
from customer_health.simulator.behaviour import LOGO

KEYS = ["account_id", "as_of"]
PARTS = 2  # of the accounts: each is told of by what the other taught
EVERY = 4  # weeks between the readings whose truth is computed
TARGETS = ("decision", "90", "180")


def readings(lived: Lived) -> pd.DataFrame:
    """Return every published score with the signals that it was made from, and what became of the account.

    Adds `days_left` (until the account leaves; infinite if it stays), and `lost_decision`, `lost_90`,
    `lost_180`: whether it leaves within the window.
    """
    own = lived.scores
    own = own[own["state"] == SCORED].assign(as_of=lambda t: pd.to_datetime(t["as_of"]))
    signals = lived.panel.assign(as_of=lambda t: pd.to_datetime(t["as_of"]).astype("datetime64[ns]"))
    signals = signals[[*KEYS, *(name for name in signals if name not in own)]]
    rows = own.assign(as_of=own["as_of"].astype("datetime64[ns]")).merge(signals, on=KEYS, how="left")
    rows = rows.sort_values(KEYS, ignore_index=True)
    world = lived.world
    left = pd.Series(pd.NaT, index=world.account_ids, dtype="datetime64[ns]")
    for week, account in world.happened(LOGO):
        day = pd.Timestamp(world.day(week)) + pd.Timedelta(days=int(world.accounts.weekday[account]))
        left.iloc[account] = day
    days = (rows["account_id"].map(left) - rows["as_of"]).dt.days.to_numpy(dtype=float)
    days = np.where(np.isnan(days), np.inf, days)
    ahead = numbers(rows[RENEWAL])
    window = decision_window(ahead)
    return rows.assign(
        days_left=days,
        window=window,
        in_sight=in_sight(ahead),
        lost_decision=(days <= window).astype(float),
        lost_90=(days <= 90).astype(float),
        lost_180=(days <= 180).astype(float),
    )


def monthly(lived: Lived) -> list[date]:
    """The readings whose truth is computed."""
    return list(lived.days[::EVERY])


def truth(lived: Lived, rows: pd.DataFrame, *, paths: int, say: Say) -> pd.DataFrame:
    """Return the monthly rows with `true_decision`, `true_90` and `true_180`, kept on disk per day."""
    parts = []
    folder = lived.settings.home / "truth"
    folder.mkdir(exist_ok=True)
    for day in monthly(lived):
        own = rows[rows["as_of"] == pd.Timestamp(day)]
        path = folder / f"{day}_{paths}.parquet"
        if not path.exists():
            say(f"{lived.name}: the truth of {day}")
            signals = lived.panel[pd.to_datetime(lived.panel["as_of"]) == pd.Timestamp(day)]
            signals = signals.drop_duplicates("account_id").set_index("account_id")
            window = pd.Series(decision_window(numbers(signals[RENEWAL])), index=signals.index)
            spans = {"true_decision": window.astype(int), "true_90": 90, "true_180": 180}
            found = true_probabilities(lived.world, day, spans, paths=paths).reset_index()
            found.to_parquet(path.with_suffix(".partial"))
            path.with_suffix(".partial").replace(path)
        parts.append(own.merge(pd.read_parquet(path), on="account_id"))
    return pd.concat(parts, ignore_index=True)


def with_oracle(
    rows: pd.DataFrame, known: pd.DataFrame, others: Sequence[pd.DataFrame], features: FeatureSet
) -> pd.DataFrame:
    """Add `oracle_decision`, `oracle_90`, `oracle_180` and `oracle_health` (renewal at the reference day).

    No account teaches what is said of it: it shares the rules of life with those that do, and nothing else.

    Args:
        rows: Readings to predict.
        known: Those of them whose truth is known.
        others: Monthly rows with truth of other companies of the kind.
        features: What the model under test sees.
    """
    found = {f"oracle_{target}": np.full(len(rows), np.nan) for target in (*TARGETS, "health")}
    part, known_part = (_part(table["account_id"]) for table in (rows, known))
    for number in range(PARTS):
        mine = np.flatnonzero(part == number)
        taught_by = [*others, known[known_part != number]]
        asked, fixed = rows.iloc[mine], at_reference(rows.iloc[mine], 180)
        for target in TARGETS:
            taught = [(table, table[KEYS].assign(p=table[f"true_{target}"])) for table in taught_by]
            both = pd.concat([asked, fixed]) if target == "decision" else asked
            told = feature_oracle(both.reset_index(drop=True), taught, features)
            found[f"oracle_{target}"][mine] = told[: len(mine)]
            if target == "decision":
                found["oracle_health"][mine] = told[len(mine) :]
    return rows.assign(**found)


def _part(accounts: pd.Series) -> np.ndarray:
    return np.array([zlib.crc32(str(account).encode()) % PARTS for account in accounts], dtype=int)


def features_of(lived: Lived, rows: pd.DataFrame) -> FeatureSet:
    """What the model sees; without one, what it could have seen."""
    return lived.champion.features if lived.champion is not None else FeatureSet.of(rows)


def naive(lived: Lived, rows: pd.DataFrame, horizon: int | None = None) -> np.ndarray:
    """Log-odds of loss from renewal date and latest NPS, learned as the product learns it.

    Args:
        lived: The company.
        rows: Readings to predict.
        horizon: In days; None: at the next decision.
    """
    data = lived.training_data
    head = data.decision_head() if horizon is None else data.head(horizon)
    labels = head.labels_by(pd.Timestamp(lived.days[0]))
    known = np.flatnonzero(~np.isnan(labels))
    picked, weight = downsample(labels[known], 1)
    features = data.features.features
    scorer = build(NaiveBaseline.kind, features, lived.config.model, horizon_days=head.horizon_days)
    scorer.fit(head.design.iloc[known[picked]], labels[known[picked]], weight)
    return scorer.predict_logit(pd.DataFrame({name: numbers(rows[name]) for name in (RENEWAL, "recent_nps")}))
