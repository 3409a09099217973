"""Read contracts and invoices, keep what follows from them: presumed renewals, and losses nobody brought.

Derived rows stand in `raw` beside those of the sources, with `derived` as their source, and only what has
changed is written. Nobody's own rows are touched: of a kind of loss that the company brings itself, the
derived ones are kept for comparison only (`ops.derived_outcomes`); contractions of seats and of usage-based
revenue are one kind in this.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

from customer_health import storage
from customer_health.company import CompanyConfig
from customer_health.csv_cells import harmless
from customer_health.warehouse.losses.contract_losses import Loss, contract_losses
from customer_health.warehouse.losses.followed import Followed, set_aside_followed
from customer_health.warehouse.losses.lapsed import (
    GRACE_DAYS,
    Presumed,
    presumed_renewals,
    silent_lapses,
    unsettled,
)
from customer_health.warehouse.losses.levels import EPOCH, State, levels
from customer_health.warehouse.losses.store import PRESUMED, write_contracts, write_outcomes
from customer_health.warehouse.losses.usage_revenue import Bill, usage_losses
from customer_health.warehouse.merges import leavings, survivors
from customer_health.wording import plural

if TYPE_CHECKING:
    import duckdb

LAPSED_FILE = "renewals_to_check.csv"
# Accounts asked about -> (account, day, day on which that was known), each as days since 1970-01-01.
UsedDays = Callable[[Sequence[str]], Iterable[tuple[str, int, int]]]

# Contracts of an account that left before it was merged have an end, whatever they say themselves.
_STATES = f"""
    WITH leavings AS ({leavings()}), told AS (
        SELECT account, account_id, contract_id, occurred_at, known_at,
               coalesce(status, 'active') = 'active' AS active,
               CASE WHEN NOT coalesce(auto_renew, false) THEN term_end - DATE '1970-01-01' END AS ends,
               plan_rank, seats, arr, t.rowid AS place, plan
        FROM raw.contracts t JOIN survivors USING (account_id)
        WHERE t.occurred_at < $as_of AND t.known_at < $as_of AND _source IS DISTINCT FROM 'derived'
    ), ended AS (
        SELECT account, account_id, contract_id, date_trunc('day', l.occurred_at) AS occurred_at,
               greatest(l.known_at, min(t.known_at)) AS known_at, false AS active, NULL AS ends,
               NULL AS plan_rank, NULL AS seats, NULL AS arr, -1 AS place, NULL AS plan
        FROM leavings l JOIN told t USING (account_id)
        WHERE l.logged AND NOT l.whole AND l.occurred_at < $as_of AND l.known_at < $as_of
          AND t.occurred_at < date_trunc('day', l.occurred_at)
        GROUP BY account, account_id, contract_id, l.occurred_at, l.known_at
    )
    SELECT account, contract_id, CAST(occurred_at AS DATE) - DATE '1970-01-01',
           CAST(known_at AS DATE) - DATE '1970-01-01', active, ends, plan_rank, seats, arr, place
    FROM (SELECT * FROM told UNION ALL SELECT * FROM ended)
    ORDER BY 1, 2, occurred_at, place >= 0, known_at, plan, arr
"""
_BILLS = """
    SELECT account, CAST(occurred_at AS DATE) - DATE '1970-01-01' AS day,
           max(CAST(known_at AS DATE) - DATE '1970-01-01'), sum(amount)
    FROM raw.invoices t JOIN survivors USING (account_id)
    WHERE t.kind = 'usage' AND t.amount IS NOT NULL AND t.occurred_at < $as_of AND t.known_at < $as_of
    GROUP BY 1, 2 ORDER BY 1, 2
