"""The share of an account's revenue that is expected to go: all losses, each with what it costs.

A customer that will surely halve its seats is not lost, and not healthy either. The expected loss adds up
the heads: P(leaves) x 100 % + P(stays) x (P(downgrades) x its share + P(cuts seats) x its share); who leaves
has nothing left to shrink. It serves as a candidate, so that the score can be built on it
(`model.score_of: expected_arr_loss`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import ClassVar, Self

import numpy as np
import pandas as pd

from customer_health.errors import FatalError
from customer_health.model.candidates.candidate import Candidate, read
from customer_health.model.candidates.constrained_logistic import sigmoid

EDGE = 1e-6
MIN_EVENTS = 20
LOGO = "logo_churn"


def lost_parts(p: Mapping[str, np.ndarray], shares: Mapping[str, float]) -> dict[str, np.ndarray]:
    """Split the expected lost share of ARR over the outcomes.

    Args:
        p: Probability per outcome; leaving counts as impossible where it is not among them.
        shares: Share of its ARR that an account loses with each outcome.
    """
    stays = 1 - p[LOGO] if LOGO in p else 1.0
    return {
        name: np.asarray(chance * shares.get(name, 0.0) * (1.0 if name == LOGO else stays), dtype=float)
        for name, chance in p.items()
    }


def expected_share(p: Mapping[str, np.ndarray], shares: Mapping[str, float]) -> np.ndarray:
    """Expected lost share of ARR, 0 to 1; see `lost_parts`."""
    return np.asarray(np.clip(np.sum(list(lost_parts(p, shares).values()), axis=0), EDGE, 1 - EDGE))


class ExpectedLoss:
    """The expected lost share of ARR, as log-odds."""

    kind: ClassVar[str] = "expected_loss"
    is_probability: ClassVar[bool] = True

    def __init__(self, parts: Mapping[str, Candidate], shares: Mapping[str, float]) -> None:
        self.parts, self.shares = dict(parts), {name: float(shares[name]) for name in parts}

    def fit(self, design: pd.DataFrame, y: np.ndarray, weight: np.ndarray) -> Self:
        """Refuse: its parts were fitted, each to its own loss."""
        raise FatalError("The expected loss is made of fitted heads; it learns nothing itself.")

    def share(self, logits: Mapping[str, np.ndarray]) -> np.ndarray:
        """Expected lost share of ARR, 0 to 1."""
        return expected_share({name: sigmoid(logits[name]) for name in self.parts}, self.shares)

    def predict_logit(self, design: pd.DataFrame) -> np.ndarray:
        """See `Scorer.predict_logit`."""
        share = self.share({name: part.predict_logit(design) for name, part in self.parts.items()})
        return np.asarray(np.log(share / (1 - share)), dtype=float)

    def contributions(self, design: pd.DataFrame) -> pd.DataFrame:
        """See `Candidate.contributions`: each head's, weighted by how much of the loss it carries."""
        logits = {name: part.predict_logit(design) for name, part in self.parts.items()}
        total = self.share(logits)
        lost = lost_parts({name: sigmoid(logit) for name, logit in logits.items()}, self.shares)
        tables = {name: part.contributions(design) for name, part in self.parts.items()}
        sources = list(dict.fromkeys(column for table in tables.values() for column in table))
        mixed = np.zeros((len(design), len(sources)))
        for name, table in tables.items():
            mixed += (lost[name] / total)[:, None] * table.reindex(columns=sources, fill_value=0.0).to_numpy()
        moved = mixed.sum(axis=1)
        wanted = np.log(total / (1 - total)) - self.base
        # What the mixture of curves leaves over goes to all parts alike, so that they add up.
        mixed += ((wanted - moved) / max(len(sources), 1))[:, None]
        return pd.DataFrame(mixed, index=design.index, columns=sources)

    @property
    def base(self) -> float:
        """See `Candidate.base`."""
        share = self.share({name: np.array([part.base]) for name, part in self.parts.items()})
        return float(np.log(share / (1 - share))[0])

    def to_files(self) -> dict[str, str]:
        """See `Candidate.to_files`."""
        kinds = {name: part.kind for name, part in self.parts.items()}
        files = {f"{self.kind}.json": json.dumps({"kinds": kinds, "shares": self.shares}, sort_keys=True)}
        for name, part in self.parts.items():
            files |= {f"{name}.{file}": text for file, text in part.to_files().items()}
        return files

    @classmethod
    def from_files(cls, files: Mapping[str, str]) -> Self:
        """See `Candidate.from_files`."""
        state = json.loads(files[f"{cls.kind}.json"])
        parts = {}
        for name, kind in state["kinds"].items():
            prefix = f"{name}."
            own = {key.removeprefix(prefix): text for key, text in files.items() if key.startswith(prefix)}
            parts[name] = read(kind, own)
        return cls(parts, state["shares"])


def measured_shares(
    outcomes: pd.DataFrame,
    rows: pd.DataFrame,
    heads: Mapping[str, tuple[str, ...]],
    fallback: Mapping[str, float],
) -> dict[str, float]:
    """Measure which share of its ARR an account loses with each kind of loss.

    Args:
        outcomes: Losses that are known, with `arr_lost`.
        rows: Panel rows with `arr`; the latest one before a loss says what there was to lose.
        heads: Kinds of outcome per head.
        fallback: Share where fewer than 20 losses tell.
    """
    shares = {name: float(fallback.get(name, 0.3)) for name in heads}
    if "arr_lost" not in outcomes or outcomes.empty:
        return shares
    events = outcomes[["account_id", "kind", "occurred_at", "arr_lost"]].assign(
        account_id=outcomes["account_id"].astype(str),
        occurred_at=pd.to_datetime(outcomes["occurred_at"]).astype("datetime64[us]"),
    )
    before = rows[["account_id", "as_of", "arr"]].sort_values("as_of")
    found = pd.merge_asof(
        events.sort_values("occurred_at"),
        before,
        left_on="occurred_at",
        right_on="as_of",
        by="account_id",
        allow_exact_matches=False,
    )
    found = found[(found["arr"] > 0) & found["arr_lost"].notna()]
    ratio = (found["arr_lost"].astype(float) / found["arr"]).clip(0, 1)
    for name, kinds in heads.items():
        own = ratio[found["kind"].isin(kinds)]
        if len(own) >= MIN_EVENTS and name != "logo_churn":
            shares[name] = float(f"{own.mean():.4g}")
    return shares
