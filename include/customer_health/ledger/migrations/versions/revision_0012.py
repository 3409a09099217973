"""What the page reads has tables of its own, filled from the scores that are there."""

from __future__ import annotations

from collections import Counter
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"

COPIED = (
    *("as_of", "account_id", "name", "state", "score", "score_shown", "attention", "why", "segment", "arr"),
    *("currency", "expected_loss", "renewal_date", "owner_email", "manager_email", "model_id", "meaning"),
)


def upgrade() -> None:
    """Add a column and two tables; every published day gets its narrow rows and its totals.

    Which accounts moved most is told from the next publication on, and parents from then on, too: scores of
    before this revision do not hold them.
    """
    op.add_column("scores", sa.Column("parent_account_id", sa.String(255)))
    rows, days = _create()
    connection = op.get_bind()
    scores = sa.Table("scores", sa.MetaData(), autoload_with=connection)
    published = connection.execute(sa.select(scores.c.as_of).distinct().order_by(scores.c.as_of)).scalars()
    for day in published.all():
        # As ledger/portfolio_summary.py did it at this revision.
        found = [
            _narrow(row)
            for row in connection.execute(sa.select(scores).where(scores.c.as_of == day)).mappings()
        ]
        connection.execute(rows.insert(), found)
        connection.execute(days.insert().values(as_of=day, movers={"down": [], "up": []}, **_totals(found)))
    op.execute("UPDATE ledger_version SET version = 12")


def _create() -> tuple[sa.Table, sa.Table]:
    text, code = sa.Text, sa.String(32)
    rows = op.create_table(
        "portfolio_rows",
        sa.Column("as_of", sa.Date, primary_key=True),
        sa.Column("account_id", sa.String(255), primary_key=True),
        sa.Column("name", text),
        sa.Column("bucket", code, nullable=False),
        sa.Column("tier", code),
        sa.Column("band", code),
        sa.Column("state", code, nullable=False),
        sa.Column("score", sa.Float),
        sa.Column("score_shown", sa.Integer),
        sa.Column("attention", sa.Boolean),
        sa.Column("why", text),
        sa.Column("fact_codes", text, nullable=False),
        sa.Column("fact_titles", sa.JSON, nullable=False),
        sa.Column("segment", sa.String(64)),
        sa.Column("arr", sa.Float),
        sa.Column("currency", sa.String(3)),
        sa.Column("expected_loss", sa.Float),
        sa.Column("renewal_date", sa.Date),
        sa.Column("owner_email", text),
        sa.Column("manager_email", text),
        sa.Column("parent_account_id", sa.String(255)),
        sa.Column("model_id", sa.String(128)),
        sa.Column("meaning", code),
    )
    op.create_index("portfolio_rows_by_account", "portfolio_rows", ["account_id", "as_of"])
    days = op.create_table(
        "portfolio_days",
        sa.Column("as_of", sa.Date, primary_key=True),
        sa.Column("buckets", sa.JSON, nullable=False),
        sa.Column("options", sa.JSON, nullable=False),
        sa.Column("currency", sa.String(3)),
        sa.Column("meanings", sa.JSON, nullable=False),
        sa.Column("compared_with", sa.Date),
        sa.Column("movers", sa.JSON, nullable=False),
    )
    return rows, days


def _narrow(row: Any) -> dict[str, Any]:
    facts = row["facts"] or []
    tier = row["tier_shown"] or row["tier"]
    return {name: row[name] for name in COPIED} | {
        "tier": tier,
        "band": row["band_shown"] or row["band"],
        "bucket": tier if row["state"] == "scored" and tier else row["state"],
        "fact_codes": "|" + "".join(f"{fact['code']}|" for fact in facts) if facts else "||",
        "fact_titles": [[fact["code"], fact["title"]] for fact in facts],
    }


def _totals(rows: list[dict[str, Any]]) -> dict[str, Any]:
    buckets: dict[str, list[float]] = {}
    for row in rows:
        total = buckets.setdefault(row["bucket"], [0, 0.0, 0])
        total[0] += 1
        total[1] += row["arr"] or 0.0
        total[2] += row["arr"] is not None
    coins = Counter(row["currency"] for row in rows if row["currency"])
    facts = {code: title for row in rows for code, title in row["fact_titles"]}
    options = {
        name: sorted({row[column] for row in rows if row[column]})[:500]
        for name, column in (
            ("owners", "owner_email"),
            ("managers", "manager_email"),
            ("segments", "segment"),
        )
    }
    return {
        "buckets": buckets,
        "options": options | {"facts": sorted(facts.items(), key=lambda pair: pair[1]), "parents": []},
        "currency": min(coins, key=lambda coin: (-coins[coin], coin)) if coins else None,
        "meanings": sorted({row["meaning"] or "" for row in rows if row["score_shown"] is not None}),
    }


def downgrade() -> None:
    """There is no way back: restore the copy of before the upgrade."""
    raise NotImplementedError(downgrade.__doc__)
