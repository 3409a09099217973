"""Whom we know at an account, on any day of any past: held against a twin written from the definition."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

import duckdb
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine

from customer_health.destinations import people_text
from customer_health.ledger import people_graphs
from customer_health.playbooks.champion_graph import read_graphs, successors

START = datetime.combine(date(2026, 1, 1), time())
AS_OF = date(2026, 7, 1)
CUT = datetime.combine(AS_OF, time())
ACCOUNTS, CONTACTS, OWNERS = ("acme", "bolt"), ("c0", "c1", "c2"), ("ana@example.com", "Ben@example.com")
SPOKE_BACK = ("call", "meeting", "ebr", "email_reply")
IN_CALENDARS = ("call", "meeting", "ebr")

hours = st.integers(0, 200 * 24)
late = st.integers(0, 60)  # days until it is known


@dataclass(frozen=True)
class Happened:
    """One row of a table."""

    table: str
    account: str
    contact: str
    kind: str
    at: datetime
    known: datetime
    owner: str = ""

    @property
    def counts(self) -> bool:
        return self.at < CUT and self.known < CUT


@st.composite
def pasts(draw: st.DrawFn) -> list[Happened]:
    found = []
    for table, kinds in (
        ("interactions", (*SPOKE_BACK, "email_sent")),
        ("contact_changes", ("left", "joined", "role_changed")),
        ("calendar", ("",)),
    ):
        for _ in range(draw(st.integers(0, 8))):
            at = START + timedelta(hours=draw(hours))
            contact = draw(st.sampled_from(CONTACTS))
            found.append(
                Happened(
                    table,
                    ACCOUNTS[contact == "c2"],
                    contact,
                    draw(st.sampled_from(kinds)),
                    at,
                    at + timedelta(days=draw(late)),
                    draw(st.sampled_from(OWNERS)),
                )
            )
    return found


def warehouse(past: Sequence[Happened]) -> duckdb.DuckDBPyConnection:
    con = duckdb.connect()
    con.execute(
        """CREATE SCHEMA raw;
        CREATE TABLE raw.contacts (contact_id VARCHAR, account_id VARCHAR, user_id VARCHAR, title VARCHAR,
            team VARCHAR, role VARCHAR, occurred_at TIMESTAMP, known_at TIMESTAMP);
        CREATE TABLE raw.contact_changes (contact_id VARCHAR, account_id VARCHAR, kind VARCHAR,
            role VARCHAR, title VARCHAR, occurred_at TIMESTAMP, known_at TIMESTAMP);
        CREATE TABLE raw.interactions (contact_id VARCHAR, account_id VARCHAR, kind VARCHAR,
            occurred_at TIMESTAMP, known_at TIMESTAMP);
        CREATE TABLE raw.calendar (owner_email VARCHAR, account_id VARCHAR, occurred_at TIMESTAMP,
            ends_at TIMESTAMP, known_at TIMESTAMP)"""
    )
    for contact, role in zip(CONTACTS, ("sponsor", "champion", "user"), strict=True):
        row = [contact, ACCOUNTS[contact == "c2"], None, "VP", "Team", role, START, START]
        con.execute("INSERT INTO raw.contacts VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row)
    for one in past:
        if one.table == "calendar":
            row = [one.owner, one.account, one.at, one.at + timedelta(hours=1), one.known]
            con.execute("INSERT INTO raw.calendar VALUES (?, ?, ?, ?, ?)", row)
        elif one.table == "interactions":
            row = [one.contact, one.account, one.kind, one.at, one.known]
            con.execute("INSERT INTO raw.interactions VALUES (?, ?, ?, ?, ?)", row)
        else:
            row = [one.contact, one.account, one.kind, None, None, one.at, one.known]
            con.execute("INSERT INTO raw.contact_changes VALUES (?, ?, ?, ?, ?, ?, ?)", row)
    return con


def twin(past: Sequence[Happened], contact: str) -> tuple[str, str | None, set[tuple[str, str]]]:
    """State, day of the last two-way contact, and who of ours met them with the last day, as defined."""
    own = [one for one in past if one.contact == contact and one.counts]
    left = [one.at for one in own if one.table == "contact_changes" and one.kind == "left"]
    joined = [one.at for one in own if one.table == "contact_changes" and one.kind == "joined"]
    spoke = [one.at for one in own if one.table == "interactions" and one.kind in SPOKE_BACK]
    last = max(spoke, default=None)
    if left and not (joined and max(joined) > max(left)):
        state = "left"
    elif last is not None:
        state = "in touch" if (AS_OF - last.date()).days <= 90 else "gone quiet"
    else:
        state = "never spoken"
    account = ACCOUNTS[contact == "c2"]
    met: dict[str, datetime] = {}
    for one in own:
        if one.table == "interactions" and one.kind in IN_CALENDARS:
            for kept in past:
                inside = timedelta(minutes=-15) <= one.at - kept.at <= timedelta(minutes=75)
                if kept.table == "calendar" and kept.account == account and kept.known < CUT and inside:
                    who = kept.owner.lower()
                    met[who] = max(met.get(who, one.at), one.at)
    return state, last and last.date().isoformat(), {(who, at.date().isoformat()) for who, at in met.items()}


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(pasts())
def test_the_graph_of_any_past_is_what_the_definition_says(past: list[Happened]) -> None:
    with warehouse(past) as con:
        graphs = read_graphs(con, ACCOUNTS, AS_OF)
    people = {person["contact_id"]: person for graph in graphs.values() for person in graph["people"]}
    for contact in CONTACTS:
        person = people[contact]
        met = {(one["email"], one["last"]) for one in person["known_by"]}
        assert (person["state"], person["last_two_way"], met) == twin(past, contact)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(pasts())
def test_what_becomes_known_later_changes_no_graph_of_a_day(past: list[Happened]) -> None:
    with warehouse(past) as everything, warehouse([one for one in past if one.known < CUT]) as then:
        assert read_graphs(everything, ACCOUNTS, AS_OF) == read_graphs(then, ACCOUNTS, AS_OF)


roles = st.sampled_from(["sponsor", "champion", "admin", "user", None])
persons = st.lists(
    st.fixed_dictionaries(
        {
            "role": roles,
            "state": st.sampled_from(["in touch", "gone quiet", "never spoken", "new", "left"]),
            "executive": st.booleans(),
            "team": st.sampled_from(["Sales", "IT", None]),
            "days_since": st.one_of(st.none(), st.integers(0, 400)),
            "active_days": st.one_of(st.none(), st.integers(0, 30)),
        }
    ),
    max_size=8,
)


@given(persons)
def test_a_suggested_successor_is_there_and_something_speaks_for_them(drawn: list[dict[str, Any]]) -> None:
    people = [{**one, "contact_id": f"c{number}"} for number, one in enumerate(drawn)]
    chosen = successors(people)
    assert len(chosen) <= 3
    assert all(person in people and person["state"] != "left" for person in chosen)
    decides = ("sponsor", "champion")
    gone = any(one["state"] == "left" and one["role"] in decides for one in people)
    if not gone and any(one["role"] in decides and one["state"] != "left" for one in people):
        assert chosen == []
    assert successors(list(reversed(people))) == chosen, "the order of rows decides nothing"


def test_a_sponsor_who_left_long_ago_and_was_followed_needs_no_successor() -> None:
    """The champion of today decides; a departure of this spring still asks who follows."""
    days = {"long ago": CUT - timedelta(days=183), "lately": CUT - timedelta(days=100)}
    asked = {}
    for name, day in days.items():
        with warehouse([Happened("contact_changes", "acme", "c0", "left", day, day)]) as con:
            asked[name] = read_graphs(con, ["acme"], AS_OF)["acme"]["successors"]
    assert asked["long ago"] == []
    assert [one["contact_id"] for one in asked["lately"]] == ["c1"]


def test_somebody_who_came_back_is_there_again() -> None:
    day = START + timedelta(days=20)
    gone = Happened("contact_changes", "acme", "c0", "left", day, day)
    back = Happened("contact_changes", "acme", "c0", "joined", day + timedelta(days=30), day)
    with warehouse([gone]) as con:
        assert read_graphs(con, ["acme"], AS_OF)["acme"]["people"][-1]["state"] == "left"
    with warehouse([gone, back]) as con:
        states = {
            one["contact_id"]: one["state"] for one in read_graphs(con, ["acme"], AS_OF)["acme"]["people"]
        }
    assert states["c0"] == "never spoken"


def test_a_line_tells_who_of_ours_met_them() -> None:
    call = Happened("interactions", "acme", "c0", "call", CUT - timedelta(days=3), CUT - timedelta(days=3))
    kept = Happened("calendar", "acme", "c0", "", call.at, call.at, "Ben@example.com")
    with warehouse([call, kept]) as con:
        graph = read_graphs(con, ["acme"], AS_OF)["acme"]
    person = next(one for one in graph["people"] if one["contact_id"] == "c0")
    assert "met ben@example.com on 28 Jun 2026" in people_text.one(person)


def test_a_day_filled_in_afterwards_leaves_the_later_one_and_no_page_sees_the_future(ledger: Engine) -> None:
    newest = {"acme": {"as_of": AS_OF.isoformat(), "people": [], "ours": []}}
    assert people_graphs.publish(ledger, newest, AS_OF) == 1
    earlier = AS_OF - timedelta(days=7)
    assert people_graphs.publish(ledger, {"acme": {}, "bolt": {}}, earlier) == 0
    assert people_graphs.of_account(ledger, "acme", AS_OF) == newest["acme"]
    assert people_graphs.of_account(ledger, "acme", earlier) is None
    assert people_graphs.of_account(ledger, "bolt", AS_OF) is None
    assert people_graphs.publish(ledger, {"bolt": {"as_of": "x"}}, AS_OF + timedelta(days=1)) == 1
    assert people_graphs.of_account(ledger, "acme", date.max) is None, (
        "who is not a customer any more is gone"
    )