"""
# Companies of a group without a contract of their own use what the nearest one above them has bought.
_CHILDREN = """
    WITH RECURSIVE bought AS (
        SELECT DISTINCT account_id FROM raw.contracts WHERE _source IS DISTINCT FROM 'derived'
    ), parent AS (
        SELECT account_id, any_value(parent_account_id) AS above FROM raw.accounts
        WHERE parent_account_id <> account_id GROUP BY 1
    ), path AS (
        SELECT account_id AS child, above AS owner, 1 AS length FROM parent
        WHERE account_id NOT IN (SELECT account_id FROM bought)
        UNION ALL
        SELECT child, above, length + 1 FROM path p JOIN parent q ON q.account_id = p.owner
        WHERE length < 16 AND p.owner NOT IN (SELECT account_id FROM bought)
    )
    SELECT child, owner FROM path JOIN survivors s ON s.account_id = owner
    WHERE owner IN (SELECT account_id FROM bought)
"""
# Days on which it was known that a customer leaves, or has left.
_LEFT = """
    SELECT account, greatest(CAST(occurred_at AS DATE), CAST(known_at AS DATE)) - DATE '1970-01-01'
    FROM raw.contract_events JOIN survivors USING (account_id)
    WHERE kind = 'notice_given' AND occurred_at < $as_of AND known_at < $as_of
    UNION ALL
    SELECT account, greatest(CAST(coalesce(notice_at, occurred_at) AS DATE), CAST(known_at AS DATE))
                    - DATE '1970-01-01'
    FROM raw.outcomes JOIN survivors USING (account_id)
    WHERE kind = 'logo_churn' AND known_at < $as_of AND coalesce(_source, '') <> 'derived'
