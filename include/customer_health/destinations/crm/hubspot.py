"""HubSpot: tasks, deals and score properties through the dated CRM API, 100 rows a call.

Tasks and deals are upserted on a unique property that holds our key. Companies are only ever updated: an
upsert would create companies that nobody knows. hubspot-api-client gives the request its URL, headers and
authorisation; the sending is ours, because the client has no time-out and knows no dated paths.
"""

from __future__ import annotations

import html
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import requests

from customer_health.connections.hubspot_connection import HubspotOptions
from customer_health.delivery import http_faults
from customer_health.delivery.batching import Outcome, built, by_verb, isolating, one
from customer_health.delivery.http_faults import HOUR, DestinationUnavailableError
from customer_health.delivery.rate_limiter import RateLimiter
from customer_health.destinations import opening, payload_values
from customer_health.effects.destination import (
    BusyError,
    RateLimitedError,
    RejectedError,
    UnknownOutcomeError,
)
from customer_health.effects.effect import Effect
from customer_health.errors import ConfigurationError, CustomerHealthError
from customer_health.settings import Settings

NAME = "HubSpot"
HOST = "https://api.hubapi.com"
OBJECTS = {"create_task": "tasks", "create_opportunity": "deals", "set_fields": "companies"}
PRIORITY = {"critical": "HIGH", "high": "HIGH", "medium": "MEDIUM", "low": "LOW"}
FIXES: Mapping[str, str] = {
    "PROPERTY_DOESNT_EXIST": "A property in connections.hubspot does not exist; run doctor.",
    "INVALID_OPTION": "Add the value to the property's options, or make it a text.",
    "OBJECT_NOT_FOUND": "The record was deleted or merged; correct the company's id, then resend.",
    "VALIDATION_ERROR": "A property or a rule of the portal refuses the value; its admin must look.",
    "CONFLICT": "Several records share this unique value; merge them, then resend.",
}
Row = dict[str, Any]


class HubspotClient:
    """One private app's line to its portal: a single attempt per call.

    Args:
        secret: `access_token`.
        session: Has a time-out.
        pace: Waits before each request.
        host: Tests put their own.
    """

    def __init__(
        self, secret: Mapping[str, str], session: requests.Session, pace: RateLimiter, host: str = HOST
    ) -> None:
        if "access_token" not in secret:
            raise ConfigurationError(
                "The HubSpot credentials hold no access_token.", hint="Use a private app's token, pat-..."
            )
        self._config = {"access_token": secret["access_token"], "base_url": host}
        self._session, self._pace = session, pace

    def call(self, method: str, path: str, body: Any = None, **query: str) -> Any:
        """Make one call and return its JSON; a 207 is a success whose errors belong to rows.

        Raises:
            BusyError, DestinationUnavailableError, RejectedError, UnknownOutcomeError: See faults.py.
        """
        from hubspot.utils.requests.http_request_builder import Request

        wanted: dict[str, Any] = {"method": method, "path": path, "qs": query}
        request = Request(self._config, wanted if body is None else {**wanted, "body": body})
        self._pace.wait()
        try:
            answer = self._session.request(method, request.get_url(), **request.get_options_for_sending())
        except requests.RequestException as error:
            raise http_faults.of_exception(NAME, error) from None
        if not 200 <= answer.status_code < 300:
            raise fault_of(answer.status_code, answer.text, answer.headers)
        try:
            return answer.json() if answer.content else {}
        except ValueError:
            raise UnknownOutcomeError("HubSpot answered something that is not JSON.") from None


def fault_of(status: int, words: str, headers: Mapping[str, str]) -> CustomerHealthError:
    """Return what a refused call means; `policyName` tells a spent day from a spent second."""
    if status == 429:
        said = f"HubSpot answered 429: {words[: http_faults.MOST_WORDS]}"
        if "DAILY" in words:
            return DestinationUnavailableError(
                said, retry_after=HOUR, hint="The portal's daily calls are spent; see who uses them."
            )
        return RateLimitedError(said, retry_after=http_faults.retry_after(headers, 10.0))
    if status == 403:
        return DestinationUnavailableError(
            f"HubSpot answered 403: {words[: http_faults.MOST_WORDS]}",
            hint="Give the private app read and write on companies, deals and tasks, and read on owners.",
            needs_person=True,
        )
    return http_faults.of_status(NAME, status, words, headers, FIXES)


