"""Growth as a second teacher: it may speak of the past only, and must earn what it gets."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from customer_health.model.candidates.constrained_logistic import LogisticRegression, sigmoid
from customer_health.model.data.features import Feature
from customer_health.model.data.revenue_growth import Growth, changes, growth_of, hints

DATES = pd.to_datetime([f"2025-{month:02d}-01" for month in range(1, 13)])
FEATURES = [Feature(f"signal_{i}", f"signal_{i}", "usage", 1) for i in range(30)]
NAMES = [feature.name for feature in FEATURES]


def panel(arr: dict[str, list[float]]) -> pd.DataFrame:
    """Twelve months of some accounts' ARR; NaN: no customer any more."""
    rows = [
        {"account_id": name, "as_of": day, "arr": value, "is_customer": not np.isnan(value)}
        for name, values in arr.items()
        for day, value in zip(DATES, values, strict=True)
    ]
    return pd.DataFrame(rows)


def test_a_row_is_told_what_became_of_its_revenue_half_a_year_later():
    found = changes(panel({"grows": [100.0] * 6 + [200.0] * 6, "leaves": [50.0] * 6 + [np.nan] * 6}))

    assert found["change"].iloc[0] == pytest.approx(np.log(2))
    assert found["known_on"].iloc[0] == DATES[6]
    assert (
        found["change"].iloc[6:].isna().all()
    )  # of the second half nobody knows yet, and who left has no ARR


def test_nothing_that_was_known_after_the_training_day_teaches():
    rows = panel({"grows": [100.0] * 6 + [200.0] * 6})
    design = pd.DataFrame({"signal": np.arange(12.0)})

    early = growth_of(changes(rows), design, today=DATES[7], seed=1)
    changed = growth_of(changes(rows.assign(arr=rows["arr"].where(rows["as_of"] <= DATES[7], 9e9))), design,
                        today=DATES[7], seed=1)  # fmt: skip

    assert list(early.design["signal"]) == [0.0, 1.0]
    assert np.array_equal(early.change, changed.change)


def test_the_sums_point_towards_risk_and_leave_out_what_has_no_direction():
    random = np.random.default_rng(1)
    x = random.normal(size=(3000, 3))
    change = 0.1 * (x[:, 1] + x[:, 2]) * (random.random(3000) < 0.5)

    found = hints(x, change, np.full(3, 4.0), np.array([1.0, -1.0, 0.0]))

    assert len(found) == 2
    assert (found[:, 1] < 0).all()
    assert not found[:, 2].any()


def test_revenue_that_never_moves_gives_no_sum():
    x = np.random.default_rng(1).normal(size=(500, 2))

    assert len(hints(x, np.zeros(500), np.full(2, 4.0), np.ones(2))) == 0


def training_set(lost: int, seed: int) -> tuple[pd.DataFrame, np.ndarray, pd.DataFrame]:
    """Ten weak causes of leaving among thirty signals; rows to learn from, labels, and unseen rows."""
    random = np.random.default_rng(seed)
    design = pd.DataFrame(random.normal(size=(20 * lost, 30)), columns=NAMES)
    y = (random.random(len(design)) < sigmoid(0.4 * design[NAMES[:10]].sum(axis=1).to_numpy() - 3.6)).astype(
        float
    )
    return design, y, pd.DataFrame(random.normal(size=(20_000, 30)), columns=NAMES)


def fitted(seed: int, told: str) -> float:
    """Correlation of a line's log-odds with the truth, when growth tells of the same causes, or of others."""
    design, y, unseen = training_set(80, seed)
    random = np.random.default_rng(seed + 100)
    many = pd.DataFrame(random.normal(size=(6000, 30)), columns=NAMES)
    causes = NAMES[:10] if told == "the same" else NAMES[20:]
    growth = Growth(many, -0.1 * many[causes].sum(axis=1).to_numpy() + random.normal(size=6000))
    line = LogisticRegression(FEATURES, repeats=3).fit(
        design, y, np.ones(len(y)), growth=None if told == "nothing" else growth
    )
    return float(np.corrcoef(line.predict_logit(unseen), unseen[NAMES[:10]].sum(axis=1))[0, 1])


def test_growth_helps_the_line_where_few_left_and_hardly_misleads_it_where_it_has_other_causes():
    found = {
        told: np.mean([fitted(seed, told) for seed in range(4)]) for told in ("nothing", "the same", "others")
    }

    assert found["the same"] > found["nothing"] + 0.03
    assert found["others"] > found["nothing"] - 0.02


def test_a_line_that_learned_from_growth_travels_and_explains_itself_like_any_other():
    design, y, unseen = training_set(80, 3)
    growth = Growth(design, -0.1 * design[NAMES[:10]].sum(axis=1).to_numpy())

    line = LogisticRegression(FEATURES, repeats=3).fit(design, y, np.ones(len(y)), growth=growth)
    again = LogisticRegression.from_files(line.to_files())

    assert np.array_equal(line.predict_logit(unseen), again.predict_logit(unseen))
    assert set(again.contributions(unseen)) == set(NAMES)
    assert (line.coefficients >= 0).all()
