"""The simulated company behind its vendors' APIs: the same facts, as five vendors would serve them.

What a vendor cannot express stays behind, and `left_behind` says what: Salesforce logs no incoming mail, and
nobody here serves message texts, calendars, CSMs' pulses or the CRM's snapshot.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import duckdb

from tests.lib.servers.vendors.base import VendorServer, iso
from tests.lib.servers.vendors.delighted import Remote as Delighted
from tests.lib.servers.vendors.pendo import Remote as Pendo
from tests.lib.servers.vendors.salesforce import Remote as Salesforce
from tests.lib.servers.vendors.stripe import Remote as Stripe
from tests.lib.servers.vendors.zendesk import Remote as Zendesk

LEFT_BEHIND = {
    "interactions": "kind NOT IN ('email_reply', 'login')",
    "contact_changes": "kind IN ('left', 'title_changed')",  # who joined shows as a contact
}
"""Canonical table -> which of its rows these vendors can express."""
FIRST_USAGE = "2025-01-01"
"""From which day on pendo.yaml asks for usage (`windows: {start: ...}`)."""
EXPRESSED = {
    "accounts": "* REPLACE (occurred_at AS known_at)",
    "contracts": "*",  # this company's CRM says when each was signed
    "contacts": "* REPLACE (occurred_at AS known_at, NULL AS user_id, "
    "replace(role, 'user', 'other') AS role)",
    "contact_changes": "* REPLACE (occurred_at AS known_at, NULL AS role)",
    "interactions": "* REPLACE (occurred_at AS known_at, NULL AS sentiment)",
    # Who asked is known by the help desk's own number, which is not the CRM's.
    "tickets": "* EXCLUDE (escalated_at) REPLACE (occurred_at AS known_at, NULL AS contact_id)",
    "invoices": "* REPLACE (occurred_at AS known_at, 'subscription' AS kind)",
    "usage": "* REPLACE (CAST(occurred_at AS TIMESTAMP) AS known_at)",
    "surveys": "* REPLACE (occurred_at AS known_at, NULL AS text, NULL AS contact_id)",
}
"""Canonical table -> its columns as these vendors express them: nobody here says when a fact became known."""

# What a contract is differs from org to org: this company keeps its states in an object of its own.
OUR_SALESFORCE = """
vendor: our_salesforce
about: The simulated company's org.
extends: salesforce
resources:
  - name: accounts
    endpoint:
      params:
        q: >-
          SELECT Id, Name, Segment__c, Industry, BillingCountryCode, Zone__c, Website, ParentId, Owner.Email,
          Owner.Manager.Email, CreatedDate, IsDeleted, MasterRecordId, SystemModstamp FROM Account
          WHERE SystemModstamp >= {incremental.start_value} ORDER BY SystemModstamp, Id
  - name: opportunities
    endpoint:
      params:
        q: >-
          SELECT Id, AccountId, Contract__c, Plan__c, Rank__c, Seats__c, ARR__c, Start__c, Renewal__c,
          Status__c, Renews__c, Notice__c, CurrencyIsoCode, StageName, IsWon, CloseDate, Signed__c, IsDeleted,
          SystemModstamp FROM Opportunity
          WHERE SystemModstamp >= {incremental.start_value} ORDER BY SystemModstamp, Id
