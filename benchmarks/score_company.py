"""A simulated company that lives through weekly readings and monthly trainings, as the product does it.

Nothing here scores: loading, signals, training, smoothing and publishing are the pipeline's own steps, and
what is measured is read back from the ledger. The company's data, and its truth, are kept in the folder;
`again` trains and scores anew on them, as one must after a change of the product.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property
from pathlib import Path

import pandas as pd

from customer_health import pipeline
from customer_health.company import CompanyConfig
from customer_health.ledger import model_registry, training_runs
from customer_health.ledger import scores as ledger_scores
from customer_health.ledger.engine import open_ledger
from customer_health.ledger.model_registry import ChampionRecord
from customer_health.model.data.decision_window import LONGEST
from customer_health.model.data.training_data import TrainingData
from customer_health.model.registry.champion import Champion
from customer_health.pipeline.retraining import load_champion
from customer_health.pipeline.training_inputs import training_inputs
from customer_health.progress import silent
from customer_health.settings import Settings, load_settings
from customer_health.signals.build_panel import read_signals
from customer_health.simulator.canonical_exports import build_world
from customer_health.simulator.world import World
from customer_health.warehouse.connect import open_warehouse

MORNING = time(6)
BEYOND = timedelta(days=LONGEST + 60)  # until every decision that is in sight has been made
Say = Callable[[str], None]


@dataclass(frozen=True)
class Lived:
    """What became of one company.

    Attributes:
        kind: Of company.
        seed: Its seed.
        settings: Where it lies.
        days: As-of dates of the weekly readings, oldest first; the first model is trained on the first.
    """

    kind: str
    seed: int
    settings: Settings
    days: tuple[date, ...]

    @property
    def name(self) -> str:
        """As tables say it."""
        return f"{self.kind} {self.seed}"

    @property
    def config(self) -> CompanyConfig:
        """Company file, with the product's own words."""
        return pipeline.company_config(self.settings)

    @cached_property
    def world(self) -> World:
        """Everything that happens, until every decision has been made."""
        born = json.loads((self.settings.home / "company" / "company.json").read_text(encoding="utf-8"))
        return build_world(
            start=date.fromisoformat(born["start"]),
            through=self.days[-1] + BEYOND,
            accounts=born["accounts"],
            seed=born["seed"],
            kind=born["kind"],
        )

    @cached_property
    def scores(self) -> pd.DataFrame:
        """All published rows of all days."""
        ledger = open_ledger(self.settings.ledger_url)
        return pd.concat([ledger_scores.of(ledger, day) for day in self.days], ignore_index=True)

    @cached_property
    def panel(self) -> pd.DataFrame:
        """Signals of all days."""
        with open_warehouse(self.settings.warehouse_url) as con:
            return pd.concat([read_signals(con, day) for day in self.days], ignore_index=True)

    @cached_property
    def record(self) -> ChampionRecord:
        """What the first training decided."""
        found = model_registry.current(open_ledger(self.settings.ledger_url), as_of=self.days[0])
        assert found is not None
        return found

    @cached_property
    def champion(self) -> Champion | None:
        """The model that scored the first day; None if rules did."""
        return load_champion(self.record)[0]

    @cached_property
    def trainings(self) -> list[training_runs.TrainingNote]:
        """What became of every training, oldest first."""
        return training_runs.history(open_ledger(self.settings.ledger_url))[::-1]

    def champion_of(self, day: date) -> Champion | None:
        """The model that scored a day; None if rules did."""
        record = model_registry.current(open_ledger(self.settings.ledger_url), as_of=day)
        assert record is not None
        if record.model_id not in self._loaded:
            self._loaded[record.model_id] = load_champion(record)[0]
        return self._loaded[record.model_id]

    @cached_property
    def _loaded(self) -> dict[str, Champion | None]:
        return {}

    @cached_property
    def training(self) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Panel and outcomes that the first training saw."""
        kept = [self.settings.home / f"training_{name}.parquet" for name in ("panel", "outcomes")]
        if not all(path.exists() for path in kept):
            panel, outcomes, _, _ = training_inputs(self.settings, self.config, self.days[0], silent)
            for table, path in zip((panel, outcomes), kept, strict=True):
                table.to_parquet(path)
        return pd.read_parquet(kept[0]), pd.read_parquet(kept[1])

    @cached_property
    def training_data(self) -> TrainingData:
        """The same as the candidates are taught with it."""
        panel, outcomes = self.training
        return TrainingData.of(panel, outcomes, self.config, as_of=self.days[0])


def live(
    folder: Path,
    kind: str,
    seed: int,
    *,
    accounts: int,
    today: date,
    weeks: int,
    effort: str,
    say: Say,
    retrain: int = 4,
    again: bool = False,
) -> Lived:
    """Simulate, load, and score every week; what is done already is not repeated.

    Trained is on the first day, and later when the product says that a training is due (once a month).

    Args:
        folder: Where companies lie.
        kind: See `simulator/company_kinds.py`.
        seed: Of the company.
        accounts: Its accounts.
        today: The last reading.
        weeks: Weeks between the first reading and the last.
        effort: Of the training.
        say: Told what is being done.
        retrain: Weeks that lie at least between two trainings; 0: only the first.
        again: Throw away models and scores of an earlier run.
    """
    home = folder / f"{kind}-{seed}-{accounts}-{today}"
    days = tuple(today - timedelta(weeks=back) for back in range(weeks, -1, -1))
    settings = _settings(home, kind, seed, accounts, effort).model_copy(update={"today": today})
    lived = Lived(kind, seed, settings, days)
    pipeline.upgrade_ledger(settings)
    signals = home / f"signals_{weeks}.done"
    if not signals.exists():
        say(f"{lived.name}: loading {accounts:,} accounts until {today}")
        _load(settings, today)
        say(f"{lived.name}: signals of {len(days)} days in one pass")
        pipeline.build_signals(settings, as_of_dates=days)
        signals.touch()
    done = home / f"lived_{weeks}_{effort}_{retrain}.done"
    if again or not done.exists():
        for path in (home / "ledger.db", *home.glob("ledger.db-*"), *home.glob("lived_*.done")):
            path.unlink(missing_ok=True)
        if again:  # what was kept of folds was fitted by the product as it was
            shutil.rmtree(settings.models, ignore_errors=True)
        say(f"{lived.name}: training on what {days[0]} knew")
        pipeline.upgrade_ledger(settings)  # the one before was thrown away
        result = pipeline.train_model(settings, as_of=days[0])
        say(f"{lived.name}: {result.sentences[0]}")
        _score(settings, days, lived.name, say, retrain)
        done.touch()
    return lived


def _settings(home: Path, kind: str, seed: int, accounts: int, effort: str) -> Settings:
    settings = load_settings(home=home)
    config = settings.config
    # The truth is about leaving; other heads would only cost time here.
    model = config.model.model_copy(update={"effort": effort, "loss_types": ("logo_churn",)})
    simulator = {"accounts": accounts, "seed": seed, "kind": kind}
    changed = config.model_copy(update={"model": model, "simulator": simulator})
    return settings.model_copy(update={"config": changed})


def _load(settings: Settings, today: date) -> None:
    pipeline.ingest(settings, as_of=today)
    pipeline.check_quality(settings, as_of=today, now=_morning(today))
    pipeline.read_texts(settings, as_of=today)


def _score(settings: Settings, days: Sequence[date], name: str, say: Say, retrain: int) -> None:
    trained = days[0]
    for number, day in enumerate(days, 1):
        pretended = settings.model_copy(update={"today": day})
        rested = retrain and day - trained >= timedelta(weeks=retrain)
        if rested and pipeline.training_due(pretended, as_of=day).numbers["due"]:
            result = pipeline.train_model(pretended, as_of=day)
            trained = day
            say(f"{name}: trained as of {day}: {result.numbers['promotion']}; {result.sentences[0]}")
        pipeline.score_accounts(pretended, as_of=day, now=_morning(day), briefly=True)
        if number % 5 == 0 or number == len(days):
            say(f"{name}: scored {number} of {len(days)} weeks")


def _morning(day: date) -> datetime:
    return datetime.combine(day, MORNING, UTC)
