"""What each headline fact has cost in a company's own history."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from functools import cache

import numpy as np
import pandas as pd
import pytest
from scipy.stats import beta, norm
from tests.lib.model_worlds import CONFIG, LAST, World, champion_of_all_kinds, make_world

from customer_health.fact_thresholds import FactThresholds
from customer_health.model.data.fact_history import LEAST_COMPARABLE, track_records
from customer_health.model.data.track_record import TrackRecord, read_records
from customer_health.model.data.training_data import TrainingData
from customer_health.model.registry import artefact

# The facts whose signals the made-up company has, told again by hand.
RULES = {
    "low_nps": lambda row, usual: row["recent_nps"] <= 6,
    "single_threaded": lambda row, usual: row["contacts_known"] < 2 and row["seats"] >= 5,
    "low_adoption": lambda row, usual: row["feature_adoption_score"] < min(0.30, usual / 2),
}


@cache
def _world() -> World:
    """A company whose losses are logged on their day, with three segments and yearly contracts."""
    world = make_world(120, 22, seed=3)
    return replace(world, outcomes=world.outcomes.assign(known_at=world.outcomes["occurred_at"]))


def _records(world: World, as_of: date = LAST, **more) -> dict[str, TrackRecord]:
    data = TrainingData.of(world.panel, world.outcomes, CONFIG, as_of=as_of)
    return track_records(data, FactThresholds(), pd.Timestamp(as_of), **more)


def _by_definition(world: World, code: str, as_of: date) -> tuple[int, int, float]:
    """Cases, losses and the comparable share, row by row."""
    today = pd.Timestamp(as_of)
    left = {row.account_id: row.occurred_at for row in world.outcomes.itertuples() if row.known_at < today}
    panel = world.panel[world.panel["is_customer"] & (world.panel["as_of"] <= today)]
    usual = panel.groupby("as_of")["feature_adoption_score"].median()
    rows = []
    for row in panel.to_dict("records"):
        ahead, day = row["days_to_renewal"], row["as_of"]
        end = day + pd.Timedelta(days=max(min(max(ahead, 0), 365) + 30, 180))
        gone = left.get(row["account_id"])
        if row["tenure_days"] < 56 or ahead > 365 or end > today or (gone is not None and gone <= day):
            continue
        far = sum(ahead >= edge for edge in (91, 181, 271))
        rows.append(
            row
            | {"end": end, "lost": gone is not None and day < gone <= end, "far": far}
            | {"had": bool(RULES[code](row, usual[day]))}
        )
    rows.sort(key=lambda row: (row["as_of"], row["account_id"]))
    until: dict[str, pd.Timestamp] = {}
    cases = []
    for row in rows:
        if row["had"] and row["as_of"] >= until.get(row["account_id"], pd.Timestamp.min):
            cases.append(row)
            until[row["account_id"]] = row["end"]
    shares = []
    for case in cases:
        for keys in (("as_of", "far", "segment"), ("as_of", "far"), ("as_of",)):
            others = [row for row in rows if not row["had"] and all(row[k] == case[k] for k in keys)]
            if len(others) >= LEAST_COMPARABLE:
                shares.append(np.mean([row["lost"] for row in others]))
                break
    return len(cases), sum(case["lost"] for case in cases), float(np.mean(shares))


@pytest.mark.parametrize("code", RULES)
@pytest.mark.parametrize("as_of", [LAST, date(2025, 7, 1)])
def test_what_a_fact_has_cost_is_what_its_definition_says(code: str, as_of: date) -> None:
    """Counted slowly, from the panel's rows alone; as of an earlier day nothing later is looked at."""
    found = _records(_world(), as_of)[code]
    times, lost, comparable = _by_definition(_world(), code, as_of)
    assert times > 5
    assert (found.times, found.lost) == (times, lost)
    assert found.comparable == pytest.approx(comparable)


def test_a_fact_that_lasts_is_one_case_a_decision_and_not_one_a_month() -> None:
    """One contact for 22 months, windows of 180 days to 13 months: at most three decisions of an account."""
    world = _world()
    panel = world.panel.assign(contacts_known=1.0, seats=50.0)
    found = _records(replace(world, panel=panel))["single_threaded"]
    accounts = panel["account_id"].nunique()
    assert accounts * 0.8 <= found.times <= 3 * accounts
    assert found.comparable is None, "everybody had it, so nobody is left to compare with"


def test_outcomes_that_are_logged_on_the_training_day_or_later_change_nothing() -> None:
    """The past as the training day knew it."""
    world, today = _world(), date(2025, 7, 1)
    late = world.outcomes.assign(
        known_at=world.outcomes["known_at"].where(
            world.outcomes["known_at"] < pd.Timestamp(today), pd.Timestamp(today)
        )
    )
    extra = pd.DataFrame(
        [("a00001", "logo_churn", pd.Timestamp("2025-01-15"), pd.Timestamp(today))], columns=late.columns
    )
    more = replace(world, outcomes=pd.concat([late, extra], ignore_index=True))
    assert _records(more, today) == _records(world, today)


def test_a_signal_that_knows_the_outcome_gives_no_record() -> None:
    """What the leak detector refused would tell that the fact costs everybody."""
    assert "low_nps" in _records(_world())
    assert "low_nps" not in _records(_world(), without={"recent_nps"})


def test_the_interval_is_wilsons_and_a_share_below_ten_cases_is_not_told() -> None:
    """Against the textbook's formula; the exact interval is wider."""
    found = _records(_world())["low_nps"]
    share, n, z = found.share, found.times, norm.ppf(0.95)
    middle, half = (
        (share + z * z / (2 * n)) / (1 + z * z / n),
        z * np.sqrt(share * (1 - share) / n + z * z / (4 * n * n)) / (1 + z * z / n),
    )
    assert (found.low, found.high) == pytest.approx((middle - half, middle + half))
    assert beta.ppf(0.05, found.lost, n - found.lost + 1) <= found.low + 0.02
    assert not TrackRecord(9, 9, 0.7, 1.0, 0.05).known
    assert TrackRecord(12, 4, 0.16, 0.56, 0.08).costly
    assert not TrackRecord(41, 2, 0.02, 0.14, 0.06).costly
    assert not TrackRecord(436, 34, 0.059, 0.1, 0.048).costly, "beyond chance, and less than twice"


def test_a_model_keeps_its_records_and_an_older_one_loads_without(tmp_path) -> None:
    """In its index, beside the heads."""
    records = {"low_nps": TrackRecord(41, 2, 0.0153, 0.1402, 0.06), "escalation": TrackRecord(0, 0)}
    champion = replace(champion_of_all_kinds(), track_records=records)
    assert artefact.load(tmp_path, artefact.save(champion, tmp_path)).track_records == records
    old = replace(champion, track_records={})
    assert not artefact.load(tmp_path, artefact.save(old, tmp_path)).track_records
    assert read_records({"low_nps": records["low_nps"].to_json() | {"later": 1}}) == {
        "low_nps": records["low_nps"]
    }
    assert read_records(None) == {}
