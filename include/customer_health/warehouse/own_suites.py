"""A company's own expectations: Great Expectations suites in a folder of its own, run in the gate.

A file is named after its table: `accounts.json` in Great Expectations' own format, or `accounts.finance.py`,
which assigns an `ExpectationSuite` to `suite`. Of a small table the rows themselves are judged, as a pandas
batch. Of a large one the warehouse measures what an expectation asks about, and the measurement is judged.
"""

from __future__ import annotations

import json
import runpy
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from customer_health.errors import ConfigurationError, CustomerHealthError, suggest
from customer_health.warehouse.bounds import Demand
from customer_health.warehouse.data_docs import great_expectations, validate, whole_frames
from customer_health.warehouse.expectations import Verdict, bounds_on, exception_in
from customer_health.warehouse.own_measures import measured_expectation
from customer_health.warehouse.raw import columns_of, scalar
from customer_health.warehouse.tables import TABLES

if TYPE_CHECKING:
    import duckdb

SMALL = 100_000
"""Rows up to which a table is judged as a pandas batch (0.8 CPU s); beyond, by measurements."""

_COLUMNS = ("column", "column_A", "column_B")


@dataclass(frozen=True)
class OwnSuite:
    """A suite of the company's and the table that it is about."""

    table: str
    file: Path
    suite: Any


def load_suites(folder: Path) -> list[OwnSuite]:
    """Read every suite of a folder, by file name.

    Raises:
        ConfigurationError: The folder is missing, or a file is not a suite, or not about a table of ours.
    """
    if not folder.is_dir():
        raise ConfigurationError(
            f"The folder of expectations {folder} does not exist.", hint="See CUSTOMER_HEALTH_EXPECTATIONS."
        )
    files = sorted(path for path in folder.iterdir() if path.suffix in (".json", ".py"))
    return [_load(path) for path in files if not path.name.startswith(("_", "."))]


def _load(path: Path) -> OwnSuite:
    table = path.name.split(".")[0]
    if table not in TABLES:
        raise ConfigurationError(
            f"{path}: there is no table '{table}'; a suite is named after the table that it is about.",
            hint=suggest(table, TABLES),
        )
    gx = great_expectations()
    try:
        if path.suffix == ".py":
            suite = runpy.run_path(str(path)).get("suite")
        else:
            state = json.loads(path.read_text(encoding="utf-8"))
            suite = gx.ExpectationSuite(
                name=state.get("name") or table, expectations=state["expectations"], meta=state.get("meta")
            )
            if len(suite.expectations) != len(state["expectations"]):  # dropped with a line in the log
                known = {one.configuration.type for one in suite.expectations}
                strange = [one.get("type") for one in state["expectations"] if one.get("type") not in known]
                raise ValueError(
                    f"it takes no expectation like {', '.join(map(str, strange)) or 'one of them'}"
                )
    except CustomerHealthError:
        raise
    except Exception as error:
        raise ConfigurationError(
            f"{path} is not a suite of Great Expectations: {type(error).__name__}: {error}",
            hint='JSON needs "name" and "expectations", each with "type" and "kwargs".',
        ) from error
    if not isinstance(suite, gx.ExpectationSuite):
        raise ConfigurationError(
            f"{path} assigns no ExpectationSuite to `suite`.",
            hint="suite = gx.ExpectationSuite(name=..., ...)",
        )
    suite.name = "own_" + path.name.removesuffix(path.suffix).replace(".", "_")
    return OwnSuite(table, path, suite)


def judge_own(con: duckdb.DuckDBPyConnection, context: Any, suites: list[OwnSuite]) -> list[Verdict]:
    """Judge the company's suites on the rows that the gate let through.

    Raises:
        ConfigurationError: An expectation names an unknown column, cannot be computed, or cannot be measured
            on a large table; names the file.
    """
    if not suites:
        return []
    batch = whole_frames(context, "rows")
    verdicts: list[Verdict] = []
    for own in suites:
        columns = columns_of(con, TABLES[own.table])
        for expectation in own.suite.expectations:
            _check_columns(own, expectation.configuration.kwargs, columns)
        if scalar(con, f"SELECT count(*) FROM raw.{own.table}") <= SMALL:
            frame = con.execute(f"SELECT * FROM raw.{own.table}").df()
            suite, asked = own.suite, [one.configuration for one in own.suite.expectations]
        else:
            asked = [one.configuration for one in own.suite.expectations]
            suite, frame = _measured(con, own, asked)
        results = validate(context, batch, suite, frame).results
        verdicts += _verdicts(own, asked, results)
    return verdicts


