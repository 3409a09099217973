"""Learn which way plain words lean from the labelled comments under tests/data, and write them down.

    python -m tests.lib.text_leanings

"Until", "after" and "told" are not words of feeling, yet complaints are full of them. A logistic regression
over single words says how far each leans; plain requests count once as either, so that they lean nowhere.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import yaml

COMMENTS = Path(__file__).parents[1] / "data" / "comments"
WRITTEN = Path(__file__).parents[2] / "include/customer_health/texts/leanings.yaml"
LEARNED_FROM = ("first_lots", "fresh_a", "fresh_b", "fresh_c")
RARE = 3  # words of fewer comments say something about these comments, not about words
TRUST = 0.75  # they were learned from a few hundred comments
_NAMES = {"marta"}

Comment = tuple[str, str]  # kind, text


def comments(name: str) -> list[Comment]:
    """Return the labelled comments of one file, without those in other languages."""
    lines = (COMMENTS / f"{name}.txt").read_text("utf-8").splitlines()
    rows = [tuple(line.split("|", 1)) for line in lines if line and not line.startswith("#")]
    return [(kind, text) for kind, text in rows if kind != "foreign"]


def learn(told: Sequence[Comment], requests: Sequence[Comment]) -> dict[str, float]:
    """Return by word how far it leans towards content (above 0) or complaint (below 0), in log-odds."""
    from sklearn.feature_extraction.text import CountVectorizer
    from sklearn.linear_model import LogisticRegression

    from customer_health.texts.sentiment import plain_text, telling_words

    texts = [text for _, text in told] + 4 * [text for _, text in requests]
    content = [kind != "detractor" for kind, _ in told] + 2 * len(requests) * [True, False]
    counter = CountVectorizer(
        analyzer=lambda text: telling_words(plain_text(text)), binary=True, min_df=RARE, lowercase=False
    )
    model = LogisticRegression(C=0.1, class_weight="balanced", fit_intercept=False, max_iter=1000)
    model.fit(counter.fit_transform(texts), content)
    weights = dict(zip(counter.get_feature_names_out(), model.coef_[0], strict=True))
    return {
        word: round(TRUST * float(weight), 2)
        for word, weight in sorted(weights.items())
        if abs(weight) >= 0.03 and re.fullmatch(r"[a-z][a-z']*", word) and word not in _NAMES
    }


def as_file(leanings: dict[str, float]) -> str:
    """Return what is written: a comment, then the words."""
    words = yaml.safe_dump(leanings, default_flow_style=True, width=108, sort_keys=True)
    return f"# Written by `python -m tests.lib.text_leanings`: words, and the log-odds of content.\n{words}"


if __name__ == "__main__":
    everything = [one for name in LEARNED_FROM for one in comments(name)]
    WRITTEN.write_text(as_file(learn(everything, comments("plain_requests"))), encoding="utf-8")
