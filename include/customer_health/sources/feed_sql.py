"""Compile one feed of a mapping into SQL: the rows that can be read, and those that cannot, with reasons."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from customer_health.errors import DataContractError, suggest
from customer_health.sources.cells import Value
from customer_health.sources.columns import ColumnReader
from customer_health.sources.counters import increases
from customer_health.sources.files import ROW, Readable
from customer_health.sources.mapping import Feed
from customer_health.sources.mapping_check import identity
from customer_health.sources.moments import stands_for_none
from customer_health.sources.once import EVENT, first_times
from customer_health.warehouse.contracts import identifier, literal
from customer_health.warehouse.table import Table, Type

_MANY = 20  # values of which none has an answer, before a vendor's lookup is suspected


@dataclass(frozen=True)
class Compiled:
    """SQL of one feed over one file.

    Attributes:
        good: SELECT of the contract's columns, in order, and `__row`.
        bad: SELECT of row_number, column_name, value, reason, record; None if no value can fail.
        gone: SELECT of the ids (`key`) of records that are no longer there; empty if the feed knows none.
        events: SELECT of the numbers (`key`) of the events that the rows hold; empty if they name none.
        no_dates: Column -> SELECT of how many of its days stand for "no date", and one of them.
        unanswered: Column whose lookup reports no miss -> SELECT of how many values have no answer, how many
            there are, and one without; and what becomes of those: empty, or skip.
        begun: SELECT of how many rows only begin a counter; empty if none is told.
    """

    good: str
    bad: str | None
    gone: str = ""
    events: str = ""
    no_dates: Mapping[str, str] = field(default_factory=dict)
    unanswered: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    begun: str = ""


class FeedCompiler(ColumnReader):
    """Compiles one feed; holds what every rule needs to see.

    Args:
        table: The canonical table.
        feed: The feed.
        file: The file that it reads.
        file_name: For messages.
        lookups: (file, key, value) -> name of a temporary table with `key` and `value` as text.
        as_of: The day of the run: what a file tells of today was known before it.
        decimal: The file's sign before the cents; None if nothing in it tells.
        source: Name of the source, for events that other files of it have brought.

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
        *,
        as_of: date,
        decimal: str | None = ".",
        source: str = "",
    ) -> None:
        self._source = source
        super().__init__(table, feed, file, file_name, lookups, as_of=as_of, decimal=decimal)
        self._as_of = as_of
        self._gone = " OR ".join(f"({self._where(one, 'gone')})" for one in feed.gone)
        if self._missing:
            self._refuse()

    def compile(self, others: Sequence[str] = (), before: str = "") -> Compiled:
        """Return the SQL.

        Args:
            others: `rows()` of the feed's other files: a term may go on in one of them.
            before: `rows()` of the file before, where counters are told.
        """
        failures, failed = self._failures()
        good = self.rows()
        if self.feed.ends_on or self._today:
            good = self._with_ends(good)
        if self.feed.unless_followed:
            good = self._without_followed(good, others, self.feed.unless_followed.within_days)
        events = ""
        if self.feed.event_id:
            good = first_times(good, ROW, self._source, self.table.name, self.file_name)
            events = f"SELECT {EVENT} AS key FROM ({good})"
        begun = ""
        if self.feed.cumulative:
            whole, good = good, increases(self.table, good, before, ROW)
            begun = f"SELECT (SELECT count(*) FROM ({whole})) - (SELECT count(*) FROM ({good}))"
        if self.feed.combine == "sum":
            good = self.summed(good)
        if self.feed.combine == "earliest":
            keys = ", ".join(identifier(name) for name in self.table.key)
            first = f"row_number() OVER (PARTITION BY {keys} ORDER BY occurred_at, {ROW}) = 1"
            good = f"SELECT * FROM ({good}) QUALIFY {first}"
        known_by = identity(self.table)
        return Compiled(
            good,
            self._bad(self._base(), failures, failed) if failed else None,
            self.gone(known_by) if known_by else "",
            events,
            {name: self._counted(day) for name, day in self._no_dates.items()},
            {
                name: (self._missed(value, answer, self._answers_of[name]), missing)
                for name, (value, answer, missing) in self._quiet_answers.items()
            },
            begun,
        )

    def rows(self) -> str:
        """Return the SQL of the rows that can be read, before they are held against each other."""
        _, failed = self._failures()
        columns = [f"{value.read} AS {identifier(name)}" for name, value in self._values.items()] + [ROW]
        columns += [f"{value.read} AS {identifier('__' + name)}" for name, value in self._steering.items()]
        rest = f"FROM ({self._base()}) g" + (f" WHERE NOT coalesce({failed}, false)" if failed else "")
        return f"SELECT {', '.join(columns)} {rest}"

    def _failures(self) -> tuple[Mapping[str, Value], str]:
        failures = {name: value for name, value in self._all().items() if value.failed}
        return failures, " OR ".join(f"({value.failed})" for value in failures.values())

    def _all(self) -> Mapping[str, Value]:
        return {**self._checks, **self._values, **self._steering}

    def _counted(self, day: str) -> str:
        is_none = stands_for_none(day)
        return f"SELECT count(*), min(CAST({day} AS DATE)) FROM ({self._base()}) g WHERE {is_none}"

    def _missed(self, value: str, answer: str, answers: str) -> str:
        missed = f"{answer} IS NULL"
        counted = (
            f"SELECT count(*) FILTER ({missed}) AS missed, count(*) AS asked, min({value}) FILTER ({missed}) "
            f"FROM ({self._base(skipping=False)}) g WHERE {value} IS NOT NULL"
        )
        if not self.feed.sparse:
            return counted
        # Of a vendor nothing may have come yet, and most of its contacts have no role: no wrong key.
        return f"{counted} AND EXISTS (SELECT 1 FROM {answers}) HAVING missed = asked AND asked >= {_MANY}"

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

    def _base(self, instead: str = "", *, skipping: bool = True) -> str:
        given = [
            f"{value.given} AS {identifier('g:' + name)}"
            for name, value in self._all().items()
            if value.given != "NULL"
        ]
        given += [f"{text} AS {identifier(f'o:{i}')}" for i, text in enumerate(self._others)]
        given += [f"l{i}.__value AS {identifier(f'l:l{i}')}" for i in range(len(self._joins))]
        # What is gone may lack every other field, so that `where:` does not see it.
        tests = [f"({self._conditions})"] if self._conditions and not instead else []
        tests += [instead] if instead else [f"NOT ({self._gone})"] if self._gone else []
        tests += self._skips if skipping and not instead else []
        where = f" WHERE {' AND '.join(tests)}" if tests else ""
        columns = ", ".join(["s.*", *given])
        return self._named(f"SELECT {columns} FROM {self.file.relation} s {' '.join(self._joins)}{where}")

    def _bad(self, base: str, failures: Mapping[str, Value], failed: str) -> str:
        def case(results: Mapping[str, str]) -> str:
            whens = " ".join(
                f"WHEN {failures[name].failed} THEN {result}" for name, result in results.items()
            )
            return f"CASE {whens} END"

        columns = {name: name.split(":")[0] for name in failures}
        given = {
            name: failures[name].shown or f"CAST(g.{identifier('g:' + column)} AS VARCHAR)"
            for name, column in columns.items()
        }
        at_fault = {name: literal(column) for name, column in columns.items()}
        return (
            f"SELECT {ROW} AS row_number, {case(at_fault)} AS column_name, "
            f"{case(given)} AS value, "
            f"{case({name: literal(value.reason) for name, value in failures.items()})} AS reason, "
            f"{self._record()} AS record FROM ({base}) g WHERE {failed}"
        )

    def _record(self) -> str:
        spelled = dict(zip(self.file.columns, self.file.names(), strict=True))
        fields = ", ".join(f"{literal(shown)}, g.{identifier(name)}" for name, shown in spelled.items())
        return f"CAST(json_object({fields}) AS VARCHAR)"

    def _with_ends(self, terms: str) -> str:
        """Add a row for the day on which a contract ended, unless its next term begins by then.

        A term that ended on the day it began was never in force: only its end remains.
        """
        names = [identifier(name) for name in self.table.columns]
        state = "__over" if self._today else "'ended'"
        ended = {"occurred_at": "__ends_on", "known_at": "__ends_on", "status": state}
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
        the account goes on. Several terms that end together are one loss. A term whose waiting days are not
        over before the day of the run is not a loss yet.
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
            f"WHERE t.occurred_at IS NOT NULL AND t.known_at < DATE '{self._as_of}' "
            "AND NOT EXISTS (SELECT 1 FROM every o "
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
        columns = self.file.names()
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
