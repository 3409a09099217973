"""How one canonical column is drafted from what a file holds."""

from __future__ import annotations

import re
from collections.abc import Sequence

from customer_health.sources import draft_words as words
from customer_health.sources.casting import NO
from customer_health.sources.date_formats import format_of, formats_of, whole_month
from customer_health.sources.draft_codes import codes_of, question
from customer_health.sources.draft_look import Look, currency_sign
from customer_health.sources.draft_match import match
from customer_health.sources.draft_ranks import ranks
from customer_health.sources.draft_words import plain, vocabulary
from customer_health.warehouse.table import Column, Table, Type
from customer_health.warehouse.tables import TABLES


def column_line(
    table: Table, name: str, column: Column, source: str | None, look: Look, looks: Sequence[Look]
) -> str | None:
    if name == "known_at" and table.name == "usage":
        return _known_when_it_is_over(table, source, look)
    if table.name == "surveys" and name in ("kind", "score"):
        told = _of_survey(name, column, source, look)
        if told:
            return told
    if source is not None and name == "currency" and any(value.islower() for value in look.samples[source]):
        codes = ", ".join(f"{quoted(value)}: {value.upper()}" for value in look.samples[source][:30])
        return f"{name}: {{column: {quoted(source)}, values: {{{codes}}}}}"
    if source is not None and column.unit.startswith("currency"):
        return f"{name}: {amount_rule(source, look)}"
    if source is not None and _WIDE.search("".join(look.samples[source])) and name.endswith("_id"):
        return f"{name}: {{column: {quoted(source)}, integer_text: true}}  # １２３ is 123"
    if source is not None and name in _ADDRESSES and _are_addresses(look.samples[source]):
        return f"{name}: {{column: {quoted(source)}, lower: true}}"
    if source is not None:
        return f"{name}: {rule(column, source, look)}"
    if name == "account_id":
        through = _through_another_file(look, looks)
        if through:
            return through
    if name == "currency":
        code = currency_sign(look)
        return f"currency: {{constant: {code}}}" if code else None
    if name == "contract_id":
        account = match(table, "account_id", look)
        return (
            f"contract_id: {quoted(account)}  # TODO no id of its own: one contract per account"
            if account
            else None
        )
    if name == table.key[0] and column.required and name != "account_id":
        return f"{name}: {{row_number: true, prefix: {quoted(look.name + ':')}}}  # TODO no id was found"
    if name == "feature":
        return "feature: {constant: use}  # TODO the file names no feature"
    if name == "user_id":
        return 'user_id: {constant: ""}  # the file knows accounts, not users'
    if name == "events":
        return f"events: {{constant: 1}}  # {_one_each(table, look)}"
    if name in ("first_response_at", "escalated_at"):
        return _stage(table, name, look)
    if name == "auto_renew":
        return _renews(look)
    if name == "plan_rank":
        return _ranks(table, look)
    if column.required and column.default is None and name != "known_at":
        return f"{name}: TODO  # {column.doc}"
    return None


def _one_each(table: Table, look: Look) -> str:
    """What to say of rows that count as one event each: whether some column may say how many they are."""
    known = {match(table, column, look) for column in table.columns}
    counts = [
        name
        for name, values in look.samples.items()
        if name not in known and look.fits(table.columns["events"], name) and not look.dates.get(name)
        and len(values) > 1 and not plain(name).endswith(("id", "no", "nr", "year", "version"))
    ]  # fmt: skip
    return f"TODO is one row one event, or does {counts[0]} count them?" if counts else "one row is one event"


_RENEWS = "  # TODO do all other terms go on by themselves?"
_WIDE = re.compile("[０-９]")
_FLAG = Column(Type.BOOLEAN, "A flag of a file.")
_ADDRESSES = ("user_id", "owner_email", "manager_email", "contact_id")
_CENTS = "  # TODO or are these cents? then `minor_units: true` (100 cents, 1 yen, 1000 fils)"


def _are_addresses(samples: Sequence[str]) -> bool:
    return bool(samples) and sum("@" in value for value in samples) > len(samples) / 2


