"""What the next four quarters' renewals will bring: by the model, by the CSM, and by the lead's final call.

A forecast as of a day reads what was published for that day and the calls made before a moment. Facts that
were learned later do not move it. Every customer is in exactly one line: the lines add up to the whole.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection

from customer_health.company import CompanyConfig
from customer_health.kpis.renewals.quarters import Quarter, quarter_of
from customer_health.kpis.renewals.retained_interval import retained_interval
from customer_health.ledger.renewals import CSM, FINAL, Call, calls_in_force, rows_with_renewals
from customer_health.roles import Viewer

QUARTERS = 4
OVERDUE, LATER, NO_DATE = "overdue", "later", "no_date"
NOTICE = "notice_given"


@dataclass(frozen=True)
class Renewal:
    """One customer with the renewal that comes next.

    Attributes:
        arr: ARR up for renewal; None where it is unknown, or in a currency without a rate.
        when: Name of a quarter, or `overdue`, `later`, `no_date`.
        p_loss: Probability to be lost at the decision; 1 for who gave notice; None if nothing predicts it.
        csm: The CSM's call, the latest in force.
        final: The lead's.
    """

    account_id: str
    name: str
    segment: str
    owner: str
    arr: float | None
    renewal_date: date | None
    when: str
    p_loss: float | None
    notice: bool
    manager: str = ""
    score: int | None = None
    why: str = ""
    csm: Call | None = None
    final: Call | None = None

    @property
    def expected(self) -> float | None:
        """ARR that the model expects to stay."""
        return None if self.arr is None or self.p_loss is None else self.arr * (1 - self.p_loss)

    @property
    def at_risk(self) -> float:
        """ARR that the model expects to go; 0 where that is unknown."""
        return 0.0 if self.expected is None or self.arr is None else self.arr - self.expected

    @property
    def best_known(self) -> float | None:
        """The final call, else the CSM's, else what the model expects."""
        call = self.final or self.csm
        return self.expected if call is None else call.retained_arr


@dataclass(frozen=True)
class Outlook:
    """What some renewals come to, all in one currency.

    Attributes:
        renewals: How many.
        arr: Their ARR as far as it is known.
        arr_unknown: How many have no known ARR; they are in no amount.
        unpredicted: How many with a known ARR have no probability; not in `expected`, `low` and `high`.
        unpredicted_arr: Their ARR.
        expected: ARR that stays by the model; None if nothing is predicted.
        low: Lower end of the interval.
        high: Upper end.
        notice: How many gave notice; they are expected to leave.
        notice_arr: Their ARR.
        csm_calls: How many have a CSM's call.
        final_calls: How many have a final call.
        with_calls: ARR that stays where calls replace the model; None if nothing is known.
        final: The lead's call about the whole, if it is a quarter.
    """

    name: str
    renewals: int
    arr: float
    arr_unknown: int
    unpredicted: int
    unpredicted_arr: float
    expected: float | None
    low: float | None
    high: float | None
    notice: int
    notice_arr: float
    csm_calls: int
    final_calls: int
    with_calls: float | None
    final: Call | None = None


@dataclass(frozen=True)
class Forecast:
    """The renewals of one day's customers.

    Attributes:
        as_of: The day.
        currency: Of every amount; None where none is known.
        quarters: The running quarter and the three after it.
        rest: Overdue, later, and without a date.
        total: The four quarters together.
        renewals: Every customer.
    """

    as_of: date
    currency: str | None
    quarters: Sequence[Outlook]
    rest: Sequence[Outlook]
    total: Outlook
    renewals: Sequence[Renewal] = field(repr=False)
    share: float = 0.9

    def grouped(self, by: Callable[[Renewal], str], names: Iterable[str]) -> list[Outlook]:
        """Return the outlook of the renewals in some quarters by a property of theirs, the largest first."""
        wanted, groups = set(names), dict[str, list[Renewal]]()
        for one in self.renewals:
            if one.when in wanted:
                groups.setdefault(by(one), []).append(one)
        found = [outlook(name, members, self.share) for name, members in groups.items()]
        return sorted(found, key=lambda each: (-each.arr, each.name))


