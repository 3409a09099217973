"""The pages Model and KPIs: what a training, the scoreboard and the KPI report left in the ledger."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import Engine

from customer_health.ledger import model_registry as registry
from customer_health.ledger import report_numbers, training_runs
from customer_health.ledger.training_runs import TrainingNote
from customer_health.model.registry import current_model
from customer_health.model.registry.promotion import Verdict
from customer_health.wording import percent
from customer_health_airflow.ui.plotting import calibration, lines
from tests.lib import airflow_env, ledger_facts
from tests.lib.ledger_facts import EVIL, TODAY
from tests.lib.model_worlds import trained

BOARD = {
    "summary": {
        "graded_days": 7, "lost_accounts": 59, "recall_at_capacity": 0.52, "recall_red_yellow": 0.86,
        "precision_red": 0.53, "median_lead_days": 64.0, "predicted_to_observed": 0.9, "missed": 1,
    },
    "alarms": ["The probabilities are too low: 20 losses predicted, 41 came (chance alone: 0.1%)."],
    "segments": [{"segment": "smb", "accounts": 461, "lost": 58, "recall_at_capacity": 0.59}],
    "calibration": [{"as_of": "2026-04-01", "predicted": 20.4, "observed": 41, "verdict": "too low"}],
    "missed": [
        {"account_id": "acme", "as_of": "2026-04-01", "score_shown": 85, "why": EVIL, "signals": "usage -0.7"}
    ],
    "drift": [
        {"signal": "recent_nps", "level": "page", "psi": 0.9, "warn_above": 0.05, "unknown_then": 0.1,
         "unknown_now": 0.8, "why": "unknown for 80% of the accounts, 10% before"},
        {"signal": "csat_180d", "level": "fine", "psi": 0.0, "why": ""},
    ],
}  # fmt: skip
VALUE = {
    "why_not": "", "horizon": 180, "lost": 93, "first": "2026-01-01", "last": "2026-04-01",
    "rows": [
        {"kind": "source", "name": "contracts", "known_share": 0.7, "recall_loss": 0.24, "recall_low": 0.17,
         "recall_high": 0.34, "auc_loss": 0.13, "auc_low": 0.07, "auc_high": 0.19, "verdict": "matters"},
        {"kind": "signal", "name": "recent_nps", "known_share": 0.4, "recall_loss": 0.0, "recall_low": -0.01,
         "recall_high": 0.01, "auc_loss": 0.0, "auc_low": 0.0, "auc_high": 0.0, "verdict": "cannot tell"},
    ],
}  # fmt: skip
SAVES = {"saved": 9, "episodes": 24, "maturing": 6, "rate": 0.375}
KPIS = {
    "nrr": 1.031, "grr": 0.902, "save_rate": 0.375, "save_goal": 0.30, "caveat": "No account was held out.",
    "saves": {"all": SAVES, "watched": SAVES, "without_suppressed": SAVES},
    "retention": [
        {"segment": "all", "accounts": 215, "start": 2.16e6, "expansion": 9e4, "contraction": 3e4,
         "churn": 4e4, "nrr": 1.031, "grr": 0.902, "goal": None},
        {"segment": "enterprise", "accounts": 4, "start": 7e5, "expansion": 0, "contraction": 0, "churn": 0,
         "nrr": None, "grr": None, "goal": 1.15},
    ],
    "hours_p50": 21.0, "within_48h": 0.8, "acted_on": 12, "episodes": 15, "intervention": "median 21 h",
    "precision": {"share_lost": 0.4, "lost": 8, "episodes": 20, "maturing": 3, "horizon_days": 180},
    "by_reason": [
        {"reason": "usage_decline", "episodes": 12, "lost": 6, "maturing": 1, "judged": 3, "false_alarms": 1,
         "share_lost": 0.5},
    ],
    "adoption": {"alerts": 20, "acknowledged": 15, "share_acknowledged": 0.75, "tasks_due": 30,
                 "tasks_in_time": 24, "tasks_late": 4, "share_in_time": 0.8},
    "migration": {"since": "2026-08-17", "until": "2026-11-16", "rows": [
        {"before": "Critical", "after": "Healthy", "accounts": 7, "arr": 420_000.0},
        {"before": None, "after": "Attention", "accounts": 2, "arr": 1_000.0},
    ]},
    "experiment": {"treated": {"saved": 9, "episodes": 20}, "held_out": {"saved": 2, "episodes": 10},
                   "difference": 0.25, "low": -0.1, "high": 0.5, "detectable": 0.45, "decided": False},
    "waiting": 3,
    "precision_told": "40.0% (8 of 20 left)", "gate": {"passed": False, "why": "too few episodes"},
    "playbooks": [
        {"playbook": "sponsor_left", "state": "at work", "accounts": 16, "waiting": 18, "kept_back": 2,
         "nearest": ""},
        {"playbook": "zombie_filter", "state": "met nobody", "accounts": 0, "waiting": 0, "kept_back": 0,
         "nearest": "days red is 56, not at least 365 (31 accounts like that)"},
    ],
}  # fmt: skip


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("measured")
    engine = ledger_facts.fill(folder)
    training = trained()
    current_model.register(
        engine, training, folder / "models" / training.model_id, Verdict("promote", ("It passed.",))
    )
    (folder / "models" / training.model_id / "model_card.md").write_text("# Card")
    training_runs.note(engine, TrainingNote(date(2026, 9, 1), "promoted", "It passed.", training.model_id))
    report_numbers.keep(engine, report_numbers.SCOREBOARD, TODAY, BOARD)
    report_numbers.keep(engine, report_numbers.VALUE_OF_DATA, TODAY, VALUE)
    report_numbers.keep(engine, report_numbers.KPIS, date(2026, 11, 9), KPIS | {"nrr": 1.02})
    report_numbers.keep(engine, report_numbers.KPIS, TODAY, KPIS)
    return folder


@pytest.fixture
def reader(api_server: TestClient, home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[TestClient]:
    monkeypatch.setenv("CUSTOMER_HEALTH_HOME", str(home))
    monkeypatch.setenv("CUSTOMER_HEALTH_TODAY", TODAY.isoformat())
    api_server.headers["Authorization"] = f"Bearer {airflow_env.token_of(api_server, 'viewer')}"
    yield api_server
    del api_server.headers["Authorization"]


def text_of(client: TestClient, page: str) -> str:
    answer = client.get(f"/customer-health/{page}")
    assert answer.status_code == 200
    assert answer.text.count("<script") == 1, "the page's own"
    assert "style=" not in answer.text, "the content security policy allows no inline style"
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.text))


def test_the_kpi_page_says_which_playbooks_act_for_anybody_and_what_the_others_lack(
    reader: TestClient,
) -> None:
    text = text_of(reader, "kpis")
    assert "sponsor_left at work 16 18 2" in text
    assert "zombie_filter met nobody 0 0 0 days red is 56, not at least 365 (31 accounts like that)" in text


def test_the_model_page_compares_the_champion_with_both_baselines_on_every_test_day(
    reader: TestClient,
) -> None:
    training = trained()
    text = text_of(reader, "model")
    folds = training.summary()["horizons"]["180"]["by_fold"]

    assert training.model_id in text
    assert len(folds) == training.heads[180].folds
    for fold in folds:
        told = f"{fold['as_of']} {fold['rows']} {fold['lost']} {fold['auc']:.3f} {fold['auc_baseline']:.3f}"
        assert told in text
    html = reader.get("/customer-health/model").text
    assert f'href="/customer-health/files/models/{training.model_id}/model_card.md"' in html


def test_the_model_page_shows_calibration_with_counts_and_what_a_tenth_of_the_accounts_finds(
    reader: TestClient,
) -> None:
    text = text_of(reader, "model")
    found = trained().summary()["horizons"]["180"]

    assert sum(row["rows"] for row in found["bins"]) == len(trained().evaluation.of("predictions", 180))
    worst = found["bins"][-1]
    assert f"{worst['rows']} {percent(worst['predicted'], 1)} {percent(worst['observed'], 1)}" in text
    tenth = next(row for row in found["capture"] if row["share"] == 0.10)
    assert f"10% {100 * tenth['found']:.0f}%" in text
    assert tenth["found"] > tenth["found_rules"]


def test_the_model_page_says_what_became_of_its_predictions_and_what_drifted(reader: TestClient) -> None:
    text = text_of(reader, "model")

    assert "The probabilities are too low: 20 losses predicted, 41 came" in text
    assert "acme 2026-04-01 85 &lt;script&gt;" in text
    assert "recent_nps ■ alarm 0.90 0.05 10% 80%" in text
    assert "csat_180d" not in text.split("Drift")[1].split("What each source is worth")[0]
    assert "contracts source 70% 24% (17% to 34%)" in text
    assert "recent_nps 40% 0% (−1% to 1%) 0.0000 cannot tell" in text


def test_two_bad_months_and_a_waiting_training_stand_at_the_top(home: Path, reader: TestClient) -> None:
    engine: Engine = ledger_facts.open_ledger(f"sqlite:///{home}/ledger.db")
    record = registry.current(engine)
    assert record is not None
    for month, reason in ((10, "AUC fell"), (11, "raw.outcomes is missing")):
        training_runs.note(engine, TrainingNote(date(2026, month, 1), "failed", reason))
    waiting = registry.ChampionRecord("model-next", "", {}, "model", "it won", date(2026, 11, 2))
    registry.propose(engine, waiting, state="pending", reason="it asks")

    text = text_of(reader, "model")

    assert "No training went well for 2 months in a row. 1 Nov 2026: failed: raw.outcomes is missing" in text
    assert "A training waits for a person: model-next" in text
    registry.resolve(engine, "model-next", approve=False, by="grace", at=datetime(2026, 11, 3, tzinfo=UTC))
    assert "model-next 2 Nov 2026 rejected grace Tue 3 Nov 00:00 UTC it asks" in text_of(reader, "model")


def test_the_kpi_page_shows_the_four_numbers_and_a_dash_where_nobody_can_know(reader: TestClient) -> None:
    text = text_of(reader, "kpis")

    assert "Net revenue retention 103.1%" in text
    assert "Save rate, 60 days 38% goal 30% · 9 of 24 episodes, 6 maturing" in text
    assert "Time to intervention 21 h" in text
    assert "Alert precision 40% left within 180 days · 8 of 20 episodes, 3 maturing" in text
    assert "enterprise 4 700K 0 0 0 – 115% –" in text
    assert "2026-11-09 102%" in text


def test_a_new_company_is_told_where_model_and_kpis_will_come_from(
    reader: TestClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CUSTOMER_HEALTH_HOME", str(tmp_path))

    assert "Nobody has decided yet between a model and the rules" in text_of(reader, "model")
    assert "No KPI report has been written yet" in text_of(reader, "kpis")


def test_a_champion_of_an_earlier_version_has_a_page_with_dashes(
    reader: TestClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CUSTOMER_HEALTH_HOME", str(tmp_path))
    engine = ledger_facts.open_ledger(f"sqlite:///{tmp_path}/ledger.db")
    old = {"horizons": {"180": {"champion": "blend", "auc": 0.81}}, "primary_horizon": 180}
    registry.promote(engine, registry.ChampionRecord("m-1", "", {}, "model", "it won", date(2026, 1, 1), old))

    assert "blend 0.810 – – – –" in text_of(reader, "model")


@pytest.mark.parametrize("page", ["model", "kpis"])
def test_strangers_see_neither_page(api_server: TestClient, page: str) -> None:
    assert api_server.get(f"/customer-health/{page}").status_code == 401


def test_a_line_of_one_day_and_an_empty_calibration_are_no_picture() -> None:
    assert lines([{"as_of": "2026-01-01", "auc": 0.8}], {"auc": "champion"}) is None
    assert calibration([]) is None
    drawn = lines(
        [
            {"as_of": "2026-01-01", "auc": 0.7},
            {"as_of": "2026-02-01", "auc": None},
            {"as_of": "2026-03-01", "auc": 0.9},
        ],
        {"auc": "champion"},
    )
    assert drawn is not None
    (_, _, points, dots), *_ = drawn.series
    assert [value for *_, value in dots] == [0.7, 0.9]
    assert dots[0][1] > dots[1][1], "more is higher up"
    assert points.count(",") == 2


def test_the_kpis_say_what_the_plays_add_and_whether_it_is_decided(reader: TestClient) -> None:
    text = text_of(reader, "kpis")
    assert "Not yet decidable: +25 points against held-out accounts, 95% interval -10 to +50" in text
    assert "9 of 20 treated, 2 of 10 held out" in text
    assert "3 episodes nobody has acted on count as long as they waited" in text


def test_the_kpis_show_the_bridge_the_reasons_the_moves_and_whether_it_is_used(reader: TestClient) -> None:
    page = reader.get("/customer-health/kpis").text
    assert "A year ago 2.16M, Grew 90K, Shrank −30K, Left −40K, Now 2.18M" in page
    text = text_of(reader, "kpis")
    assert "usage decline 12 6 50%" in text
    assert "Alerts taken up within 48 hours: 75% (15 of 20 alerts" in text
    assert "Tasks done in time: 80% (24 of 30 that were due; 4 done late)" in text
    assert "7 420K" in text
    assert "Alerts lost" not in text