"""


@dataclass(frozen=True)
class Lapsed:
    """A customer whose term has passed, and nobody has booked what followed.

    Attributes:
        account_id: Who.
        term_end: The renewal date that passed.
        last_used: Last day of usage; None if there is none.
        arr: ARR of the contract; None if unknown.
        silent: Whether the product is not in use any more: then the customer counts as lost.
    """

    account_id: str
    term_end: date
    last_used: date | None
    arr: float | None
    silent: bool = False

    @property
    def question(self) -> str:
        """What to ask whoever knows the customer."""
        if self.silent:
            return "renewal date passed, no end and no usage on record: left, or renewed?"
        return "renewal date passed, still active: renewed?"


@dataclass
class Derived:
    """What follows from contracts and invoices as of one day.

    Attributes:
        lapsed: Customers whose renewal nobody has booked: those who are active, then the silent ones.
        outcomes: Kind -> losses derived.
        added: Kind -> derived losses that the model and the KPIs use.
        followed: Losses read off ended terms that are none: another contract goes on.
        kept: Whether those whose term has passed stay customers.
    """

    lapsed: list[Lapsed] = field(default_factory=list)
    outcomes: dict[str, int] = field(default_factory=dict)
    added: dict[str, int] = field(default_factory=dict)
    followed: list[Followed] = field(default_factory=list)
    kept: bool = True

    def active(self) -> list[Lapsed]:
        """Return those who use the product still."""
        return [one for one in self.lapsed if not one.silent]

    def lines(self) -> list[str]:
        """Sentences for people: whose renewal to ask about, and which losses nobody had to bring."""
        lines = []
        active, silent = self.active(), [one for one in self.lapsed if one.silent]
        if silent:
            lines.append(
                f"{plural(len(silent), 'renewal date')} passed in the last year, with no end and no usage on "
                f"record: left, or renewed? {_named(silent)} ({LAPSED_FILE}). They are no longer customers; "
                "if they are, book the renewal, or map `auto_renew`."
            )
        if active:
            stay = "They stay customers" if self.kept else "They are no longer customers"
            lines.append(
                f"{plural(len(active), 'renewal date')} passed, still active: renewed? {_named(active)} "
                f"({LAPSED_FILE}). {stay} (contracts.presume_renewed of the company file)."
            )
        if self.followed:
            lines.append(
                f"{plural(len(self.followed), 'ended term is', 'ended terms are')} not a loss: "
                "the account goes on with another contract. See outcomes.md."
            )
        if self.outcomes:
            told = ", ".join(
                f"{many:,} {kind}" + ("" if kind in self.added else " (your own count)")
                for kind, many in self.outcomes.items()
            )
            lines.append(f"Losses derived from contracts and invoices: {told}. See outcomes.md.")
        return lines


def _named(lapsed: Sequence[Lapsed]) -> str:
    names = list(dict.fromkeys(one.account_id for one in lapsed))
    return ", ".join(names[:3]) + (f" and {len(names) - 3:,} more" if len(names) > 3 else "")


def used_days(con: duckdb.DuckDBPyConnection, as_of: date) -> UsedDays:
    """Return what asks the embedded warehouse on which days accounts used the product."""

    def ask(accounts: Sequence[str]) -> Iterable[tuple[str, int, int]]:
        rows: list[tuple[str, int, int]] = con.execute(
            "SELECT account_id, occurred_at - DATE '1970-01-01' AS day, "
            "min(CAST(known_at AS DATE)) - DATE '1970-01-01' FROM "
            "(SELECT account_id, occurred_at, known_at, events FROM raw.usage UNION ALL "
            "SELECT account_id, occurred_at, known_at, users FROM raw.daily_users) "
            "WHERE account_id IN (SELECT unnest(?)) AND occurred_at < ? AND known_at < ? AND events > 0 "
            "GROUP BY 1, 2",
            [list(accounts), as_of, as_of],
        ).fetchall()
        return rows

    return ask


def derive(
    con: duckdb.DuckDBPyConnection, config: CompanyConfig, *, as_of: date, used: UsedDays | None = None
) -> Derived:
    """Bring derived contracts and outcomes up to date with what is known before `as_of`.

    Args:
        con: The warehouse, held for writing, with `raw` as the gate leaves it.
        config: Sections `contracts` and `outcomes`.
        as_of: The day of the run.
        used: Where usage is asked for; None: the embedded warehouse.
    """
    result = Derived(kept=config.contracts.presume_renewed)
    con.execute("BEGIN")
    try:
        stands_for = survivors(f"DATE '{as_of}'")
        con.execute(f"CREATE OR REPLACE TEMP TABLE survivors AS {stands_for}")
        history = _by_account(con.execute(_STATES, {"as_of": as_of}).fetchall())
        states = {name: own.states for name, own in history.items()}
        result.followed = set_aside_followed(con, states, grace_days=config.outcomes.grace_days, as_of=as_of)
        presumed, asked = _presume(con, config, history, as_of, used or used_days(con, as_of), result)
        losses = _losses(con, config, history, presumed, asked, as_of) if config.outcomes.derive else []
        kept = presumed if config.contracts.presume_renewed else {}
        write_contracts(con, kept, {name: own.rowids for name, own in history.items()}, as_of)
        result.outcomes, result.added = write_outcomes(con, losses, as_of, result.followed)
    except BaseException:
        con.execute("ROLLBACK")
        raise
    con.execute("COMMIT")
    return result


def write_lapsed(derived: Derived, folder: Path) -> Path:
    """Write the customers whose renewal nobody has booked, the largest first, and return the file."""
    file = io.StringIO(newline="")
    writer = csv.writer(file)
    writer.writerow(["account_id", "term_end", "last_used", "arr", "question"])
    for one in derived.lapsed:
        arr = "" if one.arr is None else f"{one.arr:.2f}"
        used = "" if one.last_used is None else one.last_used
        writer.writerow([harmless(one.account_id), one.term_end, used, arr, one.question])
    return storage.write(folder / LAPSED_FILE, file.getvalue())


@dataclass(frozen=True)
class _Account:
    states: list[State]
    rowids: list[int]


def _by_account(rows: Sequence[tuple[Any, ...]]) -> dict[str, _Account]:
    return {
        account: _Account([State(*row[1:9]) for row in mine], [row[9] for row in mine])
        for account, group in groupby(rows, key=lambda row: row[0])
        if (mine := list(group))
    }


def _presume(
    con: duckdb.DuckDBPyConnection,
    config: CompanyConfig,
    history: Mapping[str, _Account],
    as_of: date,
    used: UsedDays,
    result: Derived,
) -> tuple[dict[str, list[Presumed]], dict[str, set[int | None]]]:
    """Find the presumed renewals; only accounts with a term that passed are asked for their usage.

    Returns:
        Account -> its presumed renewals; account -> the days on which contracts lapsed beside others,
        of which nobody knows whether they were renewed.
    """
    until, quiet = (as_of - EPOCH).days, config.contracts.active_within_days
    passed = [
        account
        for account, own in history.items()
        if any(s.active and s.ends is not None and s.ends + GRACE_DAYS < until for s in own.states)
    ]
    members: dict[str, str] = dict(con.execute("SELECT account_id, account FROM survivors").fetchall())
    wanted = set(passed)
    members |= {child: members[owner] for child, owner in con.execute(_CHILDREN).fetchall()}
    asked = [member for member, account in members.items() if account in wanted]
    days: dict[str, list[tuple[int, int]]] = {}
    for member, day, known in used(asked) if asked else ():
        days.setdefault(members[member], []).append((day, known))
    left: dict[str, list[int]] = {}
    for account, day in con.execute(_LEFT, {"as_of": as_of}).fetchall():
        left.setdefault(account, []).append(day)
    found: dict[str, list[Presumed]] = {}
    waiting: dict[str, set[int | None]] = {}
    for account in passed:
        own = history[account]
        mine = presumed_renewals(own.states, days.get(account, []), left.get(account, []), until, quiet)
        if mine:
            found[account] = mine
        places = {one.place for one in mine if one.until is None}
        gone: set[int] = set()
        if not left.get(account):
            open_ = set(unsettled(own.states, days.get(account, []), until, quiet))
            waiting[account] = {own.states[place].ends for place in open_}
            gone = set(silent_lapses(own.states, until)) - places if not places else set()
            places |= open_
        for place in sorted(places | gone):
            last = max((day for day, _ in days.get(account, ())), default=None)
            used_last = None if last is None else EPOCH + timedelta(days=last)
            end = EPOCH + timedelta(days=own.states[place].ends or 0)
            result.lapsed.append(Lapsed(account, end, used_last, own.states[place].arr, place in gone))
    result.lapsed.sort(key=lambda one: (one.silent, -(one.arr or 0.0), one.account_id))
    return found, waiting


def _losses(
    con: duckdb.DuckDBPyConnection,
    config: CompanyConfig,
    history: Mapping[str, _Account],
    presumed: Mapping[str, list[Presumed]],
    waiting: Mapping[str, set[int | None]],
    as_of: date,
) -> list[tuple[str, Loss]]:
    """Return every loss with its account; none that hangs on a contract of which nobody knows what became."""
    until, rules = (as_of - EPOCH).days, config.outcomes
    out: list[tuple[str, Loss]] = []
    for account, own in history.items():
        kept = presumed.get(account, []) if config.contracts.presume_renewed else []
        states = [*own.states, *(s for one in kept for s in _as_states(own.states[one.place], one))]
        open_ = waiting.get(account, set())
        found = contract_losses(levels(states), until, rules)
        out += [(account, one) for one in found if one.kind == "logo_churn" or one.day not in open_]
    for account, group in groupby(con.execute(_BILLS, {"as_of": as_of}).fetchall(), key=lambda row: row[0]):
        bills = [Bill(day, known, amount) for _, day, known, amount in group]
        out += [(account, loss) for loss in usage_losses(bills, until, rules)]
    return out


def _as_states(lapsed: State, one: Presumed) -> list[State]:
    """The presumed contract, for the levels: it goes on from the day on which the term passed."""
    name, begins = lapsed.contract + PRESUMED, one.since - GRACE_DAYS
    return [State(name, begins, one.since, True, one.until, lapsed.rank, lapsed.seats, lapsed.arr)]
