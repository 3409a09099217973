"""What the simulated company is like: the things that make churn hard to see, found in its data."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pandas as pd
import pytest
from tests.lib.contradictory_cases import CASES, find_cases
from tests.lib.simulator_files import ACCOUNTS, START, THROUGH, merged, shared

from customer_health.simulator.canonical_exports import build_world
from customer_health.simulator.invented_names import HOSTILE_NAMES
from customer_health.simulator.licences import Licences, licences
from customer_health.simulator.product import FEATURES
from customer_health.simulator.product_usage import daily_rate, draw_week
from customer_health.simulator.world import World, simulate

Tables = dict[str, pd.DataFrame]


@pytest.fixture(scope="module")
def world() -> World:
    return build_world(start=START, through=THROUGH, accounts=ACCOUNTS, seed=11)


@pytest.fixture(scope="module")
def book(world: World) -> Licences:
    return licences(world)


@pytest.fixture(scope="module")
def tables() -> Tables:
    return {name: merged(shared(), name) for name in shared()}


def test_a_customer_that_left_uses_nothing_any_more(tables: Tables) -> None:
    left = tables["contracts"].query("status == 'ended'").set_index("account_id")["occurred_at"]
    usage = tables["usage"]
    after = usage["account_id"].map(left)
    assert len(left)
    assert not (pd.to_datetime(usage["occurred_at"]) >= after).any()


def test_every_departure_ends_its_contract_on_the_same_day(tables: Tables) -> None:
    ended = tables["contracts"].query("status == 'ended'").set_index("account_id")["occurred_at"]
    losses = tables["outcomes"].query("kind == 'logo_churn'").set_index("account_id")["occurred_at"]
    assert len(losses) >= 5
    assert (ended.reindex(losses.index) == losses).all()


def test_customers_that_give_notice_do_so_one_to_three_months_ahead(tables: Tables) -> None:
    told = tables["outcomes"].dropna(subset="notice_at")
    days = (told["occurred_at"] - told["notice_at"]).dt.total_seconds() / 86_400
    assert len(told)
    assert days.between(29, 89).all()
    notices = tables["contract_events"].query("kind == 'notice_given'")
    assert set(told["account_id"]) <= set(notices["account_id"])


def test_a_renewal_date_is_the_day_on_which_renewals_happen(tables: Tables) -> None:
    active = tables["contracts"].query("status == 'active'").dropna(subset="term_end")
    renewed = tables["contract_events"].query("kind == 'renewed'")
    ends = set(zip(active["account_id"], pd.to_datetime(active["term_end"]), strict=True))
    assert set(zip(renewed["account_id"], renewed["occurred_at"], strict=True)) <= ends


def test_a_seat_contraction_is_a_loss_of_more_than_a_tenth(tables: Tables) -> None:
    states = tables["contracts"].sort_values("occurred_at")
    losses = tables["outcomes"].query("kind == 'contraction_seats'")
    assert len(losses) > 10
    for loss in losses.itertuples():
        own = states[states["account_id"] == loss.account_id]
        before = own[own["occurred_at"] < loss.occurred_at].iloc[-1]
        after = own[own["occurred_at"] == loss.occurred_at].iloc[0]
        assert after["seats"] < 0.9 * before["seats"]


def test_a_week_of_days_adds_up_to_the_week(world: World, book: Licences) -> None:
    """Weekdays are busier than weekends, but a week's total is what its mean says."""
    rate = daily_rate(world, 30)
    weekly = world.accounts.intensity * np.exp(0.42 * world.history["health"][31])
    np.testing.assert_allclose(rate.sum(axis=1), 7 * weekly, rtol=1e-5)
    assert (rate[:, 0] > 4 * rate[:, 6]).all()

    rows = draw_week(world, book, 30)
    assert rows.day.min() >= 210
    assert rows.day.max() <= 216
    per_day = np.bincount(rows.day - 210, weights=rows.events, minlength=7)
    assert per_day.sum() == rows.events.sum()
    assert per_day[:5].min() > 2 * per_day[5:].max()


def test_some_telemetry_comes_weeks_late(tables: Tables) -> None:
    usage = tables["usage"]
    delay = (usage["known_at"] - pd.to_datetime(usage["occurred_at"])).dt.days
    assert 0.003 < (delay > 0).mean() < 0.03
    assert delay.max() <= 7 + 21


def test_sponsors_that_leave_are_noticed_weeks_later_or_never(tables: Tables, world: World) -> None:
    left = tables["contact_changes"].query("kind == 'left'")
    delay = (left["known_at"] - left["occurred_at"]).dt.days
    assert delay.between(14, 56).all()
    absent = [
        name
        for name, gap, start in zip(
            world.account_ids, world.state(56).sponsor_gap, world.accounts.start, strict=True
        )
        if 9 < gap < 56 and start < 0
    ]
    assert 0.4 < np.isin(absent, left["account_id"]).mean() < 0.95


def test_the_current_state_of_the_crm_knows_the_end_of_the_story(tables: Tables) -> None:
    """That is why no signal may read it."""
    now = tables["crm_snapshot"].set_index("account_id")
    gone = tables["outcomes"].query("kind == 'logo_churn'")["account_id"]
    stayed = now.index.difference(tables["contracts"].query("status == 'ended'")["account_id"])
    assert now.loc[gone, "cancellation_requested"].mean() > 0.8
    assert now.loc[stayed, "cancellation_requested"].mean() < 0.1


def test_names_and_tickets_are_as_hostile_as_in_the_wild(tables: Tables) -> None:
    assert set(tables["accounts"]["name"]) & set(HOSTILE_NAMES)
    assert tables["ticket_messages"]["text"].str.contains("Ignore all previous|SYSTEM:|DROP TABLE").any()
    assert tables["accounts"]["name"].is_unique


def test_each_csm_has_about_forty_accounts_and_a_manager(tables: Tables) -> None:
    portfolio = tables["accounts"].groupby("owner_email").size()
    assert portfolio.between(25, 60).all()
    assert tables["accounts"]["manager_email"].str.endswith("@example.com").all()


def test_all_twelve_features_are_used(tables: Tables) -> None:
    assert set(tables["usage"]["feature"]) == set(FEATURES)


def test_a_bought_customer_is_merged_and_not_lost() -> None:
    company = simulate(4, 1500, 124, start=START)
    merged_accounts = np.nonzero(company.merged_into >= 0)[0]
    assert len(merged_accounts)
    assert not company.customers(company.day(124))[merged_accounts].any()


def test_the_contradictory_cases_of_the_documents_occur() -> None:
    company = simulate(7, 1500, 130, start=START)
    found = find_cases(company)
    assert set(found["case"]) == set(CASES)
    assert (found["as_of"] < company.day(company.weeks) + timedelta(days=1)).all()
    toxic = found[found["case"] == "toxic_support"].iloc[0]
    state = company.state(company.week_of(toxic["as_of"]))
    position = company.account_ids.index(toxic["account_id"])
    assert state.health[position] > 0.5
    assert state.goodwill[position] < -1.3
