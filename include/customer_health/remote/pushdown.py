"""Usage that stays in the company's warehouse, in canonical columns: the mapping's rules as Ibis expressions.

Only rules that every engine understands in one way are taken: renaming, constants, translation of
values, prefixes, factors and conditions. The rest belongs into a view of the warehouse.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from customer_health.errors import ConfigurationError, DataContractError, suggest
from customer_health.remote.company_warehouse import SourceWarehouse
from customer_health.sources.casting import NO, YES
from customer_health.sources.id_text import PEOPLE
from customer_health.sources.mapping import Feed, MappingFile, Rule
from customer_health.sources.rule_parts import Condition, Scalar, Where
from customer_health.warehouse.table import LARGEST, Column, Table, Type
from customer_health.warehouse.tables import TABLES

PUSHED = ("usage",)
"""Tables that are reduced where they lie; all others are small and copied."""

_IBIS = {Type.TEXT: "string", Type.NUMBER: "float64", Type.DATE: "date", Type.TIMESTAMP: "timestamp(6)"}


def canonical(source: SourceWarehouse, mapping: MappingFile, name: str) -> Any:
    """Return a canonical table as an expression over the company's tables; no row is read.

    Raises:
        ConfigurationError: A table does not exist, or a rule is none that every engine understands.
        DataContractError: A table lacks a column that the mapping names.
    """
    import ibis

    parts = [
        _View(source.table(feed.table), feed, TABLES[name]).expression() for feed in mapping.tables[name]
    ]
    return parts[0] if len(parts) == 1 else ibis.union(*parts, distinct=False)


class _View:
    """One feed over one table."""

    def __init__(self, table: Any, feed: Feed, contract: Table) -> None:
        self.table, self.feed, self.contract = table, feed, contract
        self._names = {name.casefold(): name for name in table.columns}

    def expression(self) -> Any:
        if self.feed.event_id:
            raise ConfigurationError(
                f"{self.contract.name}: `event_id:` is not carried out inside a warehouse.",
                hint="Keep the first row of each event in a view of the warehouse, and name the view.",
            )
        kept = self.table
        for condition in self._conditions(self.feed.where):
            kept = kept.filter(condition)
        self.table = kept
        return kept.select(**{name: self._value(name) for name in self.contract.columns})

    def _column(self, name: str) -> Any:
        found = self._names.get(name.strip().casefold())
        if found is None:
            columns = list(self.table.columns)
            raise DataContractError(
                f"{self.contract.name}: {self.feed.table} has no column '{name}'\n"
                f"  columns found: {', '.join(columns)}",
                hint=f"{suggest(name, columns)} Correct the mapping, or the table.",
            )
        return self.table[found]

    def _value(self, name: str) -> Any:
        import ibis

        column = self.contract.columns[name]
        rule = self.feed.columns.get(name)
        if rule is None and name == "known_at":
            rule = Rule(same_as="occurred_at")
        if rule is None:
            return ibis.literal(_plain(column, column.default), _IBIS[column.type])
        self._check(name, rule)
        if rule.same_as is not None:
            value = self._value(rule.same_as).cast(_IBIS[column.type])
        elif rule.constant is not None:
            value = ibis.literal(_plain(column, rule.constant), _IBIS[column.type])
        else:
            assert rule.column is not None
            value = self._read(name, column, rule, self._column(rule.column))
        if rule.scale is not None:
            value = value * rule.scale
        stands_in = rule.column is None or column.default == "" or not column.required
        default = rule.default if rule.default is not None else column.default if stands_in else None
        return value if default is None else value.coalesce(_plain(column, default))

    def _read(self, name: str, column: Column, rule: Rule, source: Any) -> Any:
        import ibis

        kind = source.type()
        if column.type is Type.TEXT:
            text = _text(source)
            translated = {str(old).strip().lower() for old in rule.values or ()}
            nothing = [word.lower() for word in self.feed.empty if word.lower() not in translated]
            text = text.lower().isin(nothing).ifelse(ibis.null("string"), text)
            if rule.values:
                text = _translated(text, rule.values, rule.otherwise)
            if rule.lower:
                text = text.lower()
            elif name in PEOPLE and not rule.values:
                text = text.contains("@").ifelse(text.lower(), text)
            return rule.prefix + text if rule.prefix else text
        fits = kind.is_numeric() if column.type is Type.NUMBER else kind.is_temporal() and not kind.is_time()
        if not fits or rule.values:
            raise ConfigurationError(
                f"{self.contract.name}.{name}: '{rule.column}' of {self.feed.table} is {kind}, which not "
                f"every engine reads as {column.type.value} in one way.",
                hint="Cast it in a view of the warehouse, and name the view in the mapping.",
            )
        if column.type is Type.DATE:
            return source.cast("timestamp(6)").date() if kind.is_timestamp() else source
        return source.cast(_IBIS[column.type])

    def _check(self, name: str, rule: Rule) -> None:
        given = {
            "row_number": rule.row_number, "lookup": rule.lookup, "format": rule.format,
            "plus": rule.plus, "when": rule.when, "pad": rule.pad, "integer_text": rule.integer_text,
            "times": rule.times, "per": rule.per, "rescale": rule.rescale, "minor_units": rule.minor_units,
        }  # fmt: skip
        unfit = [key for key, value in given.items() if value]
        if unfit:
            raise ConfigurationError(
                f"{self.contract.name}.{name}: `{unfit[0]}:` is not carried out inside a warehouse, where "
                f"{self.contract.name} stays.",
                hint="Do it in a view of the warehouse, and name the view in the mapping.",
            )

    def _conditions(self, where: Where) -> list[Any]:
        return [test for name, condition in where.items() for test in _tests(self._column(name), condition)]


def _text(source: Any) -> Any:
    """A value as trimmed text, missing if blank; whole numbers that are stored as floats lose their `.0`."""
    if source.type().is_floating():
        whole = source == source.floor()
        text = whole.ifelse(source.cast("int64").cast("string"), source.cast("string"))
    else:
        text = source.cast("string")
    return text.strip().nullif("")


def _translated(text: Any, values: Mapping[Scalar, Scalar | None], otherwise: Scalar | None) -> Any:
    import ibis

    pairs = {str(old).strip().lower(): new for old, new in values.items()}
    cases = [
        (text.lower() == old, ibis.null("string") if new is None else ibis.literal(str(new)))
        for old, new in pairs.items()
    ]
    rest = text if otherwise is None else text.isnull().ifelse(ibis.null("string"), str(otherwise))
    return ibis.cases(*cases, else_=rest)


def _tests(column: Any, condition: Condition) -> list[Any]:
    found, text = [], _text(column)
    if condition.present is not None:
        found.append(text.notnull() if condition.present else text.isnull())
    if condition.one_of is not None:
        found.append(_among(text, condition.one_of))
    if condition.none_of is not None:
        found.append(~_among(text, condition.none_of))
    for bound, low in ((condition.at_least, True), (condition.at_most, False)):
        if bound is not None:
            value = column.cast("timestamp(6)") if isinstance(bound, str) else column.cast("float64")
            other = value.type()
            limit: Any = _moment(bound) if other.is_timestamp() else float(bound)
            found.append(((value >= limit) if low else (value <= limit)).fill_null(False))
    return found


def _among(text: Any, values: tuple[Scalar, ...]) -> Any:
    words = {str(value).strip().lower() for value in values if not isinstance(value, bool)}
    for flag in (value for value in values if isinstance(value, bool)):
        words |= set(YES if flag else NO)
    return text.lower().isin(sorted(words)).fill_null(False)


def _moment(text: Scalar) -> Any:
    import ibis

    return ibis.literal(str(text), "timestamp(6)")


def _plain(column: Column, value: Scalar | None) -> Any:
    if value is None or column.type is Type.TEXT:
        return value
    return float(value) if column.type is Type.NUMBER else str(value)


def broken_rows(rows: Any, contract: Table) -> dict[str, Any]:
    """Return what makes a row unusable, as in `contracts.row_rules`: name of the rule -> condition."""
    import ibis

    found: dict[str, Any] = {}
    for name, column in contract.columns.items():
        value = rows[name]
        if column.required:
            blank = column.type is Type.TEXT and column.default != ""
            found[f"{name}.required"] = value.isnull() | (value.strip() == "") if blank else value.isnull()
        if column.type is Type.NUMBER:
            found[f"{name}.finite"] = value.isnan() | (value.abs() == math.inf)
            if column.maximum is None:
                found[f"{name}.plausible"] = (value.abs() > LARGEST) & ~found[f"{name}.finite"]
        if column.minimum is not None:
            found[f"{name}.minimum"] = value < column.minimum
        if column.maximum is not None:
            found[f"{name}.maximum"] = value > column.maximum
        if column.type in (Type.DATE, Type.TIMESTAMP):
            found[f"{name}.earliest"] = value.cast("date") < ibis.date(1990, 1, 1)
    day = rows.known_at.date().epoch_days() - rows.occurred_at.cast("date").epoch_days()
    found["known_at.before_it_happened"] = day < -1
    return {name: condition.fill_null(False) for name, condition in found.items()}


def sound(rows: Any, contract: Table) -> Any:
    """Leave out rows that break a rule; the gate counts them, since nothing is moved in that warehouse."""
    for condition in broken_rows(rows, contract).values():
        rows = rows.filter(~condition)
    return rows
