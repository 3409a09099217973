"""A random forest (Breiman 2001): scikit-learn grows it, and its trees travel as arrays in JSON.

Growing is the library's. What is kept of a tree is what scikit-learn itself keeps (children, feature,
threshold, where a missing value goes, share of losses); walking down such arrays takes a dozen lines, so that
a task that predicts neither unpickles anything nor imports scikit-learn, and explains itself on the way. The
tests hold the walk against `predict_proba`.

scikit-learn tries every value as a threshold, which costs many times what binned trees do: so rows per tree,
leaves and trees are capped, and only a thorough training grows one.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd

from customer_health.errors import FatalError
from customer_health.model.candidates.boosted_trees import smallest_leaf
from customer_health.model.candidates.candidate import stable
from customer_health.model.data.features import Feature, FeatureSet

TREES = 100
LEAVES = 63
ROWS_PER_TREE = 8_000
SHARE_OF_FEATURES = 0.3  # tried at each split
EDGE = 1e-4  # a leaf without a loss is rare, not impossible


@dataclass(frozen=True)
class Tree:
    """One fitted tree, node by node; node 0 is the root, and a leaf has no feature (-2).

    Attributes:
        left: Child for values up to the threshold.
        right: Child for larger ones.
        feature: Column that is asked about.
        threshold: The border, inclusive to the left.
        missing_left: Whether a missing value goes left.
        value: Share of losses among the training rows of the node.
    """

    left: np.ndarray
    right: np.ndarray
    feature: np.ndarray
    threshold: np.ndarray
    missing_left: np.ndarray
    value: np.ndarray

    @classmethod
    def grown(cls, tree: Any) -> Tree:
        """Take over a tree of scikit-learn's (`sklearn.tree._tree.Tree`)."""
        return cls(
            left=tree.children_left,
            right=tree.children_right,
            feature=tree.feature,
            threshold=tree.threshold,
            missing_left=tree.missing_go_to_left.astype(bool),
            value=stable(tree.value[:, 0, 1]),  # per class, adding up to 1
        )

    def walk(self, x: np.ndarray, parts: np.ndarray | None = None) -> np.ndarray:
        """Return the share of losses in each row's leaf; `parts` collects each column's steps on the way.

        Args:
            x: float32 rows x columns, as scikit-learn reads them.
            parts: rows x columns, added to.
        """
        rows, at = np.arange(len(x)), np.zeros(len(x), dtype=int)
        while len(rows):
            rows = rows[self.feature[at[rows]] >= 0]
            here = at[rows]
            asked = self.feature[here]
            seen = x[rows, asked]
            goes_left = np.where(np.isnan(seen), self.missing_left[here], seen <= self.threshold[here])
            at[rows] = np.where(goes_left, self.left[here], self.right[here])
            if parts is not None:
                parts[rows, asked] += self.value[at[rows]] - self.value[here]
        return np.asarray(self.value[at], dtype=float)

    def to_json(self) -> dict[str, list[Any]]:
        """Return the arrays as lists."""
        return {name: array.tolist() for name, array in vars(self).items()}

    @classmethod
    def from_json(cls, state: Mapping[str, list[Any]]) -> Tree:
        """Read what `to_json` wrote."""
        return cls(**{name: np.array(values) for name, values in state.items()})


