"""The gap between a random split and walk-forward: how much a naive evaluation would have boasted.

Rows of one account repeat each other, and outcomes of neighbouring months overlap; a random split puts
copies of the test into the training. A wide gap means that candidates recognise accounts rather than
risk, and that any number from a random split (a vendor's, a notebook's) is not comparable to ours.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from customer_health.company import ModelConfig
from customer_health.model.candidates.boosted_trees import BoostedTrees
from customer_health.model.candidates.candidate_list import Head, build, downsample
from customer_health.model.data.features import Feature
from customer_health.model.evaluation.fold_results import Evaluation

PARTS = 3
WIDE = 0.05


def random_split_auc(
    head: Head, labels: np.ndarray, features: Sequence[Feature], config: ModelConfig
) -> float:
    """Return the AUC that the trees reach under a random split of rows."""
    from sklearn.metrics import roc_auc_score

    known = np.flatnonzero(~np.isnan(labels))
    picked, weight = downsample(labels[known], config.seed)
    rows = known[picked]
    y, design = labels[rows], head.design.iloc[rows]
    part = np.random.default_rng(config.seed).integers(0, PARTS, len(rows))
    logit = np.zeros(len(rows))
    for number in range(PARTS):
        away = part != number
        trees = build(BoostedTrees.kind, features, config, horizon_days=head.horizon_days)
        trees.fit(design[away], y[away], weight[away])
        logit[~away] = trees.predict_logit(design[~away])
    return float(roc_auc_score(y, logit, sample_weight=weight))


def gap(
    head: Head,
    labels: np.ndarray,
    features: Sequence[Feature],
    evaluation: Evaluation,
    config: ModelConfig,
) -> float:
    """Return by how much a random split flatters the trees, in AUC."""
    honest = evaluation.value(head.horizon_days, BoostedTrees.kind, head=head.outcome)
    return random_split_auc(head, labels, features, config) - honest
