"""What is wrong with a mapping though every part of it is well formed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from customer_health.sources.casting import NO, YES
from customer_health.sources.mapping import Feed, MappingFile, Rule
from customer_health.sources.rule_parts import Scalar
from customer_health.warehouse.table import Table, Type
from customer_health.warehouse.tables import TABLES

_MOMENTS = (Type.DATE, Type.TIMESTAMP)
_NUMBERS = (Type.NUMBER, Type.INTEGER)
_KINDS = {Type.DATE: "a date", Type.TIMESTAMP: "a date", Type.NUMBER: "a number", Type.INTEGER: "a number"}


def _misfits(table: Table, name: str, rules: Mapping[str, Rule]) -> list[str]:
    """Return what a column's rule asks for that the column's type cannot do."""
    rule, type_ = rules[name], table.columns[name].type
    found = []
    if rule.scale is not None and type_ not in _NUMBERS:
        found.append(f"`scale:` multiplies numbers, and {table.name}.{name} is {_kind(type_)}")
    if rule.per is not None and table.columns[name].unit != "currency/year":
        found.append(f"`per:` turns amounts into those of a year, and {table.name}.{name} is not an amount")
    if rule.lower and (type_ is not Type.TEXT or rule.column is None):
        found.append(f"`lower:` is for text of a source column, and {table.name}.{name} is not text from one")
    for word, given in (("pad", rule.pad), ("integer_text", rule.integer_text)):
        if given and (type_ is not Type.TEXT or rule.column is None):
            found.append(f"`{word}:` is for ids of a source column, and {table.name}.{name} is not an id")
    if rule.plus is not None and type_ not in _MOMENTS:
        found.append(f"`plus:` moves dates, and {table.name}.{name} is {_kind(type_)}")
    found += [
        f"{table.name}.{name} is {_kind(type_)}, and `{key}: {value}` is not"
        for key, value in (("constant", rule.constant), ("default", rule.default))
        if value is not None and not _is_of(value, type_)
    ]
    other = table.columns.get(rule.same_as or "")
    if other is not None and type_ is not Type.TEXT and _kind(other.type) != _kind(type_):
        found.append(f"{table.name}.{name} is {_kind(type_)}, and {rule.same_as} is {_kind(other.type)}")
    seen, at = [name], rule.same_as
    while at is not None and at in rules and at not in seen:
        seen, at = [*seen, at], rules[at].same_as
    if at in seen:
        found.append(f"`same_as:` goes round in a circle: {' -> '.join([*seen, str(at)])}")
    return found


def _kind(type_: Type) -> str:
    return _KINDS.get(type_, "text" if type_ is Type.TEXT else "true or false")


def _is_of(value: Scalar, type_: Type) -> bool:
    text = str(value).strip().lower()
    try:
        if type_ in _NUMBERS:
            number = float(text)
            return type_ is Type.NUMBER or number.is_integer()
        if type_ in _MOMENTS:
            datetime.fromisoformat(text)
    except (ValueError, OverflowError):
        return False
    return type_ is not Type.BOOLEAN or text in (*YES, *NO)


def unfilled(table: Table, feed: Feed) -> list[str]:
    """Return the required columns of `table` that neither the feed nor a default fills."""
    return [
        name
        for name, column in table.columns.items()
        if column.required and column.default is None and name not in feed.columns and name != "known_at"
    ]


def _without_column(feed: Feed) -> list[str]:
    following = feed.unless_followed
    steering = {"ends_on": feed.ends_on, "unless_followed.begins": following.begins if following else None}
    return [name for name, rule in steering.items() if rule is not None and rule.column is None]


def identity(table: Table) -> str | None:
    """Return the column by which a record is known in all its states; None where rows have no own id."""
    if table.key == ("account_id",):
        return "account_id"
    own = [name for name in table.columns if name.endswith("_id") and name not in ("account_id", "user_id")]
    return own[0] if own else None


def problems(mapping: MappingFile, *, whole: bool = True) -> list[tuple[str, str, list[str]]]:
    """Return what the model cannot see: (place, message, names that would have been accepted).

    Args:
        mapping: The mapping.
        whole: Whether it describes all that a company has; one vendor of several need not.
    """
    found: list[tuple[str, str, list[str]]] = []
    for table_name, feeds in mapping.tables.items():
        place = f"tables.{table_name}"
        if table_name not in TABLES:
            found.append((place, f"there is no canonical table '{table_name}'", list(TABLES)))
            continue
        table = TABLES[table_name]
        for number, feed in enumerate(feeds):
            here = f"{place}[{number}]" if len(feeds) > 1 else place
            for name, rule in feed.columns.items():
                if name in table.columns:
                    found += [
                        (f"{here}.columns.{name}", message, [])
                        for message in _misfits(table, name, feed.columns)
                    ]
                known = list(table.columns)
                if name not in known:
                    found.append((f"{here}.columns.{name}", f"{table_name} has no column '{name}'", known))
                if rule.same_as is not None and rule.same_as not in known:
                    message = f"same_as names '{rule.same_as}', which {table_name} does not have"
                    found.append((f"{here}.columns.{name}", message, known))
            found += [
                (f"{here}.columns", f"{table_name}.{name} is required and nothing fills it", [])
                for name in unfilled(table, feed)
            ]
            if feed.gone and identity(table) is None:
                message = f"rows of {table_name} have no id by which one of them could go"
                found.append((f"{here}.gone", message, []))
            if feed.ends_on and table_name != "contracts":
                found.append((f"{here}.ends_on", "only contracts end", []))
            if feed.cumulative is not None and table_name != "usage":
                found.append((f"{here}.cumulative", "only usage is counted", []))
            if feed.unless_followed and table_name != "outcomes":
                found.append((f"{here}.unless_followed", "only outcomes are told by what follows", []))
            found += [(f"{here}.{name}", "needs a source column", []) for name in _without_column(feed)]
    for table in TABLES.values() if whole else ():
        if table.required and table.name not in mapping.tables:
            found.append(
                (f"tables.{table.name}", f"{table.name} is required: nobody can be scored without", [])
            )
    return found
