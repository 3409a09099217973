"""What a training found and decided, in numbers for machines and sentences for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Literal

import numpy as np
import pandas as pd

from customer_health.model.candidates.naive_baseline import NaiveBaseline
from customer_health.model.candidates.rules_v1 import RuleScore
from customer_health.model.data.track_record import TrackRecord
from customer_health.model.evaluation.fold_results import LOGO, Evaluation
from customer_health.model.evaluation.leak_detector import Finding
from customer_health.model.evaluation.selection import best_of
from customer_health.model.registry.champion import Champion
from customer_health.model.reports import training_summary
from customer_health.model.score_choice import Choice

METRICS = (
    *("auc", "cal_auc", "pr_auc", "recall", "arr_recall", "lift"),
    *("brier", "ece", "predicted_to_observed", "slope", "profit"),
)
Decision = Literal["model", "rules"]


@dataclass(frozen=True)
class HeadReport:
    """What became of one horizon.

    Attributes:
        horizon: In days.
        kind: The candidate that won, or None.
        why: The reason, as part of a sentence.
        folds: Complete walk-forward test periods.
        rows: Eligible rows with a label.
        churners: Different accounts among the lost rows.
        moved: Eligible rows after which revenue is known to have grown or shrunk, see `growth`.
        separations: AUC of each feature alone, highest first.
        head: Which loss it predicts.
        calibration_warning: What is wrong with its probabilities, if anything.
        served: The candidate that gives the probability, with or without having won.
        optimism: By how much AUC a random split would have flattered the trees; None if not measured.
    """

    horizon: int
    kind: str | None
    why: str
    folds: int
    rows: int
    churners: int
    moved: int = 0
    separations: pd.Series = field(default_factory=lambda: pd.Series(dtype=float))
    head: str = LOGO
    calibration_warning: str | None = None
    optimism: float | None = None
    served: str | None = None


@dataclass(frozen=True)
class Training:
    """The outcome of one training: a decision, its reasons, and a champion if one earned it.

    Attributes:
        heads: Report of the logo's head, per horizon.
        others: Reports of the other losses' heads, per outcome and horizon.
        findings: What the leak detector caught, in the panel and in the CRM's snapshot.
        refused: Columns of the panel that were left out for it.
        looked_at: What the champion reads, and for how many accounts it is unknown; see `digest`.
        window: First and last as-of date of the panel.
        sources: Per table since when it tells anything, and what it does not tell; see `digest`.
        logged_late: Days within which nine of ten losses are logged, where that takes weeks; else 0.
        score_choice: Who gives the score, among whom, by what.
        rules: The rule set that scores where no model does.
        crowded: That the rules tell nobody apart, where they score; see evaluation/tier_spread.py.
        track_records: By headline fact, what it has cost; whoever scores, they are told beside the score.
    """

    as_of: date
    model_id: str
    decision: Decision
    why: str
    champion: Champion | None
    heads: Mapping[int, HeadReport]
    evaluation: Evaluation
    primary_horizon: int
    others: Mapping[tuple[str, int], HeadReport] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()
    refused: tuple[str, ...] = ()
    looked_at: Sequence[Mapping[str, Any]] = ()
    window: tuple[str, str] | tuple[()] = ()
    sources: Sequence[Mapping[str, Any]] = ()
    logged_late: float = 0.0
    score_choice: Choice = field(default_factory=lambda: Choice(None))
    rules: str = "rules_v1_seed"
    crowded: str = ""
    track_records: Mapping[str, TrackRecord] = field(default_factory=dict)

    def summary(self) -> dict[str, Any]:
        """Return plain JSON data: the decision and, per horizon, what was measured."""
        return {
            "model_id": self.model_id,
            "as_of": self.as_of.isoformat(),
            "decision": self.decision,
            "why": self.why,
            "primary_horizon": self.primary_horizon,
            "score_from": self.score_choice.table(),
            "rules": self.rules,
            "meaning": self.champion.meaning if self.champion else "rules",
            "signals": self.champion.features.sources if self.champion else [],
            "refused": list(self.refused),
            "leaks": [finding.sentence() for finding in self.findings],
            "others": {
                f"{name}_{horizon}": self._measured(report) for (name, horizon), report in self.others.items()
            },
            "horizons": {
                str(report.horizon): self._measured(report) | self._drawn(report)
                for report in self.heads.values()
            },
            "looked_at": list(self.looked_at),
            "window": list(self.window),
            "sources": list(self.sources),
            "track_records": {code: record.to_json() for code, record in self.track_records.items()},
        }

    def _drawn(self, report: HeadReport) -> dict[str, Any]:
        """What the page draws of a horizon."""
        given = (self.evaluation, report.horizon, report.kind or self.best(report.horizon))
        return {
            "by_fold": training_summary.by_fold(*given),
            "bins": training_summary.calibration_bins(*given),
            "capture": training_summary.capture(*given),
            "segments": training_summary.by_segment(*given),
        }

    def _measured(self, report: HeadReport) -> dict[str, Any]:
        head, horizon = report.head, report.horizon
        shown = report.kind or self.best(horizon, head)

        def value(kind: str, metric: str = "auc") -> float | None:
            return _plain(self.evaluation.value(horizon, kind, metric, head))

        anchors = self.champion.anchors.get(horizon) if self.champion and head == LOGO else None
        return {
            "champion": report.kind,
            "candidate": shown,
            "served": report.served,
            "why": report.why,
            "complaint": report.calibration_warning,
            "random_split_gap": None if report.optimism is None else _plain(report.optimism),
            "folds": report.folds,
            "rows": report.rows,
            "churners": report.churners,
            **{metric: value(shown, metric) for metric in METRICS},
            "auc_baseline": value(NaiveBaseline.kind),
            "auc_rules": value(RuleScore.kind),
            "anchors": dict(anchors) if anchors else None,
        }

    def best(self, horizon: int, head: str = LOGO) -> str:
        """The candidate to show for a head that has no champion: the one with the highest AUC."""
        return best_of(self.evaluation, horizon, head)

    def lines(self) -> list[str]:
        """Sentences for the log: one per horizon, then what the leak detector left out."""
        told = [f"{capital(report.why)}." for report in self.heads.values()]
        told += [f"Left out: {f.sentence()}." for f in self.findings if f.column in self.refused]
        return told


def capital(text: str) -> str:
    """Begin a sentence."""
    return text[:1].upper() + text[1:]


def _plain(value: float) -> float | None:
    return None if np.isnan(value) else round(float(value), 6)
