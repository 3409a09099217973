"""What both documents call decisive is in the simulated company: it happens, it shows, and it matters."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import date

import numpy as np
import pandas as pd
import pytest

from customer_health.simulator import contract_events, help_desk, invoicing
from customer_health.simulator.behaviour import LOGO, is_customer, risk_index
from customer_health.simulator.effect_sizes import MEDIAN, USUAL, Effects, effects_of
from customer_health.simulator.licences import licences
from customer_health.simulator.product_usage import draw_week, executive_activity
from customer_health.simulator.world import World, simulate

STATES = {
    "sponsor_change": "unsettled", "silence": "silent", "executive_absence": "aloof",
    "overdue_invoices": "arrears", "unanswered_tickets": "backlog", "core_action_decline": "slump",
}  # fmt: skip


@pytest.fixture(scope="module")
def world() -> World:
    return simulate(5, 2500, 120, start=date(2024, 1, 1))


def here(world: World, week: int) -> np.ndarray:
    return is_customer(world.accounts, world.state(week), week)


@pytest.mark.parametrize("name", STATES)
def test_each_phenomenon_is_about_as_usual_as_the_table_says(world: World, name: str) -> None:
    """Risk is counted from there: were it wrong, the company would lose too many or too few."""
    share = np.mean(
        [world.history[STATES[name]][week][here(world, week)].mean() for week in range(20, 120, 10)]
    )
    assert 0.5 * getattr(USUAL, name) < share < 2 * getattr(USUAL, name)


@pytest.mark.parametrize("name", STATES)
def test_each_phenomenon_adds_what_the_company_s_table_says(world: World, name: str) -> None:
    """In log-odds of leaving, whatever else is going on."""
    state = world.state(60)
    zero = np.zeros_like(state.health)
    calm = replace(state, **{STATES[name]: zero})
    full = replace(state, **{STATES[name]: zero + 1})
    added = risk_index(world.accounts, full) - risk_index(world.accounts, calm)
    np.testing.assert_allclose(added, getattr(world.accounts.effects, name), atol=1e-4)


def test_every_company_draws_its_own_sizes_around_the_median() -> None:
    """So that nothing may be tuned to one of them."""
    drawn = [effects_of(seed) for seed in range(200)]
    for field in fields(Effects):
        sizes = np.array([getattr(effects, field.name) for effects in drawn]) / getattr(MEDIAN, field.name)
        assert sizes.min() >= 0.3
        assert sizes.max() <= 2.2
        assert np.median(sizes) == pytest.approx(1.0, abs=0.12)
        assert sizes.std() > 0.2


def test_accounts_in_trouble_leave_more_often(world: World) -> None:
    """Within half a year of a reading, counted over the whole company."""
    troubled, calm = [], []
    for week in range(10, 90, 10):
        state = world.state(week)
        leaves = (world.events[week : week + 26] == LOGO).any(axis=0)
        trouble = (state.unsettled > 0.4) | (state.silent > 0) | (state.aloof > 0) | (state.arrears > 0)
        customers = here(world, week)
        troubled.append(leaves[customers & trouble])
        calm.append(leaves[customers & ~trouble])
    assert np.concatenate(troubled).mean() > 1.4 * np.concatenate(calm).mean()


def test_nobody_logs_in_at_a_silent_account_and_some_never_begin(world: World) -> None:
    """An account that never began has no usage on record at all."""
    book = licences(world)
    rows = draw_week(world, book, 60)
    assert not np.isin(rows.account, np.nonzero(world.history["silent"][61])[0]).any()
    never = world.accounts.never_begins & (world.history["silent"][:121] > 0).all(axis=0)
    assert 0.002 < never.mean() < 0.015


def test_executives_who_keep_away_do_nothing_although_there_is_a_sponsor(world: World) -> None:
    """Almost nothing: three actions in a hundred weeks."""
    logins, answers = executive_activity(world, 60)
    aloof = (world.history["aloof"][61] > 0) & (world.history["sponsor_gap"][61] == 0)
    assert aloof.sum() > 50
    assert (logins + answers)[aloof].mean() < 0.15


def test_arrears_make_invoices_a_month_late(world: World) -> None:
    """And only they do, nearly always."""
    rows = invoicing.invoices(world, licences(world)).rows
    late = (rows["paid_at"] - rows["due_at"]).dt.days
    account = rows["account_id"].str[4:].astype(int).to_numpy()
    week = ((rows["occurred_at"] - pd.Timestamp(world.start)).dt.days // 7).to_numpy()
    arrears = world.history["arrears"][week + 1, account] > 0
    assert (late[arrears] > 30).mean() > 0.7
    assert (late[~arrears] > 30).mean() < 0.02


def test_in_a_backlog_first_answers_take_more_than_three_days(world: World) -> None:
    """Elsewhere they take hours."""
    tickets, _ = help_desk.tickets_and_messages(world)
    rows = tickets.rows
    waits = (rows["first_response_at"] - rows["occurred_at"]).dt.total_seconds() / 86_400
    account = rows["account_id"].str[4:].astype(int).to_numpy()
    week = ((rows["occurred_at"] - pd.Timestamp(world.start)).dt.days // 7).to_numpy()
    backlog = world.history["backlog"][week + 1, account] > 0
    assert waits[backlog].median() > 3
    assert waits[~backlog].median() < 1


def test_usage_based_revenue_contracts_at_metered_accounts_and_is_logged_as_a_loss(world: World) -> None:
    """Beside contractions by seats; a quarter of the accounts pays for what it uses."""
    book = licences(world)
    losses = contract_events.outcomes(world, book).rows.query("kind == 'contraction_usage'")
    billed = set(invoicing.invoices(world, book).rows.query("kind == 'usage'")["account_id"])
    assert len(losses) > 50
    assert set(losses["account_id"]) <= billed
    assert (losses["arr_lost"] > 0).all()
    assert losses["outcome_id"].is_unique
