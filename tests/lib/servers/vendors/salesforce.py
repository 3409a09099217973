"""Salesforce's queryAll: SOQL of one shape, pages by nextRecordsUrl, deleted and merged records marked."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import parse_qsl

from tests.lib.servers.base import Answer, Request
from tests.lib.servers.vendors.base import RefusedError, Row, VendorServer, iso
from tests.lib.servers.vendors.salesforce_jobs import QueryJobs

PAGE = 50  # the vendor's is 2,000
VERSIONS = range(41, 69)
_SOQL = re.compile(
    r"SELECT (?P<fields>[\w., ]+) FROM (?P<object>\w+) "
    r"WHERE (?P<cursor>SystemModstamp|CreatedDate) >= (?P<since>\S+?)"
    r"(?P<more> AND .+)? ORDER BY (?P=cursor), Id"
)
OBJECTS = (
    "Account",
    "Opportunity",
    "Contact",
    "OpportunityContactRole",
    "ContactHistory",
    "Event",
    "Task",
    "Case",
)


class Remote(QueryJobs, VendorServer):
    """Knows the standard fields; a field that it does not know is an error, as it is there."""

    vendor = "salesforce"
    secret = {"client_id": "our-app", "client_secret": "sf-secret-1"}
    options = {"domain": "acme.my.salesforce.com"}
    main, key, renews, renamed = "accounts", "Id", True, ("IsDeleted", "IsRemoved")
    merges = True
    calls_of_an_idle_run = 9
    pause = 0.0  # it has no 429

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        self.cursors: dict[str, tuple[list[Row], int]] = {}
        self.rows = {name: {} for name in OBJECTS}
        self.no_jobs_yet()

    def put(self, kind: str, id_: str, **fields: Any) -> None:
        """Create or change a record."""
        before = self.rows[kind].get(id_, {"Id": id_, "IsDeleted": False, "CreatedDate": self.stamp()})
        self.rows[kind][id_] = {**before, **fields, "SystemModstamp": self.stamp()}

    def stamp(self) -> str:
        return iso(self.now).replace("Z", ".000+0000")

    def create(self, name: str, **fields: Any) -> None:
        owner = {"Email": "Cara@Acme.com", "Manager": {"Email": "max@acme.com"}}
        self.put("Account", f"001{name}", Name=f"Company {name}", Owner=owner, **fields)

    def change(self, name: str) -> None:
        self.now += 60
        self.put("Account", f"001{name}", Industry="Steel")

    def delete(self, name: str) -> None:
        self.now += 60
        self.put("Account", f"001{name}", IsDeleted=True)

    def restore(self, name: str) -> None:
        self.now += 60
        self.put("Account", f"001{name}", IsDeleted=False)

    def merge(self, name: str, into: str) -> None:
        self.now += 60
        self.put("Account", f"001{name}", IsDeleted=True, MasterRecordId=f"001{into}")

    def id_of(self, name: str) -> str:
        return f"001{name}"

    def canonical(self, name: str) -> tuple[str, str, str]:
        return "accounts", "account_id", f"001{name}"

    def served(self) -> dict[str, Row]:
        # A deleted record stays in queryAll; the mapping takes it out.
        asked = (
            "Id",
            "Name",
            "Industry",
            "Owner",
            "CreatedDate",
            "IsDeleted",
            "MasterRecordId",
            "SystemModstamp",
        )
        return {id_: {name: row.get(name) for name in asked} for id_, row in self.rows["Account"].items()}

    def wrong(self) -> list[tuple[str, str, dict[str, Any]]]:
        good = (
            "SELECT Id FROM Account WHERE SystemModstamp >= 2020-01-01T00:00:00Z ORDER BY SystemModstamp, Id"
        )
        ask = "/services/data/v62.0/queryAll"
        job = "/services/data/v62.0/jobs/query"
        counted = "SELECT COUNT(Id) FROM Account"
        inner = "SELECT Id, (SELECT Id FROM Contacts) FROM Account"
        return [
            ("POST", job, {"json": {"operation": "queryAll", "query": counted}}),
            ("POST", job, {"json": {"operation": "queryAll", "query": inner}}),
            ("POST", job, {"json": {"operation": "upsert", "query": good}}),
            ("GET", f"{job}/750000000000000999", {}),
            ("GET", "/services/data/v40.0/queryAll", {"params": {"q": good}}),
            ("GET", ask, {"params": {"q": good.replace("Id FROM", "Id, Nonsense FROM")}}),
            ("GET", ask, {"params": {"q": good.replace("Account", "Acount")}}),
            ("GET", ask, {"params": {"q": good.replace("2020-01-01T00:00:00Z", "'2020'")}}),
        ]

    def story(self) -> dict[str, dict[str, Row]]:
        self.create("A")
        self.create("B")
        self.put("Account", "001C", Name="Merged away", IsDeleted=True, MasterRecordId="001A")
        self.put("Opportunity", "006A", AccountId="001A", IsWon=True, CloseDate="2026-01-10", Amount=24000.0)
        self.put("Opportunity", "006B", AccountId="001A", IsWon=False, CloseDate="2026-02-10", Amount=1.0)
        self.put("Contact", "003A", AccountId="001A", FirstName="Nadia", LastName="Ruiz-Peña", Title="CFO")
        self.put("OpportunityContactRole", "00KA", ContactId="003A", Role="Economic Buyer")
        self.put(
            "ContactHistory",
            "017A",
            ContactId="003A",
            Contact={"AccountId": "001A"},
            Field="Title",
            NewValue="CEO",
        )
        self.put("Event", "00UA", AccountId="001B", Type="QBR", StartDateTime="2026-01-05T09:00:00.000+0000")
        done = {"IsClosed": True, "CompletedDateTime": "2026-01-06T09:00:00.000+0000", "Status": "Completed"}
        self.put("Task", "00TA", AccountId="001B", TaskSubtype="Call", CallDurationInSeconds=600, **done)
        self.put("Task", "00TB", AccountId="001B", TaskSubtype="Task", CHS_Action_Key__c="k-1", **done)
        self.put("Case", "500A", AccountId="001B", Priority="Medium")
        self.put("Case", "500B", AccountId="001B", Priority="High", IsDeleted=True)
        return {
            "accounts": {
                "001A": {"owner_email": "cara@acme.com", "merged_into": None},
                "001B": {"manager_email": "max@acme.com"},
                "001C": {"merged_into": "001A"},
            },
            "contracts": {"sf-006A": {"arr": "24000.0", "term_end": "2027-01-10"}},
            "contacts": {
                "003A": {"title": "CFO", "role": "sponsor", "account_id": "001A", "first_name": "Nadia"}
            },
            "contact_changes": {"sf-017A": {"kind": "title_changed", "title": "CEO"}},
            "interactions": {"sf-00UA": {"kind": "ebr"}, "sf-00TA": {"kind": "call"}},
            "crm_tasks": {"00TB": {"effect_key": "k-1", "status": "completed"}},
            "tickets": {"sf-500A": {"priority": "normal", "account_id": "001B"}},
        }

    id_columns = {"contact_changes": "change_id", "crm_tasks": "task_id"}

    def limited(self) -> Answer:
        """Say that it is busy; its daily limit is a 403, which no wait helps."""
        return Answer(503, [{"errorCode": "SERVER_UNAVAILABLE", "message": "busy"}])

    def expired(self) -> Answer:
        self.tokens.clear()
        return Answer(401, [{"message": "Session expired or invalid", "errorCode": "INVALID_SESSION_ID"}])

    def respond(self, request: Request) -> Answer:
        if request.path == "/services/oauth2/token":
            form = dict(parse_qsl(request.raw.decode()))
            if form.get("client_secret") != self.secret["client_secret"]:
                return Answer(400, {"error": "invalid_client"})
            self.tokens.add(f"sf-token-{len(self.tokens)}")
            return Answer(body={"access_token": f"sf-token-{len(self.tokens) - 1}", "token_type": "Bearer"})
        if request.headers.get("authorization", "").removeprefix("Bearer ") not in self.tokens:
            return self.expired()
        jobs = re.fullmatch(r"/services/data/v(\d+)\.0/jobs/query(?:/(\w+)(/results)?)?", request.path)
        if jobs and int(jobs[1]) in VERSIONS:
            return self.job(request, jobs[1], jobs[2] or "", jobs[3] or "")
        found = re.fullmatch(r"/services/data/v(\d+)\.0/(queryAll|query/(\w+))", request.path)
        if not found or int(found[1]) not in VERSIONS:
            raise RefusedError(404, [{"errorCode": "NOT_FOUND", "message": "no such resource"}])
        if found[3]:
            rows, begin = self.cursors.pop(found[3], ([], 0))
        else:
            rows, begin = self._query(request.query.get("q", [""])[0]), 0
        page, rest = rows[begin : begin + PAGE], begin + PAGE
        body: Row = {"totalSize": len(rows), "done": rest >= len(rows), "records": page}
        if not body["done"]:
            name = f"01g{len(self.requests):06d}"
            self.cursors[name] = (rows, rest)
            body["nextRecordsUrl"] = f"/services/data/v{found[1]}.0/query/{name}"
        return Answer(body=body, headers={"Sforce-Limit-Info": f"api-usage={len(self.requests)}/15000"})

    def _query(self, soql: str) -> list[Row]:
        asked = _SOQL.fullmatch(soql)
        if (
            not asked
            or asked["object"] not in OBJECTS
            or not re.fullmatch(r"\d{4}-[-\dT:.]+Z", asked["since"])
        ):
            raise RefusedError(400, [{"errorCode": "MALFORMED_QUERY", "message": f"cannot read: {soql}"}])
        fields = [one.strip() for one in asked["fields"].split(",")]
        if "Nonsense" in fields:
            raise RefusedError(400, [{"errorCode": "INVALID_FIELD", "message": "No such column 'Nonsense'"}])
        if asked["object"] == "Account":
            self.saw_main()
        since = asked["since"].replace("Z", "+0000")
        rows = [row for row in self.rows[asked["object"]].values() if row[asked["cursor"]] >= since]
        if "!= null" in (asked["more"] or ""):
            rows = [row for row in rows if row.get(fields[2])]
        rows.sort(key=lambda row: (row[asked["cursor"]], row["Id"]))
        return self.shown([self._chosen(row, fields, asked["object"]) for row in rows])

    @staticmethod
    def _chosen(row: Row, fields: list[str], kind: str) -> Row:
        """Return the asked fields; all of them are there, empty or not."""
        chosen: Row = {"attributes": {"type": kind}}
        for name in fields:
            head, _, _ = name.partition(".")
            chosen[head] = row.get(head)
        return chosen
