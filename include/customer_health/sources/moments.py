"""What dates say besides a day: words for zones, days that stand for "no date", numbers of a spreadsheet."""

from __future__ import annotations

from collections.abc import Mapping

from customer_health.warehouse.contracts import literal

# Words that mean one offset everywhere. BST is London and Dhaka, IST is Delhi, Dublin and Jerusalem, CST is
# Chicago and Shanghai: what is not listed here is for the mapping's `zones:` to say.
_HOURS_AHEAD = {
    "UTC": 0, "GMT": 0, "WET": 0, "WEST": 1, "CET": 1, "CEST": 2, "MEZ": 1, "MESZ": 2, "EET": 2, "EEST": 3,
    "EDT": -4, "MDT": -6, "PDT": -7, "AKST": -9, "AKDT": -8, "HST": -10, "JST": 9, "NZST": 12, "NZDT": 13,
}  # fmt: skip
_ZEROS = (
    ("0001-01-01", "0001-01-02"), ("1600-12-31", "1601-01-02"), ("1752-12-31", "1753-01-02"),
    ("1799-12-31", "1800-01-02"), ("1899-12-29", "1900-01-02"), ("1900-12-31", "1901-01-02"),
    ("1969-12-31", "1970-01-01"), ("2038-01-18", "2038-01-20"), ("2079-06-05", "2079-06-07"),
    ("2262-04-10", "2262-04-12"),
)  # fmt: skip
_WORD = "([A-Za-z][A-Za-z_]+)$"


def with_zone(text: str, zones: Mapping[str, str]) -> str:
    """Return SQL of a text that names its zone so that it can be read in one way only; NULL if it cannot.

    Args:
        text: SQL of a date or time as it was written.
        zones: What the words of the source mean: BST -> Europe/London.
    """
    fixed = {name: f"Etc/GMT{-ahead:+d}" if ahead else "UTC" for name, ahead in _HOURS_AHEAD.items()}
    meant = fixed | {name.upper(): zone for name, zone in zones.items()}
    cases = " ".join(f"WHEN {literal(word)} THEN {literal(zone)}" for word, zone in meant.items())
    word = f"upper(regexp_extract({text}, '{_WORD}', 1))"
    before = f"rtrim(regexp_replace({text}, '{_WORD}', ''))"
    # "14:05 Z" and "2 PM" end in letters that do not name a zone; Europe/Berlin is a name of one.
    return (
        f"CASE WHEN NOT regexp_matches({text}, '[A-Za-z]$') OR regexp_matches({text}, '[0-9] ?[AaPp][Mm]$') "
        f"OR regexp_matches({text}, '[A-Za-z]/[A-Za-z_]+$') OR NOT regexp_matches({text}, ':') THEN {text} "
        f"WHEN regexp_matches({text}, '[0-9] ?[zZ]$') THEN regexp_replace({text}, ' ?[zZ]$', 'Z') "
        f"ELSE {before} || ' ' || CASE {word} {cases} END END"
    )


def names_a_zone(text: str) -> str:
    """Return SQL of the word for a zone at the end of a time, NULL if there is none.

    Words for zones end in T, for time (BST, CEST), but for two. No other word is a matter of zones.
    """
    word = f"regexp_extract({text}, '[0-9] ?([A-Za-z]{{1,4}}[Tt]|MSK|WIB)$', 1)"
    return f"CASE WHEN {word} <> '' AND contains({text}, ':') THEN {word} END"


def stands_for_none(moment: str) -> str:
    """Return SQL that is true for a day by which software says "no date".

    Those are: the zeros and the largest days of .NET, Windows, SQL Server, Excel, Unix, pandas and MySQL,
    with the days that a time zone makes of them; `infinity`; the turns of years from 2099 on; and the years
    4712 (Oracle's last) and 9998 to 9999. Any other day out of range is a typing error.
    """
    day = f"CAST({moment} AS DATE)"
    turn = f"strftime({day}, '%m-%d') IN ('12-30', '12-31', '01-01', '01-02')"
    zeros = " OR ".join(f"{day} BETWEEN DATE '{first}' AND DATE '{last}'" for first, last in _ZEROS)
    return (
        f"({zeros} OR NOT isfinite({day}) OR ({day} BETWEEN DATE '2099-12-30' AND DATE '9999-12-31' AND "
        f"({turn} OR year({day}) IN (4712, 9998, 9999))))"
    )


EPOCHS: Mapping[str, int] = {"unix": 0, "unix_ms": 3, "unix_us": 6, "unix_ns": 9}
"""Formats that count from 1970 -> decimals of a second in their unit."""


def epoch_moment(text: str, format_: str) -> str:
    """Return SQL that reads a count since 1970 as a TIMESTAMP; NULL for what can only be of another unit.

    Seconds beyond the year 5138 are milliseconds, and milliseconds before March 1973 are seconds; so on by
    thousands. A count that a spreadsheet rounded (1.77E+12) is none.
    """
    decimals = EPOCHS[format_]
    plain = f"regexp_full_match({text}, '-?[0-9]+([.][0-9]*)?')"
    low, high = f"1e{8 + decimals}", f"1e{11 + decimals}"
    number = f"TRY_CAST({text} AS DOUBLE)"
    fits = f"abs({number}) < {high}"
    if decimals:
        fits = f"({fits} AND abs({number}) >= {low} OR {number} = 0)"
    if format_ == "unix_ns":
        micros = f"TRY_CAST(TRY_CAST(split_part({text}, '.', 1) AS HUGEINT) // 1000 AS BIGINT)"
    else:
        micros = f"TRY_CAST({number} * {10 ** (6 - decimals)} AS BIGINT)"
    return f"make_timestamp(CASE WHEN {plain} AND {fits} THEN {micros} END)"


def week_moment(text: str) -> str:
    """Return SQL that reads a week of ISO 8601 as the midnight on which it begins: 2026-W07, 2026W07-3.

    NULL for a week that the year does not have.
    """
    parts = "^([0-9]{4})-?[wW]([0-9]{1,2})(?:-?([1-7]))?$"
    year, week, day = (
        f"TRY_CAST(regexp_extract({text}, '{parts}', {part}) AS INTEGER)" for part in (1, 2, 3)
    )
    first = f"date_trunc('week', make_date({year}, 1, 4))"
    monday = f"({first} + to_weeks({week} - 1))"
    return (
        f"CASE WHEN {week} >= 1 AND isoyear({monday}) = {year} "
        f"THEN CAST({monday} + to_days(coalesce({day}, 1) - 1) AS TIMESTAMP) END"
    )


def excel_moment(text: str) -> str:
    """Return SQL that reads days since 1899-12-30, as spreadsheets store dates; NULL beyond 1927 to 2173."""
    days = f"TRY_CAST(replace({text}, ',', '.') AS DOUBLE)"
    within = f"CASE WHEN {days} BETWEEN 10000 AND 100000 THEN {days} END"
    seconds = f"CAST(round({within} * 86400) AS BIGINT)"
    return f"(TIMESTAMP '1899-12-30 00:00:00' + to_seconds({seconds}))"
