"""What the expressions of one feed share: source columns, lookups, parts that have a name."""

from __future__ import annotations

from collections.abc import Mapping

from customer_health.sources.amounts import span
from customer_health.sources.casting import as_text, full_number, holds, none_of
from customer_health.sources.cell_words import any_of, first_answer
from customer_health.sources.cells import Value
from customer_health.sources.files import ROW, Readable
from customer_health.sources.magnitudes import folded
from customer_health.sources.mapping import Feed, Rule
from customer_health.sources.periods import Period, a_year
from customer_health.sources.rule_parts import Lookup, Where
from customer_health.warehouse.contracts import identifier, literal


class Expressions:
    """Parts of the SQL of one feed in one file. See `FeedCompiler` for the arguments.

    Columns that the file lacks are collected, so that one message names them all.
    """

    def __init__(
        self,
        feed: Feed,
        file: Readable,
        lookups: Mapping[tuple[str, str, str], str],
        *,
        decimal: str | None,
    ) -> None:
        self.feed, self.file, self.lookups, self._decimal = feed, file, lookups, decimal or "."
        self._missing: list[tuple[str, str]] = []
        self._joins: list[str] = []
        self._skips: list[str] = []
        self._others: list[str] = []  # texts of further columns that rules need
        self._lets: list[tuple[int, str, str]] = []  # level, name, SQL
        # What can fail beside a column's own value: a span that is added, a currency, a decimal.
        self._checks: dict[str, Value] = {}

    def _let(self, what: str, sql: str) -> str:
        """Give a part of an expression a name, and return SQL of it.

        What several expressions need is computed once: written out everywhere, a feed of a dozen columns
        becomes a query of a million letters.
        """
        for _, name, known in self._lets:
            if known == sql:
                return f"g.{identifier(name)}"
        below = [level for level, name, _ in self._lets if f"g.{identifier(name)}" in sql]
        name = f"x:{len(self._lets)}:{what}"
        self._lets.append((1 + max(below, default=0), name, sql))
        return f"g.{identifier(name)}"

    def _named(self, rows: str) -> str:
        """Add to rows (alias g) everything that `_let` has named, level by level."""
        for level in sorted({level for level, _, _ in self._lets}):
            mine = ", ".join(f"{sql} AS {identifier(name)}" for at, name, sql in self._lets if at == level)
            rows = f"SELECT g.*, {mine} FROM ({rows}) g"
        return rows

    def _column(self, name: str, place: str) -> str:
        found = self.file.named(name)
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
            tests.append(holds(column, self._native(column), condition, self._decimal, self.feed.empty))
        return " AND ".join(tests)

    def _cleaned(self, text: str, rule: Rule) -> str:
        translated = {plain(old).strip().lower() for old in rule.values or ()}
        return none_of(text, (word for word in self.feed.empty if word.lower() not in translated))

    def _translated(self, given: str, rule: Rule) -> str:
        assert rule.values is not None
        pairs = {
            plain(old).strip().lower(): "NULL" if new is None else literal(plain(new))
            for old, new in rule.values.items()
        }
        other = literal(plain(rule.otherwise)) if rule.otherwise is not None else ""
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

    def _periods_a_year(self, name: str, per: Period) -> str:
        """SQL of how many of a row's billing periods a year has; a word that is not known is a question."""
        source = self._column(per.column, f"columns.{name}.per")
        text = none_of(as_text(identifier(source), self._native(source)), self.feed.empty)
        text = f"g.{self._beside(text)}"
        read = self._let("per", a_year(text, per))
        amount = f"g.{identifier('g:' + name)}"
        reason = f"is for a period that '{per.column}' does not name: write, say, `values: {{M: month}}`"
        self._checks[f"{name}:per"] = Value(
            "NULL", "NULL", f"{amount} IS NOT NULL AND {read} IS NULL", reason, shown=text
        )
        return read

    def _other_number(
        self,
        name: str,
        key: str,
        column: str,
        *,
        unit: str = "",
        lookup: Lookup | None = None,
        positive: bool = False,
    ) -> str:
        """SQL of the number, or the span of time, that another source column holds."""
        source = self._column(column, f"columns.{name}.{key}")
        text = none_of(folded(as_text(identifier(source), self._native(source))), self.feed.empty)
        text = self._join(text, lookup) if lookup else f"g.{self._beside(text)}"
        read = self._let(key, span(text, unit, self._decimal) if unit else full_number(text, self._decimal))
        expected = "a span of time such as 90, 24 h or 1d 2h" if unit else "a number"
        failed = f"{text} IS NOT NULL AND {read} IS NULL"
        if positive:
            failed, expected = f"({read} > 0) IS NOT TRUE", "a number above 0"
        reason = f"needs '{column}', which cannot be read as {expected}"
        self._checks[f"{name}:{key}:{column}"] = Value("NULL", "NULL", failed, reason, shown=text)
        return read

    def _beside(self, text: str) -> str:
        """Name a text that a rule needs beside its own column."""
        self._others.append(text)
        return identifier(f"o:{len(self._others) - 1}")


def plain(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
