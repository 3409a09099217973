"""Every loader's table that is known by name becomes the canonical rows that a CSM expects."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest
from tests.lib.files import AS_OF
from tests.spec.test_sources_landed_schemas import Landed

from customer_health.remote.usage_placement import remote_usage
from customer_health.sources.mapping_file import SCHEMAS

USAGE = "what usage comes to"
EVENT = "TIMESTAMP '2026-05-01 10:00'"
# Schema -> tables as the loader leaves them; query; rows.
CASES: dict[str, tuple[str, str, list[tuple[Any, ...]]]] = {
    "airbyte_salesforce": (
        "CREATE TABLE x.account AS SELECT 'a1' AS id, 'Ann' AS name, 'Steel' AS industry, "
        f"{EVENT} AS createddate, false AS isdeleted;"
        "CREATE TABLE x.opportunity AS SELECT 'o1' AS id, 'a1' AS accountid, 12.0 AS amount, "
        "DATE '2026-01-01' AS closedate, true AS iswon, false AS isdeleted;"
        "CREATE TABLE x.contact AS SELECT 'p1' AS id, 'a1' AS accountid, 'CFO' AS title, 'Ops' AS "
        f"department, {EVENT} AS createddate, false AS isdeleted;"
        f"CREATE TABLE x.event AS SELECT 'e1' AS id, 'a1' AS accountid, 'p1' AS whoid, 'QBR' AS type, "
        f"{EVENT} AS startdatetime, false AS isdeleted;"
        "CREATE TABLE x.task AS SELECT 't1' AS id, 'a1' AS accountid, 'p1' AS whoid, 'Call' AS tasksubtype, "
        f"{EVENT} AS completeddatetime, false AS isdeleted;"
        "CREATE TABLE x.case AS SELECT 'c1' AS id, 'a1' AS accountid, 'p1' AS contactid, 'High' AS priority, "
        f"NULL::TIMESTAMP AS closeddate, {EVENT} AS createddate, false AS isdeleted;",
        "SELECT kind FROM raw.interactions UNION ALL SELECT priority FROM raw.tickets UNION ALL "
        "SELECT title FROM raw.contacts UNION ALL SELECT name FROM raw.accounts ORDER BY 1",
        [("Ann",), ("CFO",), ("call",), ("ebr",), ("high",)],
    ),
    "airbyte_stripe": (
        "CREATE TABLE x.invoices AS SELECT 'in1' AS id, 'a1' AS customer, 'paid' AS status, "
        "12050 AS amount_due, 'usd' AS currency, 1780000000 AS due_date, 1779000000 AS created;",
        "SELECT invoice_id, account_id, amount, currency FROM raw.invoices",
        [("stripe-in1", "a1", 120.5, "usd")],
    ),
    "airbyte_zendesk": (
        "CREATE TABLE x.tickets AS SELECT 7 AS id, 70 AS organization_id, 5 AS requester_id, "
        f"'urgent' AS priority, 'solved' AS status, {EVENT} AS created_at;"
        "CREATE TABLE x.organizations AS SELECT 70 AS id, 'a1' AS external_id;"
        "CREATE TABLE x.ticket_metrics AS SELECT 7 AS ticket_id, TIMESTAMP '2026-05-03 10:00' AS solved_at;",
        "SELECT ticket_id, account_id, priority, CAST(resolved_at AS VARCHAR) FROM raw.tickets",
        [("zd-7", "a1", "critical", "2026-05-03 10:00:00")],
    ),
    "airbyte_hubspot": (
        f"CREATE TABLE x.companies AS SELECT 'a1' AS id, 'Ann' AS properties_name, 'Steel' AS "
        f"properties_industry, 'Acme.com' AS properties_domain, {EVENT} AS createdat, false AS archived;"
        "CREATE TABLE x.deals AS SELECT '9' AS id, true AS properties_hs_is_closed_won, 'a1' AS "
        "properties_hs_primary_associated_company, 900.0 AS properties_amount, "
        "DATE '2026-01-01' AS properties_closedate, false AS archived;"
        "CREATE TABLE x.contacts AS SELECT '5' AS id, 'a1' AS properties_associatedcompanyid, "
        f"'CTO' AS properties_jobtitle, {EVENT} AS createdat, false AS archived;",
        "SELECT a.domain, c.arr, p.title FROM raw.accounts a JOIN raw.contracts c USING (account_id) "
        "JOIN raw.contacts p USING (account_id)",
        [("acme.com", 900.0, "CTO")],
    ),
    "airbyte_mixpanel": (
        "CREATE TABLE x.export AS SELECT 'Report opened' AS event, 'u1' AS distinct_id, 'a1' AS account_id, "
        f"{EVENT} AS time FROM range(3);",
        USAGE,
        [("a1", "u1", "Report opened", "2026-05-01")],
    ),
    "airbyte_amplitude": (
        "CREATE TABLE x.events AS SELECT 'Report opened' AS event_type, 'u1' AS user_id, 'a1' AS account_id, "
        f"{EVENT} AS event_time FROM range(3);",
        USAGE,
        [("a1", "u1", "Report opened", "2026-05-01")],
    ),
    "airbyte_intercom": (
        "CREATE TABLE x.conversations AS SELECT '1' AS id, 'a1' AS account_id, 'closed' AS state, "
        "1779000000 AS created_at, 1779003600 AS updated_at;",
        "SELECT ticket_id, date_diff('minute', occurred_at, resolved_at) FROM raw.tickets",
        [("ic-1", 60)],
    ),
    "fivetran_hubspot": (
        "CREATE TABLE x.company AS SELECT 'a1' AS id, 'Ann' AS property_name, 'Steel' AS property_industry, "
        f"{EVENT} AS property_createdate, false AS is_deleted;"
        "CREATE TABLE x.deal AS SELECT 9 AS deal_id, true AS property_hs_is_closed_won, 900.0 AS "
        "property_amount, DATE '2026-01-01' AS property_closedate, false AS is_deleted;"
        "CREATE TABLE x.deal_company AS SELECT 9 AS deal_id, 'a1' AS company_id;"
        f"CREATE TABLE x.engagement_meeting AS SELECT 4 AS engagement_id, {EVENT} AS property_hs_timestamp;"
        "CREATE TABLE x.engagement_company AS SELECT 4 AS engagement_id, 'a1' AS company_id;",
        "SELECT c.account_id, c.arr, i.kind FROM raw.contracts c JOIN raw.interactions i USING (account_id)",
        [("a1", 900.0, "meeting")],
    ),
    "fivetran_intercom": (
        f"CREATE TABLE x.conversation_history AS SELECT '1' AS id, 'closed' AS state, {EVENT} AS created_at, "
        "TIMESTAMP '2026-05-01 11:00' AS updated_at, NULL::TIMESTAMP AS first_contact_reply_created_at, "
        "true AS _fivetran_active;"
        "CREATE TABLE x.conversation_contact_history AS SELECT '1' AS conversation_id, 'p' AS contact_id;"
        "CREATE TABLE x.contact_company_history AS SELECT 'p' AS contact_id, 'k' AS company_id;"
        "CREATE TABLE x.company_history AS SELECT 'k' AS id, 'a1' AS company_id;",
        "SELECT ticket_id, account_id, date_diff('minute', occurred_at, resolved_at) FROM raw.tickets",
        [("ic-1", "a1", 60)],
    ),
    "fivetran_mixpanel": (
        "CREATE TABLE x.event AS SELECT 'Report opened' AS name, 'u1' AS distinct_id, 'a1' AS account_id, "
        f"{EVENT} AS time FROM range(3);",
        USAGE,
        [("a1", "u1", "Report opened", "2026-05-01")],
    ),
    "fivetran_amplitude": (
        "CREATE TABLE x.event AS SELECT 'Report opened' AS event_type, 'u1' AS user_id, 'a1' AS account_id, "
        f"{EVENT} AS event_time FROM range(3);",
        USAGE,
        [("a1", "u1", "Report opened", "2026-05-01")],
    ),
    "fivetran_pendo": (
        "CREATE TABLE x.feature_event AS SELECT 'f1' AS feature_id, 'u1' AS visitor_id, 'a1' AS account_id, "
        f"4 AS num_events, {EVENT} AS timestamp;",
        USAGE,
        [("a1", "u1", "f1", "2026-05-01")],
    ),
    "heap_connect": (
        "CREATE TABLE x.account_events AS SELECT 'report' AS event_table_name, 'u1' AS user_id, "
        f"'a1' AS account_id, {EVENT} AS time FROM range(3);",
        USAGE,
        [("a1", "u1", "report", "2026-05-01")],
    ),
}
TESTED_ELSEWHERE = {"fivetran_salesforce", "fivetran_zendesk", "fivetran_stripe"}


def test_no_schema_is_without_a_test() -> None:
    assert {path.stem for path in SCHEMAS.glob("*.yaml")} == CASES.keys() | TESTED_ELSEWHERE


@pytest.mark.parametrize("name", CASES)
def test_a_landed_schema_means_what_a_csm_expects(tmp_path: Path, name: str) -> None:
    tables, query, expected = CASES[name]
    tables = "CREATE SCHEMA x;" + tables
    mapping = f"company: Test\nuse: {{{name}: x}}\n"
    if "raw.accounts" not in query and not name.endswith(("_hubspot", "_salesforce")):
        tables += "CREATE TABLE x.crm AS SELECT 'a1' AS id, TIMESTAMP '2025-01-01' AS day;"
        mapping += "tables:\n  accounts: {table: x.crm, columns: {account_id: id, occurred_at: day}}\n"
        mapping += (
            "  contracts: {table: x.crm, columns: {contract_id: id, account_id: id, occurred_at: day}}\n"
        )
    company = Landed(tmp_path, tables, mapping)
    company.load()
    assert company.rows("SELECT table_name, column_name, reason FROM quarantine.rows") == []
    assert (used(company) if query == USAGE else company.rows(query)) == expected


def used(company: Landed) -> list[tuple[Any, ...]]:
    """Return account, user, feature and day of usage, which stays where it lies."""
    with remote_usage(company.settings) as usage:
        assert usage is not None
        rows = usage.rows(["a1"], date(2026, 4, 1), AS_OF).to_pylist()
        (active,) = usage.days(["a1"], AS_OF)
    assert active[0] == "a1"
    return sorted({(row["account_id"], row["user_id"], row["feature"], str(row["day"])) for row in rows})
