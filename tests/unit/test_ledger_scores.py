"""Published scores: replaced as a whole, read as a whole, with their history."""

import multiprocessing
import sqlite3
import threading
import time

import numpy as np
import pandas as pd
import pytest
from tests.lib.ledger import day, morning, new_ledger, publish, score_row
from tests.lib.ledgers import ledger_url

from customer_health.errors import ConfigurationError, DataContractError
from customer_health.ledger import model_registry, scores
from customer_health.ledger.engine import open_ledger

__all__ = ["ledger_url"]


@pytest.fixture
def ledger(ledger_url):
    engine = open_ledger(ledger_url)
    yield engine
    engine.dispose()


def test_a_second_publication_replaces_the_first_and_keeps_the_clock_of_the_first(ledger):
    publish(ledger, 1, {"acme": 61, "bolt": 70})
    scores.publish(ledger, pd.DataFrame([score_row("acme", 27)]), day(1), published_at=morning(2))

    found = scores.of(ledger, day(1))

    assert found[["account_id", "score_shown"]].values.tolist() == [["acme", 27]]
    with ledger.connect() as connection:
        run = connection.execute(scores.score_runs.select()).mappings().one()
    assert (run["first_published_at"], run["published_at"]) == (morning(1), morning(2))


def test_the_previous_score_is_each_accounts_latest_of_an_earlier_day(ledger):
    publish(ledger, 1, {"acme": 61, "bolt": 70})
    publish(ledger, 3, {"acme": 27})
    publish(ledger, 9, {"acme": 5, "bolt": 5})

    found = scores.previous(ledger, day(9)).set_index("account_id")["score_shown"]

    assert found.to_dict() == {"acme": 27, "bolt": 70}


def test_history_tells_one_account_in_order_of_days(ledger):
    publish(ledger, 3, {"acme": 27, "bolt": 2})
    publish(ledger, 1, {"acme": 61, "bolt": 1})

    assert scores.history(ledger, "acme")["score_shown"].tolist() == [61, 27]
    assert scores.days(ledger) == [day(1), day(3)]


def test_context_and_signals_come_from_the_panel_and_unknown_is_not_zero(ledger):
    scored = pd.DataFrame([score_row("a", 40), score_row("b", 80)])[list(scores.REQUIRED)]
    panel = pd.DataFrame(
        {
            "account_id": ["b", "a"],
            "as_of": [pd.Timestamp(day(1))] * 2,
            "arr": [5.0, np.nan],
            "recent_nps": [0.0, np.nan],
            "renewal_date": [pd.Timestamp("2027-01-01"), pd.NaT],
        }
    )
    accounts = pd.DataFrame(
        {"account_id": ["a", "b"], "name": ["A & Co", None], "owner_email": ["x@y.z", None]}
    )

    scores.publish(ledger, scored, day(1), published_at=morning(1), panel=panel, accounts=accounts)

    rows = scores.of(ledger, day(1)).set_index("account_id")
    assert (rows.at["a", "name"], rows.at["b", "arr"]) == ("A & Co", 5.0)
    assert str(rows.at["b", "renewal_date"]) == "2027-01-01"
    assert scores.signals_of(ledger, day(1)) == {"a": {}, "b": {"recent_nps": 0.0}}


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([score_row("a", 1), score_row("a", 2)], "two scores"),
        ([score_row("a", 1) | {"score_shown": None}], "without a score"),
    ],
)
def test_scores_that_contradict_themselves_are_refused(ledger, rows, said):
    with pytest.raises(DataContractError, match=said):
        scores.publish(ledger, pd.DataFrame(rows), day(1), published_at=morning(1))


def test_a_missing_column_is_named(ledger):
    with pytest.raises(DataContractError, match="tier"):
        scores.publish(
            ledger, pd.DataFrame([score_row("a", 1)]).drop(columns="tier"), day(1), published_at=morning(1)
        )


def _publish_again_and_again(url: str, stop_after: float) -> None:
    engine = open_ledger(url)
    end = time.monotonic() + stop_after
    score = 0
    while time.monotonic() < end:
        score = (score + 1) % 100
        publish(engine, 1, {f"account-{n}": score for n in range(300)})


def test_a_reader_never_sees_half_a_run_while_the_publisher_is_killed(ledger, ledger_url):
    publish(ledger, 1, {f"account-{n}": 0 for n in range(300)})
    ledger.dispose()
    writer = multiprocessing.get_context("fork").Process(
        target=_publish_again_and_again, args=(ledger_url, 20.0)
    )
    writer.start()
    seen = set()
    deadline = time.monotonic() + 15
    while len(seen) < 5 and time.monotonic() < deadline:
        found = scores.of(ledger, day(1))["score_shown"]
        assert (len(found), found.nunique()) == (300, 1)
        seen.add(int(found.iloc[0]))
        if len(seen) == 4:
            writer.kill()  # in the middle of whatever it was doing
            break
    writer.kill()
    writer.join(timeout=60)

    found = scores.of(ledger, day(1))["score_shown"]
    assert (len(found), found.nunique()) == (300, 1)
    assert len(seen) >= 2


def test_two_publishers_of_one_day_at_once_leave_the_whole_of_one(ledger, ledger_url):
    """Airflow may run a task twice at once."""
    errors = []

    def work(score):
        engine = open_ledger(ledger_url)
        try:
            for _ in range(4):
                publish(engine, 1, {f"account-{n}": score for n in range(50)})
        except Exception as error:  # shown by the assertion below
            errors.append(error)
        engine.dispose()

    workers = [threading.Thread(target=work, args=(score,), daemon=True) for score in (10, 20, 30)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(timeout=120)
    assert not any(worker.is_alive() for worker in workers)

    found = scores.of(ledger, day(1))["score_shown"]
    assert errors == []
    assert (len(found), found.nunique()) == (50, 1)


def test_a_ledger_of_a_newer_version_is_refused(tmp_path):
    new_ledger(tmp_path).dispose()
    with sqlite3.connect(tmp_path / "ledger.db") as connection:
        connection.execute("UPDATE ledger_version SET version = 99")

    with pytest.raises(ConfigurationError, match="revision 0099"):
        new_ledger(tmp_path)


def test_a_ledger_url_that_means_nothing_says_how_to_write_one():
    with pytest.raises(ConfigurationError, match="sqlite:///"):
        open_ledger("ledger.db")


def test_the_champion_is_the_last_one_promoted_and_promoting_it_again_changes_nothing(ledger):
    first = model_registry.ChampionRecord(
        "m1", "models/m1", {"model.txt": "aa"}, "model", "beats it", day(1), {"auc": 0.8}
    )
    second = model_registry.ChampionRecord("m2", "models/m2", "bb", "rules", "too few churners", day(9))
    assert model_registry.current(ledger) is None

    model_registry.promote(ledger, first)
    model_registry.promote(ledger, second)
    model_registry.promote(ledger, second)

    assert model_registry.current(ledger).model_id == "m2"
    assert [record.model_id for record in model_registry.history(ledger)] == ["m2", "m1"]
    assert model_registry.history(ledger)[1].sha256 == {"model.txt": "aa"}


def test_a_past_day_is_never_scored_by_a_champion_that_saw_its_future(ledger):
    model_registry.promote(ledger, model_registry.ChampionRecord("m1", "f", "aa", "model", "", day(1)))
    model_registry.promote(ledger, model_registry.ChampionRecord("m9", "f", "bb", "model", "", day(9)))

    assert model_registry.current(ledger, as_of=day(5)).model_id == "m1"
    assert model_registry.current(ledger, as_of=date_before_all()) is None


def date_before_all():
    return day(-300)
