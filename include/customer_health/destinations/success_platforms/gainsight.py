"""Gainsight CS: a CTA per task or play, found again by its referenceId, and the score on the Company.

A CTA has no upsert: it is looked up before it is sent again. Companies are updated, never created. The
envelope tells success: `result: false` comes with HTTP 200.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from customer_health.connections.gainsight_connection import GainsightOptions
from customer_health.delivery import http_faults
from customer_health.delivery.batching import Outcome, built, one
from customer_health.delivery.http_client import HttpClient
from customer_health.delivery.http_faults import DestinationUnavailableError
from customer_health.destinations import opening, payload_values
from customer_health.effects.destination import RateLimitedError, RejectedError
from customer_health.effects.effect import Effect
from customer_health.settings import Settings

NAME = "Gainsight"
PRIORITY = {"critical": "High", "high": "High", "medium": "Medium", "low": "Low"}
FIXES: Mapping[str, str] = {
    "GSOBJ_1006": "A field in connections.gainsight does not exist; run doctor.",
    "Invalid field": "A field in connections.gainsight does not exist; run doctor.",
    "owner": "The owner is not a Gainsight user; add the person or correct the owner.",
    "Company": "No company has this id; link it, then resend.",
}


class GainsightDestination:
    """Writes to one tenant.

    Args:
        name: The role it plays; selects its outbox rows.
        wire: Carries the header `accesskey`.
        options: Field names and picklist values.
    """

    batch = 50

    def __init__(self, name: str, wire: HttpClient, options: GainsightOptions) -> None:
        self.name, self.wire, self.options = name, wire, options
        self._companies: dict[str, str] = {}

    def repeatable(self, effect: Effect) -> bool:
        """Updates of a company are."""
        return effect.verb == "set_fields"

    def problems(self, channels: Sequence[str]) -> Iterator[tuple[str, str]]:
        """Yield what is missing for us there, and what to do; nothing is written."""
        missing = self.missing_fields()
        if missing:
            yield f"Company cannot be read: {missing}", "Create the fields that connections.gainsight names."

    def find(self, effect: Effect) -> str | None:
        """Return the CTA whose referenceId is the effect's key."""
        return next(iter(self.copies(effect)), None)

    def copies(self, effect: Effect) -> list[str]:
        """Return every CTA whose referenceId is the effect's key."""
        if effect.verb not in ("create_task", "enroll"):
            return []
        condition = {"fieldName": "referenceId", "alias": "A", "value": [effect.key], "operator": "EQ"}
        body = {
            "select": ["Gsid", "Name", "referenceId"],
            "where": {"conditions": [condition], "expression": "A"},
            "pageSize": 10,
            "pageNumber": 1,
        }
        with http_faults.reading():
            rows = self._ask("POST", "/v2/cockpit/cta/list", body)
        return [str(row["Gsid"]) for row in rows or () if row.get("referenceId") == effect.key]

    def missing_fields(self) -> str:
        """Return what Gainsight says about our fields on Company; empty when all can be read."""
        body = {"select": [self.options.account_key, *self.options.fields.values()], "limit": 1, "offset": 0}
        try:
            self._ask("POST", "/v1/data/objects/query/Company", body)
        except RejectedError as error:
            return error.message
        return ""

    def deliver(self, effect: Effect) -> str:
        """Write one effect; errors as in `deliver_many`."""
        return one(self.deliver_many([effect])[0])

    def deliver_many(self, effects: Sequence[Effect]) -> list[Outcome]:
        """Write effects of one verb; rows that Gainsight refuses fail alone."""
        known = self._company_ids({effect.account_id for effect in effects})
        outcomes: list[Outcome] = []
        for effect in effects:
            if effect.verb not in ("create_task", "enroll", "set_fields"):
                outcomes.append(payload_values.unsupported(NAME, effect))
            elif effect.account_id not in known:
                outcomes.append(
                    RejectedError(
                        f"No Gainsight company has {self.options.account_key} = {effect.account_id}.",
                        hint="It was deleted or never linked; set the field, then resend.",
                    )
                )
            else:
                outcomes.append("")
        open_places = [place for place, outcome in enumerate(outcomes) if outcome == ""]
        fields = [place for place in open_places if effects[place].verb == "set_fields"]
        if fields:
            self._update([effects[place] for place in fields])
            for place in fields:
                outcomes[place] = known[effects[place].account_id]
        for place in open_places:
            if place not in fields:
                outcomes[place] = self._cta(effects[place])
        return outcomes

    def _cta(self, effect: Effect) -> Outcome:
        record = built(self._record, effect)
        if isinstance(record, RejectedError):
            return record
        data = self._ask("POST", "/v2/cockpit/cta", {"requests": [{"record": record}], "lookups": {}})
        if failed := (data or {}).get("failure"):
            words = f"Gainsight: {failed[0]}"[: http_faults.MOST_WORDS]
            return RejectedError(words, hint=http_faults.fix_for(words, FIXES))
        landed = (data or {}).get("success") or [{}]
        return str(next(iter(landed[0].values()), effect.key))

    def _record(self, effect: Effect) -> dict[str, Any]:
        payload = effect.payload
        record: dict[str, Any] = {
            "referenceId": effect.key,
            "CompanyId": self._companies[effect.account_id],
            "type": self.options.cta_type,
            "reason": self.options.cta_reason,
            "status": self.options.cta_status,
        }
        if effect.verb == "create_task":
            return record | {
                "Name": payload_values.subject(effect),
                "OwnerEmail": payload_values.owner(effect),
                "DueDate": payload_values.due_day(effect),
                "priority": PRIORITY.get(str(payload["priority"]), "Medium"),
                "Comments": payload_values.body(effect),
            }
        record |= {
            "Name": payload_values.text(f"{payload['account']['name']}: {payload['play']}", 120),
            "OwnerEmail": str(payload["account"]["owner"]["email"]).lower(),
            "DueDate": effect.as_of.isoformat(),
            "priority": "Medium",
            "Comments": payload_values.text(payload.get("because"), 2000),
        }
        # Which key attaches a playbook is not documented; a rule in Gainsight may do it by the CTA's name.
        return record | (
            {self.options.playbook_field: payload["play"]} if self.options.playbook_field else {}
        )

    def _update(self, effects: Sequence[Effect]) -> None:
        key = self.options.account_key
        records = {
            effect.account_id: {key: effect.account_id}
            | payload_values.account_values(effect, self.options.fields)
            for effect in sorted(effects, key=lambda effect: effect.as_of)
        }
        self._ask(
            "PUT", "/v1/data/objects/Company", {"records": list(records.values())}, params={"keys": key}
        )

    def _company_ids(self, wanted: set[str]) -> dict[str, str]:
        key, missing = self.options.account_key, sorted(wanted - self._companies.keys())
        if missing:
            condition = {"name": key, "alias": "A", "value": missing, "operator": "IN"}
            where = {"conditions": [condition], "expression": "A"}
            body = {"select": ["Gsid", key], "where": where, "limit": 5000, "offset": 0}
            with http_faults.reading():
                rows = self._ask("POST", "/v1/data/objects/query/Company", body)
            self._companies |= {str(row[key]): str(row["Gsid"]) for row in rows or ()}
        return self._companies

    def _ask(self, method: str, path: str, body: Any, **given: Any) -> Any:
        envelope = self.wire.call(method, path, json=body, **given)
        if envelope.get("result"):
            return envelope.get("data")
        code, words = str(envelope.get("errorCode")), str(envelope.get("errorDesc"))
        said = f"Gainsight: {code}: {words}"[: http_faults.MOST_WORDS]
        if code == "GU_2400":
            raise RateLimitedError(said, retry_after=60.0)  # fixed windows of a minute
        if code in ("GS_1501", "GU_1100", "UNAUTHORIZED"):
            raise DestinationUnavailableError(
                said, hint="Renew the access key of Gainsight.", needs_person=True
            )
        raise RejectedError(said, hint=http_faults.fix_for(said, FIXES))


def open_gainsight(role: str, settings: Settings) -> GainsightDestination:
    """Return the destination that the company file and the credentials describe."""
    options = settings.config.connections.of(GainsightOptions)
    secret = opening.secret_of("gainsight", settings)
    base = opening.tenant_address(NAME, secret["host"], (".gainsightcloud.com", ".gainsight.com"))
    wire = opening.wire_to(NAME, base, options, {"accesskey": secret["access_key"]})
    return GainsightDestination(role, wire, options)