class RandomForest:
    """Bagged deep trees on the raw design; missing values and known directions are the library's own.

    Args:
        features: Columns it reads, and the direction in which each may only push.
        seed: Of bagging.
        threads: Of the growing.
        changes: Parameters of `RandomForestClassifier` that differ.
    """

    kind: ClassVar[str] = "random_forest"
    is_probability: ClassVar[bool] = True

    def __init__(
        self,
        features: Sequence[Feature],
        *,
        seed: int = 0,
        threads: int = 1,
        changes: Mapping[str, Any] | None = None,
    ) -> None:
        self.features = tuple(features)
        self.seed, self.threads, self.changes = seed, threads, dict(changes or {})
        self._trees: list[Tree] = []

    def classifier(self, rows: int) -> Any:
        """Return the unfitted `RandomForestClassifier` for so many rows."""
        from sklearn.ensemble import RandomForestClassifier

        per_tree = min(rows, ROWS_PER_TREE)
        settings = {
            "n_estimators": TREES,
            "max_leaf_nodes": LEAVES,
            "max_samples": per_tree if per_tree < rows else None,
            "max_features": SHARE_OF_FEATURES,
            "min_samples_leaf": smallest_leaf(per_tree),
            "monotonic_cst": [feature.direction for feature in self.features],
            "random_state": self.seed,
            "n_jobs": self.threads,
        }
        return RandomForestClassifier(**{**settings, **self.changes})

    def fit(self, design: pd.DataFrame, y: np.ndarray, weight: np.ndarray) -> Self:
        """Grow the trees."""
        grown = self.classifier(len(design)).fit(self._matrix(design), y.astype(int), sample_weight=weight)
        if len(grown.classes_) != 2:
            raise FatalError("A forest needs rows of both kinds.", hint="Nobody left, or everybody did.")
        self._trees = [Tree.grown(one.tree_) for one in grown.estimators_]
        return self

    def _matrix(self, design: pd.DataFrame) -> np.ndarray:
        return design[[feature.name for feature in self.features]].to_numpy(dtype=np.float32)

    def _probability(self, design: pd.DataFrame, parts: np.ndarray | None = None) -> np.ndarray:
        if not self._trees:
            raise FatalError("This forest was asked to predict before it was grown.")
        x = self._matrix(design)
        return np.asarray(sum(tree.walk(x, parts) for tree in self._trees) / len(self._trees), dtype=float)

    def predict_logit(self, design: pd.DataFrame) -> np.ndarray:
        """See `Scorer.predict_logit`."""
        return _log_odds(self._probability(design))

    def contributions(self, design: pd.DataFrame) -> pd.DataFrame:
        """See `Candidate.contributions`: each column's steps down the trees, stretched to the log-odds."""
        steps = np.zeros((len(design), len(self.features)))
        logit = _log_odds(self._probability(design, steps)) - self.base
        moved = steps.sum(axis=1)
        stretch = np.divide(logit, moved, out=np.zeros_like(logit), where=np.abs(moved) > 1e-12)
        parts: dict[str, np.ndarray] = {}
        for feature, column in zip(self.features, (steps * stretch[:, None]).T, strict=True):
            parts[feature.source] = parts.get(feature.source, 0.0) + column
        table = pd.DataFrame(parts, index=design.index)
        # What rounding or a clipped edge leaves over is shared out, so that the parts add up.
        rest = (logit - table.to_numpy().sum(axis=1)) / max(table.shape[1], 1)
        return table.add(rest, axis=0)

    @property
    def base(self) -> float:
        """The logit that the forest expects before it looks."""
        return float(_log_odds(np.array([np.mean([tree.value[0] for tree in self._trees])]))[0])

    def to_files(self) -> dict[str, str]:
        """See `Candidate.to_files`."""
        state = {
            **FeatureSet(self.features, {}).to_json(),
            "seed": self.seed,
            "threads": self.threads,
            "changes": self.changes,
            "trees": [tree.to_json() for tree in self._trees],
        }
        return {f"{self.kind}.json": json.dumps(state)}

    @classmethod
    def from_files(cls, files: Mapping[str, str]) -> Self:
        """See `Candidate.from_files`."""
        state = json.loads(files[f"{cls.kind}.json"])
        if "trees" not in state:
            raise FatalError(
                "This forest was grown by a version that kept it differently.", hint="Run train_model."
            )
        settings = {name: state[name] for name in ("seed", "threads", "changes")}
        made = cls(FeatureSet.from_json(state).features, **settings)
        made._trees = [Tree.from_json(tree) for tree in state["trees"]]
        return made


def _log_odds(p: np.ndarray) -> np.ndarray:
    inside = np.clip(p, EDGE, 1 - EDGE)
    return np.asarray(np.log(inside / (1 - inside)), dtype=float)