def amount_rule(source: str, look: Look, further: str = "") -> str:
    """Return the rule for an amount; whole numbers that may be of the smallest unit are asked about."""
    samples, name = look.samples[source], plain(source)
    parts = [
        part for part in (further, "minor_units: true" if name.endswith(("_cents", "_minor")) else "") if part
    ]
    written = f"{{column: {quoted(source)}, {', '.join(parts)}}}" if parts else quoted(source)
    whole = bool(samples) and all(re.fullmatch(r"-?(0|\d{3,})", value) for value in samples)
    codes = (v for n, values in look.samples.items() if "currency" in plain(n) for v in values)
    billed = re.fullmatch(words.MINOR_UNITS, name) or further or any(code.islower() for code in codes)
    return written + (_CENTS if whole and billed and "minor_units" not in written else "")


def rule(column: Column, source: str, look: Look) -> str:
    samples = look.samples[source]
    if not samples:
        return f"{quoted(source)}  # TODO empty in this file"
    if column.allowed:
        return _values(column, source, look)
    moment = column.type in (Type.DATE, Type.TIMESTAMP)
    if not moment or look.native.get(source, "").startswith(("DATE", "TIMESTAMP")):
        return quoted(source)
    format_ = look.dates.get(source) if len(samples) <= 200 else format_of(samples)
    if format_ is None and (mixed := formats_of(samples)):
        listed = ", ".join(map(quoted, mixed))
        return f"{{column: {quoted(source)}, format: [{listed}]}}  # TODO is that all of them?"
    if format_ is None:
        return f"{quoted(source)}  # TODO no date format fits, e.g. {samples[0]}"
    likely, _, other = format_.partition(" or ")
    unsure = f"  # TODO or {other}?" if other else ""
    return f"{{column: {quoted(source)}, format: {quoted(likely)}}}{unsure}" if likely else quoted(source)


def _values(column: Column, source: str, look: Look) -> str:
    known, samples = vocabulary().values, look.samples[source]
    meaning = {word: value for value in column.allowed for word in (plain(value), *known.get(value, ()))}
    code = "priority" if "critical" in column.allowed else ""
    meaning |= codes_of(code, look)
    pairs = {sample: meaning.get(plain(sample)) for sample in samples[:30]}
    if all(new == old.lower() for old, new in pairs.items()):
        return quoted(source)
    listed = ", ".join(f"{quoted(old)}: {new or 'TODO'}" for old, new in pairs.items())
    unknown = [old for old, new in pairs.items() if new is None]
    unsure = f"  # TODO one of {', '.join(column.allowed)}{question(code, unknown)}" if unknown else ""
    return f"{{column: {quoted(source)}, values: {{{listed}}}}}{unsure}"


def _known_when_it_is_over(table: Table, source: str | None, look: Look) -> str | None:
    """The total of a month or week is dated on its first day, and nobody can know it before the last."""
    first = match(table, "occurred_at", look)
    format_ = look.dates.get(first) if first else None
    whole_week = format_ == "iso_week" and all(
        "-" not in v.upper().partition("W")[2] for v in look.samples[first or ""]
    )
    if source is not None or first is None or not (whole_month(format_) or whole_week):
        return f"known_at: {rule(table.columns['known_at'], source, look)}" if source else None
    word = "week" if whole_week else "month"
    plus = f"{{amount: 1, unit: {word}s}}"
    return (
        f"known_at: {{column: {quoted(first)}, format: {quoted(str(format_))}, plus: {plus}}}"
        f"  # a {word}'s total is known when the {word} is over"
    )


def _stage(table: Table, name: str, look: Look) -> str | None:
    """Return a stage of a ticket that the file tells by a duration or by a flag."""
    opened = match(table, "occurred_at", look)
    for column in look.samples:
        word = plain(column)
        unit = next((unit for unit in ("minutes", "hours") if word.endswith((unit, unit[0:3] + "s"))), None)
        if (
            opened
            and unit
            and name == "first_response_at"
            and re.search("first.*(response|reply|answer)", word)
        ):
            plus = f"{{column: {quoted(column)}, unit: {unit}}}"
            return f"{name}: {{column: {quoted(opened)}, plus: {plus}}}"
        if opened and name == "escalated_at" and word in ("escalation_flag", "escalated", "is_escalated"):
            return f"{name}: {{column: {quoted(opened)}, when: {{{quoted(column)}: true}}}}"
    return None


