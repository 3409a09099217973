"""The weekly step against the design's equations, written out a second time in plain Python."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from customer_health.simulator.account_state import Accounts, State, single
from customer_health.simulator.behaviour import CONTRACTION, ENTERPRISE, economy, hazards, risk_index, step
from customer_health.simulator.population import draw_accounts
from customer_health.simulator.randomness import stream

MANY = 40_000


def sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x))


def account(
    term: int = 52, segment: int = 1, contacts: int = 3, frailty: float = 0.0, depth: float = 0.0
) -> Accounts:
    def one(value: float, kind: type = np.int32) -> np.ndarray:
        return np.array([value], dtype=kind)

    return Accounts(
        segment=one(segment, np.int8), term=one(term), start=one(0), weekday=one(1),
        mean_health=single(one(0, float)), frailty=single(one(frailty, float)),
        intensity=single(one(0.35, float)), depth=single(one(depth, float)),
        contacts=one(contacts), telemetry=one(1, np.bool_),
    )  # fmt: skip


def state(count: int = 1, **values: float) -> State:
    fields = dict.fromkeys(
        ("health", "incidents", "sentiment", "sponsor_gap", "budget", "competitor", "commitment", "goodwill",
         "uplift", "effect"), 0.0
    ) | {"seats": 50.0, "price": 500.0, "plan": 1.0} | values  # fmt: skip
    arrays = {name: np.full(count, value, dtype=np.float32) for name, value in fields.items()}
    return State(**arrays, gone=np.zeros(count, dtype=np.bool_))


def z_of(s: dict[str, float], contacts: int, frailty: float, segment: int) -> float:
    h, q = s["commitment"], s["goodwill"]
    tox = sigmoid(5 * (-q - 1.3))
    z = -0.85 * (h * (1 - tox) + min(h, 0) * tox) - 0.50 * q + 1.70 * tox
    z += 0.70 * min(s["sponsor_gap"] / 16, 1) * (1 + 2.2 * (contacts < 2))
    z += 0.50 * s["budget"] + 1.00 * s["competitor"] + 10 * s["uplift"] * sigmoid(-2 * (h - 0.1))
    z -= 2.2 * sigmoid(6 - s["seats"]) * sigmoid(4 * (-h - 0.9))
    return z + frailty - 0.25 * (segment == ENTERPRISE)


moods = st.fixed_dictionaries(
    {
        "health": st.floats(-3, 3), "sentiment": st.floats(-3, 2), "commitment": st.floats(-3, 3),
        "goodwill": st.floats(-3, 2), "sponsor_gap": st.integers(0, 40).map(float),
        "budget": st.sampled_from([0.0, 1.0]), "competitor": st.sampled_from([0.0, 1.0]),
        "uplift": st.sampled_from([0.0, 0.05, 0.25]), "seats": st.floats(1, 500),
        "plan": st.sampled_from([0.0, 1.0, 2.0]),
    }
)  # fmt: skip


@given(
    s=moods,
    week=st.sampled_from([51, 52, 104]),
    term=st.sampled_from([4, 52, 104]),
    contacts=st.integers(1, 5),
    frailty=st.floats(-1, 1),
    depth=st.floats(-1, 1),
    segment=st.sampled_from([0, 1, 2]),
)
def test_risk_and_hazards_are_the_design_s(
    s: dict[str, float], week: int, term: int, contacts: int, frailty: float, depth: float, segment: int
) -> None:
    fixed, now = account(term, segment, contacts, frailty, depth), state(**s)
    z = z_of(s, contacts, frailty, segment)
    assert risk_index(fixed, now)[0] == pytest.approx(z, abs=2e-4)

    kind = 2 if week % term else (1 if term == 4 else 0)
    m = 0.35 * math.sin(2 * math.pi * (week + 20) / 78)
    assert float(economy(week)) == pytest.approx(m, abs=1e-6)
    h, q, b, u = s["health"], s["sentiment"], s["budget"], s["uplift"]
    logo = (-4.47, -7.0, -8.95)[kind] + (0.6 if kind == 2 else 1.0) * z
    contraction = (-2.45, -5.6, -6.9)[kind] + 1.3 * b - 0.55 * h - 0.2 * q + 0.9 * m
    downgrade = -2.75 if kind == 0 else -7.0
    downgrade += 0.9 * b - 0.9 * (depth + 0.5 * h) + 3 * u
    expansion = (-1.75, -6.2, -6.2)[kind] + 0.8 * h + 0.2 * q - 0.8 * b
    odds = [math.exp(logo), math.exp(contraction), math.exp(downgrade), math.exp(expansion)]
    if kind == 2 or s["plan"] == 0:
        odds[2] = 0.0
    found = hazards(fixed, now, week)
    for value, odd in zip(
        (found.logo, found.contraction, found.downgrade, found.expansion), odds, strict=True
    ):
        assert value[0] == pytest.approx(odd / (1 + sum(odds)), rel=2e-3, abs=1e-9)


def one_step(week: int = 30, **values: float) -> tuple[Accounts, State]:
    """Let many equal accounts live through one week."""
    fixed = account().take(np.zeros(MANY, dtype=np.intp))
    after, _, _ = step(fixed, state(MANY, **values), week, stream(1, "test", week), events="none")
    return fixed, after


def test_health_returns_to_its_mean_with_a_half_life_of_nineteen_weeks() -> None:
    _, after = one_step(health=1.0)
    assert after.health.mean() == pytest.approx(0.965 - 1.1 * 0.0045, abs=0.005)
    assert np.median(after.health) == pytest.approx(0.965, abs=0.005)
    assert np.percentile(after.health, 84.13) - np.median(after.health) == pytest.approx(0.20, abs=0.006)
    assert math.log(0.5) / math.log(0.965) == pytest.approx(19.5, abs=0.1)


def test_trouble_with_the_product_fades_and_spoils_the_mood() -> None:
    _, calm = one_step()
    _, troubled = one_step(incidents=2.0)
    assert (troubled.incidents > 1.9).mean() == pytest.approx(0.72, abs=0.01)
    assert calm.sentiment.mean() - troubled.sentiment.mean() == pytest.approx(0.32 * 2 * 0.72, abs=0.02)


def test_people_and_circumstances_come_and_go_at_their_rates() -> None:
    _, fresh = one_step(health=0.0)
    assert (fresh.sponsor_gap > 0).mean() == pytest.approx(0.0042, abs=0.001)
    assert (fresh.competitor > 0).mean() == pytest.approx(0.0022, abs=0.0008)
    assert (fresh.budget > 0).mean() == pytest.approx(0.0055 * math.exp(economy(30)), abs=0.0012)
    _, strained = one_step(sponsor_gap=5.0, competitor=1.0, budget=1.0)
    assert (strained.sponsor_gap == 0).mean() == pytest.approx(0.035, abs=0.003)
    assert (strained.competitor == 0).mean() == pytest.approx(0.030, abs=0.003)
    assert (strained.budget == 0).mean() == pytest.approx(0.030, abs=0.003)
    assert set(np.unique(strained.sponsor_gap)) == {0.0, 6.0}


def test_prices_rise_at_the_renewal_after_sixteen_weeks_of_warning() -> None:
    _, after = one_step(week=52 - 16)
    share = [(after.uplift == np.float32(size)).mean() for size in (0.0, 0.05, 0.10, 0.25)]
    assert share == pytest.approx([0.40, 0.30, 0.22, 0.08], abs=0.01)
    _, other = one_step(week=52 - 15)
    assert not other.uplift.any()

    fixed = account().take(np.zeros(MANY, dtype=np.intp))
    renewed, _, event = step(fixed, state(MANY, uplift=0.10), 52, stream(1, "test"))
    quiet = event == 0
    assert renewed.price[quiet] == pytest.approx(550.0, rel=1e-5)
    assert not renewed.uplift.any()


def test_the_effect_of_an_intervention_fades_by_six_percent_a_week() -> None:
    _, after = one_step(effect=1.0)
    assert after.effect == pytest.approx(0.94)


def test_a_contraction_takes_an_eighth_to_a_half_of_the_seats() -> None:
    fixed = account().take(np.zeros(MANY, dtype=np.intp))
    after, _, event = step(fixed, state(MANY, seats=100.0), 52, stream(1, "test"))
    kept = after.seats[event == CONTRACTION]
    assert kept.min() > 52
    assert kept.max() < 89
    assert len(kept) > 0.05 * MANY


def test_the_oracle_draws_no_departures_and_leaves_the_other_events_in_proportion() -> None:
    fixed = account().take(np.zeros(MANY, dtype=np.intp))
    now = state(MANY, goodwill=-2.5, commitment=-1.5)
    _, risk, event = step(fixed, now, 52, stream(1, "test"), events="no_churn")
    expected = (risk.contraction / (1 - risk.logo)).mean()
    assert not (event == 1).any()
    assert (event == CONTRACTION).mean() == pytest.approx(expected, rel=0.08)


def test_the_company_is_made_of_the_design_s_segments() -> None:
    accounts, start = draw_accounts(2, 20_000)
    share = [(accounts.segment == code).mean() for code in range(3)]
    assert share == pytest.approx([0.50, 0.35, 0.15], abs=0.015)
    rolling = [(accounts.term[accounts.segment == code] == 4).mean() for code in range(3)]
    assert rolling == pytest.approx([0.34, 0.06, 0.0], abs=0.02)
    two_years = [(accounts.term[accounts.segment == code] == 104).mean() for code in range(3)]
    assert two_years == pytest.approx([0.02, 0.10, 0.30], abs=0.02)
    assert (accounts.start < 0).mean() == pytest.approx(0.70, abs=0.015)
    assert accounts.telemetry.mean() == pytest.approx(0.97, abs=0.01)
    medians = [np.median(start.seats[accounts.segment == code]) for code in range(3)]
    assert medians == pytest.approx([math.exp(2.3), math.exp(4.0), math.exp(5.9)], rel=0.06)
