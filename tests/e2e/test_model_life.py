"""The life of a model with a real warehouse, ledger and artefacts: published, graded, doubted, taken back."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml
from sqlalchemy import Engine, delete, select

from customer_health import pipeline
from customer_health.cli.command_line import main
from customer_health.company import CompanyConfig
from customer_health.errors import CustomerHealthError
from customer_health.ledger import model_registry as registry
from customer_health.ledger import report_numbers, training_runs
from customer_health.ledger import scores as ledger_scores
from customer_health.ledger.engine import open_ledger, writing
from customer_health.ledger.outbox import admin
from customer_health.ledger.schema import champions, score_runs
from customer_health.model.registry import promotion
from customer_health.warehouse.connect import open_warehouse
from tests.lib import telling_company
from tests.lib.telling_company import CONFIG, LAST, settings_of

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

DAYS = [date(2025, month, 1) for month in (5, 6, 7, 8, 9, 10, 12)]
FIRST_TRAINING, SECOND_TRAINING = DAYS[0], date(2025, 10, 1)
HORIZON = timedelta(days=90)


def morning(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, 6, tzinfo=UTC)


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Seven days of published scores, by two models that were trained on their way."""
    folder = tmp_path_factory.mktemp("telling")
    telling_company.write(folder)
    settings = settings_of(folder)
    pipeline.ingest(settings, as_of=LAST)
    pipeline.check_quality(settings, as_of=LAST, now=morning(LAST))
    pipeline.build_signals(settings, as_of_dates=DAYS)
    for day in DAYS:
        if day in (FIRST_TRAINING, SECOND_TRAINING):
            made = pipeline.train_model(settings, as_of=day, now=morning(day))
            assert made.counts()["promotion"] == "promote", made.lines()
        pipeline.score_accounts(settings, as_of=day, now=morning(day))
    return folder


@pytest.fixture
def folder(lived: Path, tmp_path: Path) -> Path:
    """A copy that a test may spoil; its registry names the copy's files."""
    copy = tmp_path / "telling"
    shutil.copytree(lived, copy)
    with writing(ledger_of(copy)) as connection:
        for row in connection.execute(select(champions)).mappings().all():
            moved = row["folder"].replace(str(lived), str(copy))
            connection.execute(champions.update().where(champions.c.id == row["id"]).values(folder=moved))
    return copy


def ledger_of(folder: Path) -> Engine:
    return open_ledger(settings_of(folder).ledger_url)


def champion_of(ledger: Engine) -> registry.ChampionRecord:
    record = registry.current(ledger)
    assert record is not None, "the first training of this company has promoted one"
    return record


def current(folder: Path) -> str:
    return champion_of(ledger_of(folder)).model_id


def with_model(**changes: Any) -> CompanyConfig:
    return CONFIG.model_copy(update={"model": CONFIG.model.model_copy(update=changes)})


