"""A small simulated company, taken through the whole chain by Airflow's own asset events."""

from __future__ import annotations

from tests.lib import airflow_env

# isort: split
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import pytest
import yaml

from tests.lib.asset_chain import Chain, Ran

assert airflow_env.HOME

TODAY = date(2026, 3, 16)  # a Monday: the weekly report is due as well
WEEK_BEFORE = TODAY - timedelta(days=7)


@dataclass(frozen=True)
class Story:
    """What has happened: runs by chapter; promised effects (key -> account) and scores after each."""

    home: Path
    runs: dict[str, list[Ran]]
    effects: dict[str, dict[str, str]]
    scores: dict[str, dict[str, int | None]]
    rendered: dict[str, int]


@pytest.fixture(scope="session")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    """The week before, today, today once more, and an old day filled in afterwards."""
    home = tmp_path_factory.mktemp("company")
    config = home / "company.yaml"
    config.write_text(yaml.safe_dump({"name": "Small Ltd", "simulator": {"accounts": 150}}))
    runs: dict[str, list[Ran]] = {}
    effects: dict[str, dict[str, str]] = {}
    scores: dict[str, dict[str, int | None]] = {}
    rendered: dict[str, int] = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CUSTOMER_HEALTH_HOME", str(home))
        patch.setenv("CUSTOMER_HEALTH_CONFIG", str(config))
        patch.setenv("CUSTOMER_HEALTH_TODAY", TODAY.isoformat())
        chain = Chain()
        days: dict[str, Callable[[], date]] = {
            "the week before": lambda: WEEK_BEFORE,
            "today": lambda: TODAY,
            "today again": lambda: TODAY,
            "an old day": lambda: TODAY - timedelta(days=3),
        }
        for chapter, day in days.items():
            runs[chapter] = chain.run(day())
            effects[chapter], scores[chapter] = _ledger(home)
            rendered[chapter] = sum(path.is_file() for path in (home / "preview").rglob("*"))
        runs["a range"] = chain.run(TODAY, head="build_signals", since=WEEK_BEFORE.isoformat())
        effects["a range"], scores["a range"] = _ledger(home)
        runs["a training"] = chain.run(TODAY, head="train_model")
        yield Story(home, runs, effects, scores, rendered)


def _ledger(home: Path) -> tuple[dict[str, str], dict[str, int | None]]:
    """Return every promised effect with its account, and the scores that are shown for `TODAY`."""
    from sqlalchemy import select

    from customer_health.ledger.engine import open_ledger
    from customer_health.ledger.schema import outbox, scores

    shown = select(scores.c.account_id, scores.c.score_shown).where(scores.c.as_of == TODAY)
    with open_ledger(f"sqlite:///{home}/ledger.db").connect() as connection:
        promised = connection.execute(select(outbox.c.key, outbox.c.account_id)).all()
        return dict(promised), dict(connection.execute(shown).all())
