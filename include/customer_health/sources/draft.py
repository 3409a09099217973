"""Look at a folder of files and draft a mapping: a start for a person, not a decision."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from customer_health.errors import DataContractError
from customer_health.sources import draft_words as words
from customer_health.sources.files import make_readable
from customer_health.sources.locate import Folder
from customer_health.sources.mapping import Reading
from customer_health.warehouse.connect import open_warehouse
from customer_health.warehouse.contracts import identifier
from customer_health.warehouse.table import Column, Table, Type
from customer_health.warehouse.tables import TABLES

_SAMPLE = 2_000


@dataclass(frozen=True)
class Look:
    """What a glance at one file shows: its columns with distinct sample values, most frequent first."""

    name: str
    samples: dict[str, list[str]]
    gaps: frozenset[str] = field(default=frozenset())
    native: dict[str, str] = field(default_factory=dict)
    unique: frozenset[str] = field(default=frozenset())


def draft_mapping(folder: Path | str) -> str:
    """Return an annotated mapping for the files of a folder; unsure places are marked TODO.

    Raises:
        ConfigurationError: The folder does not exist or holds no data files.
    """
    with tempfile.TemporaryDirectory() as scratch:
        place = Folder(str(folder), Path(scratch) / "cache")
        looks = [_look(place, name, Path(scratch)) for name in place.names()]
    readable = [look for look in looks if look.samples]
    chosen = {look.name: _table_for(look) for look in readable}
    name = Path(str(folder)).resolve().name
    parts = [
        f"# Drafted from the files of {name}. Read it through; lines with TODO need a person.",
        "# Each line is `canonical column: source column`. docs/data_contracts.md explains every column.",
        "version: 1",
        f"company: {_quoted(name)}",
        "",
        "tables:",
    ]
    for table in TABLES.values():
        feeds = [look for look in readable if chosen[look.name] == table.name]
        if feeds:
            parts.append(f"  {table.name}:")
            for look in feeds:
                parts += _feed(table, look, readable)
        if table.name == "surveys":
            parts += _scores_of_tickets(
                [look for look in readable if chosen[look.name] == "tickets"], not feeds
            )
        if not feeds and table.required:
            parts += [
                f"  # TODO {table.name} is required and no file looks like it: {table.doc}",
                f"  # {table.name}:",
            ]
    unused = [look.name for look in looks if not chosen.get(look.name)]
    parts += [f"# TODO not mapped, no canonical table looks like it: {name}" for name in unused]
    return "\n".join(parts) + "\n"


def _look(folder: Folder, name: str, scratch: Path) -> Look:
    place = scratch / name.replace("/", "_")
    place.mkdir()
    try:
        with open_warehouse("duckdb://") as con:
            readable = make_readable(con, folder.file(name).path, Reading(), place)
            samples, gaps, unique = {}, set(), set()
            for column in readable.columns:
                rows = con.execute(
                    f"SELECT CAST(v AS VARCHAR), count(*) FROM (SELECT {identifier(column)} AS v "
                    f"FROM {readable.relation} LIMIT {_SAMPLE}) GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 200"
                ).fetchall()
                samples[column] = [value.strip() for value, _ in rows if value is not None and value.strip()]
                if any(value is None or not value.strip() for value, _ in rows):
                    gaps.add(column)
                if rows and all(count == 1 for _, count in rows):
                    unique.add(column)
    except DataContractError:
        return Look(name, {})
    return Look(name, samples, frozenset(gaps), dict(readable.columns), frozenset(unique))


def _plain(name: str) -> str:
    """Return a name as words: `Account ID`, `accountId` and `account_id` are the same."""
    return re.sub(r"[^a-z0-9]+", "_", re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()).strip("_")


def _table_for(look: Look) -> str | None:
    """Return the canonical table that the file's name and columns speak for, if any does."""
    stem = _plain(re.sub(r"\.[a-z]+(\.gz)?$", "", look.name.rsplit("/", 1)[-1]))
    scores: dict[str, float] = {}
    # "Lost customers" are losses, whatever else their name says.
    lost = any(word in stem for word in words.TABLE_WORDS["outcomes"])
    for table in TABLES.values():
        if (table.name == "crm_snapshot" and table.name not in stem) or (lost and table.name == "accounts"):
            continue
        named = any(word in stem for word in words.TABLE_WORDS.get(table.name, ()))
        exact = stem in (table.name, *table.aliases) or any(
            stem.endswith((f"_{name}", name)) for name in (table.name, *table.aliases)
        )
        needed = [
            name
            for name, c in table.columns.items()
            if c.required and c.default is None and name != "known_at"
        ]
        found = sum(_match(table, name, look) is not None for name in needed) / len(needed)
        if found >= 0.5 and (named or exact or found == 1):
            scores[table.name] = 2.5 * exact + 1.5 * named + found
    return max(scores, key=lambda name: scores[name]) if scores and max(scores.values()) >= 1.5 else None


