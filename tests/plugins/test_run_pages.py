"""From a run in Airflow to what it came to, and back."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime

import pytest
from airflow.models.dagrun import DagRun
from airflow.utils.session import create_session
from airflow.utils.types import DagRunType
from fastapi.testclient import TestClient

from customer_health_airflow.operators.step_operators import DeliverEffectsOperator, RunPlaybooksOperator
from customer_health_airflow.task_links import DayLink, RecordLink
from tests.lib.ledger_facts import TODAY

RUN = "asset_triggered__2026-11-20T05:00:00+00:00_x"
PAGE = "/customer-health"


@pytest.fixture
def run(visitor: TestClient) -> Iterator[None]:
    """One run of a DAG of ours, and one of somebody else's, of the same day."""
    with create_session() as session:
        rows = [
            DagRun(
                dag_id=dag_id,
                run_id=RUN,
                run_type=DagRunType.MANUAL,
                run_after=datetime(2026, 11, 20, tzinfo=UTC),
                partition_key=TODAY.isoformat(),
                state="success",
            )
            for dag_id in ("score_accounts", "somebody_elses")
        ]
        session.add_all(rows)
    yield
    with create_session() as session:
        session.query(DagRun).filter(DagRun.run_id == RUN).delete()


def test_the_tab_of_a_run_leads_to_its_day_and_the_day_back_to_the_run(
    visitor: TestClient, run: None
) -> None:
    answer = visitor.get(f"{PAGE}/runs/score_accounts/{RUN}", follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, f"{PAGE}/day/{TODAY}")
    text = visitor.get(answer.headers["location"]).text
    assert "6 accounts scored by lightgbm-2026-11-01" in text
    assert 'href="/dags/score_accounts/runs/asset_triggered__2026-11-20T05%3A00%3A00%2B00%3A00_x"' in text
    assert "somebody" not in text
    assert "awaiting approval" in text


@pytest.mark.parametrize("address", ["/runs/score_accounts/nonsense", "/day/2020-01-01"])
def test_a_run_or_day_without_a_summary_says_so(visitor: TestClient, address: str) -> None:
    answer = visitor.get(PAGE + address)
    assert answer.status_code == 404
    assert "There is no such page" in answer.text


def test_a_delivery_has_a_button_to_the_dispatch_log_of_its_day() -> None:
    for operator in (DeliverEffectsOperator, RunPlaybooksOperator):
        link = operator.operator_extra_links[0]
        assert isinstance(link, DayLink)

    class Done:
        day = date(2026, 11, 20)

    assert DayLink().get_link(Done(), ti_key=None).endswith(f"{PAGE}/day/2026-11-20")
    assert DayLink().get_link(object(), ti_key=None) == ""


def test_a_delivery_has_a_button_to_the_newest_record_that_it_wrote() -> None:
    assert isinstance(DeliverEffectsOperator.operator_extra_links[1], RecordLink)

    class Done:
        record = "https://acme.lightning.force.com/00T1"

    assert RecordLink().get_link(Done(), ti_key=None) == Done.record
    assert RecordLink().get_link(object(), ti_key=None) == ""