means:
  accounts:
    columns: {segment: Segment__c, timezone: Zone__c}
  contracts:
    files: opportunities/*.jsonl.gz
    where: {IsWon: true}
    gone: {IsDeleted: true}
    repeated_keys: newest_wins
    columns:
      contract_id: Contract__c
      account_id: AccountId
      plan: Plan__c
      plan_rank: Rank__c
      seats: Seats__c
      arr: ARR__c
      term_start: Start__c
      term_end: Renewal__c
      status: Status__c
      auto_renew: Renews__c
      notice_days: Notice__c
      currency: CurrencyIsoCode
      occurred_at: CloseDate
      known_at: Signed__c
"""


class VendorWorld:
    """Five servers with one company's facts.

    Args:
        tables: Folder with a folder of Parquet per canonical table.
        until: Facts known before this day are served.
    """

    def __init__(self, tables: Path, until: date) -> None:
        self._tables, self._until = tables, until
        self.crm, self.desk, self.billing = Salesforce(), Zendesk(), Stripe()
        self.product, self.surveys = Pendo(), Delighted()
        self.crm.vendor = "our_salesforce"
        for fill in (self._accounts, self._contracts, self._contacts, self._contact_changes):
            fill()
        self._interactions()
        for fill in (self._tickets, self._invoices, self._usage, self._surveys):
            fill()
        for server in self.servers:
            server.now += 86_400

    @property
    def servers(self) -> list[VendorServer]:
        """All of them."""
        return [self.crm, self.desk, self.billing, self.product, self.surveys]

    def close(self) -> None:
        """Stop listening."""
        for server in self.servers:
            server.close()

    def sources(self) -> dict[str, Any]:
        """Return `sources:` of the company file."""
        return {one.vendor: {"options": dict(one.options), "through": one.url} for one in self.servers}

    def secrets(self) -> dict[str, dict[str, str]]:
        """Return the connections."""
        return {one.vendor: dict(one.secret) for one in self.servers}

    def rows(self, table: str, where: str = "true") -> list[dict[str, Any]]:
        """Return the newest state of every fact of a canonical table, times as epoch seconds."""
        from customer_health.warehouse.tables import TABLES

        keys = ", ".join(TABLES[table].key)
        with duckdb.connect() as con:
            con.execute("SET TimeZone = 'UTC'")
            answer = con.execute(
                f"SELECT * EXCLUDE (filename) FROM read_parquet('{self._tables}/{table}/*.parquet', "
                f"filename = true) WHERE known_at < DATE '{self._until}' AND {where} "
                f"QUALIFY row_number() OVER (PARTITION BY {keys} ORDER BY filename DESC) = 1"
            )
            names = [one[0] for one in answer.description]
            return [dict(zip(names, one, strict=True)) for one in answer.fetchall()]

    def _put(self, kind: str, id_: str, at: Any, **fields: Any) -> None:
        self.crm.now = max(self.crm.now, _unix(at))
        self.crm.put(kind, id_, **{"CreatedDate": _text(at), **fields})

    def _accounts(self) -> None:
        for row in self.rows("accounts"):
            owner = {"Email": row["owner_email"], "Manager": {"Email": row["manager_email"]}}
            kept = {"Name": row["name"], "Industry": row["industry"], "BillingCountryCode": row["country"]}
            kept |= {"Segment__c": row["segment"], "Zone__c": row["timezone"]}
            master = row["merged_into"]
            merged = {"MasterRecordId": master, "IsDeleted": master is not None}
            self._put("Account", row["account_id"], row["occurred_at"], Owner=owner, **kept, **merged)
            if master:  # a merge changes the record that goes, and nothing does afterwards
                self.crm.rows["Account"][row["account_id"]]["SystemModstamp"] = _text(row["merged_at"])

    def _contracts(self) -> None:
        for number, row in enumerate(self.rows("contracts")):
            self._put(
                "Opportunity",
                f"006{number:06d}",
                row["known_at"],
                AccountId=row["account_id"],
                Contract__c=row["contract_id"],
                Plan__c=row["plan"],
                Rank__c=row["plan_rank"],
                Seats__c=row["seats"],
                ARR__c=row["arr"],
                Start__c=_text(row["term_start"]),
                Renewal__c=_text(row["term_end"]),
                Status__c=row["status"],
                Renews__c=row["auto_renew"],
                Notice__c=row["notice_days"],
                CurrencyIsoCode=row["currency"],
                Signed__c=_text(row["known_at"]),
                IsWon=True,
                StageName="Closed Won",
                CloseDate=_text(row["occurred_at"]),
            )

    def _contacts(self) -> None:
        roles = {"champion": "Champion", "sponsor": "Executive Sponsor", "admin": "Technical Buyer"}
        for row in self.rows("contacts"):
            at, id_ = row["occurred_at"], row["contact_id"]
            kept = {"AccountId": row["account_id"], "Title": row["title"], "Department": row["team"]}
            kept |= {"FirstName": row["first_name"], "LastName": row["last_name"]}
            self._put("Contact", id_, at, **kept)
            if row["role"] in roles:
                self._put("OpportunityContactRole", f"r{id_}", at, ContactId=id_, Role=roles[row["role"]])

    def _contact_changes(self) -> None:
        for row in self.rows("contact_changes", LEFT_BEHIND["contact_changes"]):
            kind = (
                {"Field": "Account"}
                if row["kind"] == "left"
                else {"Field": "Title", "NewValue": row["title"]}
            )
            here = {"ContactId": row["contact_id"], "Contact": {"AccountId": row["account_id"]}}
            self._put("ContactHistory", row["change_id"], row["occurred_at"], **here, **kind)

    def _interactions(self) -> None:
        for row in self.rows("interactions", LEFT_BEHIND["interactions"]):
            kind, at = row["kind"], row["occurred_at"]
            here = {"AccountId": row["account_id"], "WhoId": row["contact_id"]}
            if kind in ("meeting", "ebr"):
                named = {"Type": "EBR" if kind == "ebr" else "Meeting", "DurationInMinutes": row["minutes"]}
                self._put("Event", row["interaction_id"], at, StartDateTime=_text(at), **here, **named)
            else:
                done = {"CompletedDateTime": _text(at), "IsClosed": True, "Status": "Completed"}
                done["CallDurationInSeconds"] = row["minutes"] and round(row["minutes"] * 60)
                sub = {"TaskSubtype": "Call" if kind == "call" else "Email"}
                self._put("Task", row["interaction_id"], at, **here, **done, **sub)

    def _tickets(self) -> None:
        organizations: dict[str, int] = {}
        for number, row in enumerate(sorted(self.rows("tickets"), key=lambda one: one["known_at"]), start=1):
            at = _unix(row["occurred_at"])
            self.desk.now = max(self.desk.now, at)
            organization = organizations.setdefault(row["account_id"], len(organizations) + 1)
            self.desk.organization(organization, row["account_id"])
            answered = (_unix(row["first_response_at"]) - at) / 60 if row["first_response_at"] else None
            metric = {"reply_time_in_minutes": {"calendar": answered}, "solved_at": _text(row["resolved_at"])}
            self.desk.rows.setdefault("tickets", {})[f"{number:05d}"] = {
                "id": number,
                "organization_id": organization,
                "requester_id": number,
                "status": "solved" if row["resolved_at"] else "open",
                "priority": "urgent" if row["priority"] == "critical" else row["priority"],
                "created_at": iso(at),
                "updated_at": iso(at),
                "generated_timestamp": self.desk.now,
                "metric": metric,
            }

    def _invoices(self) -> None:
        numbers: dict[str, int] = {}
        for row in self.rows("invoices"):
            number = numbers.setdefault(row["account_id"], len(numbers))
            customer = self.billing.customer(number)
            self.billing.rows["customers"][customer]["metadata"] = {"account_id": row["account_id"]}
            self.billing.now = max(self.billing.now, _unix(row["occurred_at"]))
            self.billing.rows.setdefault("invoices", {})[row["invoice_id"]] = {
                "id": row["invoice_id"],
                "object": "invoice",
                "customer": customer,
                "status": "paid" if row["paid_at"] else "open",
                "created": _unix(row["occurred_at"]),
                "due_date": _unix(row["due_at"]) if row["due_at"] else None,
                "amount_due": round(row["amount"] * 100),
                "currency": row["currency"].lower(),
                "status_transitions": {"paid_at": _unix(row["paid_at"]) if row["paid_at"] else None},
            }

    def _usage(self) -> None:
        for number, row in enumerate(self.rows("usage")):
            feature = row["feature"]
            self.product.rows.setdefault("features", {})[feature] = {"id": feature, "name": feature}
            self.product.rows.setdefault("feature_events", {})[str(number)] = {
                "accountId": row["account_id"],
                "visitorId": row["user_id"],
                "featureId": feature,
                "day": _unix(row["occurred_at"]) * 1000,
                "numEvents": row["events"],
            }

    def _surveys(self) -> None:
        for row in self.rows("surveys"):
            at = _unix(row["occurred_at"])
            self.surveys.now = max(self.surveys.now, at)
            self.surveys.rows.setdefault("survey_responses", {})[row["survey_id"]] = {
                "id": row["survey_id"],
                "score": row["score"],
                "survey_type": row["kind"],
                "created_at": at,
                "updated_at": at,
                "person_properties": {"account_id": row["account_id"]},
            }


@contextmanager
def vendor_world(tables: Path, until: date) -> Iterator[VendorWorld]:
    """Serve a simulated company while the block runs."""
    world = VendorWorld(tables, until)
    try:
        yield world
    finally:
        world.close()


def _unix(moment: Any) -> int:
    from datetime import UTC, datetime, time

    if not isinstance(moment, datetime):
        moment = datetime.combine(moment, time())
    return int(moment.replace(tzinfo=UTC).timestamp())


def _text(moment: Any) -> str | None:
    return None if moment is None else iso(_unix(moment)).replace("Z", ".000+0000")
