"""Compile one feed of a mapping into SQL: the rows that can be read, and those that cannot, with reasons."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from customer_health.errors import DataContractError, suggest
from customer_health.sources.calendar_days import day_of_instant, day_of_local, parse_day
from customer_health.sources.casting import (
    EXPECTED,
    NAIVE,
    always_fits,
    as_text,
    holds,
    local,
    parse,
    shifted,
)
from customer_health.sources.cell_words import any_of, first_answer, in_major_units
from customer_health.sources.files import ROW, Readable
from customer_health.sources.id_text import LISTS, PEOPLE, SCIENTIFIC, each_id, id_text, one_case
from customer_health.sources.lookups import NOT_AMONG
from customer_health.sources.mapping import Feed, Lookup, Offset, Rule, Where
from customer_health.sources.mapping_check import identity
from customer_health.warehouse.contracts import identifier, literal
from customer_health.warehouse.table import Column, Table, Type

_MOMENT = Column(Type.TIMESTAMP, "A day that steers rows.")


@dataclass(frozen=True)
class Compiled:
    """SQL of one feed over one file.

    Attributes:
        good: SELECT of the contract's columns, in order, and `__row`.
        bad: SELECT of row_number, column_name, value, reason, record; None if no value can fail.
        gone: SELECT of the ids (`key`) of records that are no longer there; empty if the feed knows none.
    """

    good: str
    bad: str | None
    gone: str = ""


@dataclass(frozen=True)
class _Value:
    """One canonical column as SQL.

    Attributes:
        given: What the source gives, before it is read as the column's type.
        read: The typed value, in terms of the alias `given` of this column.
        failed: True where something was given and cannot be read; empty if that cannot happen.
        reason: Why, for quarantine.
    """

    given: str
    read: str
    failed: str = ""
    reason: str = ""


class FeedCompiler:
    """Compiles one feed; holds what every rule needs to see.

    Args:
        table: The canonical table.
        feed: The feed.
        file: The file that it reads.
        file_name: For messages.
        lookups: (file, key, value) -> name of a temporary table with `key` and `value` as text.

    Raises:
        DataContractError: The file lacks a column that the feed names.
    """

    def __init__(
        self,
        table: Table,
        feed: Feed,
        file: Readable,
        file_name: str,
        lookups: Mapping[tuple[str, str, str], str],
    ) -> None:
        self.table, self.feed, self.file, self.file_name, self.lookups = table, feed, file, file_name, lookups
        self._names = {name.strip().casefold(): name for name in file.columns}
        self._missing: list[tuple[str, str]] = []
        self._joins: list[str] = []
        self._skips: list[str] = []
        self._values = {name: self._value(name, column) for name, column in table.columns.items()}
        # Values that steer rows without being a column of the contract.
        self._steering: dict[str, _Value] = {}
        if feed.ends_on:
            self._steering["ends_on"] = self._ruled("ends_on", _MOMENT, feed.ends_on)
        if feed.unless_followed:
            self._steering["begins"] = self._ruled("begins", _MOMENT, feed.unless_followed.begins)
        self._conditions = self._where(feed.where, "where")
        self._gone = " OR ".join(f"({self._where(one, 'gone')})" for one in feed.gone)
        if self._missing:
            self._refuse()

    def compile(self, others: Sequence[str] = ()) -> Compiled:
        """Return the SQL.

        Args:
            others: `rows()` of the feed's other files: a term may go on in one of them.
        """
        failures, failed = self._failures()
        good = self.rows()
        if self.feed.ends_on:
            good = self._with_ends(good)
        if self.feed.unless_followed:
            good = self._without_followed(good, others, self.feed.unless_followed.within_days)
        if self.feed.combine == "sum":
            good = self.summed(good)
        known_by = identity(self.table)
        return Compiled(
            good,
            self._bad(self._base(), failures, failed) if failed else None,
            self.gone(known_by) if known_by else "",
        )

    def rows(self) -> str:
        """Return the SQL of the rows that can be read, before they are held against each other."""
        _, failed = self._failures()
        columns = [f"{value.read} AS {identifier(name)}" for name, value in self._values.items()] + [ROW]
        columns += [f"{value.read} AS {identifier('__' + name)}" for name, value in self._steering.items()]
        rest = f"FROM ({self._base()}) g" + (f" WHERE NOT coalesce({failed}, false)" if failed else "")
        return f"SELECT {', '.join(columns)} {rest}"

    def _failures(self) -> tuple[Mapping[str, _Value], str]:
        failures = {name: value for name, value in self._all().items() if value.failed}
        return failures, " OR ".join(f"({value.failed})" for value in failures.values())

    def _all(self) -> Mapping[str, _Value]:
        return {**self._values, **self._steering}

    def _column(self, name: str, place: str) -> str:
        found = self._names.get(name.strip().casefold())
        if found is None:
            self._missing.append((place, name))
            return "NULL"
        return found

    def _native(self, column: str) -> str:
        return self.file.columns.get(column, "VARCHAR")

    def _where(self, where: Where, place: str) -> str:
        tests = []
        for name, condition in where.items():
            column = self._column(name, place)
            tests.append(holds(column, self._native(column), condition, self.feed.decimal))
        return " AND ".join(tests)

    def gone(self, column: str) -> str:
        """Return SQL of the values of `column` whose newest record says that it is no longer there; or "".

        Args:
            column: The column by which a record is known in all its states.
        """
        if not self._gone:
            return ""
        value = self._values[column]
        inner = self._base(f"({self._gone})")
        return f"SELECT DISTINCT {value.read} AS key FROM ({inner}) g WHERE {value.read} IS NOT NULL"

    def _value(self, name: str, column: Column) -> _Value:
        rule = self.feed.columns.get(name)
        if rule is None and name == "known_at":
            rule = Rule(same_as="occurred_at", plus=self._known_after())
        if rule is None:
            default = "NULL" if column.default is None else literal(column.default)
            return _Value("NULL", f"CAST({default} AS {column.type.value})")
        if rule.same_as is not None:
            return self._same(name, column, rule)
        return self._ruled(name, column, rule)

    def _ruled(self, name: str, column: Column, rule: Rule) -> _Value:
        return self._finished(name, column, rule, self._read(name, column, rule))

    def _known_after(self) -> Offset | None:
        """Until the days are over in which a next term may begin, nobody knows that there is none."""
        following = self.feed.unless_followed
        return Offset(amount=following.within_days, unit="days") if following else None

    def _same(self, name: str, column: Column, rule: Rule) -> _Value:
        assert rule.same_as is not None
        other_column = self.table.columns[rule.same_as]
        if column.type is Type.DATE:  # the day that was written down, not that of the instant in UTC
            other_column = replace(other_column, type=Type.DATE, clock=column.clock)
        other = self._value(rule.same_as, other_column)
        value = _Value("NULL", f"CAST({other.read} AS {column.type.value})")
        return self._finished(name, column, rule, value)

    def _read(self, name: str, column: Column, rule: Rule) -> _Value:
        if rule.row_number:
            return _Value("NULL", self._typed(as_text(ROW, "BIGINT"), rule.prefix))
        if rule.constant is not None:
            return _Value("NULL", f"CAST({literal(_plain(rule.constant))} AS {column.type.value})")
        assert rule.column is not None
        source = self._column(rule.column, f"columns.{name}")
        native, given = self._native(source), identifier(source)
        here = f"g.{identifier('g:' + name)}"
        spelt = rule.integer_text or rule.pad or name in PEOPLE or name in LISTS
        untouched = not (rule.lookup or rule.values or rule.lower or rule.prefix or rule.format or spelt)
        if untouched and native != "VARCHAR" and always_fits(native, column.type) and not column.allowed:
            read = self._cast(column, here, native)
            return _Value(given, f"nullif({read}, '')" if column.type is Type.TEXT else read)
        given = self._cleaned(as_text(given, native), column)
        if name in LISTS:
            return _Value(given, each_id(here, rule, literal(rule.prefix)))
        written = given
        given = id_text(given, rule)
        reason = f"cannot be read as {EXPECTED[column.type]}"
        if isinstance(rule.format, tuple):
            reason += f" by exactly one of the formats {', '.join(rule.format)}"
        elif rule.format:
            reason += f" by format {rule.format}"
        if rule.lookup:
            joined = self._join(given, rule.lookup, rule)
            joined = self._translated(joined, rule) if rule.values else joined
            joined = f"lower({joined})" if rule.lower else joined
            read = self._parsed(column, joined, rule)
            return _Value(
                given,
                self._typed(read, rule.prefix),
                self._unanswered(rule.lookup, here, joined, read),
                f"{NOT_AMONG} {rule.lookup.key} of {rule.lookup.place}",
            )
        if rule.values:
            given = self._translated(given, rule)
        if rule.lower or (column.allowed and not rule.values):
            given = f"lower({given})"
        if column.type is Type.TEXT:
            read = self._typed(one_case(here) if name in PEOPLE and not rule.values else here, rule.prefix)
            if rule.integer_text:
                return self._digits(name, written, given, read)
            return _Value(given, read)
        read = self._parsed(column, here, rule)
        return _Value(given, read, f"{here} IS NOT NULL AND {read} IS NULL", reason)

    def _digits(self, name: str, written: str, given: str, read: str) -> _Value:
        """An id that lost digits, as it was written, in quarantine; all others have become digits."""
        lost = f"coalesce(regexp_full_match(g.{identifier('g:' + name)}, '{SCIENTIFIC}'), false)"
        reason = "is an id that a spreadsheet rounded: its last digits are gone"
        return _Value(f"coalesce({given}, {written})", f"CASE WHEN NOT {lost} THEN {read} END", lost, reason)

    def _parsed(self, column: Column, text: str, rule: Rule) -> str:
        """The SQL of a text as the column's type."""
        zone = self.feed.timezone
        if column.type is Type.DATE:
            return parse_day(text, format_=rule.format, zone=zone, clock=column.clock)
        return parse(text, column.type, format_=rule.format, decimal=self.feed.decimal, zone=zone)

    def _cast(self, column: Column, value: str, native: str) -> str:
        """The SQL of a value of the engine's own type as the column's type."""
        zone = self.feed.timezone
        if column.type is Type.TEXT:
            return as_text(value, native)
        if column.type is Type.DATE and native in NAIVE:
            return day_of_local(value, zone=zone, clock=column.clock)
        if column.type is Type.DATE and native == "TIMESTAMP WITH TIME ZONE":
            return day_of_instant(f"CAST({value} AS TIMESTAMP)", zone=zone, clock=column.clock)
        moment = local(value, zone) if zone and native in NAIVE else value
        return f"CAST({moment} AS {column.type.value})"

    def _unanswered(self, lookup: Lookup, here: str, joined: str, read: str) -> str:
        """Return SQL that is true where a lookup has no answer, or one that cannot be read."""
        if lookup.missing == "report":
            return f"{here} IS NOT NULL AND ({joined} IS NULL OR {read} IS NULL)"
        return f"{joined} IS NOT NULL AND {read} IS NULL"

    def _typed(self, text: str, prefix: str) -> str:
        return f"({literal(prefix)} || {text})" if prefix else text

    def _cleaned(self, text: str, column: Column) -> str:
        if column.type is Type.TEXT and not column.allowed:
            return f"nullif({text}, '')"
        words = ", ".join(literal(word.lower()) for word in self.feed.empty)
        return f"CASE WHEN lower({text}) IN ({words}) THEN NULL ELSE {text} END" if words else text

    def _translated(self, given: str, rule: Rule) -> str:
        assert rule.values is not None
        pairs = {
            _plain(old).strip().lower(): "NULL" if new is None else literal(_plain(new))
            for old, new in rule.values.items()
        }
        other = literal(_plain(rule.otherwise)) if rule.otherwise is not None else ""
        if rule.split and not rule.lookup:
            return any_of(given, rule.split, pairs, other or "NULL")
        cases = " ".join(f"WHEN {literal(old)} THEN {new}" for old, new in pairs.items())
        whole = f"CASE lower({given}) {cases} ELSE {other or given} END"
        return f"CASE WHEN {given} IS NULL THEN NULL ELSE {whole} END"

    def _join(self, given: str, lookup: Lookup, alone: Rule | None = None) -> str:
        """Join the files of a lookup, one behind the other, and return the last one's value."""
        alias = ""
        for one in lookup.chain():
            alias = f"l{len(self._joins)}"
            name = self.lookups[one.place, one.key, one.value]
            if alone and (alone.split or alone.email_domain) and one is lookup:
                by_row = first_answer(
                    self.file.relation, given, name, alone.split, by_domain=alone.email_domain
                )
                self._joins.append(f"LEFT JOIN {by_row} {alias} ON {alias}.{ROW} = s.{ROW}")
            else:
                self._joins.append(f"LEFT JOIN {name} {alias} ON {alias}.__key = {given}")
            given = f"{alias}.__value"
        if lookup.missing == "skip":
            self._skips.append(f"{given} IS NOT NULL")
        return f"g.{identifier('l:' + alias)}"

    def _finished(self, name: str, column: Column, rule: Rule, value: _Value) -> _Value:
        read, failed = value.read, value.failed
        if rule.minor_units_of is not None:
            source = self._column(rule.minor_units_of, f"columns.{name}.minor_units_of")
            read = in_major_units(read, as_text(identifier(source), self._native(source)))
        if rule.scale is not None:
            read = f"({read} * {rule.scale!r})"
        if rule.plus is not None:
            amount = repr(rule.plus.amount)
            if rule.plus.column is not None:
                source = self._column(rule.plus.column, f"columns.{name}.plus")
                text = as_text(identifier(source), self._native(source))
                amount = parse(
                    self._join(text, rule.plus.lookup) if rule.plus.lookup else text,
                    Type.NUMBER,
                    format_=None,
                    decimal=self.feed.decimal,
                )
            read = f"CAST({shifted(f'CAST({read} AS TIMESTAMP)', rule.plus, amount)} AS {column.type.value})"
        if rule.when:
            test = self._where(rule.when, f"columns.{name}.when")
            read = f"CASE WHEN {test} THEN {read} END"
            failed = f"({failed}) AND {test}" if failed else ""
        if rule.default is not None:
            read = f"coalesce({read}, CAST({literal(_plain(rule.default))} AS {column.type.value}))"
        elif column.default is not None and rule.column is not None:
            read = f"coalesce({read}, CAST({literal(column.default)} AS {column.type.value}))"
        return _Value(value.given, read, failed, value.reason)

    def _base(self, instead: str = "") -> str:
        given = [
            f"{value.given} AS {identifier('g:' + name)}"
            for name, value in self._all().items()
            if value.given != "NULL"
        ]
        given += [f"l{i}.__value AS {identifier(f'l:l{i}')}" for i in range(len(self._joins))]
        # What is gone may lack every other field, so that `where:` does not see it.
        tests = [f"({self._conditions})"] if self._conditions and not instead else []
        tests += [instead] if instead else [f"NOT ({self._gone})"] if self._gone else []
        tests += [] if instead else self._skips
        where = f" WHERE {' AND '.join(tests)}" if tests else ""
        return (
            f"SELECT {', '.join(['s.*', *given])} FROM {self.file.relation} s {' '.join(self._joins)}{where}"
        )

    def _bad(self, base: str, failures: Mapping[str, _Value], failed: str) -> str:
        def case(results: Mapping[str, str]) -> str:
            whens = " ".join(
                f"WHEN {failures[name].failed} THEN {result}" for name, result in results.items()
            )
            return f"CASE {whens} END"

        given = {name: f"CAST(g.{identifier('g:' + name)} AS VARCHAR)" for name in failures}
        return (
            f"SELECT {ROW} AS row_number, {case({name: literal(name) for name in failures})} AS column_name, "
            f"{case(given)} AS value, "
            f"{case({name: literal(value.reason) for name, value in failures.items()})} AS reason, "
            f"{self._record()} AS record FROM ({base}) g WHERE {failed}"
        )

    def _record(self) -> str:
        fields = ", ".join(f"{literal(name)}, g.{identifier(name)}" for name in self.file.columns)
        return f"CAST(json_object({fields}) AS VARCHAR)"

    def _with_ends(self, terms: str) -> str:
        """Add a row for the day on which a contract ended, unless its next term begins by then.

        A term that ended on the day it began was never in force: only its end remains.
        """
        names = [identifier(name) for name in self.table.columns]
        ended = {"occurred_at": "__ends_on", "known_at": "__ends_on", "status": "'ended'"}
        as_ended = [
            f"{ended.get(name, identifier(name))} AS {identifier(name)}" for name in self.table.columns
        ]
        return (
            f"WITH terms AS MATERIALIZED ({terms}), followed AS (SELECT *, lead(occurred_at) OVER "
            "(PARTITION BY contract_id ORDER BY occurred_at) AS __next FROM terms) "
            f"SELECT {', '.join([*names, ROW])} FROM terms "
            "WHERE NOT coalesce(__ends_on <= occurred_at, false) "
            f"UNION ALL SELECT {', '.join([*as_ended, ROW])} FROM followed "
            "WHERE __ends_on IS NOT NULL AND (__next IS NULL OR __next > __ends_on)"
        )

    def _without_followed(self, terms: str, others: Sequence[str], within_days: int) -> str:
        """Keep the ends of terms after which no other term of the account goes on.

        It may go on in another file of the feed. Rows that have not ended are not losses; they only show that
        the account goes on. Several terms that end together are one loss.
        """
        names = ", ".join(f"t.{identifier(name)}" for name in [*self.table.columns, ROW])
        once = (
            ""
            if self.feed.combine == "sum"
            else "QUALIFY row_number() OVER (PARTITION BY {} ORDER BY {}) = 1"
        )
        key = ", ".join(f"t.{identifier(name)}" for name in self.table.key)
        everywhere = " UNION ALL ".join(["FROM terms", *others])
        return (
            f"WITH terms AS MATERIALIZED ({terms}), every AS MATERIALIZED ({everywhere}) "
            f"SELECT {names} FROM terms t "
            "WHERE t.occurred_at IS NOT NULL AND NOT EXISTS (SELECT 1 FROM every o "
            "WHERE o.account_id = t.account_id AND (o.occurred_at IS NULL OR o.occurred_at > t.occurred_at) "
            f"AND coalesce(o.__begins <= t.occurred_at + to_days({within_days}), true)) "
            f"{once.format(key, f't.{ROW}')}"
        )

    def summed(self, good: str) -> str:
        """Add up the numbers of rows that agree in their key."""
        parts = []
        for name, column in self.table.columns.items():
            quoted = identifier(name)
            if name in self.table.key:
                parts.append(quoted)
            elif column.type is Type.NUMBER:
                parts.append(f"sum({quoted}) AS {quoted}")
            else:
                parts.append(f"max({quoted}) AS {quoted}")
        keys = ", ".join(identifier(name) for name in self.table.key)
        return f"SELECT {', '.join(parts)}, min({ROW}) AS {ROW} FROM ({good}) GROUP BY {keys}"

    def _refuse(self) -> None:
        columns = list(self.file.columns)
        lines = [
            f"{self.table.name} ({place}): {self.file_name} has no column '{name}'"
            for place, name in dict.fromkeys(self._missing)
        ]
        found = ", ".join(columns) if columns else "none: the file is empty"
        raise DataContractError(
            "\n".join(lines) + f"\n  columns found: {found}",
            hint=" ".join(dict.fromkeys(suggest(name, columns) for _, name in self._missing))
            + " Correct the mapping, or the export.",
        )


def _plain(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
