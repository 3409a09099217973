"""Were the forecasts right? Each caller's opening word of a quarter, against what then happened.

Judged is what stood on the quarter's first day: a call made on the eve of the decision is no forecast. ARR
counts up to what was up for renewal, because nobody here predicts growth. Callers are compared on
the same renewals: those that the caller spoke about.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Engine

from customer_health.kpis.renewals.quarters import Quarter, quarter_of
from customer_health.kpis.renewals.renewal_forecast import Forecast, Renewal, forecast, outlook
from customer_health.kpis.renewals.renewal_outcomes import SETTLED_AFTER, arr_after
from customer_health.ledger import report_numbers, score_history

if TYPE_CHECKING:
    import duckdb

LOOK_BACK = 8
# How long before a quarter its opening scores may have been published.
OPENED_WITHIN = timedelta(days=31)
MODEL, CSM, FINAL = "model", "csm", "final"


@dataclass(frozen=True)
class Judged:
    """One renewal with what was said and what happened.

    Attributes:
        arr: ARR that was up for renewal.
        retained: ARR afterwards, at most `arr`.
        said: Caller -> (ARR said to stay, at most `arr`; probability said of losing it all).
    """

    account_id: str
    segment: str
    owner: str
    arr: float
    retained: float
    said: Mapping[str, tuple[float, float]]


@dataclass(frozen=True)
class Accuracy:
    """How right one caller was about some renewals.

    Attributes:
        group: "all", a segment or an owner.
        caller: model, csm or final.
        renewals: How many the caller spoke about.
        arr: Their ARR.
        error: Sum of the absolute errors of ARR, as a share of that ARR.
        bias: Sum of the errors as a share of that ARR; above 0: too hopeful.
        brier: Mean squared error of the probability of losing the customer, 0 is best.
        model_error: `error` of the model on the same renewals; None where it was silent on one of them.
    """

    group: str
    caller: str
    renewals: int
    arr: float
    error: float
    bias: float
    brier: float
    model_error: float | None


def accuracy(group: str, caller: str, judged: Sequence[Judged]) -> Accuracy | None:
    """Grade one caller; None where the caller said nothing."""
    rows = [one for one in judged if caller in one.said]
    arr = sum(one.arr for one in rows)
    if not rows or arr <= 0:
        return None

    def error(who: str) -> float:
        return sum(abs(one.said[who][0] - one.retained) for one in rows) / arr

    return Accuracy(
        group=group,
        caller=caller,
        renewals=len(rows),
        arr=arr,
        error=error(caller),
        bias=sum(one.said[caller][0] - one.retained for one in rows) / arr,
        brier=sum((one.said[caller][1] - (one.retained <= 0)) ** 2 for one in rows) / len(rows),
        model_error=error(MODEL) if all(MODEL in one.said for one in rows) else None,
    )


def judge(con: duckdb.DuckDBPyConnection, opened: Forecast, quarter: Quarter, *, as_of: date) -> list[Judged]:
    """Hold the opening forecast of a quarter against what happened, as known before `as_of`."""
    due = {
        one.account_id: one
        for one in opened.renewals
        if one.when == quarter.name and one.arr and one.renewal_date
    }
    after = arr_after(
        con, {name: one.renewal_date for name, one in due.items() if one.renewal_date}, as_of=as_of
    )
    return [_judged(due[name], retained) for name, retained in after.items()]


def keep_renewals(
    con: duckdb.DuckDBPyConnection,
    engine: Engine,
    *,
    as_of: date,
    year_starts: int = 1,
    share: float = 0.9,
    currency: str | None = None,
) -> Mapping[str, Any]:
    """Judge the quarters that have settled before `as_of` and keep the numbers for the page.

    A quarter whose opening scores the ledger let go of keeps what an earlier report found about it.

    Returns:
        `quarters`, the newest first; `accuracy`, by caller for all, each segment and each owner.
    """
    _, before = report_numbers.latest(engine, report_numbers.RENEWALS, as_of=as_of)
    lines: dict[str, dict[str, Any]] = {}
    judged: list[Judged] = []
    with engine.connect() as connection:
        for quarter, opened in _opened(connection, as_of, year_starts, share, currency):
            rows = judge(con, opened, quarter, as_of=as_of)
            lines[quarter.name] = _line(opened, quarter, rows)
            judged += rows
    for line in (before or {}).get("quarters", ()):
        lines.setdefault(line["quarter"], line)
    content = {
        "currency": currency,
        "share": share,
        "quarters": sorted(lines.values(), key=lambda line: str(line["ends"]), reverse=True),
        "accuracy": [vars(one) for one in _graded(judged)],
    }
    report_numbers.keep(engine, report_numbers.RENEWALS, as_of, content)
    return content


def _opened(
    connection: Connection, as_of: date, year_starts: int, share: float, currency: str | None
) -> Iterator[tuple[Quarter, Forecast]]:
    """Yield the quarters that have settled, each with the forecast that stood on its first day."""
    running = quarter_of(as_of, year_starts)
    for back in range(1, LOOK_BACK + 1):
        quarter = running.next(-back)
        if quarter.end + SETTLED_AFTER > as_of:
            continue
        day = score_history.day_between(connection, after=quarter.start - OPENED_WITHIN, until=quarter.start)
        if day is None:
            continue
        moment = datetime.combine(quarter.start, time(), UTC)
        found = forecast(
            connection, day, known_before=moment, year_starts=year_starts, share=share, currency=currency
        )
        yield quarter, found


def _judged(one: Renewal, retained: float) -> Judged:
    arr = one.arr or 0.0
    said: dict[str, tuple[float, float]] = {}
    if one.expected is not None and one.p_loss is not None:
        said[MODEL] = (one.expected, one.p_loss)
    for caller, call in ((CSM, one.csm), (FINAL, one.final)):
        if call is not None:
            said[caller] = (min(call.retained_arr, arr), float(call.retained_arr <= 0))
    return Judged(one.account_id, one.segment, one.owner, arr, min(retained, arr), said)


def _line(opened: Forecast, quarter: Quarter, rows: Sequence[Judged]) -> dict[str, Any]:
    chosen = {one.account_id for one in rows}
    then = outlook(quarter.name, [one for one in opened.renewals if one.account_id in chosen], opened.share)
    retained = sum(one.retained for one in rows)
    final = next((line.final for line in opened.quarters if line.name == quarter.name), None)
    inside = None
    if then.low is not None and then.high is not None and not then.unpredicted:
        inside = then.low <= retained <= then.high
    return {
        "quarter": quarter.name,
        "ends": quarter.end.isoformat(),
        "opened": opened.as_of.isoformat(),
        "renewals": then.renewals,
        "arr": then.arr,
        "expected": then.expected,
        "low": then.low,
        "high": then.high,
        "unpredicted": then.unpredicted,
        "with_calls": then.with_calls,
        "final": None if final is None else final.retained_arr,
        "final_by": None if final is None else final.by,
        "retained": retained,
        "left": sum(one.retained <= 0 for one in rows),
        "inside": inside,
    }


def _graded(judged: Sequence[Judged]) -> Iterator[Accuracy]:
    groups: tuple[tuple[str, Callable[[Judged], str]], ...] = (
        ("all", lambda one: "all"),
        ("segment", lambda one: one.segment),
        ("owner", lambda one: one.owner or "nobody"),
    )
    for kind, of in groups:
        for name in sorted({of(one) for one in judged}):
            members = [one for one in judged if of(one) == name]
            for caller in (MODEL, CSM, FINAL):
                found = accuracy(name if kind == "all" else f"{kind}: {name}", caller, members)
                if found is not None:
                    yield found