def _candidates(table: Table, column: str) -> Iterable[str]:
    if column == "occurred_at":
        return (column, *words.HAPPENED.get(table.name, ()))
    if column == table.key[0] and (column != "account_id" or table.name == "accounts"):
        return (column, *words.IDENTITY.get(table.name, ()))
    return (
        column,
        *words.COMMON.get(column, ()),
        *((f"{table.name[:-1]}_{column}",) if column == "name" else ()),
    )


def _match(table: Table, column: str, look: Look) -> str | None:
    """Return the file's most likely column for a canonical one: by word, by pattern, by what it holds."""
    if column == "name" and table.name != "accounts":
        return None
    plain = {_plain(name): name for name in look.samples}
    fitting = {p: name for p, name in plain.items() if _fits(table.columns[column], look.samples[name])}
    for candidate in _candidates(table, column):
        if candidate in fitting:
            return fitting[candidate]
    pattern = words.PATTERNS.get(column)
    by_pattern = next((name for p, name in fitting.items() if pattern and re.fullmatch(pattern, p)), None)
    if by_pattern is not None:
        return by_pattern
    if column == "occurred_at":
        stages = {
            _match(table, other, look)
            for other, c in table.columns.items()
            if c.lifecycle or other == "due_at"
        }
        return next((n for n in fitting.values() if n not in stages and _dated(n, look)), None)
    if column == table.key[0] and column != "account_id":
        return next((name for name in look.samples if name in look.unique and not _dated(name, look)), None)
    return None


def _dated(name: str, look: Look) -> bool:
    """Whether a column holds dates, and not numbers that could be read as some."""
    samples = look.samples[name]
    return bool(samples) and _format_of(samples[:20]) not in (None, "unix", "unix_ms", "%Y%m%d")


def _fits(column: Column, samples: Sequence[str]) -> bool:
    """Whether most sample values could be of the column's type."""
    if not samples or column.type is Type.TEXT:
        return True
    if column.type in (Type.NUMBER, Type.INTEGER):
        return _share(samples, lambda v: bool(re.fullmatch(r"[-+$€£]?\s?[\d.,]+%?", v))) > 0.8
    if column.type is Type.BOOLEAN:
        return (
            _share(
                samples, lambda v: v.lower() in ("true", "false", "yes", "no", "t", "f", "y", "n", "0", "1")
            )
            > 0.8
        )
    return _share(samples, lambda v: bool(re.search(r"\d", v)) and _format_of([v]) is not None) > 0.8


def _share(samples: Sequence[str], test: object) -> float:
    assert callable(test)
    return sum(bool(test(value)) for value in samples) / len(samples)


