"""Plays that begin with a fact, steps that facts make absurd, and the first days of a new playbook."""

from __future__ import annotations

from datetime import date

import duckdb
import pytest
from tests.lib.headlines import headlines
from tests.lib.ledger import day, outcome, promised, publish, run

from customer_health.company import CompanyConfig
from customer_health.destinations.crm.task_text import task_markdown
from customer_health.errors import ConfigurationError
from customer_health.playbooks.champion_graph import read_graphs
from customer_health.playbooks.playbook import load_playbook, load_playbooks
from customer_health.playbooks.steps import ProposeMeeting
from customer_health.playbooks.warehouse_context import WarehouseContext, of_warehouse

AS_OF = date(2026, 11, 1)


def healthy(*facts: str, score: int = 85, **columns: object) -> dict[str, object]:
    return {"score": score, "reasons": [], "facts": headlines(*facts), **columns}


@pytest.mark.parametrize(
    ("facts", "score", "playbook", "kind"),
    [
        (("sponsor_left",), 85, "sponsor_left", "sponsor_change"),
        (("silent_account",), 45, "silent_account", "silent_account"),
        (("no_exec_contact", "single_threaded"), 85, "executive_outreach", "second_contact"),
        (("overdue_invoices",), 85, "overdue_invoices", "overdue_invoice"),
        (("arr_contraction",), 84, "contraction_review", "contraction_review"),
    ],
)
def test_a_fact_alone_begins_its_play(ledger, facts, score, playbook, kind):
    """Although the model calls the account healthy and names no reason."""
    publish(ledger, 1, {"other": 80})
    run(ledger, 1)
    publish(ledger, 2, {"acme": healthy(*facts, score=score)})
    run(ledger, 2)
    tasks = promised(ledger, "create_task", playbook=playbook)
    assert [task["payload"]["type"] for task in tasks] == [kind]


def test_facts_that_pile_up_begin_one_play_and_not_three(ledger):
    """Contract change, escalation and toxic tickets have one cause more often than three."""
    publish(ledger, 1, {"other": 80})
    run(ledger, 1)
    piled = healthy("contract_modification", "escalation", "negative_sentiment", score=89, review=True)
    publish(
        ledger,
        2,
        {
            "piled": piled,
            "compares": healthy("names_competitor"),
            "angry": healthy("negative_sentiment", "low_nps"),
            "calm": healthy("low_nps"),
        },
    )
    run(ledger, 2)
    tasks = {row["account_id"]: row["payload"]["type"] for row in promised(ledger, "create_task")}
    assert tasks == {
        "piled": "facts_review",
        "compares": "commercial_review",
        "angry": "support_recovery",
        "calm": "detractor_followup",
    }
    assert outcome(ledger, 2, "piled", "comparing_vendors")[0] == "excluded"


def test_todays_places_go_to_where_facts_pile_up_before_large_calm_customers(ledger):
    """A check-in with the largest customer does not keep a lead from the one that is in trouble."""
    rows = {
        "large": healthy(arr=900_000.0, expected_loss=50_000.0),
        "piled": healthy(
            "sponsor_left", "overdue_invoices", arr=60_000.0, expected_loss=2_000.0, review=True
        ),
    }
    config = CompanyConfig.model_validate({"playbooks": {"first_run_tasks": 1}})
    for number in range(1, 92):  # the check-in's turn comes within a quarter
        publish(ledger, number, rows)
        run(ledger, number, config=config)
        if outcome(ledger, number, "large", "healthy_checkin")[0] != "no_match":
            break
    tasks = {row["account_id"] for row in promised(ledger, "create_task")}
    assert "piled" in tasks


def test_nobody_checks_in_where_an_executive_is_sought(ledger):
    """Both asked for a conversation at one customer on one day."""
    alone = {"arr": 60_000.0, "expected_loss": 6_000.0}
    for number in range(1, 92, 6):
        publish(ledger, number, {"acme": {**healthy("single_threaded", "no_exec_contact"), **alone}})
        run(ledger, number)
    assert promised(ledger, "create_task", account_id="acme", playbook="executive_outreach")
    assert not promised(ledger, "create_task", account_id="acme", playbook="healthy_checkin")


