"""How each canonical column of a feed is read from a file, as SQL."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date

from customer_health.sources.amounts import is_number, kind_of, minor, span
from customer_health.sources.calendar_days import day_of_instant, day_of_local, parse_day
from customer_health.sources.casting import (
    EXPECTED,
    NAIVE,
    always_fits,
    as_text,
    full_number,
    local,
    none_of,
    parse,
    shifted,
    whole,
)
from customer_health.sources.cell_words import digest, in_major_units
from customer_health.sources.cells import (
    NO_MORE,
    Value,
    moment_before,
    rules_of,
    status_of_today,
    unclear,
    untold,
    with_currency,
)
from customer_health.sources.clock_words import clock, speaks
from customer_health.sources.expressions import Expressions, plain
from customer_health.sources.files import ROW, Readable
from customer_health.sources.id_text import LISTS, PEOPLE, SCIENTIFIC, each_id, id_text, one_case
from customer_health.sources.lookups import NOT_AMONG
from customer_health.sources.magnitudes import folded
from customer_health.sources.mapping import Feed, Rule
from customer_health.sources.moment_order import in_order
from customer_health.sources.moments import names_a_zone, stands_for_none, with_zone
from customer_health.sources.once import event_number
from customer_health.sources.rule_parts import Lookup, Offset
from customer_health.warehouse.contracts import identifier, literal
from customer_health.warehouse.table import Column, Table, Type

OPEN = "TODO"
"""What a draft writes into `values:` for a word that it does not know."""
LEFT_OPEN = "holds a word that `values:` in the mapping still marks TODO: write what it means"
_MOMENT = Column(Type.TIMESTAMP, "A day that steers rows.")
_SPANS = ("seconds", "minutes", "hours", "days")


class ColumnReader(Expressions):
    """Reads the columns of one feed in one file. See `FeedCompiler` for the arguments."""

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
    ) -> None:
        super().__init__(feed, file, lookups, decimal=decimal)
        self.table, self.file_name, self._as_of = table, file_name, as_of
        self._rules = rules_of(table, feed, file)
        self._no_dates: dict[str, str] = {}
        # Column -> SQL of the value, SQL of its answer, and what becomes of a value without one.
        self._quiet_answers: dict[str, tuple[str, str, str]] = {}
        self._answers_of: dict[str, str] = {}  # such a column -> the table of answers
        self._today = status_of_today(table, feed)
        self._values = {name: self._value(name, column) for name, column in table.columns.items()}
        currency, contradictions = with_currency(table, self._rules, self._values, self._let)
        if currency is not None:
            self._values["currency"] = currency
            self._checks |= contradictions
        if decimal is None:
            self._checks |= dict(unclear(table, self._values))
        for name, rule in self._rules.items():
            if rule.minor_units is True and name in self._values:
                value = self._values[name]
                told = self._values["currency"].read if "currency" in self._values else "NULL"
                self._values[name] = replace(value, read=minor(value.read, told))
        # Values that steer rows without being a column of the contract.
        self._steering: dict[str, Value] = {}
        if feed.ends_on:
            self._steering["ends_on"] = self._ruled("ends_on", _MOMENT, feed.ends_on)
        both = {**self._values, **self._steering}
        changed, early = in_order(table, feed, self._rules, both, self._let)
        self._values |= changed
        self._checks |= early
        if self._today:
            self._steering |= self._state_of_today(self._today, self._steering.get("ends_on"))
        if feed.unless_followed:
            self._steering["begins"] = self._ruled("begins", _MOMENT, feed.unless_followed.begins)
        if feed.event_id:
            self._steering["event"] = self._event()
        self._conditions = self._where(feed.where, "where")

    def _value(self, name: str, column: Column) -> Value:
        rule = self._rules.get(name)
        if rule is None and name == "known_at":
            rule = Rule(same_as="occurred_at", plus=self._known_after())
        if name == "status" and self._today:
            rule = None
        if name == "unknown_stages" and rule is None:
            missing = untold(self.table, self._rules)
            return Value("NULL", f"CAST({literal(missing) if missing else 'NULL'} AS VARCHAR)")
        if name == "read_off_terms" and rule is None:
            told = "true" if self.feed.unless_followed else "NULL"
            return Value("NULL", f"CAST({told} AS BOOLEAN)")
        if name == "status_at" and rule is None and "status" in self._rules:
            return Value("NULL", moment_before(self._as_of))
        if rule is None:
            default = "NULL" if column.default is None else literal(column.default)
            return Value("NULL", f"CAST({default} AS {column.type.value})")
        if rule.same_as is not None:
            return self._same(name, column, rule)
        return self._ruled(name, column, rule)

    def _ruled(self, name: str, column: Column, rule: Rule) -> Value:
        return self._finished(name, column, rule, self._read(name, column, rule))

    def _known_after(self) -> Offset | None:
        """Until the days are over in which a next term may begin, nobody knows that there is none."""
        following = self.feed.unless_followed
        return Offset(amount=following.within_days, unit="days") if following else None

    def _same(self, name: str, column: Column, rule: Rule) -> Value:
        assert rule.same_as is not None
        other_column = self.table.columns[rule.same_as]
        if column.type is Type.DATE:  # the day that was written down, not that of the instant in UTC
            other_column = replace(other_column, type=Type.DATE, clock=column.clock)
        other = self._value(rule.same_as, other_column)
        value = Value("NULL", f"CAST({other.read} AS {column.type.value})")
        return self._finished(name, column, rule, value)

    def _read(self, name: str, column: Column, rule: Rule) -> Value:
        if rule.row_number:
            return Value("NULL", prefixed(as_text(ROW, "BIGINT"), rule.prefix))
        if rule.constant is not None:
            return Value("NULL", f"CAST({literal(plain(rule.constant))} AS {column.type.value})")
        assert rule.column is not None
        source = self._column(rule.column, f"columns.{name}")
        native, given = self._native(source), identifier(source)
        here = f"g.{identifier('g:' + name)}"
        spelt = rule.integer_text or rule.pad or name in PEOPLE or name in LISTS
        untouched = not (rule.lookup or rule.values or rule.lower or rule.prefix or rule.format or spelt)
        untouched = untouched and not rule.hashed
        if untouched and native != "VARCHAR" and always_fits(native, column.type) and not column.allowed:
            read = self._cast(column, here, native)
            return Value(given, self._cleaned(read, rule) if column.type is Type.TEXT else read)
        given = self._cleaned(as_text(given, native), rule)
        if column.type is not Type.TEXT and native == "VARCHAR" and not (rule.lookup or rule.values):
            given = folded(given)
        if name in LISTS:
            return Value(given, each_id(here, rule, literal(rule.prefix)))
        written = given
        given = id_text(given, rule)
        reason = f"cannot be read as {EXPECTED[column.type]}"
        if column.type in (Type.DATE, Type.TIMESTAMP):
            self._checks[f"{name}:zone"] = self._zone_check(column, here, rule)
        if isinstance(rule.format, tuple):
            reason += f" by exactly one of the formats {', '.join(rule.format)}"
        elif rule.format:
            reason += f" by format {rule.format}"
        if rule.lookup:
            joined = self._join(given, rule.lookup, rule)
            # Whose mail is from nobody's domain is most of all mail: nothing to say.
            if rule.lookup.missing == "empty" or (rule.lookup.missing == "skip" and not rule.email_domain):
                self._quiet_answers[name] = (here, joined, rule.lookup.missing)
                lookup = rule.lookup
                self._answers_of[name] = self.lookups[lookup.place, lookup.key, lookup.value]
            joined = self._translated(joined, rule) if rule.values else joined
            joined = f"lower({joined})" if rule.lower else joined
            joined = digest(joined) if rule.hashed else joined
            read = self._parsed(column, joined, rule)
            return Value(
                given,
                prefixed(read, rule.prefix),
                self._unanswered(rule.lookup, here, joined, read),
                f"{NOT_AMONG} {rule.lookup.key} of {rule.lookup.file or rule.lookup.table}",
            )
        if rule.values:
            self._ask_open(name, given, rule)
            given = self._translated(given, rule)
        if rule.lower or column.allowed:
            given = f"lower({given})"
        if rule.hashed:
            given = digest(given)
        if column.type is Type.TEXT:
            read = prefixed(one_case(here) if name in PEOPLE and not rule.values else here, rule.prefix)
            return self._digits(name, written, given, read) if rule.integer_text else Value(given, read)
        read = self._parsed(column, here, rule)
        return Value(given, read, f"{here} IS NOT NULL AND {read} IS NULL", reason)

    def _digits(self, name: str, written: str, given: str, read: str) -> Value:
        """An id that lost digits, as it was written, in quarantine; all others have become digits."""
        lost = f"coalesce(regexp_full_match(g.{identifier('g:' + name)}, '{SCIENTIFIC}'), false)"
        reason = "is an id that a spreadsheet rounded: its last digits are gone"
        return Value(f"coalesce({given}, {written})", f"CASE WHEN NOT {lost} THEN {read} END", lost, reason)

    def _parsed(self, column: Column, text: str, rule: Rule) -> str:
        """The SQL of a text as the column's type."""
        zone = self.feed.timezone
        if column.type is Type.TEXT:
            return text
        if column.type in (Type.DATE, Type.TIMESTAMP):
            text = self._bare(text, rule)
            if _may_name_a_zone(rule):
                text = self._let("zoned", with_zone(text, self.feed.zones))
        if column.type is Type.DATE:
            read = parse_day(text, format_=rule.format, zone=zone, clock=column.clock)
        elif is_number(column) and column.unit in _SPANS:
            read = span(text, column.unit, self._decimal)
        elif is_number(column):
            read = full_number(text, self._decimal, kind_of(column), self._let)
            read = whole(read) if column.type is Type.INTEGER else read
        else:
            read = parse(text, column.type, format_=rule.format, decimal=self._decimal, zone=zone)
        return self._let("read", read)

    def _ask_open(self, name: str, given: str, rule: Rule) -> None:
        """Quarantine what `values:` still marks TODO, by the word that stands in the source."""
        words = [plain(old).strip().lower() for old, new in (rule.values or {}).items() if new == OPEN]
        if words:
            word = f"g.{self._beside(given)}"
            asked = f"coalesce(lower({word}) IN ({', '.join(map(literal, words))}), false)"
            self._checks[f"{name}:open"] = Value("NULL", "NULL", asked, LEFT_OPEN, shown=word)

    def _bare(self, text: str, rule: Rule) -> str:
        """The SQL of a time without the words around its hours (10:00 Uhr), where no format has words."""
        return text if speaks(rule.format) else self._let("clock", clock(text))

    def _zone_check(self, column: Column, here: str, rule: Rule) -> Value:
        """A time whose word for a zone is nobody's to guess: it says so, and which line to write."""
        here = self._bare(here, rule)
        word = names_a_zone(here)
        zoned = self._let("zoned", with_zone(here, self.feed.zones)) if _may_name_a_zone(rule) else "NULL"
        failed = f"{word} IS NOT NULL AND {zoned} IS NULL"
        reason = "names a zone by a word that several zones share: write, say, `zones: {BST: Europe/London}`"
        return Value("NULL", "NULL", failed if _may_name_a_zone(rule) else "", reason)

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

    def _finished(self, name: str, column: Column, rule: Rule, value: Value) -> Value:
        read, failed = value.read, value.failed
        if isinstance(rule.minor_units, str):
            source = self._column(rule.minor_units, f"columns.{name}.minor_units")
            coin = f"g.{self._beside(as_text(identifier(source), self._native(source)))}"
            read = in_major_units(read, coin)
        if rule.scale is not None:
            read = f"({read} * {rule.scale!r})"
        for factor in rule.times:
            read = f"({read} * {self._other_number(name, 'times', factor)})"
        if rule.per is not None:
            read = f"({read} * {self._periods_a_year(name, rule.per)})"
            if rule.per.every is not None:
                read = f"({read} / {self._other_number(name, 'per', rule.per.every, positive=True)})"
        if rule.rescale is not None:
            (low, high), (begin, end) = rule.rescale.of, rule.rescale.to
            self._checks[f"{name}:rescale"] = Value(
                "NULL",
                "NULL",
                f"{read} NOT BETWEEN {low!r} AND {high!r}",
                f"lies outside the scale of {low:g} to {high:g} that the mapping names",
            )
            read = f"({begin!r} + ({read} - {low!r}) * {(end - begin) / (high - low)!r})"
        if rule.plus is not None:
            amount = repr(rule.plus.amount)
            if rule.plus.column is not None:
                amount = self._other_number(
                    name, "plus", rule.plus.column, unit=rule.plus.unit, lookup=rule.plus.lookup
                )
            read = f"CAST({shifted(f'CAST({read} AS TIMESTAMP)', rule.plus, amount)} AS {column.type.value})"
        if rule.when:
            test = self._where(rule.when, f"columns.{name}.when")
            read = f"CASE WHEN {test} THEN {read} END"
            failed = f"({failed}) AND {test}" if failed else ""
        if column.type in (Type.DATE, Type.TIMESTAMP) and self._may_be_empty(name, column):
            read = self._let("day", read)
            self._no_dates[name] = read
            read = self._let("date", f"CASE WHEN {stands_for_none(read)} THEN NULL ELSE {read} END")
        if rule.default is not None:
            read = f"coalesce({read}, CAST({literal(plain(rule.default))} AS {column.type.value}))"
        elif column.default is not None and rule.column is not None and _stands_in(column):
            read = f"coalesce({read}, CAST({literal(column.default)} AS {column.type.value}))"
        return Value(value.given, read, failed, value.reason)

    def _may_be_empty(self, name: str, column: Column) -> bool:
        """Whether a row may go on without this date: one that says "no date" then has none."""
        goes_on = bool(self.feed.unless_followed) and name == "occurred_at"
        return goes_on or not column.required

    def _event(self) -> Value:
        """The number of the event that a row is; one without its id is nobody's to count."""
        texts = []
        for name in self.feed.event_id:
            source = self._column(name, "event_id")
            text = none_of(as_text(identifier(source), self._native(source)), self.feed.empty)
            texts.append(f"g.{self._beside(text)}")
        missing = " OR ".join(f"{text} IS NULL" for text in texts)
        reason = "is empty, and events are told apart by it"
        self._checks["event_id:empty"] = Value("NULL", "NULL", missing, reason, shown="NULL")
        return Value("NULL", event_number(texts))

    def _state_of_today(self, rule: Rule, ended: Value | None) -> dict[str, Value]:
        """Let a contract be in force from its first day until the state of today was seen, or never."""
        state = self._ruled("status", self.table.columns["status"], rule)
        state = replace(state, read=self._let("state", state.read))
        no_more = ", ".join(literal(word) for word in NO_MORE)
        before = f"CASE WHEN {state.read} IN ({no_more}) THEN 'active' ELSE {state.read} END"
        self._values["status"] = replace(state, read=before)
        seen = f"CASE WHEN {state.read} IN ({no_more}) THEN {moment_before(self._as_of)} END"
        ended = ended or Value("NULL", "CAST(NULL AS TIMESTAMP)")
        stops = f"{state.read} IN ('paused', 'unpaid')"
        over = f"CASE WHEN {stops} THEN {seen} ELSE coalesce({ended.read}, {seen}) END"
        became = f"CASE WHEN {state.read} IN ({no_more}) THEN {state.read} ELSE 'ended' END"
        return {"ends_on": replace(ended, read=over), "over": Value("NULL", became)}


def prefixed(text: str, prefix: str) -> str:
    """Return SQL of an id with the text that makes those of several sources distinct."""
    return f"({literal(prefix)} || {text})" if prefix else text


def _may_name_a_zone(rule: Rule) -> bool:
    formats = rule.format if isinstance(rule.format, tuple) else (rule.format,)
    return any(one in (None, "iso") or "%Z" in str(one) for one in formats)


def _stands_in(column: Column) -> bool:
    """Whether a column's default holds for empty cells too. An empty count, or kind, is unknown."""
    return column.default == "" or not column.required
