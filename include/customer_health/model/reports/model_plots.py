"""Pictures for the model card."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import numpy as np
import pandas as pd

from customer_health import storage
from customer_health.model.candidates.constrained_logistic import sigmoid
from customer_health.model.candidates.naive_baseline import NaiveBaseline
from customer_health.model.candidates.rules_v1 import RuleScore
from customer_health.model.evaluation.metrics import BINS, mass_bins
from customer_health.model.reports.training_report import Training
from customer_health.signals.headline_facts import FACTS
from customer_health.wording import percent

INK, ACCENT, PALE = "#334155", "#0f766e", "#94a3b8"


def draw(training: Training, horizon: int, folder: Path) -> list[tuple[str, str]]:
    """Draw the walk-forward chart and the calibration of one horizon.

    Returns:
        (title, file name) of each picture, for the card to show.
    """
    # Without pyplot: it keeps global state and looks for a display.
    from matplotlib.figure import Figure

    report = training.heads[horizon]
    shown = report.kind or training.best(horizon)
    folds = training.evaluation.of("folds", horizon)
    figure = Figure(figsize=(8, 3.2), layout="constrained")
    axes = figure.subplots()
    lines = ((shown, shown, ACCENT, "-"), (NaiveBaseline.kind, "renewal date + NPS", INK, "--"))
    for kind, label, colour, style in (*lines, (RuleScore.kind, "rule score", PALE, ":")):
        own = folds[folds["candidate"] == kind].sort_values("train_date")
        axes.plot(own["train_date"], own["auc"], style, color=colour, marker="o", markersize=4, label=label)
    axes.axhline(0.5, color=PALE, linewidth=0.8)
    axes.set_ylabel("AUC")
    axes.set_title(f"Walk-forward, {horizon} days ahead: each point trained on the past only", loc="left")
    axes.legend(frameon=False, ncols=3, loc="lower left")
    walk = f"walk_forward_{horizon}.png"
    _save(figure, axes, folder / walk)

    rows = training.evaluation.of("predictions", horizon)
    p, y = sigmoid(rows[shown].to_numpy()), rows["y"].to_numpy()
    bins = mass_bins(p)
    predicted, observed = (
        np.bincount(bins, values, BINS) / np.bincount(bins, None, BINS) for values in (p, y)
    )
    error = 1.96 * np.sqrt(observed * (1 - observed) / np.bincount(bins, None, BINS))
    figure = Figure(figsize=(4.2, 4), layout="constrained")
    axes = figure.subplots()
    top = 1.1 * float(max((observed + error).max(), predicted.max()))
    axes.plot([0, top], [0, top], color=PALE, linewidth=0.8)
    axes.errorbar(predicted, observed, yerr=error, fmt="o", color=ACCENT, markersize=4, linewidth=1)
    axes.set_xlabel("predicted probability (tenths of the accounts)")
    axes.set_ylabel("share that was lost")
    axes.set_title(f"Calibration of {shown}, {horizon} days", loc="left")
    calibration = f"calibration_{horizon}.png"
    _save(figure, axes, folder / calibration)
    figure = Figure(figsize=(4.2, 4), layout="constrained")
    axes = figure.subplots()
    for kind, label, colour, style in (*lines, (RuleScore.kind, "rule score", PALE, ":")):
        order = np.argsort(-rows[kind].to_numpy(), kind="stable")
        found = np.cumsum(rows["y"].to_numpy()[order]) / max(rows["y"].sum(), 1)
        at = np.linspace(0, len(order) - 1, 200).astype(int)
        axes.plot((at + 1) / len(order), found[at], style, color=colour, label=label)
    axes.plot([0, 1], [0, 1], color=PALE, linewidth=0.8)
    axes.set_xlabel("share of the accounts, riskiest first")
    axes.set_ylabel("share of the losses found")
    axes.set_title(f"Losses found, {horizon} days ahead", loc="left")
    axes.legend(frameon=False, loc="lower right")
    lift = f"lift_{horizon}.png"
    _save(figure, axes, folder / lift)
    return [
        (f"Losses found among the riskiest accounts, {horizon} days ahead", lift),
        (f"AUC per test period, {horizon} days ahead", walk),
        (f"Predicted and observed losses, {horizon} days ahead", calibration),
    ]


def track_records(training: Training, folder: Path) -> tuple[str, str]:
    """Draw the share lost with each fact that enough customers had, and among comparable customers."""
    from matplotlib.figure import Figure

    told = [
        (fact.title, record)
        for fact in reversed(FACTS)
        if (record := training.track_records.get(fact.code)) is not None and record.known
    ]
    places = np.arange(len(told))
    shares = np.array([record.share for _, record in told])
    ends = np.array([[record.low, record.high] for _, record in told]).T
    figure = Figure(figsize=(8, 1.1 + 0.28 * len(told)), layout="constrained")
    axes = figure.subplots()
    reach = np.maximum([shares - ends[0], ends[1] - shares], 0.0)
    axes.errorbar(shares, places, xerr=reach, fmt="o", color=ACCENT, capsize=2, label="with the fact")
    beside = [
        (record.comparable, place) for place, (_, record) in enumerate(told) if record.comparable is not None
    ]
    if beside:
        axes.plot(*zip(*beside, strict=True), "|", color=INK, markersize=12, label="comparable customers")
    axes.set_yticks(places, [title for title, _ in told])
    axes.xaxis.set_major_formatter(lambda value, _: percent(value))
    axes.set_xlabel("lost at the next decision, with 90% intervals")
    axes.set_title("What each fact has cost", loc="left")
    axes.legend(frameon=False, fontsize=8)
    _save(figure, axes, folder / "track_records.png")
    return ("What each headline fact has cost", "track_records.png")


def importance(table: pd.DataFrame, folder: Path) -> tuple[str, str]:
    """Draw how far each concept moves the risk."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 2.8), layout="constrained")
    axes = figure.subplots()
    ordered = table.sort_values("share")
    axes.barh(ordered["concept"], 100 * ordered["share"], color=ACCENT)
    axes.set_xlabel("% of what moves the risk on the latest portfolio")
    axes.set_title("What it looks at", loc="left")
    _save(figure, axes, folder / "importance.png")
    return ("What moves the risk, by concept", "importance.png")


