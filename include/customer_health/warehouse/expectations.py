"""Great Expectations judges the measurements.

The library's DuckDB dialects are broken with these versions, and reading 500 M rows into pandas is not a
gate: so the warehouse measures, and the suites, derived from the contracts, judge one row of numbers per
table.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from customer_health.errors import FatalError
from customer_health.warehouse.bounds import Demand
from customer_health.warehouse.data_docs import great_expectations, validate, whole_frames
from customer_health.warehouse.measures import Measures


@dataclass(frozen=True)
class Verdict:
    """One expectation and how it came out.

    Attributes:
        table: Canonical table.
        demand: What was expected.
        met: Whether it holds; a measurement that cannot be known counts as met.
        found: What was measured, as text.
        kind: Name of the expectation in Great Expectations.
    """

    table: str
    demand: Demand
    met: bool
    found: str
    kind: str


def bounds_on(measure: str, *, known: bool, **bounds: Any) -> Any:
    """Return the expectation that one measurement, a column of a one-row batch, lies within bounds.

    The largest value of a column of one row is the measurement itself. It is asked for since it costs Great
    Expectations a third of what the check of every value does, whose dozen metrics are prepared for each of
    some 430 expectations a night; and Data Docs then show the number. Of an unknown measurement there is no
    largest value: it stays with the check of every value, which passes over empty cells.

    Args:
        measure: Name of the column.
        known: Whether there is a number.
        bounds: min_value, max_value, severity, meta.
    """
    kinds = great_expectations().expectations
    kind = kinds.ExpectColumnMaxToBeBetween if known else kinds.ExpectColumnValuesToBeBetween
    return kind(column=measure, **bounds)


def suite_of(table: str, demanded: Sequence[Demand], unknown: Collection[str] = ()) -> Any:
    """Return the table's ExpectationSuite: bounds on the columns of its one-row batch of measurements.

    Args:
        table: Canonical table.
        demanded: What its contract demands.
        unknown: Measures that have no number today.
    """
    return great_expectations().ExpectationSuite(
        name=table,
        expectations=[
            bounds_on(
                demand.measure,
                known=demand.measure not in unknown,
                min_value=demand.minimum,
                max_value=demand.maximum,
                severity=demand.severity,
                meta={"expected": demand.expected},
            )
            for demand in demanded
        ],
    )


def judge(
    context: Any, measured: Mapping[str, Measures], demanded: Mapping[str, Sequence[Demand]]
) -> list[Verdict]:
    """Judge every table that has been measured; an optional table that no source fills is not.

    Args:
        context: Great Expectations' project; keeps the suites as files.
        measured: Table -> measurements.
        demanded: Table -> what its contract demands.

    Raises:
        FatalError: Great Expectations itself failed; an exception inside it looks like a failed
            expectation and must not be taken for one.
    """
    import pandas as pd

    batch = whole_frames(context, "measurements")
    verdicts: list[Verdict] = []
    for name, measures in measured.items():
        if measures.is_absent:
            continue
        known = [demand for demand in demanded[name] if demand.measure in measures.values]
        frame = pd.DataFrame(
            {d.measure: [_number(measures.values[d.measure])] for d in known}, dtype="float64"
        )
        unknown = {name for name, value in measures.values.items() if value is None}
        results = validate(context, batch, suite_of(name, known, unknown), frame)
        by_measure = {result.expectation_config.kwargs["column"]: result for result in results.results}
        for demand in known:
            result = by_measure[demand.measure]
            _refuse_exception(name, demand, result.exception_info)
            verdicts.append(
                Verdict(
                    name,
                    demand,
                    bool(result.success),
                    _found(measures, demand),
                    result.expectation_config.type,
                )
            )
    return verdicts


def _number(value: float | None) -> float:
    return float("nan") if value is None else float(value)


def _found(measures: Measures, demand: Demand) -> str:
    value = measures.values[demand.measure]
    number = "unknown" if value is None else f"{value:,.0f}" if value == int(value) else f"{value:.3f}"
    shown = measures.shown.get(demand.measure)
    return f"{number} ({shown})" if shown and value else number


def _refuse_exception(table: str, demand: Demand, info: Any) -> None:
    if words := exception_in(info):
        raise FatalError(
            f"Great Expectations failed on {table}.{demand.measure}: {words}",
            hint="This is a fault of the gate and not of the data; please report it.",
        )


def exception_in(info: Any) -> str:
    """Return the message of an exception that Great Expectations caught; empty without one."""
    details = info if isinstance(info, dict) else {}
    for item in [details, *(item for item in details.values() if isinstance(item, dict))]:
        if item.get("raised_exception"):
            return str(item.get("exception_message") or "an exception without a message")
    return ""