def _of_survey(name: str, column: Column, source: str | None, look: Look) -> str | None:
    """The question that a file of answers is about, and its scale, where no column tells which it is."""
    kind = match(TABLES["surveys"], "kind", look)
    named = plain(look.name + " " + " ".join(look.samples))
    csat, nps = (re.search(word, named) is not None for word in ("csat|satisf|zufrieden", "nps|promoter"))
    if name == "kind" and kind is None:
        known = "csat" if csat and not nps else "nps"
        return f"kind: {{constant: {known}}}" + ("" if csat != nps else "  # TODO nps, or csat?")
    if name == "score" and source is not None and kind is None and csat and not nps:
        numbers = [float(v) for v in look.samples[source] if re.fullmatch(r"\d+(\.\d+)?", v)]
        if numbers and max(numbers) > 5:
            top = 10 if max(numbers) <= 10 else 100
            return (
                f"score: {{column: {quoted(source)}, rescale: {{from: [{1 if top == 10 else 0}, {top}], "
                f"to: [1, 5]}}}}  # TODO is {top} the best answer, and what is the worst?"
            )
    return None


def _renews(look: Look) -> str | None:
    """Whether a term goes on by itself, where the file tells who has asked for its end."""
    for column, samples in look.samples.items():
        if re.fullmatch(words.CANCELS, plain(column)) and look.fits(_FLAG, column) and samples:
            pairs = ", ".join(f"{quoted(v)}: {'true' if v.lower() in NO else 'false'}" for v in samples)
            return f"auto_renew: {{column: {quoted(column)}, values: {{{pairs}}}}}"
        ending = sorted(value for value in samples[:30] if value.lower() in words.ENDING)
        if ending and len(samples) <= 20 and re.search("status|state|action", plain(column)):
            pairs = ", ".join(f"{quoted(value)}: false" for value in ending)
            return f"auto_renew: {{column: {quoted(column)}, values: {{{pairs}}}, otherwise: true}}{_RENEWS}"
    return None


def _ranks(table: Table, look: Look) -> str | None:
    found = ranks(table, look)
    if found is None:
        return None
    order, source, told = found
    listed = ", ".join(f"{quoted(plan)}: {rank}" for rank, plan in enumerate(order, start=1))
    return f"plan_rank: {{column: {quoted(source)}, values: {{{listed}}}}}  # TODO check the order, {told}"


def _through_another_file(look: Look, looks: Sequence[Look]) -> str | None:
    """Return a lookup when the file knows, say, subscriptions and another file knows their accounts.

    Of the columns that both have, the one whose values are found there most often; none if few are.
    """
    best: tuple[float, str] = (0.0, "")
    for other in looks:
        account = match(TABLES["contracts"], "account_id", other)
        if other is look or not account:
            continue
        for shared in (
            c for c in look.samples if c.lower().endswith("id") and c in other.samples and c != account
        ):
            mine, theirs = look.samples[shared], set(other.samples[shared])
            found = sum(value in theirs for value in mine)
            share = found / len(mine) if mine else 0.0
            if share > best[0] and (share >= _FOUND or not other.whole):
                best = (
                    share,
                    (
                        f"account_id: {{column: {quoted(shared)}, lookup: "
                        f"{{file: {quoted(other.name)}, key: {quoted(shared)}, value: {quoted(account)}}}}}"
                        f"  # {found:,} of {len(mine):,} sampled values are found there"
                    ),
                )
    return best[1] or None


_FOUND = 0.5  # share of sampled values that another file must know to be the one to ask


def quoted(text: str) -> str:
    """Return text as YAML: bare where it is a plain name, else in double quotes."""
    plain = re.fullmatch(r"[A-Za-z_][A-Za-z0-9_./ -]*[A-Za-z0-9_]|[A-Za-z_]", text)
    if plain and text.lower() not in ("true", "false", "yes", "no", "on", "off", "null", "y", "n", "none"):
        return text
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", " ").replace("\t", " ")
    return f'"{escaped}"'