class HubspotDestination:
    """Writes to one portal.

    Args:
        name: The role it plays; selects its outbox rows.
        client: An authenticated line.
        options: Property names and API version.
        fallback_owner: E-mail of the person who gets what has no owner in HubSpot.
    """

    batch = 100
    idempotent = True  # upserts on a unique property, and updates that write the same values

    def __init__(
        self, name: str, client: HubspotClient, options: HubspotOptions, *, fallback_owner: str = ""
    ) -> None:
        self.name, self.client, self.options = name, client, options
        self.fallback_owner = fallback_owner.lower()
        self._companies: dict[str, str] = {}
        self._owners: dict[str, str | None] = {}

    def repeatable(self, effect: Effect) -> bool:
        """Every effect is."""
        return True

    def problems(self, channels: Sequence[str]) -> Iterator[tuple[str, str]]:
        """Yield what is missing for us there, and what to do; nothing is written."""
        options = self.options
        for kind in OBJECTS.values():
            path = f"/crm/properties/{options.api_version}/{kind}"
            found = {row["name"]: row for row in self.client.call("GET", path)["results"]}
            unique = (options.account_key,) if kind == "companies" else (options.action_key,)
            wanted = (*unique, options.action_key, *(options.fields.values() if kind == "companies" else ()))
            for name in dict.fromkeys(wanted):
                if name not in found:
                    yield f"{kind} have no property {name}.", f"Create it on {kind}."
                elif name in unique and not found[name].get("hasUniqueValue"):
                    yield (
                        f"The property {name} of {kind} is not unique.",
                        "Create it anew with unique values; that cannot be switched on later.",
                    )

    def find(self, effect: Effect) -> str | None:
        """Return the id of the record that carries the effect's key."""
        if effect.verb not in OBJECTS:
            return None
        by, value, key = self.options.action_key, effect.key, self.options.action_key
        if effect.verb == "set_fields":
            by, value = self.options.account_key, effect.account_id
        found = self._read(OBJECTS[effect.verb], by, [value], [key])
        return next((row["id"] for row in found if row["properties"].get(key) == effect.key), None)

    def deliver(self, effect: Effect) -> str:
        """Write one effect; errors as in `deliver_many`."""
        return one(self.deliver_many([effect])[0])

    def deliver_many(self, effects: Sequence[Effect]) -> list[Outcome]:
        """Write effects; rows that HubSpot refuses fail alone."""
        return by_verb(effects, OBJECTS, self._write, partial(payload_values.unsupported, NAME))

    def _write(self, verb: str, effects: Sequence[Effect]) -> list[Outcome]:
        companies = self._company_ids({effect.account_id for effect in effects})
        outcomes: list[Outcome] = [
            RejectedError(
                f"No HubSpot company has {self.options.account_key} = {effect.account_id}.",
                hint="It was deleted, merged or never linked; set the property, then resend.",
            )
            for effect in effects
        ]
        rows: list[tuple[Effect, Row]] = []
        places: list[int] = []
        for place, effect in enumerate(effects):
            if effect.account_id in companies:
                row = built(partial(self._input, verb), effect)
                if isinstance(row, RejectedError):
                    outcomes[place] = row
                else:
                    places.append(place)
                    rows.append((effect, row))
        written = isolating(partial(self._send, verb), rows)
        for place, outcome in zip(places, written, strict=True):
            outcomes[place] = outcome
        if verb != "set_fields":
            self._associate(verb, effects, outcomes)
        return outcomes

    def _input(self, verb: str, effect: Effect) -> Row:
        if verb == "create_task":
            given = self._task(effect)
        elif verb == "create_opportunity":
            given = self._deal(effect)
        else:
            given = payload_values.account_values(effect, self.options.fields)
        # HubSpot wants every value as a text; an empty one clears the property.
        values = {name: "" if one is None else str(one) for name, one in given.items()}
        values[self.options.action_key] = effect.key
        row = {"objectWriteTraceId": effect.key, "properties": values}
        if verb == "set_fields":  # by the record's own id, which every answer holds
            return {**row, "id": self._companies[effect.account_id]}
        return {**row, "id": effect.key, "idProperty": self.options.action_key}

    def _task(self, effect: Effect) -> Row:
        return {
            "hs_timestamp": payload_values.due(effect).isoformat(),
            "hs_task_subject": payload_values.subject(effect),
            "hs_task_body": html.escape(payload_values.body(effect)).replace("\n", "<br>"),
            "hs_task_status": "NOT_STARTED",
            "hs_task_priority": PRIORITY.get(str(effect.payload["priority"]), "MEDIUM"),
            "hubspot_owner_id": self._owner(effect),
        }

    def _deal(self, effect: Effect) -> Row:
        return {
            "dealname": payload_values.subject(effect),
            "amount": effect.payload["amount"],
            "closedate": f"{payload_values.close_date(effect)}T00:00:00Z",
            "dealstage": self.options.deal_stage,
            "pipeline": self.options.deal_pipeline,
            "hubspot_owner_id": self._owner(effect),
        }

    def _owner(self, effect: Effect) -> str:
        for email in (payload_values.owner(effect), self.fallback_owner):
            if email and email not in self._owners:
                path = f"/crm/owners/{self.options.api_version}"
                with http_faults.reading():
                    found = self.client.call("GET", path, email=email, limit="1")["results"]
                self._owners[email] = str(found[0]["id"]) if found else None
            if email and (owner := self._owners[email]):
                return owner
        raise RejectedError(
            "Neither the owner nor the fallback owner is a HubSpot user.",
            hint="Give the company an owner, or correct playbooks.fallback_owner.",
        )

    def _send(self, verb: str, rows: Sequence[tuple[Effect, Row]]) -> list[Outcome]:
        what = "update" if verb == "set_fields" else "upsert"
        latest: dict[str, Row] = {}
        for _effect, row in sorted(rows, key=lambda pair: pair[0].as_of):
            latest[row["id"]] = row  # two days of one company in a call: the newest is the truth
        path = f"{self._objects(OBJECTS[verb])}/batch/{what}"
        body = self.client.call("POST", path, {"inputs": list(latest.values())})
        landed = self._landed(verb, body.get("results", ()))
        refused = {
            trace: _row_fault(error)
            for error in body.get("errors", ())
            for trace in error.get("context", {}).get("objectWriteTraceId", ())
        }
        traces = [latest[row["id"]]["objectWriteTraceId"] for _effect, row in rows]
        unmatched = sorted({trace for trace in traces if trace not in landed and trace not in refused})
        if unmatched and verb != "set_fields":
            landed |= self._read_back(OBJECTS[verb], unmatched)
        lost = UnknownOutcomeError("HubSpot's answer leaves this row out.")
        return [
            landed.get(row["id"]) or landed.get(trace) or refused.get(trace) or lost
            for (_effect, row), trace in zip(rows, traces, strict=True)
        ]

    def _landed(self, verb: str, results: Iterable[Mapping[str, Any]]) -> dict[str, str]:
        """Return record ids by what an answer lets us recognise a row by.

        Documented are the record's id, always, and the trace id that we gave; which properties it repeats
        is not.
        """
        key, found = self.options.action_key, dict[str, str]()
        for result in results:
            number = str(result["id"])
            names = {result.get("objectWriteTraceId"), result.get("properties", {}).get(key)}
            if verb == "set_fields":
                names.add(number)
            found |= {str(name): number for name in names if name}
        return found

    def _read_back(self, kind: str, keys: Sequence[str]) -> dict[str, str]:
        """Ask for records whose row an answer did not let us recognise."""
        key = self.options.action_key
        try:
            rows = self._read(kind, key, keys, [key])
        except CustomerHealthError:
            return {}  # they stay unknown, and an upsert may be repeated
        return {str(row["properties"][key]): str(row["id"]) for row in rows if row["properties"].get(key)}

    def _associate(self, verb: str, effects: Sequence[Effect], outcomes: list[Outcome]) -> None:
        """Hang the new records on their companies; doing it twice changes nothing."""
        kind = OBJECTS[verb]
        number = self.options.task_to_company if verb == "create_task" else self.options.deal_to_company
        pairs = [
            (place, outcome, self._companies[effect.account_id])
            for place, (effect, outcome) in enumerate(zip(effects, outcomes, strict=True))
            if isinstance(outcome, str)
        ]
        inputs = [
            {
                "from": {"id": record},
                "to": {"id": company},
                "types": [{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": number}],
            }
            for _place, record, company in pairs
        ]
        if not inputs:
            return
        path = f"/crm/associations/{self.options.api_version}/{kind}/companies/batch/create"
        try:
            self.client.call("POST", path, {"inputs": inputs})
        except CustomerHealthError as error:
            for place, _record, _company in pairs:
                # The record is there, its link is not: the whole is repeated, which harms nothing.
                outcomes[place] = UnknownOutcomeError(f"not linked to its company: {error.message}")

    def _company_ids(self, wanted: Iterable[str]) -> dict[str, str]:
        missing = sorted(set(wanted) - self._companies.keys())
        for start in range(0, len(missing), self.batch):
            key = self.options.account_key
            for row in self._read("companies", key, missing[start : start + self.batch], [key]):
                self._companies[str(row["properties"][key])] = str(row["id"])
        return self._companies

    def _read(self, kind: str, by: str, values: Sequence[str], properties: Sequence[str]) -> list[Row]:
        body = {
            "idProperty": by,
            "inputs": [{"id": value} for value in values],
            "properties": list(properties),
            "propertiesWithHistory": [],
        }
        with http_faults.reading():
            found = self.client.call("POST", f"{self._objects(kind)}/batch/read", body)
        rows: list[Row] = found.get("results", [])
        return rows

    def _objects(self, kind: str) -> str:
        return f"/crm/objects/{self.options.api_version}/{kind}"


def _row_fault(error: Mapping[str, Any]) -> CustomerHealthError:
    words = f"HubSpot: {error.get('category')}: {error.get('message')}"[: http_faults.MOST_WORDS]
    if error.get("category") in ("RATE_LIMITS", "LOCKED"):
        return BusyError(words, retry_after=10.0)
    return RejectedError(words, hint=http_faults.fix_for(words, FIXES))


def open_hubspot(role: str, settings: Settings) -> HubspotDestination:
    """Return the destination that the company file and the credentials describe."""
    options = settings.config.connections.of(HubspotOptions)
    secret = opening.secret_of("hubspot", settings)
    client = HubspotClient(secret, opening.session_for(options), opening.pace_of(options))
    return HubspotDestination(role, client, options, fallback_owner=settings.config.playbooks.fallback_owner)
