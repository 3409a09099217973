"""HubSpot's dated CRM objects: search that ends at a number of results, lists with associations."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from tests.lib.servers.base import Answer, Request
from tests.lib.servers.vendors.base import RefusedError, Row, VendorServer, at_most, iso, only

KINDS = ("companies", "contacts", "deals", "tickets", "meetings", "calls", "feedback_submissions")
MOST = 10_000
TIES = 2  # of one record, in one answer; there it is 500
PAGE = 30  # fewer than it is asked for, so that there are more pages


class Remote(VendorServer):
    """All property values are texts, as there."""

    vendor, described_by = "hubspot", "hubspot_derived.json"
    secret = {"access_token": "pat-secret-1"}
    main, renamed = "companies", ("createdAt", "created_on")
    merges = True
    calls_of_an_idle_run = 12  # companies, contacts, deals and tickets also have a list of what was archived

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        self.rows = {kind: {} for kind in KINDS}
        self.ties: dict[tuple[str, str], list[str]] = {}  # the primary company first
        self.late: set[str] = set()  # ids that the search's index does not show yet

    def stamp(self) -> str:
        return iso(self.now).replace("Z", ".000Z")

    def put(self, kind: str, id_: str, company: str = "", **properties: str | None) -> None:
        """Create or change a record."""
        new: Row = {"id": id_, "properties": {}, "createdAt": self.stamp(), "archived": False}
        row = {**self.rows[kind].get(id_, new), "updatedAt": self.stamp()}
        modified = "lastmodifieddate" if kind == "contacts" else "hs_lastmodifieddate"
        row["properties"] = {**row["properties"], **properties, modified: self.stamp()}
        if company:
            self.ties[kind, id_] = [company]
        self.rows[kind][id_] = row

    def create(self, name: str, **fields: Any) -> None:
        self.put("companies", name, name=f"Company {name}", industry=None)
        self.rows["companies"][name] |= fields

    def change(self, name: str) -> None:
        self.now += 60
        self.put("companies", name, industry="STEEL")

    def delete(self, name: str) -> None:
        self.now += 60
        self.archive("companies", name)

    def archive(self, kind: str, id_: str) -> None:
        """Put a record away: it leaves search and list, and no property of it changes."""
        self.rows[kind][id_] |= {"archived": True, "archivedAt": self.stamp()}

    def restore(self, name: str, kind: str = "companies") -> None:
        """Bring a record back as it was. Nobody documents that this moves its date, so here it does not."""
        self.now += 60
        self.rows[kind][name] |= {"archived": False}
        self.rows[kind][name].pop("archivedAt")

    def tie(self, kind: str, id_: str, company: str | None) -> None:
        """Change to which company a record belongs, and nothing else: its date stays as it is."""
        self.ties[kind, id_] = [] if company is None else [company]

    def merge(self, name: str, into: str) -> None:
        self.now += 60
        del self.rows["companies"][name]
        self.put("companies", into, hs_merged_object_ids=name)

    def canonical(self, name: str) -> tuple[str, str, str]:
        return "accounts", "account_id", name

    def served(self) -> dict[str, Row]:
        return dict(self.rows["companies"])

    def wrong(self) -> list[tuple[str, str, dict[str, Any]]]:
        search = "/crm/objects/2026-03/companies/search"
        return [
            ("POST", search, {"json": {"limit": 201}}),
            ("POST", search, {"json": {"limit": 10, "after": "10000"}}),
            ("POST", search, {"json": {"limit": 10, "since": "2020"}}),
            ("POST", search, {"json": {"limit": 10, "associations": ["companies"]}}),
            ("GET", "/crm/objects/2026-03/companies", {"params": {"limit": 101}}),
            ("POST", "/crm/objects/2026-03/companies/batch/read", {"json": {"inputs": [{"id": "1"}] * 101}}),
            (
                "POST",
                "/crm/associations/2026-03/deals/companies/batch/read",
                {"json": {"inputs": [{"id": "1"}] * 1001}},
            ),
            (
                "POST",
                "/crm/associations/2026-03/deals/planets/batch/read",
                {"json": {"inputs": [{"id": "1"}]}},
            ),
            ("GET", "/crm/objects/2019-01/companies", {}),
        ]

    def story(self) -> dict[str, dict[str, Row]]:
        self.rows["owners"] = {"7": {"id": "7", "email": "Cara@Acme.com", "archived": False}}
        self.put("companies", "1", name="Ann", hubspot_owner_id="7")
        self.put(
            "contacts",
            "31",
            associatedcompanyid="1",
            firstname="Zoë",
            jobtitle="CTO",
            hs_buying_role="CHAMPION",
        )
        self.put(
            "deals", "41", "1", amount="12000", closedate="2026-01-05T00:00:00Z", hs_is_closed_won="true"
        )
        self.put("deals", "42", "1", amount="9", closedate="2026-01-06T00:00:00Z", hs_is_closed_won="false")
        self.put("tickets", "51", "1", createdate="2026-01-05T10:00:00Z", hs_ticket_priority="URGENT")
        self.put("meetings", "61", "1", hs_meeting_start_time="2026-01-05T10:00:00Z", hs_activity_type="QBR")
        self.put("calls", "71", "1", hs_timestamp="2026-01-05T12:00:00Z", hs_call_duration="600000")
        at = {"hs_submission_timestamp": "2026-01-07T12:00:00Z"}
        self.put("feedback_submissions", "81", "1", hs_survey_type="NPS", hs_value="9", **at)
        return {
            "accounts": {"1": {"name": "Ann", "owner_email": "cara@acme.com"}},
            "contacts": {"31": {"role": "champion", "title": "CTO", "account_id": "1", "first_name": "Zoë"}},
            "contracts": {"hs-41": {"arr": "12000.0", "term_end": "2027-01-05", "account_id": "1"}},
            "tickets": {"hs-51": {"priority": "critical", "account_id": "1"}},
            "interactions": {"hs-meeting-61": {"kind": "ebr"}, "hs-call-71": {"kind": "call"}},
            "surveys": {"hs-81": {"score": "9.0", "kind": "nps"}},
        }

    def respond(self, request: Request) -> Answer:
        if request.headers.get("authorization") != f"Bearer {self.secret['access_token']}":
            raise RefusedError(401, {"status": "error", "category": "INVALID_AUTHENTICATION"})
        left = {"X-HubSpot-RateLimit-Daily-Remaining": "649000"}
        if re.fullmatch(r"/crm/owners/20(26|27)-\d\d", request.path):
            only(request, "limit", "after")
            return Answer(body={"results": list(self.rows.get("owners", {}).values())}, headers=left)
        tied = re.fullmatch(r"/crm/associations/(2026-03|2026-09)/(\w+)/companies/batch/read", request.path)
        found = re.fullmatch(r"/crm/objects/(2026-03|2026-09)/(\w+)(/search|/batch/read)?", request.path)
        if not (tied or found) or (tied or found)[2] not in KINDS:  # type: ignore[index]
            raise RefusedError(404, {"status": "error", "message": "resource not found"})
        if tied:
            return self._ties_of(request, tied[2])
        assert found is not None
        if found[3] == "/batch/read":
            return self._named(request, found[2])
        body = self._search(request, found[2]) if found[3] else self._list(request, found[2])
        return Answer(body=body, headers=left)

    def _ties_of(self, request: Request, kind: str) -> Answer:
        """Say to which companies records belong; 207 names those that belong to none, as there."""
        results, errors = [], []
        for one in self._inputs(request, 1_000):
            companies = self.ties.get((kind, one["id"]), [])
            begin = int(one.get("after") or 0)
            if not companies:
                message = f"No company is associated with {kind} {one['id']}."
                errors.append(_failure("OBJECT_NOT_FOUND", "crm.associations.NO_ASSOCIATIONS_FOUND", message))
                continue
            to = [self._tie(kind, company, place) for place, company in enumerate(companies)]
            answer: Row = {"from": {"id": one["id"]}, "to": to[begin : begin + TIES]}
            if begin + TIES < len(to):
                answer["paging"] = {"next": {"after": str(begin + TIES), "link": "deprecated"}}
            results.append(answer)
        return _some(results, errors)

    @staticmethod
    def _tie(kind: str, company: str, place: int) -> Row:
        every = {"deals": (341, 5), "tickets": (339, 26), "meetings": (188, 0), "calls": (182, 0)}
        plain, primary = every[kind]
        types: list[Row] = [{"category": "HUBSPOT_DEFINED", "typeId": plain, "label": None}]
        if primary and place == 0:
            types.append({"category": "HUBSPOT_DEFINED", "typeId": primary, "label": "Primary"})
        return {"toObjectId": company, "associationTypes": types}

    def _named(self, request: Request, kind: str) -> Answer:
        rows, errors = [], []
        for one in self._inputs(request, 100):
            row = self.rows[kind].get(one["id"])
            if row is None or row["archived"]:
                errors.append(_failure("OBJECT_NOT_FOUND", "", f"Could not get some {kind} objects"))
            else:
                rows.append(row)
        names = request.json.get("properties", [])
        page = self._page(kind, rows, 0, 100, names, associated=False)
        return _some(page["results"], errors)

    @staticmethod
    def _inputs(request: Request, most: int) -> list[Row]:
        inputs: list[Row] = request.json["inputs"]
        if len(inputs) > most:
            raise RefusedError(400, {"status": "error", "message": f"no more than {most} inputs"})
        return inputs

    def _search(self, request: Request, kind: str) -> Row:
        asked = request.json
        if set(asked) - {"filterGroups", "sorts", "properties", "limit", "after", "query"}:
            raise RefusedError(400, {"status": "error", "message": "Invalid input JSON"})
        size, begin = at_most(asked.get("limit", 10), 200), int(asked.get("after") or 0)
        if begin + size > MOST:
            raise RefusedError(400, {"status": "error", "message": "no more than 10,000 results"})
        if kind == "companies":
            self.saw_main()
        one = asked["filterGroups"][0]["filters"][0]
        if not isinstance(one["value"], str) or one["operator"] != "GTE":
            raise RefusedError(400, {"status": "error", "message": "value must be a string"})
        since, name = int(one["value"]), one["propertyName"]
        rows = [row for id_, row in self.rows[kind].items() if not row["archived"] and id_ not in self.late]
        if asked.get("sorts") == [name]:  # otherwise in no order that anybody may rely on
            rows.sort(key=lambda row: (row["properties"][name], row["id"]))
        rows = [row for row in rows if _ms(row["properties"][name]) >= since]
        return self._page(kind, rows, begin, min(size, PAGE), asked.get("properties", []), associated=False)

    def _list(self, request: Request, kind: str) -> Row:
        asked = only(request, "limit", "after", "properties", "associations", "archived")
        size = min(at_most(asked.get("limit", 10), 100), PAGE)
        gone = asked.get("archived") == "true"
        rows = [row for row in self.rows[kind].values() if row["archived"] is gone]
        names = asked.get("properties", "").split(",")
        return self._page(
            kind, rows, int(asked.get("after", 0)), size, names, associated="associations" in asked
        )

    def _listed_ties(self, kind: str, id_: str) -> Iterator[Row]:
        """Yield ties as lists show them: a primary company twice, the others once."""
        for place, company in enumerate(self.ties[kind, id_]):
            one = f"{kind.removesuffix('s')}_to_company"
            if place == 0 and kind in ("deals", "tickets"):
                yield {"id": company, "type": one}
            yield {"id": company, "type": f"{one}_unlabeled" if kind in ("deals", "tickets") else one}

    def _page(
        self, kind: str, rows: list[Row], begin: int, size: int, names: list[str], *, associated: bool
    ) -> Row:
        shown = []
        for row in rows[begin : begin + size]:
            kept = dict(row)
            if associated and self.ties.get((kind, row["id"])):
                kept["associations"] = {"companies": {"results": list(self._listed_ties(kind, row["id"]))}}
            kept["properties"] = {name: row["properties"].get(name) for name in names if name}
            shown.append(kept)
        body: Row = {"results": self.shown(shown) if kind == "companies" else shown, "total": len(rows)}
        if begin + size < len(rows):
            body["paging"] = {"next": {"after": str(begin + size)}}
        return body


def _failure(category: str, kind: str, message: str) -> Row:
    return {"status": "error", "category": category, "subCategory": kind, "message": message, "context": {}}


def _some(results: list[Row], errors: list[Row]) -> Answer:
    """Answer 207 if some of what was asked could not be answered."""
    body: Row = {"status": "COMPLETE", "results": results, "startedAt": "", "completedAt": ""}
    return Answer(207, {**body, "numErrors": len(errors), "errors": errors}) if errors else Answer(200, body)


def _ms(text: str) -> int:
    from customer_health.sources.asking.binding import ordinal

    return int(ordinal(text) * 1000)