def test_the_core_action_play_wants_a_fall_that_people_would_see(ledger):
    """Of at least five users, however many more log in; the fact exceeds chance."""
    drop = {"core_action_delta_30d": -0.22, "active_users_28d": 12.0, "active_users_delta_28d": -0.1}
    publish(ledger, 1, {"other": 80})
    run(ledger, 1)
    publish(
        ledger,
        2,
        {
            "falls": healthy("core_action_drop", **drop),
            "grows": healthy("core_action_drop", **{**drop, "active_users_delta_28d": 0.3}),
            "tiny": healthy("core_action_drop", **{**drop, "active_users_28d": 2.0}),
        },
    )
    run(ledger, 2)
    asked = promised(ledger, "create_task", playbook="core_action_down")
    assert sorted(row["account_id"] for row in asked) == ["falls", "grows"]


def test_a_silent_account_is_woken_and_not_invited_to_a_business_review(ledger):
    """People who do not use the product would take their leave there."""
    publish(ledger, 1, {"other": 80})
    run(ledger, 1)
    publish(ledger, 2, {"acme": healthy("silent_account", score=45)})
    run(ledger, 2)
    kinds = [row["payload"]["type"] for row in promised(ledger, "create_task", account_id="acme")]
    assert kinds == ["silent_account"]
    assert promised(ledger, "propose_meeting") == []
    assert outcome(ledger, 2, "acme", "at_risk")[0] == "excluded"


def test_a_healthy_check_in_gives_way_to_the_play_of_a_fact(ledger):
    """Nobody asks how things are going while the sponsor's chair is empty."""
    for number in range(1, 92, 6):
        publish(ledger, number, {"acme": healthy("sponsor_left")})
        run(ledger, number)
    assert promised(ledger, "create_task", playbook="healthy_checkin") == []
    assert len(promised(ledger, "create_task", playbook="sponsor_left")) == 1


@pytest.mark.parametrize(
    "fact",
    [
        "sponsor_left",
        "escalation",
        "negative_sentiment",
        "contract_modification",
        "names_competitor",
        "arr_contraction",
    ],
)
def test_nobody_asks_how_things_are_going_where_a_play_knows_that_they_are_not(ledger, fact):
    """Whatever day of the quarter the check-in's turn is on, and however good the score."""
    for number in range(1, 92, 6):
        publish(ledger, number, {"acme": healthy(fact), "piled": healthy("low_nps", review=True)})
        run(ledger, number)
    assert promised(ledger, "create_task", playbook="healthy_checkin") == []


def test_a_silent_account_is_enrolled_once_and_not_by_two_plays(ledger):
    falling = [{"code": "usage_decline", "points": -20.0, "concept": "usage", "phrase": "Usage fell"}]
    publish(ledger, 1, {"other": 80})
    run(ledger, 1)
    publish(ledger, 2, {"acme": healthy("silent_account", score=45) | {"reasons": falling}})
    run(ledger, 2)
    assert [row["playbook"] for row in promised(ledger, "enroll")] == ["silent_account"]


@pytest.mark.parametrize(("ago", "asked"), [(12.0, False), (30.0, False), (31.0, True), (None, True)])
def test_no_business_review_is_asked_for_within_30_days_of_one(ledger, ago, asked):
    """The other steps of the play stay."""
    signals = {} if ago is None else {"days_since_ebr": ago}
    publish(ledger, 1, {"acme": 80})
    run(ledger, 1)
    publish(ledger, 2, {"acme": {"score": 45, **signals}})
    run(ledger, 2)
    kinds = {row["payload"]["type"] for row in promised(ledger, "create_task", playbook="at_risk")}
    assert ("schedule_ebr" in kinds) is asked
    assert "exec_involvement" in kinds
    assert bool(promised(ledger, "propose_meeting")) is asked
    assert bool(promised(ledger, "draft_email", playbook="at_risk")) is asked
    if not asked:
        assert "without schedule_ebr: days since ebr is" in outcome(ledger, 2, "acme", "at_risk")[1]