@pytest.fixture
def command(folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    """Run the command line as a person would, on the copy; return exit code and what was printed."""
    config = folder / "company.yaml"
    config.write_text(yaml.safe_dump(CONFIG.model_dump(mode="json", exclude_defaults=True)))
    for name, value in (("DATA", folder / "data"), ("MAPPING", folder / "mapping.yaml"), ("CONFIG", config)):
        monkeypatch.setenv(f"CUSTOMER_HEALTH_{name}", str(value))

    def run(*arguments: str) -> tuple[int, str]:
        code = main(["--home", str(folder / "home"), *arguments])
        printed = capsys.readouterr()
        return code, printed.out + printed.err

    return run


def test_the_scoreboard_says_what_a_person_counts_by_hand(lived: Path) -> None:
    settings, ledger = settings_of(lived), ledger_of(lived)

    told = pipeline.watch_model(settings, as_of=LAST)

    with open_warehouse(settings.warehouse_url) as con:
        lost = dict(con.execute("SELECT account_id, occurred_at::DATE FROM raw.outcomes").fetchall())
    _, kept = report_numbers.latest(ledger, report_numbers.SCOREBOARD)
    assert kept is not None
    graded = {row["as_of"]: row for row in kept["days"]}
    assert sorted(graded) == [day.isoformat() for day in DAYS if day + HORIZON <= LAST]
    expected, red, saved, missed = 0.0, 0, 0, set()
    for day in map(date.fromisoformat, graded):
        scored = ledger_scores.of(ledger, day).query("state == 'scored'")
        # Who had left already, though nobody had logged it yet, was not a customer to predict.
        scored = scored[[lost.get(name, LAST) > day for name in scored["account_id"]]]
        gone = {name for name, when in lost.items() if day < when <= day + HORIZON}
        y = scored["account_id"].isin(gone)
        own = graded[day.isoformat()]
        assert (own["accounts"], own["lost"]) == (len(scored), int(y.sum()))
        alarm = scored["band"].isin(["Red", "Yellow"])
        assert own["recall_red_yellow"] == pytest.approx(alarm[y].mean())
        top = scored.nsmallest(round(0.1 * len(scored)), "score")["account_id"]
        assert own["recall_at_capacity"] == pytest.approx(len(set(top) & gone) / y.sum(), abs=0.07)
        expected += scored["p90"].sum()
        red += int((scored["band"] == "Red").sum())
        saved += int((scored.loc[y, "band"] == "Red").sum())
        missed |= set(scored.loc[y & ~alarm, "account_id"])
    assert told.counts()["precision_red"] == pytest.approx(saved / red, abs=1e-4)
    observed = sum(row["lost"] for row in graded.values())
    assert told.counts()["predicted_to_observed"] == pytest.approx(expected / observed, abs=1e-3)
    assert {row["account_id"] for row in kept["missed"]} == missed
    assert {row["segment"] for row in kept["segments"]} == {"smb", "mid_market", "enterprise"}
    assert sum(row["lost"] for row in kept["segments"]) == observed


def test_a_missed_loss_is_shown_with_what_its_signals_said_that_day(lived: Path) -> None:
    settings = settings_of(lived)
    report = pipeline.watch_model(settings, as_of=LAST).report
    assert report is not None

    _, kept = report_numbers.latest(ledger_of(lived), report_numbers.SCOREBOARD)

    assert kept is not None
    told = [row for row in kept["missed"] if row["signals"]]
    assert told
    row = told[0]
    name, value = row["signals"].split(", ")[0].rsplit(" ", 1)
    with open_warehouse(settings.warehouse_url) as con:
        query = f'SELECT account_id, {name} FROM signals."values" WHERE as_of = ? AND is_customer'
        day = con.execute(query, [row["as_of"]]).df().set_index("account_id")[name]
    assert day[row["account_id"]] == pytest.approx(float(value), rel=0.01)
    share = min((day <= day[row["account_id"]]).mean(), (day >= day[row["account_id"]]).mean())
    assert share <= 0.10 + 1 / len(day)
    assert row["signals"] in report.read_text()


def test_a_loss_that_was_not_known_yet_changes_no_grade(folder: Path) -> None:
    settings, ledger = settings_of(folder), ledger_of(folder)
    before = pipeline.watch_model(settings, as_of=DAYS[-1]).counts()
    with open_warehouse(settings.warehouse_url) as con:
        con.execute("DELETE FROM raw.outcomes WHERE known_at >= ?", [DAYS[-1]])

    assert pipeline.watch_model(settings, as_of=DAYS[-1]).counts() == before
    assert report_numbers.latest(ledger, report_numbers.SCOREBOARD, as_of=DAYS[-1])[0] == DAYS[-1]


def test_a_rollback_by_command_returns_to_the_model_before_which_then_scores(
    folder: Path, command: Any
) -> None:
    younger, older = (record.model_id for record in registry.history(ledger_of(folder)))

    code, said = command("rollback", "--by", "ada", "--reason", "the new one cries wolf")
    _, scored = command("score", "--as-of", DAYS[-1].isoformat())

    assert (code, older in said, "ada: the new one cries wolf" in said) == (0, True, True)
    assert f"Scored by {older}" in scored
    assert set(ledger_scores.of(ledger_of(folder), DAYS[-1])["model_id"]) == {older}
    assert command("rollback", "--by", "ada", "--reason", "no, it was right", "--to", younger)[0] == 0
    assert current(folder) == younger
    code, said = command("rollback", "--by", "ada", "--reason", "typo", "--to", "model-1")
    assert (code, "There is no earlier model 'model-1'" in said) == (2, True)


def test_who_scores_when_artefacts_are_damaged_stands_beside_the_day(folder: Path, command: Any) -> None:
    younger, older = (Path(record.folder) for record in registry.history(ledger_of(folder)))

    def day_of() -> tuple[str, str, str]:
        command("score", "--as-of", DAYS[-1].isoformat())
        with ledger_of(folder).connect() as connection:
            row = (
                connection.execute(select(score_runs).where(score_runs.c.as_of == DAYS[-1])).mappings().one()
            )
        return row["mode"], row["model_id"], row["note"]

    _spoil(younger)
    mode, model, note = day_of()
    assert (mode, model) == ("model", older.name)
    assert f"The champion {younger.name} is not usable" in note
    _spoil(older)
    mode, model, note = day_of()
    assert (mode, model) == ("rules", "rules_v1_seed")
    assert "The rule score is used instead" in note


def _spoil(folder: Path) -> None:
    path = folder / "champion.json"
    path.write_text(path.read_text() + " ")


def test_a_champion_of_an_older_catalogue_scores_on_and_one_that_reads_what_is_gone_gives_way(
    folder: Path,
) -> None:
    settings, ledger = settings_of(folder), ledger_of(folder)
    read = next(n for n in registry.history(ledger)[0].summary["signals"] if n.startswith("usage"))
    with open_warehouse(settings.warehouse_url) as con:
        con.execute('ALTER TABLE signals."values" ADD COLUMN a_new_signal DOUBLE')
    assert (
        pipeline.score_accounts(settings, as_of=DAYS[-1], now=morning(DAYS[-1])).counts()["mode"] == "model"
    )
    with open_warehouse(settings.warehouse_url) as con:
        con.execute(f'ALTER TABLE signals."values" DROP COLUMN {read}')

    done = pipeline.score_accounts(settings, as_of=DAYS[-1], now=morning(DAYS[-1]))

    assert done.counts()["mode"] == "rules"
    assert f"it reads {read}, which is no longer built" in done.lines()[0]


def test_a_model_that_asks_scores_nothing_until_it_is_approved_by_command(folder: Path, command: Any) -> None:
    config = with_model(approval="required")
    (folder / "company.yaml").write_text(
        yaml.safe_dump(config.model_dump(mode="json", exclude_defaults=True))
    )
    in_office = current(folder)

    command("train", "--as-of", "2025-11-01")
    refused = registry.pending(ledger_of(folder))
    assert refused is not None
    code, said = command("reject-model", refused.model_id, "--by", "grace")
    assert (code, "rejected: the champion in use stays (by grace)" in said) == (0, True)
    assert registry.pending(ledger_of(folder)) is None
    code, said = command("train", "--as-of", "2025-12-01")
    waiting = registry.pending(ledger_of(folder))

    assert (code, "waits for approval" in said) == (0, True)
    assert waiting is not None
    assert current(folder) == in_office
    assert training_runs.history(ledger_of(folder))[0].outcome == "pending"
    assert command("approve-model", "model-1", "--by", "grace")[0] == 2
    code, said = command("approve-model", waiting.model_id, "--by", "grace")
    assert (code, "approved: it is the champion now (by grace)" in said) == (0, True)
    assert current(folder) == waiting.model_id
    assert waiting.model_id in command("score", "--as-of", "2025-12-01")[1]
    command("rollback", "--by", "ada", "--reason", "not yet")
    assert current(folder) == in_office


def test_two_months_without_a_good_training_are_told_once_through_the_outbox(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # How many accounts a new model of so small a company repaints hangs on chance: here it is half of them.
    monkeypatch.setattr(promotion, "tier_churn", lambda *_: 0.5)
    held = settings_of(folder, with_model(max_tier_churn=0.1))
    broken = settings_of(folder, with_model(primary_horizon=180))  # a horizon that is not trained

    def told() -> list[Any]:
        rows = [row for row in admin.find(ledger_of(folder)) if row["playbook"] == "data_notice"]
        return [row for row in rows if row["step"] == "training"]

    november, december = date(2025, 11, 1), date(2025, 12, 1)
    assert pipeline.train_model(held, as_of=november, now=morning(november)).counts()["promotion"] == "hold"
    assert told() == []
    with pytest.raises(CustomerHealthError, match="primary_horizon is 180"):
        pipeline.train_model(broken, as_of=december, now=morning(december))
    with pytest.raises(CustomerHealthError):
        pipeline.train_model(broken, as_of=december, now=morning(december))

    assert len(told()) == 1
    row = told()[0]
    assert row["payload"]["channel"] == CONFIG.playbooks.data_channel
    text = " ".join(row["payload"]["lines"])
    assert "2025-12-01: failed: model.primary_horizon is 180 days" in text
    assert "2025-11-01: held" in text
    assert "50% of the accounts would change colour" in text
    from customer_health.cli.run_summary import demo_summary

    assert "No training went well for 2 months" in demo_summary(held, as_of=december)


def test_a_training_that_is_killed_goes_on_where_it_stopped_and_its_death_is_noted(
    folder: Path, command: Any
) -> None:
    ledger, models = ledger_of(folder), folder / "home" / "models"
    whole = champion_of(ledger).model_id
    shutil.rmtree(models / ".folds")
    with writing(ledger) as connection:
        connection.execute(delete(champions).where(champions.c.model_id == whole))
    arguments = ["--home", str(folder / "home"), "train", "--as-of", SECOND_TRAINING.isoformat()]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    child = subprocess.Popen(
        [sys.executable, "-m", "customer_health", *arguments], env=environment, stderr=subprocess.DEVNULL
    )
    try:
        while child.poll() is None and len(list(models.glob(".folds/*.npy"))) < 3:
            time.sleep(0.05)
        assert child.poll() is None, "it ended before it could be killed"
    finally:
        child.send_signal(signal.SIGKILL)
        child.wait()
    assert training_runs.history(ledger)[0].outcome == "started"
    kept = {path.name: path.stat().st_mtime_ns for path in models.glob(".folds/*.npy")}

    assert command("train", "--as-of", SECOND_TRAINING.isoformat())[0] == 0

    after = {path.name: path.stat().st_mtime_ns for path in models.glob(".folds/*.npy")}
    assert kept.items() <= after.items(), "what was computed before the kill was computed again"
    assert champion_of(ledger).model_id == whole
    assert training_runs.history(ledger)[0].outcome == "promoted"


def test_the_value_of_data_is_a_command_whose_findings_reach_card_and_page(
    folder: Path, command: Any
) -> None:
    code, said = command("value-of-data", "--as-of", SECOND_TRAINING.isoformat())

    assert code == 0
    assert "Sources that matter: contracts" in said
    _, kept = report_numbers.latest(ledger_of(folder), report_numbers.VALUE_OF_DATA)
    assert kept is not None
    rows = pd.DataFrame(kept["rows"]).set_index(["kind", "name"])
    noise = rows.loc[("source", "surveys"), "verdict"]
    assert noise in ("cannot tell", "next to nothing"), "answers are noise in this company"
    assert rows.loc[("source", "contracts"), "recall_low"] > 0
    assert rows.loc[("source", "contracts"), "auc_loss"] > rows.loc[("source", "usage"), "auc_loss"]
    card = Path(champion_of(ledger_of(folder)).folder) / "model_card.md"
    command("value-of-data", "--as-of", SECOND_TRAINING.isoformat())
    text = card.read_text()
    assert text.count("## What each source is worth") == 1
    assert text.index("## What each source is worth") < text.index("## When not to believe it")
    assert (card.parent / "value_of_data.png").read_bytes().startswith(b"\x89PNG")
