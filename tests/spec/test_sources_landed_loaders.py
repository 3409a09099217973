"""Every loader's table that is known by name becomes the canonical rows that a CSM expects.

Tables have the types that the loaders give them: ids that HubSpot keeps as numbers are decimals, times have
zones, and what lies in JSON is not there. They are read from DuckDB and from a real Postgres.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pytest
from adbc_driver_postgresql import dbapi
from tests.lib.files import AS_OF
from tests.lib.signals_postgres import postgres_url
from tests.spec.test_sources_landed_schemas import CRM, Landed

from customer_health.remote.usage_placement import remote_usage
from customer_health.sources.mapping_file import SCHEMAS

USAGE = "what usage comes to"
EVENT = "TIMESTAMP WITH TIME ZONE '2026-05-01 10:00+00'"
CALLED = "'u1' AS distinct_id, 'a1' AS account_id"
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
        'CREATE TABLE x."case" AS '
        "SELECT 'c1' AS id, 'a1' AS accountid, 'p1' AS contactid, 'High' AS priority, "
        f"CAST(NULL AS TIMESTAMP) AS closeddate, {EVENT} AS createddate, false AS isdeleted;",
        "SELECT kind FROM raw.interactions UNION ALL SELECT priority FROM raw.tickets UNION ALL "
        "SELECT title FROM raw.contacts UNION ALL SELECT name FROM raw.accounts ORDER BY 1",
        [("Ann",), ("CFO",), ("call",), ("ebr",), ("high",)],
    ),
    "airbyte_stripe": (
        "CREATE TABLE x.invoices AS SELECT 'in1' AS id, 'a1' AS customer, 'paid' AS status, "
        "12050 AS amount_due, 'usd' AS currency, CAST(1780000000 AS DECIMAL(38, 9)) AS due_date, "
        "1779000000 AS created UNION ALL SELECT 'in2', 'a1', 'open', 900, 'jpy', NULL, 1779000000;",
        "SELECT invoice_id, account_id, amount, currency, status, CAST(due_at AS DATE) FROM raw.invoices "
        "ORDER BY 1",
        [
            ("stripe-in1", "a1", 120.5, "usd", "paid", date(2026, 5, 28)),
            ("stripe-in2", "a1", 900.0, "jpy", "open", None),
        ],
    ),
    "airbyte_zendesk": (
        "CREATE TABLE x.tickets AS SELECT 7 AS id, 70 AS organization_id, 5 AS requester_id, "
        f"'urgent' AS priority, 'solved' AS status, {EVENT} AS created_at;"
        "CREATE TABLE x.organizations AS SELECT 70 AS id, 'a1' AS external_id;"
        "CREATE TABLE x.ticket_metrics AS SELECT 7 AS ticket_id, "
        "TIMESTAMP WITH TIME ZONE '2026-05-03 12:00+02' AS solved_at;",
        "SELECT ticket_id, account_id, priority, CAST(resolved_at AS VARCHAR) FROM raw.tickets",
        [("zd-7", "a1", "critical", "2026-05-03 10:00:00")],
    ),
    "airbyte_hubspot": (
        "CREATE TABLE x.companies AS SELECT '12345678901' AS id, 'Ann' AS properties_name, 'Steel' AS "
        "properties_industry, 'DE' AS properties_country, 'Acme.com' AS properties_domain, "
        "CAST(NULL AS VARCHAR) AS properties_hs_merged_object_ids, CAST(NULL AS DECIMAL(38, 9)) AS "
        f'properties_hs_parent_company_id, {EVENT} AS "createdAt", false AS archived;'
        "CREATE TABLE x.deals AS SELECT '9' AS id, true AS properties_hs_is_closed_won, "
        "CAST(12345678901 AS DECIMAL(38, 9)) AS properties_hs_primary_associated_company, "
        "CAST(900 AS DECIMAL(38, 9)) AS properties_amount, "
        f"{EVENT} AS properties_closedate, false AS archived;"
        "CREATE TABLE x.contacts AS SELECT '5' AS id, CAST(12345678901 AS DECIMAL(38, 9)) AS "
        "properties_associatedcompanyid, 'CTO' AS properties_jobtitle, "
        f'{EVENT} AS "createdAt", false AS archived;',
        "SELECT account_id, a.domain, c.arr, p.title FROM raw.accounts a JOIN raw.contracts c "
        "USING (account_id) JOIN raw.contacts p USING (account_id)",
        [("12345678901", "acme.com", 900.0, "CTO")],
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
        "CREATE TABLE x.company AS SELECT CAST(77 AS BIGINT) AS id, 'Ann' AS property_name, 'Steel' AS "
        f"property_industry, {EVENT} AS property_createdate, false AS is_deleted;"
        "CREATE TABLE x.deal AS SELECT CAST(9 AS BIGINT) AS deal_id, true AS property_hs_is_closed_won, "
        f"900.0 AS property_amount, {EVENT} AS property_closedate, false AS _fivetran_deleted "
        f"UNION ALL SELECT 10, true, 1.0, {EVENT}, true;"
        # a deal has several companies: the primary one (5), which is any (341), too, and others
        "CREATE TABLE x.deal_company AS SELECT CAST(9 AS BIGINT) AS deal_id, CAST(78 AS BIGINT) AS "
        "company_id, 341 AS type_id UNION ALL SELECT 9, 77, 5 UNION ALL SELECT 9, 77, 341 "
        "UNION ALL SELECT 10, 77, 5;"
        "CREATE TABLE x.engagement_meeting AS SELECT CAST(4 AS BIGINT) AS engagement_id, "
        f"{EVENT} AS property_hs_timestamp;"
        "CREATE TABLE x.engagement_company AS SELECT CAST(4 AS BIGINT) AS engagement_id, "
        "CAST(77 AS BIGINT) AS company_id UNION ALL SELECT 4, 77;",
        "SELECT c.account_id, c.arr, i.kind FROM raw.contracts c JOIN raw.interactions i USING (account_id)",
        [("77", 900.0, "meeting")],
    ),
    "fivetran_intercom": (
        f"CREATE TABLE x.conversation_history AS SELECT '1' AS id, 'closed' AS state, {EVENT} AS created_at, "
        "TIMESTAMP WITH TIME ZONE '2026-05-01 11:00+00' AS updated_at, CAST(NULL AS TIMESTAMP) AS "
        "first_contact_reply_created_at, true AS _fivetran_active;"
        "CREATE TABLE x.conversation_contact_history AS SELECT '1' AS conversation_id, 'p' AS contact_id, "
        "true AS _fivetran_active;"
        # whoever asks has changed the company
        "CREATE TABLE x.contact_company_history AS SELECT 'p' AS contact_id, 'old' AS company_id, "
        "false AS _fivetran_active UNION ALL SELECT 'p', 'k', true UNION ALL SELECT 'q', 'old', true;"
        "CREATE TABLE x.company_history AS SELECT 'k' AS id, 'a1' AS company_id, true AS _fivetran_active "
        "UNION ALL SELECT 'old', 'a0', true;",
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
ELSEWHERE = {"fivetran_salesforce": "sf", "fivetran_zendesk": "zd", "fivetran_stripe": "st"}
ENGINES = ("duckdb", "postgres")


class Warehouse:
    """The company's warehouse: a DuckDB file, or a schema of a real Postgres."""

    def __init__(self, url: str) -> None:
        self.url = url

    def hold(self, tables: str) -> str:
        """Create tables, and return where they lie."""
        if self.url.startswith("duckdb"):
            with duckdb.connect(self.url.removeprefix("duckdb:///")) as con:
                con.execute(tables)
            return self.url
        # Text in Postgres has no type of its own in SELECT '...'; loaders declare it.
        with dbapi.connect(self.url) as connection, connection.cursor() as cursor:
            for schema in ("x", "sf", "zd", "st"):
                cursor.execute(f"DROP SCHEMA IF EXISTS {schema} CASCADE")
            for statement in tables.replace("range(3)", "generate_series(1, 3)").split(";"):
                if statement.strip():
                    cursor.execute(statement)
            connection.commit()
        return self.url


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with postgres_url(tmp_path_factory.mktemp("landed") / "pg") as url:
        yield url


