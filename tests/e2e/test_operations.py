"""The stores in years: a back-up that was restored once, and a ledger that does not grow for ever."""

from __future__ import annotations

import os
import shutil
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import insert, select

from customer_health import pipeline
from customer_health.company import CompanyConfig
from customer_health.errors import ConfigurationError, FatalError
from customer_health.ledger import schema
from customer_health.ledger.engine import open_ledger, writing
from customer_health.operations.backup import back_up, restore
from customer_health.operations.thinning import retain
from customer_health.settings import Settings, load_settings
from customer_health.warehouse.connect import open_warehouse
from tests.lib.ledgers import KINDS, new_url

pytestmark = pytest.mark.slow
DAY = date(2026, 3, 16)
NOW = datetime(2026, 3, 16, 6, tzinfo=UTC)
CONFIG = CompanyConfig.model_validate({"name": "Small Ltd", "simulator": {"accounts": 40}})


def settings_at(home: Path, ledger: str) -> Settings:
    home.mkdir(parents=True, exist_ok=True)
    environment = {"CUSTOMER_HEALTH_LEDGER_URL": ledger}
    return load_settings(environment, home=home).model_copy(update={"config": CONFIG})


def night(settings: Settings, day: date) -> None:
    now = datetime(day.year, day.month, day.day, 6, tzinfo=UTC)
    pipeline.ingest(settings, as_of=day)
    pipeline.check_quality(settings, as_of=day, now=now)
    pipeline.build_signals(settings, as_of_dates=[day])
    pipeline.score_accounts(settings, as_of=day, now=now)
    pipeline.run_playbooks(settings, as_of=day, now=now)


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One night of a small company, with its ledger in a file."""
    home = tmp_path_factory.mktemp("lived")
    night(settings_at(home, f"sqlite:///{home}/ledger.db"), DAY)
    return home


def ledger_of(settings: Settings) -> dict[str, list[tuple[object, ...]]]:
    with open_ledger(settings.ledger_url).connect() as connection:
        return {
            table.name: [tuple(row) for row in connection.execute(select(table).order_by(*table.primary_key))]
            for table in schema.metadata.sorted_tables
        }


def warehouse_of(settings: Settings) -> dict[str, list[tuple[object, ...]]]:
    with open_warehouse(settings.warehouse_url) as con:
        names = con.execute(
            "SELECT schema_name || '.\"' || table_name || '\"' FROM duckdb_tables() ORDER BY 1"
        ).fetchall()
        return {name: con.execute(f"SELECT * FROM {name} ORDER BY ALL").fetchall() for (name,) in names}


@pytest.mark.parametrize("kind", KINDS)
def test_what_was_restored_equals_the_original_and_the_next_night_goes_on(
    lived: Path, tmp_path: Path, kind: str
) -> None:
    shutil.copytree(lived, tmp_path / "lived")
    before = settings_at(tmp_path / "lived", f"sqlite:///{tmp_path}/lived/ledger.db")
    kept = back_up(before, str(tmp_path / "kept"), now=NOW)
    assert kept.counts()["ledger_rows"] > 100
    (place,) = (tmp_path / "kept").iterdir()
    after = settings_at(tmp_path / "home", new_url(kind, tmp_path))
    restore(after, str(place))
    assert warehouse_of(after) == warehouse_of(before)
    old, new = ledger_of(before), ledger_of(after)
    promised, again = old.pop("outbox"), new.pop("outbox")
    assert new == old
    states = [column.name for column in schema.outbox.columns].index("state")
    assert [row[0] for row in again] == [row[0] for row in promised]
    # What waits for a person waits on; everything else that was open is doubted.
    doubted = [{"pending": "unknown"}.get(row[states], row[states]) for row in promised]
    assert "unknown" in doubted
    assert [row[states] for row in again] == doubted
    for settings in (before, after):
        night(settings, DAY + timedelta(days=1))
        pipeline.deliver_effects(settings, destination="crm", now=NOW + timedelta(days=1))
    # Numbers that the engine gives out, and who asked first, may differ; what was scored and decided may not.
    old, new = ledger_of(before), ledger_of(after)
    for table in ("scores", "score_signals", "episodes", "decisions"):
        assert new[table] == old[table], table
    assert [row[0] for row in new["outbox"]] == [row[0] for row in old["outbox"]]


def test_a_restore_overwrites_nothing(lived: Path, tmp_path: Path) -> None:
    settings = settings_at(lived, f"sqlite:///{lived}/ledger.db")
    back_up(settings, str(tmp_path / "kept"), now=NOW)
    (place,) = (tmp_path / "kept").iterdir()
    with pytest.raises(ConfigurationError, match=r"is not empty: it holds warehouse\.duckdb"):
        restore(settings, str(place))
    elsewhere = settings_at(tmp_path / "home", settings.ledger_url)
    with pytest.raises(ConfigurationError, match="The ledger is not empty"):
        restore(elsewhere, str(place))
    assert list((tmp_path / "home").iterdir()) == []


@pytest.mark.parametrize("harm", ["a byte", "a file", "the manifest"])
def test_a_damaged_back_up_changes_nothing(lived: Path, tmp_path: Path, harm: str) -> None:
    back_up(settings_at(lived, f"sqlite:///{lived}/ledger.db"), str(tmp_path / "kept"), now=NOW)
    (place,) = (tmp_path / "kept").iterdir()
    victim = place / "ledger" / "scores.jsonl.gz"
    if harm == "a byte":
        data = bytearray(victim.read_bytes())
        data[len(data) // 2] ^= 1
        victim.write_bytes(bytes(data))
    elif harm == "a file":
        victim.unlink()
    else:
        (place / "manifest.json").unlink()
    settings = settings_at(tmp_path / "home", f"sqlite:///{tmp_path}/new.db")
    with pytest.raises(FatalError, match=r"damaged|missing|has no readable manifest"):
        restore(settings, str(place))
    assert list((tmp_path / "home").iterdir()) == []
    assert not (tmp_path / "new.db").exists() or ledger_of(settings)["scores"] == []


@pytest.mark.parametrize("kind", KINDS)
def test_a_year_of_scores_becomes_a_quarter_of_days_and_weeks_before_it(tmp_path: Path, kind: str) -> None:
    settings = settings_at(tmp_path / "home", new_url(kind, tmp_path))
    engine, today = open_ledger(settings.ledger_url), date(2026, 12, 31)
    days = [today - timedelta(days=back) for back in range(365)]
    opened = date(2026, 2, 10)
    run = {"accounts": 2, "mode": "rules", "code_version": "1"}
    with writing(engine) as connection:
        connection.execute(
            insert(schema.score_runs),
            [{"as_of": day, "first_published_at": NOW, "published_at": NOW, **run} for day in days],
        )
        rows = [
            {"as_of": day, "account_id": account, "state": "scored"} for day in days for account in ("a", "b")
        ]
        connection.execute(insert(schema.scores), rows)
        connection.execute(
            insert(schema.episodes).values(
                episode_id="e",
                account_id="b",
                opened_as_of=opened,
                opened_at=NOW,
                opened_score=10,
                inherited=False,
                red_since=opened,
                lowest_score=10,
                closed_as_of=opened + timedelta(days=20),
            )
        )
    now = datetime(2026, 12, 31, 4, tzinfo=UTC)
    removed = retain(settings, now=now).counts()["scores"]
    with engine.connect() as connection:
        kept = connection.execute(select(schema.scores.c.as_of, schema.scores.c.account_id)).all()
    assert removed == 730 - len(kept)
    quiet = {day for day, account in kept if account == "a"}
    assert quiet == {d for d in days if (today - d).days <= 90 or d.weekday() == 0 or d.day == 1}
    around = {day for day, account in kept if account == "b"} - quiet
    assert {opened - timedelta(days=2), opened + timedelta(days=60)} <= around
    assert retain(settings, now=now).counts()["scores"] == 0


def test_old_previews_go_and_young_ones_stay(tmp_path: Path) -> None:
    settings = settings_at(tmp_path, f"sqlite:///{tmp_path}/ledger.db")
    old, young = settings.preview / "slack" / "old.md", settings.preview / "crm" / "young.md"
    for path in (old, young):
        path.parent.mkdir(parents=True)
        path.write_text("said")
    long_ago = (NOW - timedelta(days=91)).timestamp()
    os.utime(old, (long_ago, long_ago))
    os.utime(young, (NOW.timestamp(), NOW.timestamp()))
    assert retain(settings, now=NOW).counts()["previews"] == 1
    assert [path.name for path in settings.preview.rglob("*")] == ["crm", "young.md"]
