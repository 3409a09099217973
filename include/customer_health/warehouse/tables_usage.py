"""Canonical tables of product usage: who did what, and how many came where nobody is named."""

from __future__ import annotations

from customer_health.warehouse.table import ACCOUNT, KNOWN, Column, Table, Type, occurred

USAGE = Table(
    name="usage",
    doc="What one user did with one feature on one day.",
    key=("account_id", "user_id", "occurred_at", "feature"),
    aliases=("product_usage", "usage_daily", "events", "feature_usage"),
    columns={
        "account_id": ACCOUNT,
        "user_id": Column(
            Type.TEXT, "The user; empty when the source only knows accounts.", required=True, default=""
        ),
        "feature": Column(Type.TEXT, "Feature or event name.", required=True),
        "events": Column(
            Type.NUMBER, "How often.", required=True, unit="events", minimum=0, maximum=1e12, default="1"
        ),
        "occurred_at": occurred("The day, in UTC.", Type.DATE),
        "known_at": KNOWN,
    },
)

DAILY_USERS = Table(
    name="daily_users",
    doc="How many people used the product on one day, where the source counts them and names nobody. It "
    "answers what can be had from counts, for accounts whose `usage` names no users.",
    key=("account_id", "occurred_at"),
    aliases=("dau", "daily_active_users", "active_users_daily"),
    columns={
        "account_id": ACCOUNT,
        "users": Column(
            Type.NUMBER, "People active on that day.", required=True, unit="users", minimum=0, maximum=1e9
        ),
        "occurred_at": occurred("The day, in UTC.", Type.DATE),
        "known_at": KNOWN,
    },
)