def test_no_play_asks_for_a_business_review_without_looking_for_the_last_and_the_next():
    """Of every play that ships, and of any that comes later."""
    asking = [
        step
        for playbook in load_playbooks(CompanyConfig())
        for step in playbook.steps
        if getattr(step, "type", "") == "schedule_ebr" or isinstance(step, ProposeMeeting)
    ]
    assert len(asking) >= 5
    for step in asking:
        assert step.unless is not None, step.name
        assert step.unless.review_planned, step.name
        assert step.unless.signals["days_since_ebr"].at_most == 30, step.name


def test_no_business_review_is_asked_for_while_one_is_planned(ledger):
    """A long meeting about the account in somebody's calendar is taken for it."""
    planned = WarehouseContext(lambda seats: {}, dict, reviews=lambda: {"acme": day(20)})
    publish(ledger, 1, {"acme": 80})
    run(ledger, 1)
    publish(ledger, 2, {"acme": 45})
    run(ledger, 2, background=planned)
    assert promised(ledger, "propose_meeting") == []
    assert "a review is planned for" in outcome(ledger, 2, "acme", "at_risk")[1]


def test_a_long_meeting_about_the_account_in_a_calendar_is_a_planned_review():
    """A short call is none, and neither is one that was entered later."""
    con = duckdb.connect()
    con.execute("CREATE SCHEMA raw")
    con.execute(
        "CREATE TABLE raw.calendar AS SELECT owner_email, account_id, occurred_at::TIMESTAMP occurred_at,"
        " ends_at::TIMESTAMP ends_at, known_at::TIMESTAMP known_at FROM (VALUES "
        "('dana', 'acme', '2026-11-12 10:00', '2026-11-12 11:00', '2026-10-20'),"
        "('dana', 'bolt', '2026-11-12 12:00', '2026-11-12 12:20', '2026-10-20'),"
        "('dana', 'calm', '2026-11-12 14:00', '2026-11-12 15:00', '2026-11-05'))"
        " AS t(owner_email, account_id, occurred_at, ends_at, known_at)"
    )
    assert of_warehouse(con, AS_OF).reviews() == {"acme": date(2026, 11, 12)}


def test_a_playbook_that_comes_to_a_running_company_begins_in_shadow(ledger, tmp_path):
    """For its first days; in a company that begins with it, it acts at once."""
    own = tmp_path / "own"
    own.mkdir()
    plain = "name: {}\ntitle: T\nbecause: B.\nonce_per: cooldown\ncooldown: 60d\nshadow_for: 7d\n" \
        "when: {{fact: low_nps}}\ndo:\n  - enroll: {{play: hello}}\n"  # fmt: skip
    (own / "first.yaml").write_text(plain.format("first"))
    for number in (1, 2, 8, 9):
        if number == 2:
            (own / "second.yaml").write_text(plain.format("second"))
        publish(ledger, number, {"acme": healthy("low_nps")})
        run(ledger, number, library=own)
    assert outcome(ledger, 1, "acme", "first")[0] == "fired"
    assert [outcome(ledger, n, "acme", "second")[0] for n in (2, 8, 9)] == ["shadow", "shadow", "fired"]


def test_steps_that_share_times_must_share_their_conditions(tmp_path):
    """Or a task would name times that nobody proposes."""
    page = tmp_path / "own.yaml"
    page.write_text(
        "name: own\ntitle: T\nbecause: B.\nonce_per: quarter\nwhen: {tier: healthy}\ndo:\n"
        "  - create_task: {type: ebr, subject: S, due_in: 7d, attach: meeting_times}\n"
        "  - propose_meeting: {subject: S, unless: {review_planned: true}}\n"
    )
    with pytest.raises(ConfigurationError, match="under other conditions"):
        load_playbook(page)
    page.write_text(
        "name: own\ntitle: T\nbecause: B.\nonce_per: quarter\nwhen: {tier: healthy}\ndo:\n"
        "  - enroll: {play: hello, unless: {fact: silnet_account}}\n"
    )
    with pytest.raises(ConfigurationError, match="headline fact 'silnet_account' does not exist"):
        load_playbook(page)


