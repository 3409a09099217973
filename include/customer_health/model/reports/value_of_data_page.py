"""The value-of-data report: a page of its own, a section of the model card, numbers for the page."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd

from customer_health import storage
from customer_health.model.evaluation.ablation import AblationReport
from customer_health.model.reports import model_plots
from customer_health.wording import percent

HEADING = "## What each source is worth"
NEXT = "## When not to believe it"
SHOWN_SIGNALS = 15
TITLES = {"source": "Without one source", "concept": "Without one concept", "signal": "Without one signal"}
Coverage = Mapping[str, Mapping[str, float]]


def write(worth: AblationReport, folder: Path, as_of: date, coverage: Coverage) -> Path:
    """Write the report as Markdown with its picture beside it, and return its path."""
    path = folder / f"value-of-data-{as_of}.md"
    picture = _picture(worth, folder, f"value-of-data-{as_of}.png")
    lines = [f"# What the data is worth, {as_of:%-d %B %Y}", "", *section(worth, picture)]
    lines += ["", *_table(worth, "signal", len(worth.table)), "", *_known(coverage)]
    return storage.write(path, "\n".join(lines) + "\n")


def insert(card: Path, worth: AblationReport) -> None:
    """Put the section into a model card, in place of an earlier one."""
    picture = _picture(worth, card.parent, "value_of_data.png")
    own = [HEADING, "", *section(worth, picture), "", *_table(worth, "signal", SHOWN_SIGNALS), ""]
    kept, inside = [], False
    for line in storage.read(card).decode("utf-8").splitlines():
        if line.startswith("## "):
            inside = line == HEADING
            if line == NEXT:
                kept += own
        if not inside:
            kept.append(line)
    storage.write(card, "\n".join(kept) + "\n")


def section(worth: AblationReport, picture: str = "") -> Iterator[str]:
    """Sources and concepts: what is lost without each, and how sure that is."""
    if worth.why_not:
        yield f"Not measured: {worth.why_not}."
        return
    yield (
        f"Each source, concept and signal was hidden in turn and a logistic regression walked forward "
        f"without it, {worth.horizon} days ahead, over the test days from {worth.first:%-d %B %Y} to "
        f"{worth.last:%-d %B %Y} ({worth.lost} losses). With everything it finds {percent(worth.recall)} of "
        f"the losses at capacity, at AUC {worth.auc:.3f}; what the others can tell, they did. One cheap "
        "model and few test periods: read the differences, not the level."
    )
    yield ""
    yield (
        "In brackets the 90% interval over accounts. *Cannot tell*: the interval holds 0, for recall and "
        "for AUC. *Helps the order*: AUC falls beyond chance, recall at capacity does not. *Next to "
        "nothing*: certain, and too small to act on. A signal that alone is worth nothing may say what "
        "another one says too: look at its concept. Of twenty signals that are worth nothing, one will look "
        "useful by chance."
    )
    if picture:
        yield ""
        yield f"![Losses no longer found without it]({picture})"
    for kind in ("source", "concept"):
        yield ""
        yield from _table(worth, kind, len(worth.table))


def content(worth: AblationReport, coverage: Coverage) -> dict[str, Any]:
    """Plain data for the page."""
    rows: list[dict[Any, Any]] = worth.table.to_dict(orient="records")
    return {
        "why_not": worth.why_not,
        "recall": worth.recall,
        "auc": worth.auc,
        "lost": worth.lost,
        "first": worth.first.isoformat() if worth.first else None,
        "last": worth.last.isoformat() if worth.last else None,
        "horizon": worth.horizon,
        "rows": rows,
        "coverage": {source: dict(shares) for source, shares in coverage.items()},
    }


def lines(worth: AblationReport) -> list[str]:
    """Sentences for the log: what matters, and about how much nothing can be said."""
    if worth.why_not:
        return [f"The value of the data was not measured: {worth.why_not}."]
    told = []
    for kind in TITLES:
        own = worth.of(kind)
        sure = own[own["verdict"].isin(["matters", "helps the order"])]
        named = ", ".join(
            f"{row['name']} (recall {-row['recall_loss']:+.1%}, AUC {-row['auc_loss']:+.3f} without it)"
            for row in sure.head(5).to_dict(orient="records")
        )
        unsure = int((own["verdict"] == "cannot tell").sum())
        rest = f"; about {unsure} of {len(own)} it cannot tell" if unsure else ""
        told.append(f"{kind.capitalize()}s that matter: {named or 'none beyond chance'}{rest}.")
        if harmful := list(own.loc[own["verdict"] == "harms", "name"]):
            told.append(f"{kind.capitalize()}s without which it does better: {', '.join(harmful[:5])}.")
    return told


def _table(worth: AblationReport, kind: str, most: int) -> Iterator[str]:
    own = worth.of(kind)
    if own.empty:
        return
    yield f"| {TITLES[kind].lower()} | known | recall at capacity falls by | AUC falls by | verdict |"
    yield "|---|---|---|---|---|"
    for row in own.head(most).to_dict(orient="records"):
        recall = f"{row['recall_loss']:+.1%} ({row['recall_low']:+.1%} to {row['recall_high']:+.1%})"
        area = f"{row['auc_loss']:+.4f} ({row['auc_low']:+.4f} to {row['auc_high']:+.4f})"
        yield f"| {row['name']} | {percent(row['known_share'])} | {recall} | {area} | {row['verdict']} |"
    if len(own) > most:
        yield ""
        yield f"{len(own) - most} more signals are worth less; the report of the day has them."


def _known(coverage: Coverage) -> Iterator[str]:
    segments = sorted({segment for shares in coverage.values() for segment in shares})
    if not segments:
        return
    yield "## How much of each source is known, by segment"
    yield ""
    yield "| source | " + " | ".join(segments) + " |"
    yield "|---" * (len(segments) + 1) + "|"
    for source, shares in sorted(coverage.items()):
        cells = (percent(shares[segment]) if segment in shares else "–" for segment in segments)
        yield f"| {source} | " + " | ".join(cells) + " |"


def _picture(worth: AblationReport, folder: Path, name: str) -> str:
    groups = pd.concat([worth.of("source"), worth.of("concept")], ignore_index=True)
    return model_plots.worth(groups, folder / name) if len(groups) else ""
