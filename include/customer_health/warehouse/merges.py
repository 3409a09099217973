"""Who stands for whom: merged accounts and their survivors."""

from __future__ import annotations

# account_id -> account: the one that stands for it. Chains are followed; of a ring the smallest id stands.
SURVIVORS = """
    WITH RECURSIVE one AS (
        SELECT account_id, arg_max_null(merged_into, (occurred_at, known_at)) AS merged_into
        FROM raw.accounts GROUP BY account_id
    ), step AS (
        SELECT a.account_id, a.merged_into FROM one a JOIN one b ON b.account_id = a.merged_into
        WHERE a.merged_into <> a.account_id
    ), path AS (
        SELECT account_id, account_id AS account, 0 AS length FROM one
        UNION ALL
        SELECT p.account_id, s.merged_into, p.length + 1 FROM path p JOIN step s ON s.account_id = p.account
        WHERE p.length < 64
    )
    SELECT account_id, CASE WHEN max(length) < 64 THEN arg_max(account, length)
                            ELSE min(account) FILTER (length >= 32) END AS account
    FROM path GROUP BY account_id
"""
