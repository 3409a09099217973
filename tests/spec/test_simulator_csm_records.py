"""Calendars and CSMs' pulses of the simulated company: what they show, and that nothing else moved."""

from __future__ import annotations

import re
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pytest
from tests.lib.simulator_files import START, THROUGH, merged, shared, write

from customer_health.playbooks.champion_graph import read_graphs
from customer_health.playbooks.warehouse_context import LONG_MEETING
from customer_health.simulator import csm_records
from customer_health.simulator.behaviour import LOGO
from customer_health.simulator.contract_events import notices
from customer_health.simulator.csm_records import calendar, csm_pulses
from customer_health.simulator.effect_sizes import Pulses, pulses_of
from customer_health.simulator.randomness import stream
from customer_health.simulator.world import World, simulate

OURS = ("calendar", "csm_pulses")
WEEKS = 120


@pytest.fixture(scope="module")
def world() -> World:
    return simulate(11, 2000, WEEKS, start=date(2024, 1, 1))


@pytest.fixture(scope="module")
def pulses(world: World) -> pd.DataFrame:
    """Pulses with `place` of the account, `week`, and `lost`: it left within the half year after."""
    rows = csm_pulses(world).rows
    rows["place"] = rows["account_id"].str[4:].astype(int)
    rows["week"] = (rows["occurred_at"] - pd.Timestamp(world.start)).dt.days // 7
    left = world.last_week[rows["place"]]
    rows["lost"] = (left <= rows["week"] + 26) & (world.events == LOGO).any(axis=0)[rows["place"]]
    return rows[rows["week"] < WEEKS - 26]


