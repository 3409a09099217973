"""What the warehouse measures for a company's expectation on a table too large for a pandas batch."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from customer_health.errors import ConfigurationError

if TYPE_CHECKING:
    import duckdb

_AGGREGATES = {
    "expect_table_row_count_to_be_between": "count(*)",
    "expect_column_mean_to_be_between": "avg({c})",
    "expect_column_min_to_be_between": "min({c})",
    "expect_column_max_to_be_between": "max({c})",
    "expect_column_sum_to_be_between": "sum({c})",
    "expect_column_unique_value_count_to_be_between": "count(DISTINCT {c})",
}
# What a value must be; the share of known values that are is compared with `mostly`.
_VALUES = {
    "expect_column_values_to_not_be_null": "{c} IS NOT NULL",
    "expect_column_values_to_be_null": "{c} IS NULL",
    "expect_column_values_to_be_unique": "times = 1",
    "expect_column_values_to_be_in_set": "list_contains($wanted, {c})",
    "expect_column_values_to_not_be_in_set": "NOT list_contains($wanted, {c})",
    "expect_column_values_to_match_regex": "regexp_matches({c}, $pattern)",
    "expect_column_values_to_be_between": "",
}
MEASURABLE = (*_AGGREGATES, *_VALUES)
_UNDERSTOOD = frozenset(
    {"column", "min_value", "max_value", "strict_min", "strict_max", "mostly", "value_set", "regex"}
)


@dataclass(frozen=True)
class Measured:
    """One number, and the bounds that the expectation sets on it; a number that is unknown is None."""

    value: float | None
    minimum: float | None
    maximum: float | None


def measured_expectation(
    con: duckdb.DuckDBPyConnection, table: str, configuration: Any, file: Path
) -> Measured:
    """Measure what one expectation asks about.

    Args:
        con: The warehouse.
        table: Canonical table; its rows stay where they are.
        configuration: Great Expectations' configuration: type, kwargs.
        file: Of the suite, for the error.

    Raises:
        ConfigurationError: This kind, or one of its options, cannot be measured.
    """
    kind, kwargs = configuration.type, {k: v for k, v in configuration.kwargs.items() if v is not None}
    strange = sorted(kwargs.keys() - _UNDERSTOOD)
    if kind not in MEASURABLE or strange:
        what = f"its option {strange[0]}" if kind in MEASURABLE else kind
        raise ConfigurationError(
            f"{file}: {what} cannot be measured on {table}, which is too large to be judged row by row.",
            hint=f"On large tables these can: {', '.join(MEASURABLE)}.",
        )
    column = f'"{kwargs["column"]}"' if "column" in kwargs else "NULL"
    if kind in _AGGREGATES:
        query = f"SELECT CAST({_AGGREGATES[kind].format(c=column)} AS DOUBLE) FROM raw.{table}"
        return Measured(_number(con, query, {}), kwargs.get("min_value"), kwargs.get("max_value"))
    parameters: dict[str, Any] = {}
    rule = _VALUES[kind].format(c=column)
    known = "" if kind.endswith("be_null") else f"WHERE {column} IS NOT NULL"
    if kind == "expect_column_values_to_be_between":
        bounds = [
            (f"{column} {'>' if kwargs.get('strict_min') else '>='} $low", "low", kwargs.get("min_value")),
            (f"{column} {'<' if kwargs.get('strict_max') else '<='} $high", "high", kwargs.get("max_value")),
        ]
        rule = " AND ".join(words for words, _, value in bounds if value is not None) or "true"
        parameters = {name: value for _, name, value in bounds if value is not None}
    if "value_set" in kwargs:
        parameters["wanted"] = list(kwargs["value_set"])
    if "regex" in kwargs:
        parameters["pattern"] = kwargs["regex"]
    rows = f"(SELECT {column}, count(*) OVER (PARTITION BY {column}) AS times FROM raw.{table})"
    source = rows if kind.endswith("be_unique") else f"raw.{table}"
    query = f"SELECT avg(CASE WHEN {rule} THEN 1.0 ELSE 0.0 END) FROM {source} {known}"
    return Measured(_number(con, query, parameters), kwargs.get("mostly", 1.0), None)


def _number(con: duckdb.DuckDBPyConnection, query: str, parameters: dict[str, Any]) -> float | None:
    rows = con.execute(query, parameters).fetchall()
    return None if not rows or rows[0][0] is None else float(rows[0][0])