def _measured(con: duckdb.DuckDBPyConnection, own: OwnSuite, asked: list[Any]) -> tuple[Any, Any]:
    """Return a suite of bounds on a one-row frame of measurements, in the order of the expectations."""
    import pandas as pd

    gx = great_expectations()
    values: dict[str, list[float]] = {}
    bounds = []
    for number, configuration in enumerate(asked, 1):
        found = measured_expectation(con, own.table, configuration, own.file)
        name = f"{number}_{configuration.type}"
        values[name] = [float("nan") if found.value is None else found.value]
        bounds.append(
            bounds_on(
                name,
                known=found.value is not None,
                min_value=found.minimum,
                max_value=found.maximum,
                severity=configuration.severity,
                meta={"expected": _words(configuration)},
            )
        )
    return gx.ExpectationSuite(name=own.suite.name, expectations=bounds), pd.DataFrame(
        values, dtype="float64"
    )


def _verdicts(own: OwnSuite, asked: list[Any], results: list[Any]) -> Iterator[Verdict]:
    # Results come back grouped by column: each is found again by the id of its expectation's place.
    for configuration, result in zip(asked, _in_order(asked, results), strict=True):
        if words := exception_in(result.exception_info):
            raise ConfigurationError(
                f"{own.file}: {configuration.type} on {own.table} cannot be computed: {words}",
                hint="Correct the suite; columns and their types are in docs/data_contracts.md.",
            )
        meta: Mapping[str, Any] = configuration.meta or {}
        demand = Demand(
            f"{own.suite.name}.{configuration.type}",
            _words(configuration),
            str(getattr(configuration.severity, "value", configuration.severity) or "critical"),  # type: ignore[arg-type]
            column=str(configuration.kwargs.get("column", "")),
            remedy=str(meta.get("remedy") or f"The company's own expectation, in {own.file.name}."),
        )
        yield Verdict(own.table, demand, bool(result.success), _found(result), configuration.type)


def _in_order(asked: list[Any], results: list[Any]) -> list[Any]:
    """Return the results in the order in which the expectations stand in their file."""
    left = list(results)
    ordered = []
    for number, configuration in enumerate(asked, 1):
        own_name = f"{number}_{configuration.type}"
        place = next(
            index
            for index, one in enumerate(left)
            if one.expectation_config.kwargs.get("column") == own_name
            or (
                one.expectation_config.type == configuration.type
                and all(
                    one.expectation_config.kwargs.get(key) == value
                    for key, value in configuration.kwargs.items()
                )
            )
        )
        ordered.append(left.pop(place))
    return ordered


def _check_columns(own: OwnSuite, kwargs: Mapping[str, Any], columns: Mapping[str, str]) -> None:
    named = [kwargs[key] for key in _COLUMNS if key in kwargs] + list(kwargs.get("column_list") or ())
    for name in named:
        if name not in columns:
            raise ConfigurationError(
                f"{own.file}: the table {own.table} has no column '{name}'.", hint=suggest(str(name), columns)
            )


def _words(configuration: Any) -> str:
    if configuration.meta and configuration.meta.get("expected"):
        return str(configuration.meta["expected"])
    told = {key: value for key, value in configuration.kwargs.items() if value is not None}
    return f"{configuration.type}({', '.join(f'{key}={value!r}' for key, value in told.items())})"


def _found(result: Any) -> str:
    details = result.result or {}
    if "unexpected_count" in details and details.get("element_count", 1) > 1:
        return f"{details['unexpected_count']:,} of {details['element_count']:,} rows otherwise"
    value = details.get("observed_value")
    return "as measured" if value is None else str(value)
