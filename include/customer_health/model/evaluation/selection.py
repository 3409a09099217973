"""The choice of a champion that earned its place."""

from __future__ import annotations

import numpy as np

from customer_health.model.candidates.blend import Blend
from customer_health.model.candidates.candidate_list import BASELINES, RANKS, WORDS
from customer_health.model.candidates.constrained_logistic import LogisticRegression
from customer_health.model.candidates.naive_baseline import NaiveBaseline
from customer_health.model.candidates.rules_v1 import RuleScore
from customer_health.model.evaluation.fold_results import LOGO, Evaluation

DUELS = (("auc", NaiveBaseline.kind), ("cal_auc", NaiveBaseline.kind), ("auc", RuleScore.kind))
# From a dozen losses on, a line that starts from what the documents say ranks better than they do alone.
MIN_PRIOR_LOST = 12
MARGIN = 0.005  # of AUC: two to three paired standard errors between models that are alike
METRICS = {"auc": "AUC", "cal_auc": "calendar-adjusted AUC"}


def models_in(evaluation: Evaluation, horizon: int, head: str = LOGO) -> list[str]:
    """Kinds that could be champion: probabilities that are not baseline."""
    table = evaluation.of("overall", horizon, head)
    measured = set(table["candidate"]) if len(table) else set()
    return [kind for kind in WORDS if kind in measured and kind not in (*BASELINES, *RANKS)]


def choose(
    evaluation: Evaluation, horizon: int, head: str = LOGO, *, incumbent: str | None = None
) -> tuple[str | None, str]:
    """Pick the champion of a head, or none, and say why in one sentence.

    The blend goes first, being the safest; a single model takes its place only if it is better by
    more than the paired standard error. Anybody who is picked must beat both baselines beyond doubt.

    Against renewal date + NPS that includes the calendar-adjusted AUC: knowing the calendar a little
    better than the baseline's ranges do is not insight into customers. Other losses than the logo's do not
    hang on the renewal alone, and have only to beat the baseline's AUC.

    A champion in use keeps its kind, where that passes: a candidate of another family must beat it beyond
    doubt, in AUC, and must not be worse by more than the margin among accounts equally near to renewal.

    Returns:
        Kind of the champion (None: no model) and the reason.
    """
    duels = evaluation.duels(horizon, head)
    best = Blend.kind
    for kind in models_in(evaluation, horizon, head):
        duel = duels.get(("auc", kind, Blend.kind))
        better = duel is not None and duel["gain"] > duel["error"]
        if better and evaluation.value(horizon, kind, head=head) > evaluation.value(horizon, best, head=head):
            best = kind
    contenders = [best]
    if incumbent in models_in(evaluation, horizon, head) and best != incumbent:
        gains = [duels[metric, best, incumbent]["low"] for metric in ("auc", "cal_auc")]
        if not (gains[0] > 0 and gains[1] > -MARGIN):
            contenders.insert(0, incumbent)
    doubts = {kind: _doubt(evaluation, horizon, head, kind) for kind in contenders}
    passed = [kind for kind, doubt in doubts.items() if not doubt]
    if not passed:
        return None, doubts[contenders[0]]
    best = passed[0]
    duel = duels["auc", best, NaiveBaseline.kind]
    own, naive, rules = (
        evaluation.value(horizon, kind, head=head) for kind in (best, NaiveBaseline.kind, RuleScore.kind)
    )
    folds = evaluation.of("folds", horizon, head)["train_date"].nunique()
    name = WORDS[best].removesuffix(" model")
    return best, (
        f"{horizon} days ahead the {name} model reaches AUC {own:.2f} against {naive:.2f} for renewal "
        f"date + NPS and {rules:.2f} for the rule score ({folds} test periods; lead over renewal date + NPS "
        f"{duel['gain']:+.3f}, 90% interval {duel['low']:+.3f} to {duel['high']:+.3f})"
    )


def _doubt(evaluation: Evaluation, horizon: int, head: str, best: str) -> str:
    """Say which baseline a candidate does not beat beyond doubt; empty if it beats all."""
    duels = evaluation.duels(horizon, head)
    for metric, rival in DUELS if head == LOGO else DUELS[:1]:
        duel = duels[metric, best, rival]
        if not duel["bound"] > 0:
            own, theirs = (evaluation.value(horizon, kind, metric, head) for kind in (best, rival))
            chance = (
                f", a lead that chance explains (lower bound {duel['bound']:+.3f})" if own > theirs else ""
            )
            return (
                f"the model does not beat {WORDS[rival]} on this data: {METRICS[metric]} {own:.2f} against "
                f"{theirs:.2f}, {horizon} days ahead{chance}"
            )
    return ""


def stand_in(evaluation: Evaluation, horizon: int, *, lost: int) -> str:
    """Say who gives the probability of leaving where no candidate has passed its gates.

    The line that starts from what the documents say, once a dozen losses have corrected it: it ranks better
    than renewal date + NPS long before a model can prove that it does. Where walk-forward measured it as the
    worse of the two, it does not serve.

    Args:
        evaluation: Walk-forward of all heads; it need not hold this one.
        horizon: Of the head.
        lost: Different accounts that it has seen leave.
    """
    line, naive = (evaluation.value(horizon, kind) for kind in (LogisticRegression.kind, NaiveBaseline.kind))
    if lost < MIN_PRIOR_LOST or line < naive:  # neither is less than the other where nothing was measured
        return NaiveBaseline.kind
    return LogisticRegression.kind


def best_of(evaluation: Evaluation, horizon: int, head: str = LOGO) -> str:
    """The candidate to show for a head that has no champion: the one with the highest AUC."""
    kinds = models_in(evaluation, horizon, head) or [Blend.kind]
    return max(kinds, key=lambda kind: np.nan_to_num(evaluation.value(horizon, kind, head=head)))
