"""Night after night: the chain as the DAGs run it, hourly ticks, incidents, and somebody who repairs."""

from __future__ import annotations

import time as wall
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from functools import partial
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from customer_health import pipeline
from customer_health.company import CompanyConfig
from customer_health.destinations import destination_registry
from customer_health.errors import CustomerHealthError
from customer_health.ledger import outbox_queries
from customer_health.ledger.engine import open_ledger
from customer_health.operations.thinning import retain
from customer_health.settings import Settings, load_settings
from tests.lib.destinations.rig import Rig
from tests.lib.destinations.slack import slack
from tests.lib.nights.calendar import Incident
from tests.lib.nights.dying import die_in

ZONE = "Europe/Berlin"
LATE_TABLE, DAMAGED_TABLE = "usage", "tickets"
TICKS = (4, 7, 9, 12, 16, 20)
"""Hours (UTC) of an ordinary day's ticks; every hour is ticked on a day on which clocks change."""


@dataclass(frozen=True)
class Failure:
    """A step that ended in an error."""

    night: date
    step: str
    error: str
    words: str


@dataclass
class Diary:
    """What happened, for `findings`.

    Attributes:
        failures: Errors that a step ended in, expected or not.
        published: Day -> when its scores were there.
        lived: Days on which the hourly tick ran.
        excused: Day -> kinds of incidents in it.
        sizes: Day -> bytes by store.
        turned_away: Day -> calls that met a fault at Slack.
        backfilled: Effects that a filled-in day promised; none should.
        seconds: Wall time of each night.
        trainings: Days on which a model was trained.
        cpu: CPU seconds by step, over all nights.
    """

    failures: list[Failure] = field(default_factory=list)
    published: dict[date, datetime] = field(default_factory=dict)
    lived: list[date] = field(default_factory=list)
    excused: dict[date, set[str]] = field(default_factory=dict)
    sizes: dict[date, dict[str, int]] = field(default_factory=dict)
    turned_away: dict[date, int] = field(default_factory=dict)
    backfilled: int = 0
    seconds: list[float] = field(default_factory=list)
    trainings: list[date] = field(default_factory=list)
    cpu: Counter[str] = field(default_factory=Counter)


