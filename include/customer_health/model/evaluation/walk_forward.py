"""Walk-forward: retrain at every date of the past with what was known then, and predict that day."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd

from customer_health.model.candidates import tuning
from customer_health.model.candidates.blend import Blend
from customer_health.model.candidates.boosted_trees import BoostedTrees
from customer_health.model.candidates.candidate_list import RANKS, WORDS, Head
from customer_health.model.candidates.constrained_logistic import LogisticRegression, sigmoid
from customer_health.model.candidates.corrected_line import CorrectedLine
from customer_health.model.candidates.hazard import HazardTrees
from customer_health.model.data.features import RENEWAL
from customer_health.model.data.folds import Fold
from customer_health.model.evaluation.fold_work import MIN_TRAIN_LOST, HeadWork

MIN_TEST_LOST = 3  # rows; below this a fold's AUC is noise
CONTEXT = ("arr", "segment", "plan")
Tick = Callable[[str], None]


def countable(head: Head, folds: Sequence[Fold], *, as_of: pd.Timestamp) -> list[Fold]:
    """Keep the folds with enough losses to learn from and to be judged by."""
    final = head.labels_by(as_of)
    kept = []
    for fold in folds:
        known = head.labels_by(fold.train_date)[head.rows["as_of"].isin(fold.train_dates).to_numpy()]
        test = final[(head.rows["as_of"] == fold.train_date).to_numpy()]
        if (known == 1).sum() >= MIN_TRAIN_LOST and (test == 1).sum() >= MIN_TEST_LOST:
            kept.append(fold)
    return kept


def walk(work: HeadWork, *, tick: Tick) -> pd.DataFrame:
    """Take every candidate through all folds.

    Returns:
        Test rows with `head`, `horizon`, `train_date`, `account_id`, context, `y`, `days_to_renewal`
        and a logit per candidate; and, under `health_column`, the same with every renewal at the
        reference day: what a score made from the candidate would follow. Rules follow what they say.
        With them the blend, unless the work names its models.
    """
    head = work.head
    tables: list[pd.DataFrame] = []
    for number, fold in enumerate(work.folds):
        own = work.fold(number)
        test = own.test
        logits = {}
        for kind in work.kinds:
            found = own.logits(kind)
            logits[kind] = found[: len(test)]
            at_distance = found[: len(test)] if kind in RANKS else found[-len(test) :]
            logits[health_column(kind)] = at_distance
            tick(f"{head.title}, {fold.train_date:%b %Y}: {WORDS[kind]}")
        context = {name: head.rows[name].to_numpy()[test] for name in CONTEXT if name in head.rows}
        table = pd.DataFrame(
            {
                "head": head.outcome,
                "horizon": head.horizon_days,
                "train_date": fold.train_date,
                "account_id": head.rows["account_id"].to_numpy()[test],
                **context,
                "y": work.final[test],
                RENEWAL: head.design[RENEWAL].to_numpy()[test],
                **logits,
            }
        )
        if work.models is not None:
            tables.append(table)
            continue
        close = pd.Timedelta(days=head.horizon_days)
        mature = [one for one in tables if one["train_date"].iloc[0] + close <= fold.train_date]
        parts = blend_parts(pd.concat(mature) if mature else None, work.competing)
        table[Blend.kind] = np.mean([logits[kind] for kind in parts], axis=0)
        at_distance = np.mean([logits[health_column(kind)] for kind in parts], axis=0)
        table[health_column(Blend.kind)] = at_distance
        tables.append(table)
    return pd.concat(tables, ignore_index=True)


def health_column(kind: str) -> str:
    """Column of a candidate's log-odds with every renewal at the reference day."""
    return f"health:{kind}"


def blend_parts(matured: pd.DataFrame | None, kinds: Sequence[str]) -> tuple[str, ...]:
    """Choose whose logits to average, from test predictions whose outcome is known.

    Those that complement each other best go first: a straight line; trees, those of the hazard model if
    it takes part, because it learned from rows that the others could not use; and the line with its
    correction. Each other candidate joins if the average's log-loss falls by more than its standard error.
    """
    trees = HazardTrees.kind if HazardTrees.kind in kinds else BoostedTrees.kind
    parts: tuple[str, ...] = (LogisticRegression.kind, trees)
    if CorrectedLine.kind in kinds:
        parts = (*parts, CorrectedLine.kind)
    others = [kind for kind in kinds if kind not in parts]
    if matured is None or matured["y"].sum() < tuning.MIN_LOST:
        return parts
    y = matured["y"].to_numpy()
    now = _loss(matured, parts, y)
    for kind in others:
        then = _loss(matured, (*parts, kind), y)
        gain = now - then
        if gain.mean() > gain.std() / np.sqrt(len(gain)):
            parts, now = (*parts, kind), then
    return parts


def _loss(table: pd.DataFrame, kinds: Sequence[str], y: np.ndarray) -> np.ndarray:
    p = np.clip(sigmoid(table[list(kinds)].to_numpy().mean(axis=1)), 1e-9, 1 - 1e-9)
    return np.asarray(-(y * np.log(p) + (1 - y) * np.log(1 - p)), dtype=float)
