"""Who stands for whom: merged accounts and their survivors, as SQL over `raw.accounts`."""

from __future__ import annotations


def survivors(as_of: str) -> str:
    """Return a query of account_id and account: the one that stands for it by the mergers before `as_of`.

    Chains are followed; of a ring the smallest id stands. A merger without a date has always been.

    Args:
        as_of: SQL of a date or timestamp.
    """
    return f"""
    WITH RECURSIVE newest AS (
        SELECT account_id, arg_max_null(merged_into, (occurred_at, known_at)) AS merged_into,
               arg_max_null(merged_at, (occurred_at, known_at)) AS merged_at
        FROM raw.accounts GROUP BY account_id
    ), step AS (
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
    """Return a query of account_id, occurred_at and known_at: whose contracts ended when somebody left.

    Needs `survivors` beside it, as a table or a common table expression. What was logged of an account before
    it was merged ended its own contracts only; afterwards, those of all that had been merged by then.
    """
    return """
    SELECT account_id, occurred_at, known_at FROM raw.outcomes WHERE kind = 'logo_churn'
    UNION
    SELECT m.account_id, o.occurred_at, o.known_at
    FROM raw.outcomes o
    JOIN survivors s ON s.account_id = o.account_id
    JOIN survivors m ON m.account = s.account
    LEFT JOIN (SELECT account_id, max(merged_at) AS at FROM raw.accounts GROUP BY 1) mine
        ON mine.account_id = o.account_id
    LEFT JOIN (SELECT account_id, max(merged_at) AS at FROM raw.accounts GROUP BY 1) theirs
        ON theirs.account_id = m.account_id
    WHERE o.kind = 'logo_churn'
      AND (o.account_id = s.account OR coalesce(mine.at <= o.occurred_at, true))
      AND (m.account_id = m.account OR coalesce(theirs.at <= o.occurred_at, true))
    """


def outcomes(as_of: str) -> str:
    """Return a query of the outcomes known before `as_of`, each under the account that it befell.

    What was logged about an account after it was merged befell its survivor.

    Args:
        as_of: SQL of a date or timestamp.
    """
    return f"""
    SELECT o.* REPLACE (CASE WHEN a.merged_at IS NULL OR a.merged_at <= o.occurred_at
                             THEN coalesce(s.account, o.account_id) ELSE o.account_id END AS account_id)
    FROM raw.outcomes o
    LEFT JOIN ({survivors(as_of)}) s USING (account_id)
    LEFT JOIN (SELECT account_id, max(merged_at) AS merged_at FROM raw.accounts GROUP BY 1) a
        USING (account_id)
    WHERE o.known_at < {as_of}
    """
