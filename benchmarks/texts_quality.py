"""How well the offline reader tells angry from content, on public labelled sets that it was not written from.

    python -m benchmarks.texts_quality

Four sets ship in the source archive of vaderSentiment 3.3.2 (MIT; Hutto and Gilbert 2014): Amazon and film
review snippets, editorials, tweets. Two ship in the npm package `sentiment` 5.0.2 (MIT): sentences of Amazon
and IMDB reviews (Kotzias et al. 2015). pip and npm fetch them into a temporary folder; without npm the last
two are left out. No word or turn of phrase was changed because of them. The peer is plain VADER, which was
made from the tweets. Then come our own comments, of which only the last lot taught nothing, and the simulated
company: accounts whose mood is toxic against the others.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from pathlib import Path

import numpy as np
from tests.lib.text_leanings import LEARNED_FROM, comments

VADER = {
    "Amazon snippets": "amazonReviewSnippets",
    "film snippets": "movieReviewSnippets",
    "editorials": "nytEditorialSnippets",
    "tweets (VADER's own)": "tweets",
}
NPM = {"Amazon sentences": "amazon", "IMDB sentences": "imdb"}
TOXIC = -1.3  # mood below which the simulated world calls support toxic
MESSAGES = 5

Labelled = Sequence[tuple[str, bool]]  # text, whether it is negative
Scorer = Callable[[str], float]


def public_sets(folder: Path) -> Mapping[str, Labelled]:
    """Fetch the sets by pip and npm."""
    subprocess.run(
        [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", ":all:",
         "--no-build-isolation", "--dest", str(folder), "vaderSentiment==3.3.2"],
        check=True,
    )  # fmt: skip
    _unpack(next(folder.glob("vaderSentiment*.tar.gz")), folder)
    _unpack(next(folder.glob("vaderSentiment*/additional_resources/*.tar.gz")), folder)
    found: dict[str, Labelled] = {}
    for name, stem in VADER.items():
        lines = next(folder.glob(f"**/{stem}_GroundTruth.txt")).read_text("utf-8", "replace").splitlines()
        rows = [line.split("\t", 2) for line in lines]
        found[name] = [(row[2], float(row[1]) < 0) for row in rows if len(row) == 3]
    if shutil.which("npm"):
        subprocess.run(
            ["npm", "pack", "--silent", "sentiment@5.0.2"], cwd=folder, check=True, stdout=subprocess.DEVNULL
        )
        _unpack(next(folder.glob("sentiment-*.tgz")), folder)
        for name, stem in NPM.items():
            rows = json.loads((folder / "package/test/fixtures" / f"{stem}.json").read_text("utf-8"))
            found[name] = [(row["text"], row["class"] == 0) for row in rows if row.get("class") in (0, 1)]
    return found


def _unpack(archive: Path, folder: Path) -> None:
    with tarfile.open(archive) as packed:
        packed.extractall(folder, filter="data")


def measures(rows: Labelled, scorer: Scorer) -> tuple[float, float, float]:
    """Return AUC of negative against rest, macro-F1 at 0.5, and texts per CPU second."""
    from sklearn.metrics import f1_score, roc_auc_score

    negative = np.array([label for _, label in rows])
    began = time.process_time()
    scores = np.array([scorer(text) for text, _ in rows])
    per_second = len(rows) / (time.process_time() - began)
    return (
        float(roc_auc_score(negative, -scores)),
        float(f1_score(negative, scores < 0.5, average="macro")),
        per_second,
    )


def toxic_accounts(accounts: int, seed: int) -> tuple[float, int, int]:
    """Return the AUC of toxic accounts against calm ones by the mean of their texts, and how many of each."""
    from sklearn.metrics import roc_auc_score

    from customer_health.simulator.canonical_exports import build_world
    from customer_health.simulator.help_desk import tickets_and_messages
    from customer_health.texts.sentiment import OfflineSentiment

    world = build_world(start=date(2024, 1, 1), through=date(2026, 1, 1), accounts=accounts, seed=seed)
    _, thread = tickets_and_messages(world, with_sentiment=False)
    rows = thread.rows[thread.rows["author"] == "customer"].copy()
    scorer = OfflineSentiment()
    by_text = {text: scorer.score(text) for text in rows["text"].unique()}
    rows["score"] = rows["text"].map(by_text)
    number = {name: place for place, name in enumerate(world.account_ids)}
    labels, means = [], []
    for week in range(26, 100, 13):
        until = np.datetime64(world.day(week))
        window = rows[
            (rows["occurred_at"] < until) & (rows["occurred_at"] >= until - np.timedelta64(90, "D"))
        ]
        mood = world.history["sentiment"][max(0, week - 12) : week + 1].mean(axis=0)
        for account, mine in window.groupby("account_id")["score"]:
            if len(mine) >= MESSAGES:
                labels.append(mood[number[str(account)]] < TOXIC)
                means.append(float(mine.mean()))
    toxic = np.array(labels)
    return float(roc_auc_score(toxic, -np.array(means))), int(toxic.sum()), int((~toxic).sum())


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--accounts", type=int, default=1000)
    arguments = parser.parse_args()
    from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

    from customer_health.texts.offline import OfflineReader
    from customer_health.texts.sentiment import OfflineSentiment

    ours, plain = OfflineSentiment(), SentimentIntensityAnalyzer()

    def vader(text: str) -> float:
        return float(plain.polarity_scores(text)["compound"] + 1) / 2

    print("| Set | Texts | AUC, ours | AUC, VADER | macro-F1, ours | macro-F1, VADER |\n" + "|---" * 6 + "|")
    with tempfile.TemporaryDirectory() as scratch:
        sets = public_sets(Path(scratch))
        own = {
            f"our comments, {name}": [(text, kind == "detractor") for kind, text in comments(name)]
            for name in (*LEARNED_FROM, "fresh_d")
        }
        for name, rows in {**sets, **own}.items():
            mine, theirs = measures(rows, ours.score), measures(rows, vader)
            cells = " | ".join(
                f"{value:.3f}" for pair in zip(mine[:2], theirs[:2], strict=True) for value in pair
            )
            print(f"| {name} | {len(rows):,} | {cells} |")
        sentences = [text for text, _ in sets["Amazon snippets"]]
        reader, began = OfflineReader(), time.process_time()
        for text in sentences:
            reader.read(text)
        whole = len(sentences) / (time.process_time() - began)
        floor, alone = (measures(sets["Amazon snippets"], each)[2] for each in (vader, ours.score))
        print(
            f"\nTexts a CPU second: {whole:,.0f} read whole (language, sentiment, reasons, intents), "
            f"{alone:,.0f} for sentiment alone; plain VADER {floor:,.0f} ({floor / whole:.0f}x the whole)."
        )
    area, toxic, calm = toxic_accounts(arguments.accounts, seed=7)
    print(f"Simulated company: toxic ({toxic:,}) against other ({calm:,}) account-quarters, AUC {area:.3f}.")


if __name__ == "__main__":
    main()
