"""Outage days: every path agrees on which days were lost, and on when it is known that they were not."""

from __future__ import annotations

import math
import random
from datetime import date, datetime, timedelta
from itertools import pairwise

import duckdb
import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st
from tests.lib.signals_random import FIRST
from tests.lib.slow_engine.slow_panel import Reference
from tests.lib.world import World, create_raw_tables
from tests.unit.test_signals_reference import forgetting
from tests.unit.test_signals_state import Grouping, loaded, same

from customer_health.company import CompanyConfig
from customer_health.signals.build_panel import build_panel, panel_of
from customer_health.signals.catalogue import CATALOGUE
from customer_health.signals.state.reduction import reduce_warehouse

SIGNALS = tuple(signal for signal in CATALOGUE.values() if signal.table == "usage")
DATES = [FIRST.date() + timedelta(days=n) for n in (60, 91, 92, 94, 99, 120, 136)]
GENERATE = (Phase.explicit, Phase.generate)
DAYS = 130
LOST = 91  # days after the first one; the as-of dates lie around it

# A source that is silent for long makes everything unknown: not what is compared here.
PATIENT = CompanyConfig.model_validate({"signals": {"stale_after_days": {"usage": 365, "daily_users": 365}}})


class OutageWorld(World):
    """Some thirty accounts that come on most days, a source that loses some, and finds some of them again."""

    def __init__(self, seed: int, *, counted: bool = False) -> None:
        super().__init__(PATIENT)
        self.nameless = counted
        self.dice = random.Random(seed)
        self.names = tuple(f"a{number:02d}" for number in range(32))
        self.delays = self.dice.choice(
            ((0,), (1,), (0,) * 30 + (1, 9), (1,) * 20 + (0, 3), (0, 1), (2, 1, 1))
        )
        lost = {LOST - 1 - n for n in range(self.dice.randrange(1, 20))}
        lost |= {self.dice.randrange(40, DAYS) for _ in range(self.dice.randrange(5))}
        found = {day: self.dice.choice((3, 8, 8, 30)) for day in lost if self.dice.random() < 0.4}
        slow = self.dice.random() < 0.3
        weekends = self.dice.choice((0, 3, 32))
        for name in self.names:
            self.contract(name, seats=self.dice.choice((None, 3)))
        self.ticket(self.names[0], occurred=FIRST + timedelta(days=70))
        starts = {name: self.dice.choice((0,) * 20 + (30, 85)) for name in self.names}
        for day in range(DAYS):
            moment = FIRST + timedelta(days=day)
            came = self.names[: weekends if moment.weekday() > 4 else 32]
            for name in came:
                if day < starts[name] or (name == "a01" and day > 80) or self.dice.random() < 0.03:
                    continue
                if slow and name >= "a29":  # a second source, with the most rows: it lives on, two days late
                    self._came(name, moment, 2, rows=12)
                elif day not in lost:
                    self._came(name, moment, 0 if slow else self.dice.choice(self.delays))
                elif day in found and (found[day] > 3 or name == "a02"):
                    self._came(name, moment, found[day])

    def _came(self, name: str, moment: datetime, delay: int, rows: int = 1) -> None:
        if self.nameless:
            known = moment + timedelta(days=delay)
            self.add("daily_users", name, moment, known, users=self.dice.choice((0, 1, 2.5, 7)))
            return
        for user in self.dice.choices(("ann", "ben", ""), k=self.dice.choice((rows, rows, rows + 1))):
            self.usage(
                name, occurred=moment, known=moment + timedelta(days=delay), user=user,
                feature=self.dice.choice(("report", "api")), events=self.dice.choice((0, 1, 2.5)),
            )  # fmt: skip