def worth(table: pd.DataFrame, path: Path) -> str:
    """Draw what hiding each source and concept costs, with intervals; return the file's name."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 0.9 + 0.28 * len(table)), layout="constrained")
    axes = figure.subplots()
    rows = table.iloc[::-1]
    labels = [f"{name} ({kind})" for name, kind in zip(rows["name"], rows["kind"], strict=True)]
    middle = 100 * rows["recall_loss"].to_numpy(dtype=float)
    low, high = (100 * rows[f"recall_{end}"].to_numpy(dtype=float) for end in ("low", "high"))
    sure = (low > 0) | (high < 0)
    for chosen, colour in ((sure, ACCENT), (~sure, PALE)):
        at = np.flatnonzero(chosen)
        axes.hlines(at, low[at], high[at], color=colour, linewidth=2)
        axes.plot(middle[at], at, "o", color=colour, markersize=5)
    axes.axvline(0, color=INK, linewidth=0.8)
    axes.set_yticks(range(len(labels)), labels)
    axes.set_xlabel("losses no longer found at capacity without it, percentage points (pale: cannot tell)")
    _save(figure, axes, path)
    return path.name


def _save(figure: object, axes: object, path: Path) -> None:
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)  # type: ignore[attr-defined]
    # No version or date in the file: the same training draws the same bytes.
    drawn = BytesIO()
    figure.savefig(drawn, format="png", dpi=110, metadata={"Software": None})  # type: ignore[attr-defined]
    storage.write(path, drawn.getvalue())
