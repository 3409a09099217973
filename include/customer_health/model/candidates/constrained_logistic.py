"""A ridge logistic regression whose coefficients may not contradict what is known of their signals.

Our own, because no library has it: scikit-learn's `LogisticRegression` takes neither a sign per coefficient
nor a penalty per column (its `positive` exists for least squares only), glmnet's bounds know no second,
adaptive penalty with it, and a general solver (SciPy, CVXPY) would be a dependency around the same Newton
step. The plain problem, one penalty and free signs, is the library's: the tests hold ours against it, and
plain_logistic.py lets it compete.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd

from customer_health.model.candidates import expert_prior
from customer_health.model.candidates.candidate import stable
from customer_health.model.data.features import RENEWAL, Feature, FeatureSet
from customer_health.model.data.revenue_growth import Growth, hints

RENEWAL_EDGES = (0.0, 31.0, 61.0, 91.0, 136.0, 181.0, 271.0, 366.0)
RANGE_PENALTY = 1.0
SCARCE = 60.0  # losses below which ranges are penalised more: each holds a handful at best
PENALTY_PER_FEATURE = 4.0  # keeps the prior variance of the whole sum where it is, however many features
DOUBT = 1.5  # standard errors that a column must be worth to keep its coefficient
SIGN_ROUNDS = 8
MIN_MISSING_SHARE = 0.01  # rarer gaps are filled in silently; an indicator would fit noise
LIMIT = 30.0


def sigmoid(logit: np.ndarray) -> np.ndarray:
    """Turn log-odds into probabilities without overflow."""
    return np.asarray(1.0 / (1.0 + np.exp(-np.clip(logit, -LIMIT, LIMIT))), dtype=float)


def fit_ridge(
    x: np.ndarray,
    y: np.ndarray,
    weight: np.ndarray,
    penalty: float | np.ndarray,
    *,
    steps: int = 50,
    start: tuple[float, np.ndarray] | None = None,
    centre: np.ndarray | None = None,
) -> tuple[float, np.ndarray]:
    """Minimise weighted log-loss + ½ Σ penalty · (coefficient - centre)²; the intercept is free.

    Args:
        x: Rows x columns, no NaN.
        y: Labels 0/1.
        weight: Positive, one per row.
        penalty: Ridge penalty (scikit-learn's 1/C), one for all columns or one each.
        start: Intercept and coefficients of a similar fit, to begin there; the optimum is the same.
        centre: What each coefficient is believed to be before the data speak; 0 by default.

    Returns:
        Intercept and coefficients.
    """
    full = np.column_stack([np.ones(len(x)), x])
    believed = np.append(0.0, np.zeros(x.shape[1]) if centre is None else centre)
    ridge = np.append(1e-9, np.broadcast_to(np.asarray(penalty, dtype=float), x.shape[1:]))
    rate = np.clip(np.average(y, weights=weight), 1e-6, 1 - 1e-6)
    level = (float(np.log(rate / (1 - rate))), believed[1:])
    beta = np.append(*(level if start is None else start))

    def loss(at: np.ndarray) -> float:
        logit = full @ at
        off = at - believed
        return float(weight @ (np.logaddexp(0, logit) - y * logit) + 0.5 * (ridge * off) @ off)

    current = loss(beta)
    for _ in range(steps):
        p = sigmoid(full @ beta)
        gradient = full.T @ (weight * (p - y)) + ridge * (beta - believed)
        curvature = (full * (weight * p * (1 - p))[:, None]).T @ full + np.diag(ridge)
        step = np.linalg.solve(curvature, gradient)
        size = 1.0
        slack = 1e-9 * (abs(current) + 1)  # near the optimum the loss itself is only known so well
        while (proposed := loss(beta - size * step)) > current + slack and size > 1e-4:
            size /= 2
        beta = beta - size * step
        current = proposed
        if np.abs(size * step).max() < 1e-11:
            break
    return float(beta[0]), beta[1:]


def fit_signed(
    x: np.ndarray,
    y: np.ndarray,
    weight: np.ndarray,
    penalty: np.ndarray,
    signs: np.ndarray,
    *,
    among: np.ndarray | None = None,
    start: tuple[float, np.ndarray] | None = None,
    centre: np.ndarray | None = None,
) -> tuple[float, np.ndarray]:
    """Fit a ridge whose coefficients may not contradict their signs (1, -1, or 0 for free).

    An active-set method: columns that come out with the wrong sign leave, and the rest is fitted again.

    Args:
        x: Rows x columns, no NaN.
        y: Labels 0/1.
        weight: Positive, one per row.
        penalty: Ridge penalty per column.
        signs: Per column.
        among: Columns that may have a coefficient at all; default: every one.
        start: Intercept and coefficients of a similar fit.
        centre: See `fit_ridge`.
    """
    believed = np.zeros(x.shape[1]) if centre is None else centre
    active = np.ones(x.shape[1], dtype=bool) if among is None else among.copy()
    coefficients = np.zeros(x.shape[1])
    intercept = 0.0
    for _ in range(SIGN_ROUNDS):
        near = None if start is None else (start[0], start[1][active])
        intercept, found = fit_ridge(
            x[:, active], y, weight, penalty[active], start=near, centre=believed[active]
        )
        coefficients = np.zeros(x.shape[1])
        coefficients[active] = found
        start = intercept, coefficients
        wrong = coefficients * signs < 0
        if not wrong.any():
            break
        active &= ~wrong
    return intercept, np.where(coefficients * signs < 0, 0.0, coefficients)


def doubts(coefficients: np.ndarray, lost: float) -> np.ndarray:
    """Penalise each standardised column by how little a first fit made of it (adaptive ridge).

    A penalty of c / |coefficient| pulls with the same force c at every column, like a lasso. The force is
    `DOUBT` times what chance alone pulls with, which grows with the square root of the losses.

    Args:
        coefficients: Of the first fit.
        lost: Rows of losses it saw, times how often each loss is told.

    Returns:
        Penalty per column.
    """
    return np.asarray(DOUBT * np.sqrt(lost) / np.maximum(np.abs(coefficients), 1e-4), dtype=float)


@dataclass(frozen=True)
class Bucket:
    """One-hot columns for ranges of a value; NaN (evergreen, never asked) is a range of its own."""

    edges: tuple[float, ...]

    def encode(self, values: np.ndarray) -> np.ndarray:
        """Return rows x (edges + 2) of 0/1."""
        codes = np.where(
            np.isnan(values), len(self.edges) + 1, np.searchsorted(self.edges, values, side="right")
        )
        return np.eye(len(self.edges) + 2)[codes]


@dataclass(frozen=True)
class Squash:
    """Standardised asinh of a value around its median: monotone, and no outlier can dominate."""

    centre: float
    spread: float
    mean: float
    deviation: float
    gap: bool  # whether a missing value gets a coefficient of its own

    @classmethod
    def fit(cls, values: np.ndarray) -> Squash:
        """Learn centre and scale from the known values."""
        known = values[~np.isnan(values)]
        if not len(known):
            return cls(0.0, 1.0, 0.0, 1.0, False)
        low, centre, high = np.percentile(known, [10, 50, 90])
        spread = max(high - low, float(np.std(known)), 1e-9) / 2
        squashed = np.arcsinh((known - centre) / spread)
        deviation = float(squashed.std())
        share = 1 - len(known) / len(values)
        state = stable(np.array([centre, spread, squashed.mean(), deviation if deviation > 1e-6 else np.inf]))
        centre, spread, mean, deviation = (float(value) for value in state)
        return cls(centre, spread, mean, deviation, MIN_MISSING_SHARE < share < 1 - MIN_MISSING_SHARE)

    def encode(self, values: np.ndarray) -> np.ndarray:
        """Return rows x 1, or rows x 2 with the indicator of a gap; a gap counts as average."""
        missing = np.isnan(values)
        squashed = (np.arcsinh((values - self.centre) / self.spread) - self.mean) / self.deviation
        columns = [np.where(missing, 0.0, squashed)]
        if self.gap:
            columns.append(missing.astype(float))
        return np.column_stack(columns)


Encoding = Bucket | Squash


class LogisticRegression:
    """Ridge logistic regression over all features; days to renewal in ranges, everything else squashed.

    Ranges are hardly penalised: each is rare, so the penalty that tames forty correlated signals would
    wipe out the renewal calendar, the strongest and most certain of them.

    A signal whose direction is known may only push that way: among dozens of noisy views of one cause some
    come out with the wrong sign by chance, cost accuracy, and would be told as absurd reasons. The
    penalty grows with the number of features, so that a longer list does not mean a bolder model.

    It is fitted twice: the second time each column is penalised by how little the first fit made of it
    (adaptive ridge, Grandvalet 1998). Of many listed signals few matter in a given company: what looks
    like noise is silenced, and what matters need not shrink for it.

    Args:
        features: Columns it reads.
        penalty: Of a plain ridge, fitted once; default: fitted twice, by the rule above.
        repeats: How many training rows tell of the same loss, because the windows of monthly rows
            overlap: so much stronger is the pull of chance.
        caution: Multiplies the penalties of the second fit.
        prior: Start from what the documents say (`expert_prior`) instead of from nothing.
    """

    kind: ClassVar[str] = "logistic"
    is_probability: ClassVar[bool] = True

    def __init__(
        self,
        features: Sequence[Feature],
        *,
        penalty: float | None = None,
        repeats: float = 1.0,
        caution: float = 1.0,
        prior: bool = False,
    ) -> None:
        self.features = tuple(features)
        self.twice = penalty is None
        self.penalty = PENALTY_PER_FEATURE * max(len(self.features), 1) if penalty is None else penalty
        self.repeats, self.caution = repeats, caution
        self.encodings: list[Encoding] = []
        self.means = np.zeros(0)
        self.coefficients = np.zeros(0)
        self.intercept = 0.0
        self.experts = expert_prior.expert_signals(self.features) if prior else []
        self.expert_means = np.zeros(0)
        self.expert_weight = 0.0

    def encoding(self, feature: Feature, values: np.ndarray) -> Encoding:
        """Choose and fit the encoding of one feature."""
        return Bucket(RENEWAL_EDGES) if feature.name == RENEWAL else Squash.fit(values)

    def _encoded(self, design: pd.DataFrame) -> list[np.ndarray]:
        return [
            encoding.encode(design[feature.name].to_numpy())
            for feature, encoding in zip(self.features, self.encodings, strict=True)
        ]

    def fit(
        self, design: pd.DataFrame, y: np.ndarray, weight: np.ndarray, *, growth: Growth | None = None
    ) -> Self:
        """Fit encodings and coefficients; columns are centred, so 0 means an average account.

        Args:
            design: Features of the training rows.
            y: Labels 0/1.
            weight: One per row.
            growth: Lets two sums of signals compete as columns of their own; what they earn is dealt out
                to the signals, so that the fitted line is a line over the same columns as without.
        """
        self.encodings = [self.encoding(f, design[f.name].to_numpy()) for f in self.features]
        blocks = self._encoded(design)
        x = np.column_stack([np.zeros((len(design), 0)), *blocks])
        in_ranges = [
            np.full(block.shape[1], isinstance(encoding, Bucket))
            for block, encoding in zip(blocks, self.encodings, strict=True)
        ]
        ranges = np.concatenate([np.zeros(0, dtype=bool), *in_ranges])
        scarce = max(SCARCE * self.repeats / max(y.sum(), 1.0), 1.0) if self.twice else 1.0
        penalty = np.where(ranges, RANGE_PENALTY * scarce, self.penalty)
        self.means = stable(np.average(x, axis=0, weights=weight))
        x = x - self.means
        signs = np.concatenate([[], *map(self._signs, self.features, blocks, self.encodings)])
        sums = self._sums(x, growth, penalty, signs)
        many = len(sums)
        x = np.column_stack([x, x @ sums.T])
        ranges = np.append(ranges, np.zeros(many, dtype=bool))
        penalty, signs = np.append(penalty, np.full(many, self.penalty)), np.append(signs, np.ones(many))
        own, centre = len(ranges) - many, np.zeros(len(ranges))
        if self.experts:
            given = expert_prior.expert_points(design, self.experts)
            self.expert_means = stable(np.average(given, axis=0, weights=weight))
            x = np.column_stack([x, (given.to_numpy() - self.expert_means).sum(axis=1)])
            penalty, signs = np.append(penalty, expert_prior.penalty(self.repeats)), np.append(signs, 1.0)
            # Kept as it is in the second fit, like the ranges: it is a belief and no finding.
            centre, ranges = np.append(centre, expert_prior.BELIEVED), np.append(ranges, True)
        intercept, coefficients = fit_signed(x, y, weight, penalty, signs, centre=centre)
        if self.twice and not ranges.all():
            penalty[~ranges] = self.caution * doubts(coefficients[~ranges], self.repeats * y.sum())
            among = ranges | (coefficients != 0)
            intercept, coefficients = fit_signed(
                x, y, weight, penalty, signs, among=among, start=(intercept, coefficients), centre=centre
            )
        dealt = coefficients[:own] + coefficients[own : own + many] @ sums
        self.intercept, self.coefficients = float(stable(np.array(intercept))), stable(dealt)
        self.expert_weight = float(stable(coefficients[-1:])[0]) if self.experts else 0.0
        return self

    def _sums(
        self, x: np.ndarray, growth: Growth | None, penalty: np.ndarray, signs: np.ndarray
    ) -> np.ndarray:
        """Weights of the sums that growth suggests, one row each; each sum has a deviation of 1."""
        if growth is None or not len(growth.change):
            return np.zeros((0, x.shape[1]))
        seen = np.column_stack(self._encoded(growth.design)) - self.means
        found = hints(seen, growth.change, penalty, signs)
        return np.asarray(found / np.maximum((x @ found.T).std(axis=0), 1e-9)[:, None], dtype=float)

    def _signs(self, feature: Feature, block: np.ndarray, encoding: Encoding) -> np.ndarray:
        """Direction of each encoded column; ranges, and the indicator of a gap, are free."""
        signs = np.zeros(block.shape[1])
        if isinstance(encoding, Squash):
            signs[0] = feature.direction
        return signs

    def contributions(self, design: pd.DataFrame) -> pd.DataFrame:
        """See `Candidate.contributions`: coefficient times distance from the average account."""
        parts: dict[str, np.ndarray] = {}
        position = 0
        for feature, block in zip(self.features, self._encoded(design), strict=True):
            span = slice(position, position + block.shape[1])
            part = (block - self.means[span]) @ self.coefficients[span]
            parts[feature.source] = parts.get(feature.source, 0.0) + part
            position += block.shape[1]
        if self.experts:
            given = expert_prior.expert_points(design, self.experts)
            for name, values, mean in zip(given, given.to_numpy().T, self.expert_means, strict=True):
                parts[str(name)] = parts.get(str(name), 0.0) + self.expert_weight * (values - mean)
        return pd.DataFrame(parts, index=design.index)

    def predict_logit(self, design: pd.DataFrame) -> np.ndarray:
        """See `Scorer.predict_logit`."""
        if not self.features:
            return np.full(len(design), self.intercept)
        return np.asarray(self.contributions(design).to_numpy().sum(axis=1) + self.intercept, dtype=float)

    @property
    def base(self) -> float:
        """The logit of the average account."""
        return self.intercept

    def to_files(self) -> dict[str, str]:
        """See `Candidate.to_files`."""
        state: dict[str, Any] = {
            **FeatureSet(self.features, {}).to_json(),
            "penalty": self.penalty,
            "intercept": self.intercept,
            "means": self.means.tolist(),
            "coefficients": self.coefficients.tolist(),
            "experts": [self.experts, self.expert_means.tolist(), self.expert_weight],
            "encodings": [
                {"bucket": e.edges} if isinstance(e, Bucket) else {"squash": list(vars(e).values())}
                for e in self.encodings
            ],
        }
        return {f"{self.kind}.json": json.dumps(state, indent=1)}

    @classmethod
    def from_files(cls, files: Mapping[str, str]) -> Self:
        """See `Candidate.from_files`."""
        state = json.loads(files[f"{cls.kind}.json"])
        made = cls(FeatureSet.from_json(state).features, penalty=state["penalty"])
        made.encodings = [
            Bucket(tuple(e["bucket"])) if "bucket" in e else Squash(*e["squash"]) for e in state["encodings"]
        ]
        made.means, made.coefficients = np.array(state["means"]), np.array(state["coefficients"])
        made.intercept = state["intercept"]
        made.experts, means, made.expert_weight = state.get("experts", ([], [], 0.0))
        made.expert_means = np.array(means, dtype=float)
        return made
