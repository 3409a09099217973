"""Look at a folder of files and draft a mapping: a start for a person, not a decision."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from customer_health.progress import Progress, silent
from customer_health.sources import draft_words as words
from customer_health.sources.casting import NO
from customer_health.sources.draft_carried import (
    end_column,
    losses,
    notices,
    renewal_column,
    scores_of_tickets,
)
from customer_health.sources.draft_look import Look, fitting, has_decimal_commas, kind_of, look_at
from customer_health.sources.draft_match import match, named, table_for
from customer_health.sources.draft_measures import adds_up, features, is_counter, left_out, people
from customer_health.sources.draft_money import recurring
from customer_health.sources.draft_reading import COUNTER, reading_of
from customer_health.sources.draft_rules import column_line, quoted, rule
from customer_health.sources.draft_series import series_of
from customer_health.sources.draft_states import state_line, won_deals
from customer_health.sources.draft_wide import unread_periods, widened, written
from customer_health.sources.draft_words import plain
from customer_health.sources.locate import Folder
from customer_health.warehouse.connect import open_warehouse
from customer_health.warehouse.table import Table
from customer_health.warehouse.tables import TABLES

if TYPE_CHECKING:
    import duckdb


def draft_mapping(folder: Path | str, progress: Progress = silent) -> str:
    """Return an annotated mapping for the files of a folder; unsure places are marked TODO.

    Only the first rows of each file are read, and each column is profiled once.

    Args:
        folder: The data folder.
        progress: Told about every file.

    Raises:
        ConfigurationError: The folder does not exist or holds no data files.
    """
    with (
        tempfile.TemporaryDirectory() as scratch,
        # A few thousand rows a file: threads would only wait for each other.
        open_warehouse("duckdb://", reads=[scratch, folder], options={"threads": 1}) as con,
    ):
        place = Folder(str(folder), Path(scratch) / "cache")
        names = place.names()
        looks = []
        for done, name in enumerate(names):
            progress(done, len(names), f"looking at {name}")
            looks.append(look_at(con, place, name, Path(scratch)))
        progress(len(names), len(names), "drafting")
        return _drafted(folder, series_of([widened(look) for look in looks]), con)


def _drafted(folder: Path | str, looks: Sequence[Look], con: duckdb.DuckDBPyConnection) -> str:
    readable = [look for look in looks if look.samples]
    chosen = {look.name: table_for(look) if adds_up(look) else None for look in readable}
    name = Path(str(folder)).resolve().name
    parts = [
        f"# Drafted from the files of {name}. Read it through; lines with TODO need a person.",
        "# Each line is `canonical column: source column`. docs/data_contracts.md explains every column.",
        "version: 1",
        f"company: {quoted(name)}",
        "",
        "tables:",
    ]
    for table in TABLES.values():
        feeds = [look for look in readable if chosen[look.name] == table.name]
        if feeds:
            parts.append(f"  {table.name}:")
            for look in feeds:
                parts += _told(con, table, look, _feed(table, look, readable))
        if table.name == "surveys":
            parts += scores_of_tickets(
                [look for look in readable if chosen[look.name] == "tickets"], not feeds
            )
        if not feeds:
            carried = _carried_along(con, table.name, readable, chosen)
            carried = carried or _accounts_of_contracts(table, readable, chosen)
            parts += [f"  {table.name}:", *carried] if carried else []
            feeds = feeds or [look for look in readable if carried]
        if not feeds and table.required:
            parts += [
                f"  # TODO {table.name} is required and no file looks like it: {table.doc}",
                f"  # {table.name}:",
            ]
    unused = [look for look in looks if not chosen.get(look.name)]
    parts += [
        f"# TODO not read: {look.trouble}"
        if look.trouble
        else f"# TODO not mapped, no canonical table looks like it: {look.name}{_and(unread_periods(look))}"
        for look in unused
    ]
    return "\n".join(parts) + "\n"


_AS_COUNTED = "totals since the beginning? Then what was added counts; else write false"


def _and(remark: str) -> str:
    return f" ({remark})" if remark else ""


def _feed(table: Table, look: Look, looks: Sequence[Look]) -> list[str]:
    """Draft a feed; a usage file with one column per feature becomes one feed for each."""
    wide = features(table, look) if table.name == "usage" else []
    alone = left_out(table, look) if table.name == "usage" else []
    asked = [f"      # TODO not read, for it does not add up: {', '.join(alone)}"] if alone else []
    if not wide:
        return _one_feed(table, look, looks, {})
    lines: list[str] = []
    split = [name for name in look.samples if name not in wide and _splits(table, look, name)]
    asked += [
        f"      # TODO rows of one account and day differ in {name}: is it the feature?" for name in split
    ]
    for column in wide:
        fixed = {"feature": f"{{constant: {quoted(plain(column))}}}", "events": quoted(column)}
        lines += _one_feed(table, look, looks, fixed)
    return [*lines[:-1], *asked, *lines[-1:]]


def _splits(table: Table, look: Look, name: str) -> bool:
    """Whether a column of a few words, which nothing reads, tells rows of one account, user and day apart."""
    read = [match(table, column, look) for column in ("account_id", "user_id", "occurred_at")]
    if name in read or name in look.fitting.get("number", ()) or not 2 <= len(look.samples[name]) <= 50:
        return False
    keys = list(zip(*(look.cells[column] for column in read if column), strict=True))
    return len(set(keys)) < len(set(zip(keys, look.cells[name], strict=True)))


def _one_feed(table: Table, look: Look, looks: Sequence[Look], fixed: dict[str, str]) -> list[str]:
    lines = [f"    - files: {quoted(look.name)}"]
    used: set[str] = set()
    columns: list[str] = []
    if has_decimal_commas(look):
        lines.append('      decimal: ","')
    if look.unpivot:
        lines.append(f"      unpivot: {written(look.unpivot)}  # a column per {look.unpivot.header}")
    if table.name == "usage" and any(
        map(is_counter, (fixed.get("events", ""), match(table, "events", look) or ""))
    ):
        lines.append(f"      cumulative: true  # TODO {_AS_COUNTED}")
    if table.name == "usage":
        lines.append("      combine: sum  # rows of the same account, user, day and feature add up")
        # An id that comes twice is what it is for; one that comes all the time names a kind of event.
        event = next(
            (c for c, v in look.samples.items() if plain(c) in words.EVENT_IDS and 2 * len(v) >= look.rows),
            None,
        )
        if event:
            used.add(event)
            lines.append(f"      event_id: {quoted(event)}  # an event that comes again counts once")
    if "events" in fixed:
        lines.append(f"      where: {{{fixed['events']}: {{at_least: 1}}}}  # one feed for each feature")
    if table.name == "contracts":
        trial = next((c for c in look.samples if plain(c) in ("is_trial", "trial")), None)
        if trial:
            used.add(trial)
            lines.append(f"      where: {{{quoted(trial)}: false}}  # a trial is not a contract yet")
        won = won_deals(look)
        if won and not trial:
            used.add(won[0])
            stages = ", ".join(map(quoted, won[1]))
            lines.append(f"      where: {{{quoted(won[0])}: [{stages}]}}  # TODO only deals that were won?")
        ends = end_column(look)
        if ends:
            used.add(ends)
            lines.append(_with_question("ends_on", ends, look, "or is it the renewal date, term_end?"))
    state = state_line(table, look)
    if state:
        used.add(state[0])
        lines.append(f"      status: {state[1]}")
    for name, column in table.columns.items():
        source = match(table, name, look)
        if source is not None and source in used and name == "term_end":
            source = renewal_column(look, source)
            if source is None or source in used:
                continue
        if column.extra or (table.name == "contracts" and name == "status"):
            continue  # the state of today is told beside the columns
        if table.name == "contracts" and name == "arr" and source is None:
            told = recurring(look, match(table, "seats", look))
            line = f"arr: {told[0]}" if told else None
            used |= set(told[1] if told else ())
        elif name in fixed:
            line = f"{name}: {fixed[name]}"
        else:
            line = column_line(table, name, column, source, look, looks)
        if line:
            columns.append(f"        {line}{_or_its_twin(source, look, line)}")
            used |= {source} if source else set()
    read = "\n".join(line.partition("  # ")[0] for line in (*lines, *columns))
    unused = [name for name in look.samples if name not in used and f"column: {quoted(name)}" not in read]
    unused = [] if fixed else unused
    lines.append("      columns:")
    lines += columns
    if unused:
        lines.append(f"      # not used: {', '.join(unused)}")
    lines += _questions(table, look, columns)
    wide = unread_periods(look)
    return [*lines, *([f"      # TODO not read: {wide}"] if wide else []), ""]


def _or_its_twin(source: str | None, look: Look, line: str) -> str:
    """Ask about another column of the same name: id and ID, or one that was exported twice (arr_4, arr_5)."""

    def bare(name: str) -> str:
        return re.sub(r"_\d+$", "", name).casefold()

    twins = [c for c in look.samples if source and c != source and bare(c) == bare(source)]
    if not twins:
        return ""
    return f"{' And ' if '# TODO' in line else '  # TODO '}or is it {', '.join(map(quoted, twins[:3]))}?"


def _questions(table: Table, look: Look, columns: Sequence[str]) -> list[str]:
    """What a person should look at: stages that nothing tells, and rows that sell other things than seats."""
    asked = []
    if table.closed_by and state_line(table, look) is None:
        untold = [n for n, c in table.columns.items() if c.lifecycle and match(table, n, look) is None]
        untold = [name for name in untold if name in table.closed_by.values()]
        asked += [f"      # TODO nothing tells {name}: what depends on it stays unknown" for name in untold]
    asked += _misfits(table, look)
    asked += [
        f"      # TODO nothing tells {name}: it stays unknown"
        for name in {"contracts": ("arr",), "invoices": ("amount",)}.get(table.name, ())
        if not any(line.strip().startswith(f"{name}:") for line in columns)
    ]
    if table.name == "contracts":
        asked += _about_terms(look, columns)
    if table.name == "contracts" and match(table, "seats", look):
        for name, values in look.samples.items():
            other = [value for value in values if re.search(words.NO_SEATS, value.lower())]
            if other and len(values) <= 50:
                asked.append(
                    f"      # TODO are all rows seats? {name} holds {other[0]}: leave such rows out by "
                    f"`where: {{{quoted(name)}: {{not: [{quoted(other[0])}]}}}}`"
                )
    return asked


def _misfits(table: Table, look: Look) -> list[str]:
    """Columns with the name of a canonical one that hold something else: TBD for a date, good as a score."""
    asked = []
    for name, column in table.columns.items():
        found = None if column.extra or match(table, name, look) else named(table, name, look)
        if found is None:
            continue
        odd = [value for value in look.samples[found] if not fitting({found: [value]})[kind_of(column)]]
        shown, meant = ", ".join(map(quoted, odd[:3])), "TODO" if column.required else "null"
        line = f"{name}: {{column: {quoted(found)}, values: {{{quoted(odd[0])}: {meant}}}}}"
        state = next((word for word, stage in table.closed_by.items() if stage == name), "")
        if state and found in look.fitting.get("boolean", ()):
            pairs = ", ".join(
                f"{quoted(v)}: {'open' if v.lower() in NO else state}" for v in look.samples[found]
            )
            line = f"status: {{column: {quoted(found)}, values: {{{pairs}}}}}"
        asked.append(
            f"      # TODO {found} has the name of {name}, and holds {shown}: map such words, `{line}`, or "
            "leave it unknown"
        )
    return asked


def _about_terms(look: Look, columns: Sequence[str]) -> list[str]:
    told = {line.strip().partition(":")[0] for line in columns}
    if "term_end" not in told and named(TABLES["contracts"], "term_end", look):
        return []  # asked about already
    if "term_end" not in told:
        length = next((c for c in look.samples if re.fullmatch(words.TERM_MONTHS, plain(c))), None)
        start = match(TABLES["contracts"], "term_start", look) or match(
            TABLES["contracts"], "occurred_at", look
        )
        if length and start:
            began = rule(TABLES["contracts"].columns["term_start"], start, look).partition("  # ")[0]
            inner = began[1:-1] if began.startswith("{") else f"column: {began}"
            return [
                f"      # TODO is {length} the length of the term? Then write "
                f"`term_end: {{{inner}, plus: {{column: {quoted(length)}, unit: months}}}}`"
            ]
        return [
            "      # TODO nothing tells term_end: renewals stay unknown. Are all terms as long, say, a year? "
            "`term_end: {column: START, plus: {amount: 12, unit: months}}`"
        ]
    if "auto_renew" not in told:
        return [
            "      # TODO nothing tells auto_renew: 30 days after its term a contract has ended, unless the "
            "account is in use. Do terms go on by themselves? `auto_renew: {constant: true}`"
        ]
    return []


def _told(con: duckdb.DuckDBPyConnection, table: Table, look: Look, lines: list[str]) -> list[str]:
    """Add how many of the rows that were looked at the proposal reads."""
    out: list[str] = []
    for feed in _split(lines):
        said = reading_of(con, table, look, feed)
        if said == COUNTER:
            feed.insert(1, f"      cumulative: true  # TODO the numbers only grow: {_AS_COUNTED}")
            said = reading_of(con, table, look, feed)
        out += [*feed[:-1], *([f"      # {said}"] if said else []), feed[-1]]
    return out


def _split(lines: list[str]) -> Iterator[list[str]]:
    feed: list[str] = []
    for line in lines:
        feed.append(line)
        if not line:
            yield feed
            feed = []


def _accounts_of_contracts(table: Table, looks: Sequence[Look], chosen: dict[str, str | None]) -> list[str]:
    """Draft accounts from subscriptions, where nothing else names them."""
    if table.name != "accounts" or any(name == "accounts" for name in chosen.values()):
        return []
    lines: list[str] = []
    for look in looks:
        contract = TABLES["contracts"]
        account, since = match(contract, "account_id", look), match(contract, "occurred_at", look)
        if chosen[look.name] == "contracts" and account and since:
            lines += [
                f"    - files: {quoted(look.name)}  # TODO no list of accounts: only those with a contract",
                "      combine: earliest",
                "      columns:",
                f"        account_id: {quoted(account)}",
                f"        occurred_at: {rule(contract.columns['occurred_at'], since, look)}",
                "",
            ]
    return lines


def _with_question(name: str, source: str, look: Look, question: str) -> str:
    written, _, _ = rule(TABLES["contracts"].columns["occurred_at"], source, look).partition("  # TODO")
    return f"      {name}: {written}  # TODO {question}"


def _carried_along(
    con: duckdb.DuckDBPyConnection, table: str, looks: Sequence[Look], chosen: dict[str, str | None]
) -> list[str]:
    """Draft a table that has no file of its own from files that carry its columns along."""
    accounts = [look for look in looks if chosen[look.name] == "accounts"]
    if table == "contracts":
        sold = ("arr", "plan", "seats")
        looks_sold = [
            look
            for look in accounts
            if any(match(TABLES[table], c, look) for c in sold)
            or any(re.fullmatch(words.MONTHLY, plain(c)) for c in look.samples)
        ]
        feeds = [(look, _one_feed(TABLES[table], look, looks, {})) for look in looks_sold]
        return [line for look, feed in feeds for line in _told(con, TABLES[table], look, feed)]
    if table == "outcomes":
        terms = [look for look in looks if chosen[look.name] == "contracts" and end_column(look)]
        gone = [look for look in accounts if end_column(look)]
        return [line for look in gone or terms for line in losses(look, looks, followed=not gone)]
    if table == "daily_users":
        days = [look for look in looks if chosen[look.name] == "usage" and people(look)]
        days = [look for look in days if left_out(TABLES["usage"], look) or features(TABLES["usage"], look)]
        feeds = [(look, _one_feed(TABLES[table], look, looks, {})) for look in days]
        return [line for look, feed in feeds for line in _told(con, TABLES[table], look, feed)]
    if table == "contract_events":
        contracts = [look for look in looks if chosen[look.name] == "contracts"]
        return [line for look in contracts for line in notices(look)]
    return []