@pytest.fixture
def people():
    """Acme's sponsor left; a director answers, a vice president was never spoken to, an analyst is busy."""
    con = duckdb.connect()
    con.execute("CREATE SCHEMA raw")
    long_ago, known = "2024-01-01", "2024-01-02"
    con.execute(
        "CREATE TABLE raw.contacts (contact_id VARCHAR, account_id VARCHAR, user_id VARCHAR, title VARCHAR,"
        " team VARCHAR, role VARCHAR, occurred_at TIMESTAMP, known_at TIMESTAMP)"
    )
    for row in (
        ("c0", "acme", "u0", "VP Operations", "Operations", "sponsor"),
        ("c1", "acme", "u1", "Director Finance", "Finance", "user"),
        ("c2", "acme", "u2", "VP Sales", "Sales", "user"),
        ("c3", "acme", "u3", "Analyst", "Operations", "user"),
        ("c4", "acme", None, "Intern", "Legal", "user"),
        ("c5", "bolt", None, None, None, "user"),
    ):
        con.execute("INSERT INTO raw.contacts VALUES (?, ?, ?, ?, ?, ?, ?, ?)", [*row, long_ago, known])
    con.execute(
        "CREATE TABLE raw.contact_changes (contact_id VARCHAR, account_id VARCHAR, kind VARCHAR,"
        " role VARCHAR, title VARCHAR, occurred_at TIMESTAMP, known_at TIMESTAMP)"
    )
    left = "2026-09-01"
    con.execute(
        "INSERT INTO raw.contact_changes VALUES ('c0','acme','left','sponsor',NULL,?,?)", [left, left]
    )
    con.execute(
        "CREATE TABLE raw.interactions (contact_id VARCHAR, account_id VARCHAR, kind VARCHAR,"
        " occurred_at TIMESTAMP, known_at TIMESTAMP)"
    )
    for contact, kind, when in (
        ("c0", "ebr", "2026-06-01"),
        ("c1", "call", "2026-10-20"),
        ("c3", "email_reply", "2026-03-01"),
        ("c2", "email_sent", "2026-10-28"),  # ours, unanswered
        ("c2", "call", "2026-11-03"),  # after the day
    ):
        con.execute("INSERT INTO raw.interactions VALUES (?, 'acme', ?, ?, ?)", [contact, kind, when, when])
    con.execute(
        "CREATE TABLE raw.usage AS SELECT 'acme' AS account_id, 'u3' AS user_id,"
        " TIMESTAMP '2026-10-31' - to_days(i::INTEGER) AS occurred_at,"
        " TIMESTAMP '2026-10-31' AS known_at FROM range(12) t(i)"
    )
    return con


def test_the_champion_graph_knows_who_is_in_touch_gone_quiet_or_left(people):
    """A message of ours that nobody answered is not a two-way contact, and neither is tomorrow's call."""
    graph = read_graphs(people, ["acme", "bolt", "nobody"], AS_OF, (r"\bvp\b",))
    states = {person["contact_id"]: person["state"] for person in graph["acme"]["people"]}
    assert states == {
        "c0": "left", "c1": "in touch", "c2": "never spoken", "c3": "gone quiet", "c4": "never spoken",
    }  # fmt: skip
    first = graph["acme"]["people"][0]
    assert (first["contact_id"], first["days_since"], first["last_kind"]) == ("c1", 12, "call")
    assert graph["acme"]["people"][-1]["left"] == "2026-09-01"
    assert graph["nobody"]["people"] == []


def test_successors_are_suggested_by_title_contact_and_use(people):
    """An executive first, then who is in touch, then who works with it daily; an unknown intern is nobody."""
    chosen = read_graphs(people, ["acme"], AS_OF, (r"\bvp\b",))["acme"]["successors"]
    assert [person["contact_id"] for person in chosen] == ["c2", "c1", "c3"]
    assert chosen[2]["active_days"] == 12


def test_the_task_after_a_departure_names_the_likeliest_successors(ledger, people):
    """With title, last two-way contact and use, and who left."""
    publish(ledger, 1, {"acme": healthy("sponsor_left")})
    run(ledger, 1, background=of_warehouse(people, AS_OF))
    (task,) = promised(ledger, "create_task", playbook="sponsor_left")
    page = task_markdown(task["payload"])
    assert "## People there" in page
    assert "Director Finance (Finance, user, c1): in touch; last two-way contact 12 days ago (a call)" in page
    assert "Left on 1 Sep 2026: VP Operations (Operations, sponsor, c0)" in page
