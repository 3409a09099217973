"""Who stands for whom: merged accounts and their survivors, as SQL over `raw.accounts`."""

from __future__ import annotations

_NEWEST = """
        SELECT account_id, arg_max_null(merged_into, (occurred_at, known_at)) AS merged_into,
               arg_max_null(merged_at, (occurred_at, known_at)) AS merged_at
        FROM raw.accounts GROUP BY account_id
    """
# Where a path of mergers ends; in a ring the smallest id stands.
_LAST = """SELECT {key}, CASE WHEN max(length) < 64 THEN arg_max(stands, length)
                       ELSE min(stands) FILTER (length >= 32) END AS stands FROM path GROUP BY {key}"""


def survivors(as_of: str) -> str:
    """Return a query of account_id and account: the one that stands for it by the mergers before `as_of`.

    Chains are followed; of a ring the smallest id stands. A merger without a date has always been.

    Args:
        as_of: SQL of a date or timestamp.
    """
    return f"""
    WITH RECURSIVE newest AS ({_NEWEST}), step AS (
        SELECT a.account_id, a.merged_into FROM newest a JOIN newest b ON b.account_id = a.merged_into
        WHERE a.merged_into <> a.account_id AND (a.merged_at IS NULL OR a.merged_at < {as_of})
    ), path AS (
        SELECT account_id, account_id AS account, 0 AS length FROM newest
        UNION ALL
        SELECT p.account_id, s.merged_into, p.length + 1 FROM path p JOIN step s ON s.account_id = p.account
        WHERE p.length < 64
    )
    SELECT account_id, CASE WHEN max(length) < 64 THEN arg_max(account, length)
                            ELSE min(account) FILTER (length >= 32) END AS account
    FROM path GROUP BY account_id
    """


def leavings() -> str:
    """Return a query of account_id, occurred_at, known_at, logged and whole: whose contracts ended by a loss.

    Needs `survivors` beside it, as a table or a common table expression. A loss ends the contracts of the
    accounts that stood together with its own on that day, by the mergers until then: before any merger, of
    its own only. `whole` is false where others of today's group did not stand with them: those go on. A
    `logged` loss is one that the company told and nobody has read off a contract.
    """
    return f"""
    WITH RECURSIVE loss AS (
        SELECT o.rowid AS id, o.account_id AS own, s.account, o.occurred_at, o.known_at,
               NOT coalesce(o.read_off_terms, false) AND o._source IS DISTINCT FROM 'derived' AS logged
        FROM raw.outcomes o LEFT JOIN survivors s ON s.account_id = o.account_id
        WHERE o.kind = 'logo_churn'
    ), newest AS ({_NEWEST}), path AS (
        SELECT l.id, m.account_id, m.account_id AS stands, 0 AS length, l.occurred_at
        FROM loss l JOIN survivors m ON m.account = l.account
        UNION ALL
        SELECT p.id, p.account_id, n.merged_into, p.length + 1, p.occurred_at
        FROM path p JOIN newest n ON n.account_id = p.stands JOIN newest b ON b.account_id = n.merged_into
        WHERE n.merged_into <> n.account_id AND coalesce(n.merged_at::DATE <= p.occurred_at::DATE, true)
          AND p.length < 64
    ), stood AS (
        {_LAST.format(key="id, account_id")}
    ), told AS (
        SELECT l.id, l.occurred_at, l.known_at, l.logged, m.account_id, m.stands = own.stands AS left_with_it
        FROM loss l JOIN stood own ON own.id = l.id AND own.account_id = l.own JOIN stood m ON m.id = l.id
    )
    SELECT account_id, occurred_at, known_at, logged, bool_and(left_with_it) OVER (PARTITION BY id) AS whole
    FROM told QUALIFY left_with_it
    UNION ALL
    SELECT own, occurred_at, known_at, logged, true FROM loss WHERE account IS NULL
    """


def ended_by(loss: str, state: str) -> str:
    """Return SQL that is true where a loss ended a contract's state, and not where the state is a return.

    A loss is dated on the first day without the customer: a state that takes effect on it has come back.

    Args:
        loss: Alias of a row of `leavings`.
        state: Alias of a row of contracts.
    """
    return f"{loss}.occurred_at::DATE > {state}.occurred_at::DATE"


def outcomes(as_of: str) -> str:
    """Return a query of the outcomes known before `as_of`, each under the account that it befell.

    What was logged about an account after it was merged befell the one that stood for it on that day.

    Args:
        as_of: SQL of a date or timestamp.
    """
    return f"""
    WITH RECURSIVE told AS (SELECT *, rowid AS place FROM raw.outcomes WHERE known_at < {as_of}
    ), newest AS ({_NEWEST}), path AS (
        SELECT place, account_id AS stands, 0 AS length, occurred_at FROM told
        UNION ALL
        SELECT p.place, n.merged_into, p.length + 1, p.occurred_at
        FROM path p JOIN newest n ON n.account_id = p.stands JOIN newest b ON b.account_id = n.merged_into
        WHERE n.merged_into <> n.account_id AND coalesce(n.merged_at::DATE <= p.occurred_at::DATE, true)
          AND coalesce(n.merged_at < {as_of}, true) AND p.length < 64
    ), stood AS ({_LAST.format(key="place")})
    SELECT t.* EXCLUDE (place) REPLACE (s.stands AS account_id) FROM told t JOIN stood s USING (place)
    """