def forecast(
    connection: Connection,
    as_of: date,
    *,
    known_before: datetime,
    year_starts: int = 1,
    share: float = 0.9,
    currency: str | None = None,
    chosen: Callable[[Mapping[Any, Any]], bool] = lambda row: True,
) -> Forecast:
    """Return the forecast of one published day; without customers if that day was never published.

    Args:
        connection: The ledger.
        as_of: The day.
        known_before: Calls made before this moment count.
        year_starts: Month in which the fiscal year begins.
        share: Share of cases that the intervals should hold.
        currency: The company's; default: that of most amounts. Amounts in another are unknown, never summed.
        chosen: Which customers, by their published row.
    """
    rows = rows_with_renewals(connection, as_of)
    currency = currency or _main_currency(rows)
    first = quarter_of(as_of, year_starts)
    named = [first.next(count) for count in range(QUARTERS)]
    calls = calls_in_force(connection, before=known_before, quarters=[quarter.name for quarter in named])
    renewals = [_renewal(row, as_of, named, calls, currency) for row in rows if chosen(row)]
    groups: dict[str, list[Renewal]] = {quarter.name: [] for quarter in named}
    groups |= {OVERDUE: [], LATER: [], NO_DATE: []}
    for one in renewals:
        groups[one.when].append(one)
    lines = {
        name: outlook(name, members, share, calls.get((None, name, FINAL)))
        for name, members in groups.items()
    }
    together = [one for quarter in named for one in groups[quarter.name]]
    return Forecast(
        as_of=as_of,
        currency=currency,
        quarters=[lines[quarter.name] for quarter in named],
        rest=[lines[name] for name in (OVERDUE, LATER, NO_DATE)],
        total=outlook("all", together, share),
        renewals=renewals,
        share=share,
    )


def this_quarter(
    connection: Connection,
    viewer: Viewer,
    *,
    config: CompanyConfig,
    as_of: date,
    known_before: datetime,
) -> dict[str, Any] | None:
    """Return what the running quarter's renewals bring, of a viewer's customers, as plain data, or None."""
    found = forecast(
        connection,
        as_of,
        known_before=known_before,
        year_starts=config.forecast.fiscal_year_starts,
        share=config.forecast.interval,
        currency=config.money.currency,
        chosen=lambda row: viewer.sees(row["owner_email"], row["manager_email"]),
    )
    line = found.quarters[0]
    if not line.renewals:
        return None
    names = ("renewals", "arr", "arr_unknown", "expected", "low", "high", "notice", "notice_arr")
    return {"quarter": line.name, "currency": found.currency, "share": found.share} | {
        name: getattr(line, name) for name in names
    }


def outlook(name: str, renewals: Sequence[Renewal], share: float, final: Call | None = None) -> Outlook:
    """Sum up some renewals."""
    known = [one for one in renewals if one.arr is not None]
    predicted = [one for one in known if one.p_loss is not None]
    silent = [one for one in known if one.p_loss is None]
    expected = low = high = None
    if predicted:
        expected, low, high = retained_interval(
            [one.arr or 0.0 for one in predicted], [one.p_loss or 0.0 for one in predicted], share=share
        )
    best = [one.best_known for one in renewals if one.best_known is not None]
    return Outlook(
        name=name,
        renewals=len(renewals),
        arr=_sum(known),
        arr_unknown=len(renewals) - len(known),
        unpredicted=len(silent),
        unpredicted_arr=_sum(silent),
        expected=expected,
        low=low,
        high=high,
        notice=sum(one.notice for one in renewals),
        notice_arr=_sum([one for one in known if one.notice]),
        csm_calls=sum(one.csm is not None for one in renewals),
        final_calls=sum(one.final is not None for one in renewals),
        with_calls=sum(best) if best else None,
        final=final,
    )


def _sum(renewals: Iterable[Renewal]) -> float:
    return sum(one.arr or 0.0 for one in renewals)


def _renewal(
    row: Mapping[Any, Any],
    as_of: date,
    quarters: Sequence[Quarter],
    calls: Mapping[tuple[str | None, str, str], Call],
    currency: str | None,
) -> Renewal:
    when = _when(row["renewal_date"], as_of, quarters)
    notice = bool(row["notice_given"]) or row["state"] == NOTICE
    account = row["account_id"]
    foreign = row["currency"] is not None and currency is not None and row["currency"] != currency
    return Renewal(
        account_id=account,
        name=row["name"] or account,
        segment=row["segment"] or "unknown",
        owner=row["owner_email"] or "",
        arr=None if foreign else row["arr"],
        renewal_date=row["renewal_date"],
        when=when,
        p_loss=1.0 if notice else row["p_decision"],
        notice=notice,
        manager=row["manager_email"] or "",
        score=row["score_shown"],
        why=row["why"] or "",
        csm=calls.get((account, when, CSM)),
        final=calls.get((account, when, FINAL)),
    )


def _when(renewal: date | None, as_of: date, quarters: Sequence[Quarter]) -> str:
    if renewal is None:
        return NO_DATE
    if renewal < as_of:
        return OVERDUE
    return next((quarter.name for quarter in quarters if quarter.holds(renewal)), LATER)


def _main_currency(rows: Iterable[Mapping[Any, Any]]) -> str | None:
    found = Counter(row["currency"] for row in rows if row["currency"] and row["arr"] is not None)
    return min(found, key=lambda code: (-found[code], code)) if found else None