def test_other_data_stay_bit_for_bit_whatever_calendars_and_pulses_hold(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Their numbers come from streams of their own, and nobody else reads them."""

    def others(seed: int, purpose: str, *where: Any) -> np.random.Generator:
        return stream(seed + 1, purpose, *where)

    before = write(tmp_path / "one", START + timedelta(days=150), accounts=80)
    monkeypatch.setattr(csm_records, "stream", others)
    after = write(tmp_path / "two", START + timedelta(days=150), accounts=80)
    for name, paths in before.items():
        same = [a.read_bytes() == b.read_bytes() for a, b in zip(paths, after[name], strict=True)]
        assert all(same) != (name in OURS), name


def test_no_stream_of_theirs_is_drawn_by_anything_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two readers of one stream would see the same luck twice."""
    theirs: set[str] = set()

    def watched(seed: int, purpose: str, *where: Any) -> np.random.Generator:
        theirs.add(purpose)
        return stream(seed, purpose, *where)

    monkeypatch.setattr(csm_records, "stream", watched)
    write(tmp_path, START + timedelta(days=30), accounts=60)
    assert theirs == {"calendar", "calendars", "own_times", "pulses", "tempers"}
    files = Path(csm_records.__file__).parent.glob("*.py")
    others = "".join(path.read_text(encoding="utf-8") for path in files if path.stem != "csm_records")
    named = set(re.findall(r'stream\(\s*[\w.]*seed, "([^"]+)"', others))
    assert len(named) > 20
    assert not named & theirs


def test_a_low_pulse_is_partly_right(pulses: pd.DataFrame) -> None:
    """Customers of whom CSMs think badly leave more often, step by step; and most of them stay."""
    rates = pulses.groupby("pulse")["lost"].mean()
    assert rates.is_monotonic_decreasing
    assert rates[2] > 2 * rates[4]
    assert rates[2] < 0.5


def test_csms_are_optimistic(world: World, pulses: pd.DataFrame) -> None:
    """Many a customer that left within half a year without notice was given a 4 or a 5."""
    told = notices(world)[pulses["place"]]
    unaware = pulses[pulses["lost"] & ~(pulses["occurred_at"] >= told)]
    assert (unaware["pulse"] >= 4).mean() > 0.2
    assert pulses["pulse"].mean() > 3


def test_csms_know_something_that_no_record_shows(world: World, pulses: pd.DataFrame) -> None:
    """Else a pulse would be one more copy of the other signals."""
    hidden = world.accounts.frailty[pulses["place"]]
    assert np.corrcoef(hidden, pulses["pulse"])[0, 1] < -0.1


def test_csms_do_not_notice_who_falls_silent(world: World, pulses: pd.DataFrame) -> None:
    """They wait for a call; that is why the product counts logins and tickets."""
    week, place = pulses["week"].to_numpy(), pulses["place"].to_numpy()
    silent = world.history["silent"][week + 1, place] > 0
    told = notices(world)[place]
    calm = ~(pulses["occurred_at"].to_numpy() >= told)
    gap = pulses["pulse"][~silent & calm].mean() - pulses["pulse"][silent & calm].mean()
    assert silent.sum() > 40
    assert abs(gap) < 0.3  # what adds 1.4 to the log-odds would cost half a point, were it seen


def test_who_gave_notice_is_rated_one(world: World, pulses: pd.DataFrame) -> None:
    aware = pulses[pulses["occurred_at"] >= notices(world)[pulses["place"]]]
    assert len(aware)
    assert (aware["pulse"] == 1).all()


def test_larger_customers_are_rated_more_often(world: World, pulses: pd.DataFrame) -> None:
    per = np.bincount(pulses["place"], minlength=len(world))
    small, middle, large = (per[world.accounts.segment == segment].mean() for segment in range(3))
    assert small < middle < large


def test_every_company_s_csms_know_their_customers_as_well_as_they_do() -> None:
    """So that nothing may be tuned to one of them."""
    seen = {pulses_of(seed).seen for seed in range(20)}
    assert len(seen) == 20
    assert 0.3 * Pulses().seen <= min(seen) < Pulses().seen < max(seen) <= 2.2 * Pulses().seen


def test_conversations_stand_in_the_calendar_of_the_account_s_csm(world: World) -> None:
    """Nearly all of those whose CSM connected one; a call begins within the time that is kept for it."""
    tables = {name: merged(shared(), name) for name in ("accounts", "interactions", "calendar")}
    owner = tables["accounts"].set_index("account_id")["owner_email"]
    spoken = tables["interactions"].query("kind in ('call', 'meeting', 'ebr')")
    spoken = spoken.assign(owner_email=spoken["account_id"].map(owner))
    seen = set(tables["calendar"]["owner_email"])
    assert seen < set(owner) | set(tables["accounts"]["manager_email"])
    pairs = spoken[spoken["owner_email"].isin(seen)].merge(
        tables["calendar"], on=["account_id", "owner_email"], suffixes=("", "_kept")
    )
    within = pairs["occurred_at"].between(pairs["occurred_at_kept"], pairs["ends_at"])
    met = set(pairs[within]["interaction_id"])
    assert met == set(spoken[spoken["owner_email"].isin(seen)]["interaction_id"])


def test_what_is_booked_lies_ahead_and_reviews_are_the_long_ones() -> None:
    """On any day, a calendar knows of the coming weeks; half of it is about no customer."""
    kept = merged(shared(), "calendar")
    assert (kept["known_at"] <= kept["occurred_at"]).all()
    assert (kept["ends_at"] > kept["occurred_at"]).all()
    ahead = kept[kept["occurred_at"] >= pd.Timestamp(THROUGH)]
    assert ahead["account_id"].notna().any()
    assert ahead["account_id"].isna().any()
    assert 0.2 < kept["account_id"].isna().mean() < 0.8
    spoken = merged(shared(), "interactions").query("kind in ('call', 'meeting', 'ebr')")
    pairs = spoken.merge(kept, on="account_id", suffixes=("", "_kept"))
    pairs = pairs[pairs["occurred_at"].between(pairs["occurred_at_kept"], pairs["ends_at"])]
    minutes = (pairs["ends_at"] - pairs["occurred_at_kept"]).dt.total_seconds() / 60
    shortest = minutes.groupby([pairs["kind"], pairs["interaction_id"]]).min()
    assert shortest["ebr"].min() >= 30  # a short call may stand at the same time
    assert shortest["ebr"].median() >= 60 > LONG_MEETING > shortest["meeting"].median()


def test_people_who_never_connected_a_calendar_have_none() -> None:
    accounts, kept = (merged(shared(), name) for name in ("accounts", "calendar"))
    assert set(accounts["owner_email"]) | set(accounts["manager_email"]) > set(kept["owner_email"])


def test_conversations_end_where_nobody_is_there_any_more(world: World) -> None:
    """Silent accounts have fewer times kept for them than others, by more than a fifth."""
    rows = calendar(world).rows.dropna(subset="account_id")
    place = rows["account_id"].str[4:].astype(int).to_numpy()
    week = ((rows["occurred_at"] - pd.Timestamp(world.start)).dt.days // 7).to_numpy()
    silent = world.history["silent"][1:] > 0
    here = (np.arange(WEEKS)[:, None] >= world.accounts.start) & (np.arange(WEEKS)[:, None] < world.last_week)
    quiet = silent[week, place].sum() / (silent & here).sum()
    usual = (~silent[week, place]).sum() / (~silent & here).sum()
    assert quiet < 0.8 * usual


def test_the_champion_graph_knows_who_of_ours_met_whom_and_will() -> None:
    """From these files alone: contacts, interactions and calendars."""
    con = duckdb.connect()
    con.execute("CREATE SCHEMA raw")
    for name in ("accounts", "contacts", "contact_changes", "interactions", "calendar"):
        con.register("rows", merged(shared(), name))
        con.execute(f"CREATE TABLE raw.{name} AS SELECT * FROM rows")
        con.unregister("rows")
    ours = con.execute("SELECT account_id, lower(owner_email), lower(manager_email) FROM raw.accounts")
    own = {account: pair for account, *pair in ours.fetchall()}
    graphs = read_graphs(con, own, THROUGH, with_usage=False)
    met = {
        (account, one["email"])
        for account, graph in graphs.items()
        for person in graph["people"]
        for one in person["known_by"]
    }
    assert len(met) > 50
    assert all(email in own[account] for account, email in met)
    assert sum(own[account][0] == email for account, email in met) > 0.5 * len(met)  # the rest are managers
    assert any(one["next"] for graph in graphs.values() for one in graph["ours"])
