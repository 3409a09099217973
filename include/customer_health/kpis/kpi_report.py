"""The KPI report: a page of Markdown, counts for machines, and no number that the data cannot carry."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import Engine

from customer_health import storage
from customer_health.company import CompanyConfig
from customer_health.kpis.adoption import Adoption, adoption, tier_migration
from customer_health.kpis.alert_precision import (
    AlertPrecision,
    alert_precision,
    graded,
    precision_by_reason,
)
from customer_health.kpis.graduation_readings import keep_readings
from customer_health.kpis.hierarchy import RollUp, groups
from customer_health.kpis.holdout_effect import Readout, readout
from customer_health.kpis.interventions import (
    MIN_EPISODES,
    SAVE_GOAL,
    SAVED_WITHIN,
    SaveRate,
    TimeToIntervention,
    save_rate,
    time_to_intervention,
)
from customer_health.kpis.playbooks_at_work import AtWork, playbooks_at_work, section
from customer_health.kpis.retention import MIN_ACCOUNTS, Retention, retention, start_of
from customer_health.ledger import report_numbers
from customer_health.ledger.decisions import Shadow, would_have_fired
from customer_health.ledger.score_history import segments_at
from customer_health.playbooks.graduation import Gate, gate
from customer_health.playbooks.playbook import load_playbooks
from customer_health.wording import money, percent

if TYPE_CHECKING:
    import duckdb

NOT_YET = "not enough data yet"
SHADOW_DAYS = timedelta(days=28)
GROUPS_SHOWN = 20  # the largest; the rest is in the warehouse


@dataclass(frozen=True)
class KpiReport:
    """The KPIs of one day and where their page lies."""

    as_of: date
    retention: Sequence[Retention]
    saves: SaveRate
    saves_watched: SaveRate
    saves_without_zombies: SaveRate
    intervention: TimeToIntervention
    readout: Readout
    gate: Gate
    shadows: Sequence[Shadow]
    playbooks: Sequence[AtWork]
    precision: AlertPrecision
    by_reason: Mapping[str, AlertPrecision]
    adoption: Adoption
    migration: Mapping[str, Any] | None
    groups: Sequence[RollUp]
    path: Path
    currency: str | None = None

    def counts(self) -> dict[str, int | float | str]:
        """Numbers for machines; what is not known yet is left out."""
        total = self.retention[0]
        known = {
            "nrr": total.nrr,
            "grr": total.grr,
            "save_rate": self.saves.rate,
            "save_rate_added_by_plays": self.readout.difference,
            "hours_to_intervention_p50": self.intervention.quantile(0.5),
            "share_within_48h": self.intervention.within_goal,
            "alerts_lost": self.precision.share_lost,
            "alerts_right": self.precision.share_right,
        }
        return {
            "episodes_matured": self.saves.episodes,
            "episodes_maturing": self.saves.maturing,
            "episodes_held_out": self.readout.held_out.episodes + self.readout.held_out.maturing,
            "graduated": int(self.gate.passed),
            **{name: round(value, 4) for name, value in known.items() if value is not None},
        }

    def lines(self) -> list[str]:
        """Sentences for people."""
        total = self.retention[0]
        cohort = f"{total.accounts:,} customers of twelve months ago"
        return [
            f"NRR {_share(total.nrr)}, GRR {_share(total.grr)} ({cohort}).",
            f"Save rate {_share(self.saves.rate)} (goal {percent(SAVE_GOAL)}): {_matured(self.saves)}. "
            f"{self.readout.caveat()}",
            f"Time to intervention: {_intervention(self.intervention)}.",
            f"Alert precision: {_precision(self.precision)}.",
        ]

    def content(self) -> dict[str, Any]:
        """Plain data for the page: every number with how much of it there is."""
        fields = ("segment", "accounts", "start", "expansion", "contraction", "churn", "nrr", "grr", "goal")
        saves = {
            "all": self.saves,
            "watched": self.saves_watched,
            "without_suppressed": self.saves_without_zombies,
        }
        return {
            **self.counts(),
            "currency": self.currency,
            "retention": [{name: getattr(row, name) for name in fields} for row in self.retention],
            "saves": {
                name: {
                    "saved": each.saved,
                    "episodes": each.episodes,
                    "maturing": each.maturing,
                    "rate": each.rate,
                }
                for name, each in saves.items()
            },
            "save_goal": SAVE_GOAL,
            "caveat": self.readout.caveat(),
            "intervention": _intervention(self.intervention),
            "hours_p50": self.intervention.quantile(0.5),
            "hours_p90": self.intervention.quantile(0.9),
            "within_48h": self.intervention.within_goal,
            "acted_on": len(self.intervention.hours),
            "episodes": self.intervention.episodes,
            "precision": _precise(self.precision),
            "precision_told": _precision(self.precision),
            "by_reason": [{"reason": reason} | _precise(found) for reason, found in self.by_reason.items()],
            "adoption": vars(self.adoption)
            | {
                "share_acknowledged": self.adoption.share_acknowledged,
                "share_in_time": self.adoption.share_in_time,
            },
            "migration": self.migration,
            "experiment": _experiment(self.readout),
            "waiting": len(self.intervention.waiting),
            "groups": [
                {
                    "account_id": one.account_id,
                    "accounts": one.accounts,
                    "arr": one.arr,
                    "arr_unknown": one.arr_unknown,
                    "worst": None if one.worst is None else vars(one.worst),
                }
                for one in self.groups[:GROUPS_SHOWN]
            ],
            "playbooks": [vars(one) | {"state": one.state} for one in self.playbooks],
            "gate": {
                "passed": self.gate.passed,
                "why": self.gate.why,
                "readings": [dict(one) for one in self.gate.readings],
            },
        }


def build_report(
    con: duckdb.DuckDBPyConnection,
    engine: Engine,
    *,
    as_of: date,
    folder: Path,
    config: CompanyConfig | None = None,
    currency: str | None = None,
) -> KpiReport:
    """Compute every KPI as known on `as_of`, write `kpis-<as_of>.md` into `folder`, and keep the numbers.

    Raises:
        FatalError: Nothing has been ingested yet.
    """
    numbers = config or CompanyConfig()
    keep_readings(con, engine, numbers, as_of=as_of)
    with engine.connect() as connection:
        graduation = gate(connection, numbers, as_of)
    horizon = numbers.model.primary_horizon
    rows = graded(con, engine, as_of, horizon_days=horizon)
    report = KpiReport(
        as_of=as_of,
        retention=retention(con, as_of, segments_at(engine, start_of(as_of))),
        saves=save_rate(engine, as_of),
        saves_watched=save_rate(engine, as_of, inherited=False),
        saves_without_zombies=save_rate(engine, as_of, zombies=False),
        intervention=time_to_intervention(con, engine, as_of),
        readout=readout(engine, as_of),
        gate=graduation,
        shadows=would_have_fired(engine, as_of - SHADOW_DAYS, as_of),
        playbooks=playbooks_at_work(engine, [one.name for one in load_playbooks(numbers)], as_of=as_of),
        precision=alert_precision(rows, horizon_days=horizon),
        by_reason=precision_by_reason(rows, horizon_days=horizon),
        adoption=adoption(engine, as_of),
        migration=tier_migration(engine, as_of),
        groups=groups(con, engine, as_of),
        path=folder / f"kpis-{as_of}.md",
        currency=currency,
    )
    storage.write(report.path, "\n".join(_page(report)) + "\n")
    report_numbers.keep(engine, report_numbers.KPIS, as_of, report.content())
    return report


def _page(report: KpiReport) -> Iterator[str]:
    yield f"# KPIs as of {report.as_of}"
    yield ""
    yield "## Revenue retention, trailing twelve months"
    yield ""
    yield "| Segment | Customers | ARR then | Expansion | Contraction | Churn | NRR | Goal | GRR |"
    yield "|---|---:|---:|---:|---:|---:|---:|---:|---:|"
    for row in report.retention:
        goal = percent(row.goal) if row.goal else ""
        amounts = (row.start, row.expansion, row.contraction, row.churn)
        amounts_told = " | ".join(money(amount, report.currency) for amount in amounts)
        nrr, grr = _share(row.nrr), _share(row.grr)
        yield f"| {row.segment} | {row.accounts:,} | {amounts_told} | {nrr} | {goal} | {grr} |"
    yield ""
    yield (
        "(start + expansion − contraction − churn) / start, for those who were customers at the start. "
        f"Segments as they were at the start, or at an account's first score. "
        f"Fewer than {MIN_ACCOUNTS} customers: {NOT_YET}."
    )
    yield ""
    yield "## Save rate"
    yield ""
    yield f"- All episodes: {_share(report.saves.rate)} ({_matured(report.saves)})"
    fallen = report.saves_watched
    yield f"- Opened after a fall in score: {_share(fallen.rate)} ({_matured(fallen)})"
    without = report.saves_without_zombies
    yield f"- Excluding suppressed plays: {_share(without.rate)} ({_matured(without)})"
    yield ""
    yield (
        f"Share of Red episodes, opened at least {SAVED_WITHIN.days} days ago, with a lasting recovery "
        "(two readings in a row) within that time. An account that left was not saved."
    )
    yield ""
    yield f"**{report.readout.caveat()}** A score that fell by chance recovers without anybody's help."
    yield ""
    yield "## Time to intervention"
    yield ""
    said = _intervention(report.intervention)
    yield f"{said[0].upper()}{said[1:]}."
    yield ""
    yield (
        "From the publication of the Red score to the first task of its play that was begun or completed, as "
        "the CRM reports it. Episodes nobody acted on are censored (Kaplan-Meier), not dropped."
    )
    yield ""
    yield "## Alert precision"
    yield ""
    precise = _precision(report.precision)
    yield f"{precise[0].upper()}{precise[1:]}."
    yield ""
    yield (
        "Red episodes that opened after a fall in score. An account that was saved did not leave, so that "
        "good work lowers the first share; the second is what the people who called say."
    )
    yield ""
    yield from _groups(report.groups, report.currency)
    yield "## May growth be automated?"
    yield ""
    state = "Yes" if report.gate.passed else "Not yet: every expansion needs a person's approval"
    yield f"{state}. {report.gate.why[0].upper()}{report.gate.why[1:]}."
    if report.gate.readings:
        yield ""
        yield "| Flagged | Of all accounts | Found of the losses | Of them lost | Losses | Times chance |"
        yield "|---|---:|---:|---:|---:|---:|"
        for one in report.gate.readings:
            shares = [_share(one[name]) for name in ("share", "recall", "precision")]
            lift = NOT_YET if one["lift"] is None else f"{one['lift']:.1f}"
            yield f"| {one['name']} | {' | '.join(shares)} | {one['losses']:,} | {lift} |"
    yield from section(report.playbooks)
    if report.shadows:
        yield ""
        yield f"## Playbooks in shadow, last {SHADOW_DAYS.days} days"
        yield ""
        yield "| Playbook | Would have fired | Accounts | For example |"
        yield "|---|---:|---:|---|"
        for shadow in report.shadows:
            example = "; ".join(f"{account}: {why}" for account, why in shadow.examples[:2])
            cells = (shadow.playbook, shadow.firings, shadow.accounts, example.replace("|", "/"))
            yield f"| {' | '.join(map(str, cells))} |"


def _groups(found: Sequence[RollUp], currency: str | None) -> Iterator[str]:
    if not found:
        return
    yield "## Parent companies"
    yield ""
    yield "| Company | Accounts | ARR | Worst account | Score | Tier |"
    yield "|---|---:|---:|---|---:|---|"
    for one in found[:GROUPS_SHOWN]:
        arr = ("at least " if one.arr_unknown and one.arr is not None else "") + money(one.arr, currency)
        worst = one.worst
        shown = ("", "", "") if worst is None else (worst.account_id, f"{worst.score:.0f}", worst.tier or "")
        cells = (one.account_id, f"{one.accounts:,}", arr, *shown)
        yield f"| {' | '.join(cell.replace('|', '/') for cell in cells)} |"
    yield ""
    yield "By `parent_account_id`; every account is in one group, with everything below it, and counts once."
    yield ""


def _precise(found: AlertPrecision) -> dict[str, Any]:
    return {**vars(found), "share_lost": found.share_lost, "share_right": found.share_right}


def _experiment(found: Readout) -> dict[str, Any]:
    """What the plays add against the holdout; `decided` only when the interval excludes no effect."""
    interval = found.interval
    return {
        **{
            arm: {"saved": rate.saved, "episodes": rate.episodes, "maturing": rate.maturing}
            for arm, rate in (("treated", found.treated), ("held_out", found.held_out))
        },
        "difference": found.difference,
        "low": None if interval is None else interval[0],
        "high": None if interval is None else interval[1],
        "detectable": found.detectable,
        "decided": interval is not None and (interval[0] > 0 or interval[1] < 0),
    }


def _share(value: float | None) -> str:
    return NOT_YET if value is None else percent(value, 1)


def _matured(saves: SaveRate) -> str:
    said = f"{saves.saved} of {saves.episodes} episodes"
    return said + (f", {saves.maturing} still maturing" if saves.maturing else "")


def _precision(found: AlertPrecision) -> str:
    maturing = f", {found.maturing} still maturing" if found.maturing else ""
    counted = f"{found.lost} of {found.episodes} left within {found.horizon_days} days{maturing}"
    judged = f"{found.judged - found.false_alarms} of {found.judged} judged by people were real risks"
    shares = (_share(found.share_lost), _share(found.share_right))
    return f"{shares[0]} ({counted}); by those who called: {shares[1]} ({judged})"


def _intervention(times: TimeToIntervention) -> str:
    said = f"{len(times.hours)} of {times.episodes} episodes acted on"
    if times.episodes < MIN_EPISODES:
        return f"{NOT_YET} ({said})"
    middle, late, goal = times.quantile(0.5), times.quantile(0.9), times.within_goal
    half = "more than half untouched" if middle is None else f"median {middle:.0f} h"
    most = "more than a tenth untouched" if late is None else f"90% within {late:.0f} h"
    return f"{half}, {most}, {_share(goal)} within 48 h ({said})"
