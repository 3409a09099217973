"""Without a CRM: the simulated company's people work on their tasks, and the clock and the KPIs see it."""

import pytest
from tests.lib.ledger import day, morning, publish, run
from tests.lib.world import World, insert

from customer_health.company import CompanyConfig
from customer_health.kpis.interventions import time_to_intervention
from customer_health.ledger import crm_tasks, episode_events, episodes
from customer_health.playbook_config import PlaybookConfig
from customer_health.playbooks.reminders import follow_up as look
from customer_health.simulator.task_outcomes import given, seen, worked

ACCOUNTS = [f"acc_{number}" for number in range(30)]


@pytest.fixture
def warehouse():
    con = World().connect()
    yield con
    con.close()


def live(ledger, warehouse, config):
    """Thirty accounts turn Red on day 2, a Monday; each morning the CRM tells what happened since."""
    publish(ledger, 1, dict.fromkeys(ACCOUNTS, 61))
    run(ledger, 1, config)
    for number in range(2, 8):
        facts = worked(given(ledger, day(number)))
        rows = seen(facts, day(number - 1), day(number)).astype(object)
        insert(warehouse, "crm_tasks", rows.where(rows.notna(), None).to_dict("records"))
        crm_tasks.take_in(ledger, crm_tasks.read_tasks(warehouse, day(number)))
        publish(ledger, number, dict.fromkeys(ACCOUNTS, 20))
        run(ledger, number, config)


@pytest.fixture
def config():
    return CompanyConfig(playbooks=PlaybookConfig(mass_move_floor=999, alerts_per_owner_per_day=999))


def test_what_people_begin_stops_the_clock_and_what_nobody_begins_escalates(ledger, warehouse, config):
    live(ledger, warehouse, config)
    look(ledger, config, now=morning(7))

    opened = episodes.all_of(ledger)
    kinds = {
        episode.episode_id: {event["kind"] for event in episode_events.events_of(ledger, episode.episode_id)}
        for episode in opened
    }
    begun = {name for name, found in kinds.items() if "begun" in found}
    assert len(opened) == 30
    assert len(begun) >= 25  # 95 % of the urgent tasks are begun by somebody
    assert all("escalated" in found for name, found in kinds.items() if name not in begun)
    assert any("outcome" in found for found in kinds.values())


def test_the_time_to_intervention_is_measured_from_what_came_back(ledger, warehouse, config):
    live(ledger, warehouse, config)
    times = time_to_intervention(warehouse, ledger, day(7))
    assert times.episodes == 30
    assert len(times.hours) >= 25
    assert 0 < times.quantile(0.5) < 48


def test_who_has_a_task_is_who_the_crm_names(ledger, warehouse, config):
    live(ledger, warehouse, config)
    owners = {row[0] for row in warehouse.execute("SELECT owner_email FROM raw.crm_tasks").fetchall()}
    assert owners == {"dana@example.com", "lee@example.com"}
