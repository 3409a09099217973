"""May the new model take over? Questions that a training cannot answer without the champion in use.

A routine retraining of the same recipe is let through unless something is wrong: probabilities that are
off, a portfolio that would change colour because of the model alone, or a proof on young data that the
old one was better.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from customer_health.company import CompanyConfig
from customer_health.model.candidates.calibration import Calibrated
from customer_health.model.candidates.constrained_logistic import sigmoid
from customer_health.model.data.features import RENEWAL
from customer_health.model.data.labels import eligible
from customer_health.model.evaluation.metrics import Sample, account_draws, auc, calendar_strata, interval
from customer_health.model.registry.champion import Champion
from customer_health.model.reports.training_report import Training
from customer_health.wording import percent

Action = Literal["promote", "hold", "ask"]
MARGIN = 0.005
MIN_LOST = 20
MOST_NAMED = 6


@dataclass(frozen=True)
class Verdict:
    """What to do with the outcome of a training.

    Attributes:
        action: "promote" it, "hold" it (the champion in use stays), or "ask" a person.
        reasons: Sentences.
        tier_churn: Share of the latest portfolio that would change colour; NaN without an incumbent.
    """

    action: Action
    reasons: tuple[str, ...]
    tier_churn: float = float("nan")


def judge(
    training: Training,
    incumbent: Champion | None,
    panel: pd.DataFrame,
    config: CompanyConfig,
    held: Champion | None = None,
) -> Verdict:
    """Compare a training with the champion in use.

    Args:
        training: The new training.
        incumbent: The model in use; None when the rules are, or its artefact is unusable.
        panel: The panel that the training saw.
        config: Limits, and whether a person must approve.
        held: The training before this one, if it was held. Where both give the portfolio the same colours, it
            is the champion in use that has fallen behind: it would be further behind every month, and stay.
    """
    if training.champion is None:
        if incumbent is None:
            return Verdict("promote", ("No model is in use, and none earned its place.",))
        return Verdict("hold", (f"{incumbent.model_id} stays: this training found no model. {training.why}",))
    against: list[str] = []
    agreed: tuple[str, ...] = ()
    moved = float("nan")
    if incumbent is not None:
        rows = panel[eligible(panel, config.model)]
        latest = rows[rows["as_of"] == rows["as_of"].max()]
        moved = tier_churn(incumbent, training.champion, latest)
        if moved > config.model.max_tier_churn:
            objection = (
                f"{percent(moved)} of the accounts would change colour because of the model alone "
                f"(at most {percent(config.model.max_tier_churn)})"
            )
            apart = tier_churn(held, training.champion, latest) if held is not None else float("nan")
            if apart <= config.model.max_tier_churn:
                agreed = (f"{objection}, but two trainings in a row agree ({percent(apart)} between them).",)
            else:
                against.append(objection)
        report = training.heads[training.primary_horizon]
        if report.calibration_warning and not _straightened(training.champion, report.horizon):
            against.append(f"{report.horizon} days ahead, {report.calibration_warning}")
        lag = duel(training, incumbent, rows)
        if lag is not None:
            against.append(lag)
    news = (*agreed, *_news(training.champion, incumbent))
    if against:
        reasons = (f"{training.model_id} is held: " + "; ".join(against) + ".", *news)
        return Verdict("ask" if config.model.approval == "required" else "hold", reasons, moved)
    if config.model.approval == "required":
        return Verdict(
            "ask", (f"{training.model_id} passed every gate and waits for approval.", *news), moved
        )
    return Verdict("promote", (f"{training.model_id} passed every gate.", *news), moved)


def _news(new: Champion, old: Champion | None) -> tuple[str, ...]:
    """Say what the new model reads that the old one did not, and the other way round.

    No bonus and no malus: both are compared on the same rows of the same days, each by what it reads.
    """
    if old is None:
        return ()
    pairs = (("It also reads", new, old), ("It no longer reads", old, new))
    found = {
        words: [name for name in one.features.sources if name not in other.features.sources]
        for words, one, other in pairs
    }
    return tuple(
        f"{words} {', '.join(names[:MOST_NAMED])}{' and more' if len(names) > MOST_NAMED else ''}."
        for words, names in found.items()
        if names
    )


def _straightened(champion: Champion, horizon: int) -> bool:
    """Whether the head's probabilities were calibrated, which answers the complaint about them."""
    head = champion.others.get(("logo_churn", horizon), champion.heads[horizon])
    return isinstance(head, Calibrated)