@settings(max_examples=4, phases=GENERATE, deadline=None)
@given(seed=st.integers(0, 10**6))
@example(seed=11)  # two sources, of which the slower one has the most rows
def test_every_usage_signal_equals_its_definition_around_an_outage(seed: int) -> None:
    """Outages of one day to three weeks, light weekends, delays, days that arrive later in part or whole."""
    world = OutageWorld(seed)
    panel = world.panel(*DATES, signals=SIGNALS).set_index(["account_id", "as_of"])
    reference = Reference(world.rows, world.config)
    for name, as_of in [(name, as_of) for name in world.names[:4] for as_of in DATES]:
        row = panel.loc[(name, pd.Timestamp(as_of))]
        for signal in SIGNALS:
            slow = reference.value(signal, name, as_of)
            np.testing.assert_allclose(
                row[signal.name], math.nan if slow is None else slow, rtol=1e-9, atol=1e-9,
                err_msg=f"{signal.name} of {name} on {as_of}",
            )  # fmt: skip
    assert any(reference.outage(as_of) for as_of in DATES)


@settings(max_examples=4, phases=GENERATE, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_days_on_which_nobody_was_counted_are_lost_for_those_whose_people_are_counted(seed: int) -> None:
    """Nobody's users have names, but for one account, whose usage goes on."""
    world = OutageWorld(seed, counted=True)
    world.daily_usage("a03", first=FIRST, last=FIRST + timedelta(days=DAYS - 1))
    panel = world.panel(*DATES, signals=SIGNALS).set_index(["account_id", "as_of"])
    reference = Reference(world.rows, world.config)
    for name, as_of in [(name, as_of) for name in world.names[:5] for as_of in DATES]:
        for signal in SIGNALS:
            slow = reference.value(signal, name, as_of)
            np.testing.assert_allclose(
                panel.loc[(name, pd.Timestamp(as_of)), signal.name], math.nan if slow is None else slow,
                rtol=1e-9, atol=1e-9, err_msg=f"{signal.name} of {name} on {as_of}",
            )  # fmt: skip
    assert any(reference.outage(as_of, "daily_users") for as_of in DATES)


@settings(max_examples=3, phases=GENERATE, deadline=None)
@given(seed=st.integers(0, 10**6), chosen=st.integers(1, len(DATES) - 1))
def test_a_day_is_lost_until_its_rows_are_known_and_not_after(seed: int, chosen: int) -> None:
    """What arrives later, even the usual delay that it suggests, leaves every earlier date as it was."""
    world, as_of = OutageWorld(seed), DATES[chosen]
    before = world.panel(as_of, signals=SIGNALS)

    pd.testing.assert_frame_equal(forgetting(world, as_of).panel(as_of, signals=SIGNALS), before, rtol=1e-9)


@settings(max_examples=3, phases=GENERATE, suppress_health_check=(HealthCheck.too_slow,), deadline=None)
@given(seed=st.integers(0, 10**6), cut=st.integers(60, 100), again=st.integers(1, 30))
def test_increments_queries_and_single_dates_find_the_same_outages(
    tmp_path_factory: pytest.TempPathFactory, seed: int, cut: int, again: int
) -> None:
    world, folder = OutageWorld(seed), tmp_path_factory.mktemp("state")
    con = duckdb.connect()
    create_raw_tables(con)
    ends = [date(1990, 1, 1), *(FIRST.date() + timedelta(days=n) for n in (cut, cut + again)), date.max]
    for number, (since, until) in enumerate(pairwise(ends)):
        loaded(world, con, str(number), since, until)
        kept = build_panel(con, world.config, DATES, signals=SIGNALS, state_dir=folder)
    whole = build_panel(con, world.config, DATES, signals=SIGNALS)
    same(kept, whole)
    grouped = reduce_warehouse(Grouping(con), world.config, SIGNALS)
    same(panel_of(grouped, world.config, DATES, SIGNALS, accounts_at_once=7), whole)
    for day in DATES[1:4]:
        mine = whole[whole["as_of"] == pd.Timestamp(day)].reset_index(drop=True)
        same(panel_of(grouped, world.config, [day], SIGNALS), mine)
    con.close()
