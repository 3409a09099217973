"""Survey comments of software companies: who complains, who praises, and which language nobody here reads.

The comments are ours, in lots that were labelled before they were scored. Rules and leanings were made from
all but the last (`fresh_d`), for which nothing was changed; `docs/texts.md` has the measurements of each.
"""

from __future__ import annotations

import pytest
import yaml
from sklearn.metrics import roc_auc_score
from tests.lib.text_leanings import COMMENTS, LEARNED_FROM, WRITTEN, comments, learn

from customer_health.texts.offline import OfflineReader

READER = OfflineReader()
FOREIGN = [
    line.partition("|")[2]
    for line in (COMMENTS / "first_lots.txt").read_text("utf-8").splitlines()
    if line.startswith("foreign|")
]


@pytest.mark.parametrize(("name", "least"), [*((name, 0.88) for name in LEARNED_FROM), ("fresh_d", 0.85)])
def test_detractors_sound_worse_than_the_rest(name: str, least: float) -> None:
    read = [(kind != "detractor", READER.read(text).sentiment) for kind, text in comments(name)]
    known = [(content, sentiment) for content, sentiment in read if sentiment is not None]
    assert len(known) > 100
    assert len(read) - len(known) <= 3
    assert roc_auc_score(*zip(*known, strict=True)) > least


def test_hardly_a_detractor_sounds_happy_and_hardly_a_promoter_angry() -> None:
    said = [(kind, READER.read(text).sentiment or 0.5) for kind, text in comments("first_lots")]
    happy = [kind for kind, sentiment in said if kind == "detractor" and sentiment > 0.6]
    angry = [kind for kind, sentiment in said if kind == "promoter" and sentiment < 0.4]
    assert len(happy) <= 2
    assert len(angry) <= 2


def test_plain_requests_sound_like_nothing() -> None:
    read = [READER.read(text).sentiment or 0.5 for _, text in comments("plain_requests")]
    assert sum(abs(sentiment - 0.5) < 0.1 for sentiment in read) >= 0.8 * len(read)


def test_the_leanings_are_what_the_comments_teach() -> None:
    told = [one for name in LEARNED_FROM for one in comments(name)]
    learned = learn(told, comments("plain_requests"))
    written = yaml.safe_load(WRITTEN.read_text("utf-8"))
    assert learned.keys() == written.keys()
    assert max(abs(learned[word] - written[word]) for word in learned) <= 0.02


@pytest.mark.parametrize("text", FOREIGN)
def test_german_french_and_spanish_are_unknown_not_neutral(text: str) -> None:
    assert READER.read(text).sentiment is None


@pytest.mark.parametrize(
    ("better", "worse"),
    [
        ("It used to be unreliable", "It used to be reliable"),
        ("We would choose it again", "We would not choose it again"),
        ("Could not be more intuitive", "Could not be less intuitive"),
        ("Setup took an hour", "It takes an hour to open a report"),
        ("Exactly what we asked for", "Everything except what we asked for"),
        ("It never loses a record", "It silently drops a record"),
        ("I would recommend it", "I would love to recommend it, but the data are wrong"),
        ("You listen to feedback", "You keep removing features"),
    ],
)
def test_a_turn_of_phrase_decides_between_nearly_the_same_words(better: str, worse: str) -> None:
    high, low = READER.read(better).sentiment, READER.read(worse).sentiment
    assert high is not None
    assert low is not None
    assert high > low
