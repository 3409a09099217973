"""Look at a folder of files and draft a mapping: a start for a person, not a decision."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from customer_health.progress import Progress, silent
from customer_health.sources import draft_words as words
from customer_health.sources.draft_look import Look, has_decimal_commas, look_at
from customer_health.sources.draft_match import match, table_for
from customer_health.sources.draft_measures import adds_up, features, left_out, people
from customer_health.sources.draft_money import recurring
from customer_health.sources.draft_reading import reading_of
from customer_health.sources.draft_rules import column_line, quoted, rule
from customer_health.sources.draft_series import series_of
from customer_health.sources.draft_states import state_line, won_deals
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
        return _drafted(folder, series_of(looks), con)


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
            parts += _scores_of_tickets(
                [look for look in readable if chosen[look.name] == "tickets"], not feeds
            )
        if not feeds:
            carried = _carried_along(table.name, readable, chosen)
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
        else f"# TODO not mapped, no canonical table looks like it: {look.name}"
        for look in unused
    ]
    return "\n".join(parts) + "\n"


def _feed(table: Table, look: Look, looks: Sequence[Look]) -> list[str]:
    """Draft a feed; a usage file with one column per feature becomes one feed for each."""
    wide = features(table, look) if table.name == "usage" else []
    alone = left_out(table, look) if table.name == "usage" else []
    asked = [f"      # TODO not read, for it does not add up: {', '.join(alone)}"] if alone else []
    if not wide:
        return _one_feed(table, look, looks, {})
    lines: list[str] = []
    for column in wide:
        fixed = {"feature": f"{{constant: {quoted(plain(column))}}}", "events": quoted(column)}
        lines += _one_feed(table, look, looks, fixed)
    return [*lines[:-1], *asked, *lines[-1:]]


def _one_feed(table: Table, look: Look, looks: Sequence[Look], fixed: dict[str, str]) -> list[str]:
    lines = [f"    - files: {quoted(look.name)}"]
    used: set[str] = set()
    columns: list[str] = []
    if has_decimal_commas(look):
        lines.append('      decimal: ","')
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
        ends = _ends(look)
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
            source = _renewal(look, source)
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
    return [*lines, ""]


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
    asked += [
        f"      # TODO nothing tells {name}: it stays unknown"
        for name in {"contracts": ("arr",), "invoices": ("amount",)}.get(table.name, ())
        if not any(line.strip().startswith(f"{name}:") for line in columns)
    ]
    if table.name == "contracts":
        asked += _about_terms(columns)
    if table.name == "contracts" and match(table, "seats", look):
        for name, values in look.samples.items():
            other = [value for value in values if re.search(words.NO_SEATS, value.lower())]
            if other and len(values) <= 50:
                asked.append(
                    f"      # TODO are all rows seats? {name} holds {other[0]}: leave such rows out by "
                    f"`where: {{{quoted(name)}: {{not: [{quoted(other[0])}]}}}}`"
                )
    return asked


def _about_terms(columns: Sequence[str]) -> list[str]:
    told = {line.strip().partition(":")[0] for line in columns}
    if "term_end" not in told:
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


def _ends(look: Look) -> str | None:
    """Return the column with the day a contract or customer ended; a day of notice only for want of it."""
    moment = TABLES["contracts"].columns["occurred_at"]
    gaps = [c for c in look.samples if c in look.gaps and look.fits(moment, c)]
    ends = [c for c in gaps if re.fullmatch(words.ENDED, plain(c))]
    if all(re.fullmatch(words.SPOKEN, plain(c)) for c in ends):
        last = [c for c in gaps if re.fullmatch(words.EXPIRES, plain(c)) and look.samples[c]]
        ends += [c for c in last if ends and _renewal(look, c)]
    return min(ends, key=lambda c: (bool(re.fullmatch(words.SPOKEN, plain(c))), "cancel" in c), default=None)


def _renewal(look: Look, besides: str) -> str | None:
    """Return the column with the renewal date, where another than `besides` holds it."""
    rest = {name: values for name, values in look.samples.items() if name != besides}
    return match(TABLES["contracts"], "term_end", replace(look, samples=rest))


def _spoken(look: Look, ends: str) -> str | None:
    """Return the column with the day on which a customer said that they leave."""
    moment = TABLES["contracts"].columns["occurred_at"]
    said = [c for c, values in look.samples.items() if re.fullmatch(words.SPOKEN, plain(c)) and values]
    return next((c for c in said if c != ends and look.fits(moment, c)), None)


def _with_question(name: str, source: str, look: Look, question: str) -> str:
    written, _, _ = rule(TABLES["contracts"].columns["occurred_at"], source, look).partition("  # TODO")
    return f"      {name}: {written}  # TODO {question}"


def _carried_along(table: str, looks: Sequence[Look], chosen: dict[str, str | None]) -> list[str]:
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
        return [line for look in looks_sold for line in _one_feed(TABLES[table], look, looks, {})]
    if table == "outcomes":
        terms = [look for look in looks if chosen[look.name] == "contracts" and _ends(look)]
        gone = [look for look in accounts if _ends(look)]
        return [line for look in gone or terms for line in _losses(look, looks, followed=not gone)]
    if table == "daily_users":
        days = [look for look in looks if chosen[look.name] == "usage" and people(look)]
        days = [look for look in days if left_out(TABLES["usage"], look) or features(TABLES["usage"], look)]
        return [line for look in days for line in _one_feed(TABLES[table], look, looks, {})]
    if table == "contract_events":
        contracts = [look for look in looks if chosen[look.name] == "contracts"]
        return [line for look in contracts for line in _notices(look)]
    return []


def _notices(look: Look) -> list[str]:
    """Draft the notice of customers who have said that they leave at the end of their term."""
    table = TABLES["contracts"]
    ends = _ends(look)
    spoken = _spoken(look, ends) if ends else None
    identity, account = match(table, "contract_id", look), match(table, "account_id", look)
    if not (spoken and identity and account):
        return []
    return [
        f"    - files: {quoted(look.name)}  # TODO is {spoken} the day on which they said so?",
        f"      where: {{{quoted(spoken)}: {{present: true}}}}",
        "      columns:",
        f"        event_id: {{column: {quoted(identity)}, prefix: 'notice-'}}",
        f"        account_id: {quoted(account)}",
        f"        contract_id: {quoted(identity)}",
        "        kind: {constant: notice_given}",
        f"        occurred_at: {rule(table.columns['occurred_at'], spoken, look)}",
        "",
    ]


def _losses(look: Look, looks: Sequence[Look], *, followed: bool) -> list[str]:
    ends = _ends(look)
    assert ends is not None
    account = match(TABLES["contracts"], "account_id", look) or match(TABLES["accounts"], "account_id", look)
    begins = match(TABLES["contracts"], "occurred_at", look)
    spoken = _spoken(look, ends)
    moment = TABLES["contracts"].columns["occurred_at"]
    lines = [f"    - files: {quoted(look.name)}  # TODO losses are read from ended contracts: is that right?"]
    if followed and begins:
        lines += [
            "      unless_followed:  # an end after which the account has another contract is not a loss",
            f"        begins: {rule(moment, begins, look).partition('  # ')[0]}",
            "        within_days: 30",
        ]
    else:
        lines.append(f"      where: {{{quoted(ends)}: {{present: true}}}}")
    lines += [
        "      columns:",
        f"        account_id: {quoted(account) if account else 'TODO'}",
        f"        occurred_at: {rule(moment, ends, look)}",
    ]
    lines += [f"        notice_at: {rule(moment, spoken, look)}"] if spoken else []
    return [*lines, ""]


def _scores_of_tickets(tickets: Sequence[Look], first: bool) -> list[str]:
    """Draft a feed for satisfaction scores that a ticket file carries along."""
    lines: list[str] = []
    for look in tickets:
        score = next(
            (c for c in look.samples if plain(c) in ("satisfaction_score", "csat", "csat_score", "rating")),
            None,
        )
        table = TABLES["tickets"]
        when = match(table, "resolved_at", look) or match(table, "occurred_at", look)
        identity, account = match(table, "ticket_id", look), match(table, "account_id", look)
        if score and when and identity and account:
            lines += ["  surveys:"] if first and not lines else []
            lines += [
                f"    - files: {quoted(look.name)}  # the ticket's satisfaction score is a CSAT answer",
                f"      where: {{{quoted(score)}: {{present: true}}}}",
                "      columns:",
                f"        survey_id: {{column: {quoted(identity)}, prefix: 'csat-'}}",
                f"        account_id: {quoted(account)}",
                "        kind: {constant: csat}",
                f"        score: {quoted(score)}",
                f"        occurred_at: {rule(table.columns['occurred_at'], when, look)}",
                "",
            ]
    return lines