@pytest.fixture(params=ENGINES)
def warehouse(request: pytest.FixtureRequest, tmp_path: Path) -> Warehouse:
    if request.param == "postgres":
        return Warehouse(request.getfixturevalue("server"))
    return Warehouse(f"duckdb:///{tmp_path}/company.duckdb")


def test_no_schema_is_without_a_test() -> None:
    assert {path.stem for path in SCHEMAS.glob("*.yaml")} == CASES.keys() | ELSEWHERE.keys()


@pytest.mark.parametrize("name", CASES)
def test_a_landed_schema_means_what_a_csm_expects(tmp_path: Path, warehouse: Warehouse, name: str) -> None:
    tables, query, expected = CASES[name]
    tables = "CREATE SCHEMA x;" + tables
    mapping = f"company: Test\nuse: {{{name}: x}}\n"
    if "raw.accounts" not in query and not name.endswith(("_hubspot", "_salesforce")):
        tables += "CREATE TABLE x.crm AS SELECT 'a1' AS id, TIMESTAMP '2025-01-01' AS day;"
        mapping += "tables:\n  accounts: {table: x.crm, columns: {account_id: id, occurred_at: day}}\n"
        mapping += (
            "  contracts: {table: x.crm, columns: {contract_id: id, account_id: id, occurred_at: day}}\n"
        )
    company = Landed(tmp_path, "", mapping, warehouse.hold(tables))
    company.load()
    assert company.rows("SELECT table_name, column_name, reason FROM quarantine.rows") == []
    assert (used(company) if query == USAGE else company.rows(query)) == expected


def test_three_vendors_that_one_loader_landed_are_read_together(tmp_path: Path, warehouse: Warehouse) -> None:
    use = ", ".join(f"{name}: {schema}" for name, schema in ELSEWHERE.items())
    tables = CRM.replace("sf.user", 'sf."user"')
    company = Landed(tmp_path, "", f"company: Test\nuse: {{{use}}}\n", warehouse.hold(tables))
    company.load()
    assert company.rows("SELECT table_name, column_name, reason FROM quarantine.rows") == []
    assert company.rows("SELECT account_id, owner_email FROM raw.accounts") == [("a1", "cara@acme.com")]
    assert company.rows("SELECT account_id, arr FROM raw.contracts") == [("a1", 1200.0)]
    assert company.rows("SELECT ticket_id, account_id FROM raw.tickets") == [("zd-7", "a1")]
    assert company.rows("SELECT account_id, amount FROM raw.invoices") == [("a1", 120.5)]
    assert company.rows("SELECT kind FROM raw.interactions ORDER BY 1") == [("call",), ("ebr",)]


def used(company: Landed) -> list[tuple[Any, ...]]:
    """Return account, user, feature and day of usage, which stays where it lies."""
    with remote_usage(company.settings) as usage:
        assert usage is not None
        rows = usage.rows(["a1"], date(2026, 4, 1), AS_OF).to_pylist()
        (active,) = usage.days(["a1"], AS_OF)
    assert active[0] == "a1"
    return sorted({(row["account_id"], row["user_id"], row["feature"], str(row["day"])) for row in rows})