def _format_of(samples: Sequence[str]) -> str | None:
    """Return "" for ISO dates, a strptime format (or two, joined by " or ") that reads all, or None."""
    from datetime import datetime

    def reads(value: str, format_: str) -> bool:
        try:
            datetime.strptime(value, format_)  # noqa: DTZ007 only whether it parses
        except ValueError:
            return False
        return True

    if all(re.fullmatch(r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d.*)?", value) for value in samples):
        return ""
    if all(re.fullmatch(r"1\d{9}(\.\d+)?", value) for value in samples):
        return "unix"
    if all(re.fullmatch(r"1\d{12}", value) for value in samples):
        return "unix_ms"
    fitting = [f for f in words.DATE_FORMATS if all(reads(value, f) for value in samples)]
    return " or ".join(fitting) or None


def _feed(table: Table, look: Look, looks: Sequence[Look]) -> list[str]:
    lines = [f"    - files: {_quoted(look.name)}"]
    used: set[str] = set()
    columns: list[str] = []
    if table.name == "usage":
        lines.append("      combine: sum  # rows of the same account, user, day and feature add up")
    if table.name == "contracts":
        trial = next((c for c in look.samples if _plain(c) in ("is_trial", "trial")), None)
        if trial:
            used.add(trial)
            lines.append(f"      where: {{{_quoted(trial)}: false}}  # a trial is no contract yet")
        ends = next(
            (c for c in look.samples if re.fullmatch(words.ENDED, _plain(c)) and c in look.gaps), None
        )
        if ends:
            used.add(ends)
            lines.append(f"      ends_on: {_quoted(ends)}  # TODO or is it the renewal date, term_end?")
    for name, column in table.columns.items():
        source = _match(table, name, look)
        if source is not None and source in used and name == "term_end":
            continue
        line = _column(table, name, column, source, look, looks)
        if line:
            columns.append(f"        {line}")
            used |= {source} if source else set()
    unused = [name for name in look.samples if name not in used]
    lines.append("      columns:")
    lines += columns
    if unused:
        lines.append(f"      # not used: {', '.join(unused)}")
    return [*lines, ""]


def _column(
    table: Table, name: str, column: Column, source: str | None, look: Look, looks: Sequence[Look]
) -> str | None:
    if source is not None:
        return f"{name}: {_rule(column, source, look)}"
    if name == "account_id":
        through = _through_another_file(look, looks)
        if through:
            return through
    if name == "arr":
        monthly = next((c for c in look.samples if re.fullmatch(words.MONTHLY, _plain(c))), None)
        return f"arr: {{column: {_quoted(monthly)}, scale: 12}}" if monthly else None
    if name == "contract_id":
        account = _match(table, "account_id", look)
        return (
            f"contract_id: {_quoted(account)}  # TODO no id of its own: one contract per account"
            if account
            else None
        )
    if name == table.key[0] and column.required and name != "account_id":
        return f"{name}: {{row_number: true, prefix: {_quoted(look.name + ':')}}}  # TODO no id was found"
    if name == "feature":
        return "feature: {constant: use}  # TODO the file names no feature"
    if name == "user_id":
        return 'user_id: {constant: ""}  # the file knows accounts, not users'
    if name == "events":
        return "events: {constant: 1}  # one row is one event"
    if name in ("first_response_at", "escalated_at"):
        return _stage(table, name, look)
    if name == "plan_rank":
        return _ranks(table, look)
    if column.required and column.default is None and name != "known_at":
        return f"{name}: TODO  # {column.doc}"
    return None


def _rule(column: Column, source: str, look: Look) -> str:
    samples = look.samples[source]
    if not samples:
        return f"{_quoted(source)}  # TODO empty in this file"
    if column.allowed:
        return _values(column, source, samples)
    moment = column.type in (Type.DATE, Type.TIMESTAMP)
    if not moment or look.native.get(source, "").startswith(("DATE", "TIMESTAMP")):
        return _quoted(source)
    format_ = _format_of(samples)
    if format_ is None:
        return f"{_quoted(source)}  # TODO no date format fits, e.g. {samples[0]}"
    likely, _, other = format_.partition(" or ")
    unsure = f"  # TODO or {other}?" if other else ""
    return f"{{column: {_quoted(source)}, format: {_quoted(likely)}}}{unsure}" if likely else _quoted(source)


def _values(column: Column, source: str, samples: Sequence[str]) -> str:
    meaning = {word: value for value in column.allowed for word in (value, *words.VALUES.get(value, ()))}
    pairs = {sample: meaning.get(sample.strip().lower()) for sample in samples[:30]}
    if all(new == old.lower() for old, new in pairs.items()):
        return _quoted(source)
    listed = ", ".join(f"{_quoted(old)}: {new or 'TODO'}" for old, new in pairs.items())
    unsure = f"  # TODO one of {', '.join(column.allowed)}" if None in pairs.values() else ""
    return f"{{column: {_quoted(source)}, values: {{{listed}}}}}{unsure}"


def _stage(table: Table, name: str, look: Look) -> str | None:
    """Return a stage of a ticket that the file tells by a duration or by a flag."""
    opened = _match(table, "occurred_at", look)
    for column in look.samples:
        plain = _plain(column)
        unit = next((unit for unit in ("minutes", "hours") if plain.endswith((unit, unit[0:3] + "s"))), None)
        if (
            opened
            and unit
            and name == "first_response_at"
            and re.search("first.*(response|reply|answer)", plain)
        ):
            plus = f"{{column: {_quoted(column)}, unit: {unit}}}"
            return f"{name}: {{column: {_quoted(opened)}, plus: {plus}}}"
        if opened and name == "escalated_at" and plain in ("escalation_flag", "escalated", "is_escalated"):
            return f"{name}: {{column: {_quoted(opened)}, when: {{{_quoted(column)}: true}}}}"
    return None


def _ranks(table: Table, look: Look) -> str | None:
    source = _match(table, "plan", look)
    plans = look.samples[source] if source else []
    if not source or not 1 < len(plans) <= 12:
        return None
    ladder = (
        "free",
        "trial",
        "basic",
        "starter",
        "standard",
        "team",
        "plus",
        "pro",
        "professional",
        "business",
        "premium",
        "enterprise",
    )
    order = sorted(
        plans, key=lambda plan: ladder.index(plan.lower()) if plan.lower() in ladder else len(ladder)
    )
    ranks = ", ".join(f"{_quoted(plan)}: {rank}" for rank, plan in enumerate(order, start=1))
    return f"plan_rank: {{column: {_quoted(source)}, values: {{{ranks}}}}}  # TODO check the order"


def _through_another_file(look: Look, looks: Sequence[Look]) -> str | None:
    """Return a lookup when the file knows, say, subscriptions and another file knows their accounts."""
    for other in looks:
        account = _match(TABLES["contracts"], "account_id", other)
        shared = [c for c in look.samples if c.lower().endswith("id") and c in other.samples and c != account]
        if other is not look and account and shared:
            return (
                f"account_id: {{column: {_quoted(shared[0])}, lookup: "
                f"{{file: {_quoted(other.name)}, key: {_quoted(shared[0])}, value: {_quoted(account)}}}}}"
            )
    return None


def _scores_of_tickets(tickets: Sequence[Look], first: bool) -> list[str]:
    """Draft a feed for satisfaction scores that a ticket file carries along."""
    lines: list[str] = []
    for look in tickets:
        score = next(
            (c for c in look.samples if _plain(c) in ("satisfaction_score", "csat", "csat_score", "rating")),
            None,
        )
        table = TABLES["tickets"]
        when = _match(table, "resolved_at", look) or _match(table, "occurred_at", look)
        identity, account = _match(table, "ticket_id", look), _match(table, "account_id", look)
        if score and when and identity and account:
            lines += ["  surveys:"] if first and not lines else []
            lines += [
                f"    - files: {_quoted(look.name)}  # the ticket's satisfaction score is a CSAT answer",
                f"      where: {{{_quoted(score)}: {{present: true}}}}",
                "      columns:",
                f"        survey_id: {{column: {_quoted(identity)}, prefix: 'csat-'}}",
                f"        account_id: {_quoted(account)}",
                "        kind: {constant: csat}",
                f"        score: {_quoted(score)}",
                f"        occurred_at: {_rule(table.columns['occurred_at'], when, look)}",
                "",
            ]
    return lines


def _quoted(text: str) -> str:
    """Return text as YAML: bare where it is a plain name, else in double quotes."""
    plain = re.fullmatch(r"[A-Za-z_][A-Za-z0-9_./ -]*[A-Za-z0-9_]|[A-Za-z_]", text)
    if plain and text.lower() not in ("true", "false", "yes", "no", "on", "off", "null", "y", "n", "none"):
        return text
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", " ").replace("\t", " ")
    return f'"{escaped}"'