def colours(champion: Champion, rows: pd.DataFrame) -> np.ndarray:
    """Red 2, Yellow 1 or Green 0 of each row, by the champion's own frozen scale."""
    p = sigmoid(champion.health_logit(rows).to_numpy())
    anchors = champion.health_anchors
    return np.where(p >= anchors["p_red"], 2, np.where(p > anchors["p_green"], 1, 0))


def tier_churn(old: Champion, new: Champion, rows: pd.DataFrame) -> float:
    """Share of the rows whose colour differs between the two models.

    Unknown where the old one's scores meant something else: then the change is meant.
    """
    if old.meaning != new.meaning or not old.health_anchors:
        return float("nan")
    if rows.empty or set(old.features.sources) - set(rows.columns):
        return float("nan")
    return float((colours(old, rows) != colours(new, rows)).mean())


def duel(training: Training, incumbent: Champion, rows: pd.DataFrame) -> str | None:
    """Compare both on the test periods since the incumbent was trained, which neither had seen.

    The new model must not be worse by more than the margin, nor by more than the standard error of the
    difference where that is wider, as it is in a small company.

    Returns:
        What speaks against the new model, or None: also when too few losses have matured since.
    """
    horizon = training.primary_horizon
    kind = training.heads[horizon].kind
    table = training.evaluation.of("predictions", horizon)
    if kind is None or table.empty or set(incumbent.features.sources) - set(rows.columns):
        return None
    table = table[table["train_date"] >= pd.Timestamp(incumbent.trained_as_of)]
    if table["y"].sum() < MIN_LOST:
        return None
    keys = rows.assign(train_date=pd.to_datetime(rows["as_of"]), account_id=rows["account_id"].astype(str))
    both = table.merge(keys, on=["account_id", "train_date"], suffixes=("", "_panel"))
    old = incumbent.predict_logit(both.assign(**_unsuffixed(both)), horizon).to_numpy()
    draws = account_draws(both["account_id"], 200, 1)
    weights = draws.loc[both["account_id"]].to_numpy().T
    days = both["train_date"].rank(method="dense").to_numpy(dtype=int)
    worst = []
    for name, strata in (
        ("AUC", days),
        ("calendar-adjusted AUC", days * 100 + calendar_strata(both[RENEWAL].to_numpy(dtype=float))),
    ):
        sample = Sample(both["y"].to_numpy(), np.unique(strata, return_inverse=True)[1].ravel(), weights)
        gain = (
            auc(both[kind].to_numpy(), sample, within_calendar=True).values
            - auc(old, sample, within_calendar=True).values
        )
        low, high = interval(gain)
        # Two models that are alike differ by about a standard error: half of all retrainings would be held.
        known = gain[1:][np.isfinite(gain[1:])]
        slack = max(MARGIN, float(known.std()) if len(known) else 0.0)
        if gain[0] < -slack or high < 0:
            worst.append(f"{name} {gain[0]:+.3f} ({low:+.3f} to {high:+.3f})")
    if not worst:
        return None
    return f"since {incumbent.trained_as_of} the champion in use did better: {', '.join(worst)}"


def _unsuffixed(both: pd.DataFrame) -> dict[str, pd.Series]:
    """Context columns that both tables had: the panel's are the ones a model reads."""
    return {
        str(name).removesuffix("_panel"): both[name] for name in both.columns if str(name).endswith("_panel")
    }