class Nights:
    """A simulated company and its operators.

    Slack is a local workspace behind the real client; every other destination is a preview.

    Args:
        home: Folder of everything.
        accounts: Size of the company.
        first: First as-of date.
        nights: How many.
        incidents: What goes wrong.
        seed: Of the company.
    """

    def __init__(
        self,
        home: Path,
        *,
        accounts: int,
        first: date,
        nights: int,
        incidents: Sequence[Incident],
        seed: int = 7,
    ) -> None:
        from customer_health.simulator.product import default_start

        self.days = [first + timedelta(days=number) for number in range(nights)]
        company = {"accounts": accounts, "start": default_start(first).isoformat(), "seed": seed}
        config = {
            "simulator": company,
            "model": {"effort": "quick"},
            "destinations": {"slack": "slack"},
            "connections": {"slack": {"timeout_seconds": 5}},
            "retention": {"previews": 30},
        }
        self.settings: Settings = load_settings({}, home=home).model_copy(
            update={"config": CompanyConfig.model_validate(config)}
        )
        self.slack = self._workspace()
        self.diary = Diary()
        self.incidents: dict[date, set[str]] = {}
        for one in incidents:
            for number in one.nights:
                self.incidents.setdefault(self.days[number], set()).add(one.kind)
        self._pending: list[Callable[[], None]] = []

    def _workspace(self) -> Rig:
        rig = slack(timeout=5.0)
        server = rig.server
        server.channels |= {"customer-health-data": "C0000003"}  # type: ignore[attr-defined]
        server.page_size = 100  # type: ignore[attr-defined]
        server.slow = 0.1
        return rig

    def live(self, progress: Callable[[date], None] = lambda day: None, *, minutes: float = 1e9) -> Diary:
        """Live through all nights, or through as many as fit into so many minutes of wall time."""
        end = wall.monotonic() + minutes * 60
        kept = destination_registry.FACTORIES["slack"]
        destination_registry.FACTORIES["slack"] = lambda role, settings: self.slack.destination
        try:
            for day in self.days:
                began = wall.perf_counter()
                self._day(day)
                self.diary.seconds.append(wall.perf_counter() - began)
                self.diary.sizes[day] = self._sizes()
                progress(day)
                if wall.monotonic() > end and not self._pending:
                    self.days = self.days[: self.days.index(day) + 1]
                    break
        finally:
            destination_registry.FACTORIES["slack"] = kept
            self.slack.server.close()
        return self.diary

    def _day(self, day: date) -> None:
        wrong = self.incidents.get(day, set())
        self.diary.excused[day] = wrong
        if "dead" in wrong:
            return
        self._network(wrong)
        faults = self.slack.server.injected.total()
        waiting, self._pending = self._pending, []
        for finish in waiting:  # a night that was longer than its day
            finish()
        if not wrong & {"paused"}:
            self._night(day, _at(day, 1), wrong)
        if "back_fill" in wrong:
            self._fill_in([day - timedelta(days=back) for back in range(7, 0, -1)], _at(day, 3))
        self.diary.lived.append(day)
        for hour in range(4, 24) if clocks_change(day) else TICKS:
            if hour == 12 and "damaged_file" in wrong:
                self._repair(day)
            self._tick(_at(day, hour))
        self.diary.turned_away[day] = self.slack.server.injected.total() - faults
        self._step("retain", day, partial(retain, self.settings, now=_at(day, 23)), _at(day, 23))

    def _night(self, day: date, at: datetime, wrong: set[str] = frozenset()) -> None:  # type: ignore[assignment]
        facts = {"as_of": day}
        if not self._step("ask", day, partial(self._ask, day, wrong), at):
            return
        chain: list[tuple[str, Callable[..., Any]]] = [
            ("ingest", partial(pipeline.ingest, self.settings, asked=True, **facts)),
            ("gate", partial(pipeline.check_quality, self.settings, now=at, **facts)),
            ("texts", partial(pipeline.read_texts, self.settings, **facts)),
            ("signals", partial(pipeline.build_signals, self.settings, as_of_dates=[day])),
            ("champion", partial(pipeline.ensure_champion, self.settings, now=at, **facts)),
        ]
        if not all(self._step(name, day, step, at) for name, step in chain):
            return
        if "long_night" in wrong:
            self._pending.append(partial(self._act, day, at + timedelta(hours=26), wrong))
        else:
            self._act(day, at + timedelta(hours=1), wrong)

    def _act(self, day: date, at: datetime, wrong: set[str]) -> None:
        for step, point in (
            ("score_accounts", "publish_before_commit"),
            ("run_playbooks", "run_after_commit"),
        ):
            if "killed" in wrong:
                died = die_in(step, point, self.settings, day, at)
                assert died, f"{step} was to die at {point} and did not"
            if not self._step(
                step, day, partial(getattr(pipeline, step), self.settings, as_of=day, now=at), at
            ):
                return
            if step == "score_accounts":
                self.diary.published.setdefault(day, at)
        if pipeline.training_due(self.settings, as_of=day).counts()["due"]:
            self.diary.trainings.append(day)
            self._step("train", day, partial(pipeline.train_model, self.settings, as_of=day, now=at), at)
            self._step("watch", day, partial(pipeline.watch_model, self.settings, as_of=day), at)
        self._deliver(at)
        if day.weekday() == 0:
            self._step("kpis", day, partial(pipeline.report_kpis, self.settings, as_of=day, now=at), at)

    def _tick(self, at: datetime) -> None:
        self._step("follow_up", at.date(), partial(pipeline.follow_up, self.settings, now=at), at)
        self._deliver(at)

    def _deliver(self, at: datetime) -> None:
        self.slack.server._clock = int(at.timestamp())  # type: ignore[attr-defined]
        for name in pipeline.destinations(self.settings):
            deliver = partial(
                pipeline.deliver_effects, self.settings, destination=name, now=at, patience=timedelta(0)
            )
            self._step(f"deliver {name}", at.date(), deliver, at)

    def _fill_in(self, days: Sequence[date], at: datetime) -> None:
        """What `airflow backfill create` does: the chain for each old day; nothing of it may leave."""
        promised = _promised(self.settings)
        for day in days:
            self._night(day, at)
        self.diary.backfilled += _promised(self.settings) - promised

    def _ask(self, day: date, wrong: set[str]) -> None:
        pipeline.ask_source(self.settings, as_of=day, source="simulated")
        company = self.settings.home / "company"
        if "late_source" in wrong:
            until = f"_{day}.parquet"
            for path in (company / LATE_TABLE).glob(f"*{until}"):
                path.unlink()  # the simulator writes it anew, and longer, when it is asked again
        if "damaged_file" in wrong:
            newest = max((company / DAMAGED_TABLE).glob(f"*_{day}.parquet"))
            newest.write_bytes(newest.read_bytes()[:-64])

    def _repair(self, day: date) -> None:
        """In the morning the file is delivered again, and somebody clears the red task."""
        for path in (self.settings.home / "company" / DAMAGED_TABLE).glob(f"*_{day}.parquet"):
            path.unlink()
        self._night(day, _at(day, 10))

    def _network(self, wrong: set[str]) -> None:
        server = self.slack.server
        server.chance, server.kinds = 0.0, ("500_before",)
        if "slack_down" in wrong:
            server.chance = 1.0
        elif "slack_faults" in wrong:
            server.chance = 0.1
            server.kinds = ("429", "500_before", "500_after", "reset_before", "reset_after", "garbage_after")

    def _step(self, name: str, day: date, step: Callable[..., Any], at: datetime) -> bool:
        """Run a step as Airflow does: what fails for good is told."""
        began = wall.process_time()
        try:
            step()
        except CustomerHealthError as error:
            self.diary.failures.append(Failure(day, name, type(error).__name__, error.message))
            pipeline.notice_failure(
                self.settings,
                dag="night",
                task=name.replace(" ", "_"),
                as_of=day,
                words=str(error),
                remedy=error.hint or "none",
                link="",
                now=at,
            )
            return False
        finally:
            self.diary.cpu[name.partition(" ")[0]] += wall.process_time() - began
        return True

    def _sizes(self) -> dict[str, int]:
        home = self.settings.home
        sizes = {"ledger": 0, "warehouse": 0}
        for path in home.rglob("*"):
            if path.is_file():
                top = path.relative_to(home).parts[0]
                name = top.split(".")[0]
                sizes[name] = sizes.get(name, 0) + path.stat().st_size
        return sizes


def clocks_change(day: date) -> bool:
    """Whether clocks change on a day in ZONE."""
    zone = ZoneInfo(ZONE)
    noon, before = (datetime.combine(one, time(12), zone) for one in (day, day - timedelta(days=1)))
    return noon.utcoffset() != before.utcoffset()


def _promised(settings: Settings) -> int:
    return outbox_queries.total(open_ledger(settings.ledger_url))


def _at(day: date, hour: int) -> datetime:
    return datetime.combine(day, time(hour), UTC)
